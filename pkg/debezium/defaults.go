package debezium

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// charsetIntroducer matches _utf8mb4'text'.
var charsetIntroducer = regexp.MustCompile(`(?s)^_[A-Za-z0-9]+'(.*)'$`)

// defaultValue converts a default's text as Debezium does; Null is no default.
// Text that is no value of the type gives none either: a default in the schema is
// not data, and Debezium stops there.
func (c *Column) defaultValue(s *Schema, m Modes, text string) Value {
	switch c.JDBCType {
	case JDBCChar, JDBCVarchar, JDBCNChar, JDBCNVarchar, JDBCBinary, JDBCVarbinary, JDBCBlob, JDBCOther:
	default:
		text = strings.TrimSpace(text)
	}
	if match := charsetIntroducer.FindStringSubmatch(text); match != nil {
		text = match[1]
	}
	if s.Name == NameYear {
		return yearDefault(text, m)
	}
	switch c.JDBCType {
	case JDBCBit:
		return c.bitDefault(s, text)
	case JDBCBoolean:
		return boolDefault(text)
	case JDBCTinyint, JDBCSmallint, JDBCInteger, JDBCBigint:
		return integerDefault(s, text)
	case JDBCFloat, JDBCReal, JDBCDouble:
		return floatDefault(s, trueFalse(text))
	case JDBCDecimal, JDBCNumeric:
		return decimalDefault(s, max(c.Scale, 0), trueFalse(text))
	case JDBCDate, JDBCTimestamp, JDBCTimestampTZ, JDBCTime:
		return c.temporalDefault(s, m, text)
	case JDBCBinary, JDBCVarbinary, JDBCBlob:
		return binaryDefault(m.Binary, text)
	}
	if s.Type == String {
		return Text(text)
	}
	return Value{}
}

func trueFalse(text string) string {
	switch strings.ToLower(text) {
	case "true":
		return "1"
	case "false":
		return "0"
	default:
		return text
	}
}

func boolDefault(text string) Value {
	if n, err := strconv.Atoi(text); err == nil {
		return Bool(n != 0)
	}
	return Bool(strings.EqualFold(text, "true"))
}

func (c *Column) bitDefault(s *Schema, text string) Value {
	if s.Type == Boolean {
		return boolDefault(text)
	}
	bits, ok := new(big.Int).SetString(trueFalse(text), 2)
	if !ok {
		return Value{}
	}
	b := make([]byte, (c.Length+7)/8)
	for i, d := range bits.Bytes() {
		if k := len(bits.Bytes()) - 1 - i; k < len(b) {
			b[k] = d
		}
	}
	return Value{Type: Bytes, B: b}
}

// integerDefault rounds through a double, as Debezium does; large BIGINTs lose digits.
func integerDefault(s *Schema, text string) Value {
	text = trueFalse(text)
	if s.Type == Bytes {
		return decimalDefault(s, 0, text)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Value{}
	}
	i := int64(math.MaxInt64)
	switch f = math.Floor(f + 0.5); {
	case f <= math.MinInt64:
		i = math.MinInt64
	case f < math.MaxInt64:
		i = int64(f)
	}
	switch s.Type {
	case Int8:
		i = int64(int8(i))
	case Int16:
		i = int64(int16(i))
	case Int32:
		i = int64(int32(i))
	default: // Int64 holds it
	}
	return Int(s.Type, i)
}

func floatDefault(s *Schema, text string) Value {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Value{}
	}
	if s.Type == Float32 {
		f = float64(float32(f))
	}
	return Float(s.Type, f)
}

func decimalDefault(s *Schema, scale int, text string) Value {
	unscaled, ok := ParseUnscaled(text, scale)
	if !ok {
		return Value{}
	}
	switch s.Type {
	case Bytes:
		return Value{Type: Bytes, B: AppendUnscaledBig(nil, unscaled)}
	case Float64:
		f, _ := new(big.Rat).SetFrac(unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).Float64()
		return Float(Float64, f)
	default:
		r := new(big.Rat).SetFrac(unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		return Text(r.FloatString(scale))
	}
}

func binaryDefault(m BinaryMode, text string) Value {
	switch m {
	case BinaryBase64:
		return Text(base64.StdEncoding.EncodeToString([]byte(text)))
	case BinaryBase64URLSafe:
		return Text(base64.URLEncoding.EncodeToString([]byte(text)))
	case BinaryHex:
		return Text(hex.EncodeToString([]byte(text)))
	default:
		return Value{Type: Bytes, B: []byte(text)}
	}
}
