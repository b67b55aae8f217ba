package debezium

import (
	"encoding/hex"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// EventTime is what [Fill] returns for a column whose old rows got the time of
// the statement that added it.
const EventTime = "CURRENT_TIMESTAMP"

// Fill returns the value that MySQL gives a column in the rows that exist when
// ALTER TABLE adds it, as a SELECT prints it: the explicit default; without one
// NULL, or the type's implicit default where NULL is not allowed. It returns
// [EventTime] for CURRENT_TIMESTAMP. It reports perRow for an AUTO_INCREMENT.
//
// A table change does not say whether a column is computed or has an expression
// as its default: such a column looks as if it had none, and whoever saw the
// statement must say so.
func Fill(col *Column) (text string, null, perRow bool) {
	if col.AutoIncremented && !isTemporal(col) { // of a temporal column it says ON UPDATE CURRENT_TIMESTAMP
		return "", false, true
	}
	if col.Default != nil {
		return explicit(col), false, false
	}
	if col.Optional {
		return "", true, false
	}
	return implicit(col), false, false
}

func isTemporal(col *Column) bool {
	base := col.BaseType()
	return base == "TIMESTAMP" || base == "DATETIME"
}

// explicit returns the value of a default that is written, in the form in
// which the column prints it.
func explicit(col *Column) string {
	v := UnescapeDefault(*col.Default)
	switch base := col.BaseType(); base {
	case "DATE", "TIME", "DATETIME", "TIMESTAMP":
		if v == "1970-01-01 00:00:00" && isTemporal(col) {
			return EventTime
		}
		return fillTemporal(base, v, col.Length)
	case "YEAR":
		return fillYear(v)
	case "BIT":
		if n, err := strconv.ParseUint(v, 2, 64); err == nil {
			return strconv.FormatUint(n, 10)
		}
	case "FLOAT", "FLOAT4", "DOUBLE", "FLOAT8", "REAL":
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			if strings.HasPrefix(base, "FLOAT") && base != "FLOAT8" && col.Length <= 24 {
				return strconv.FormatFloat(float64(float32(f)), 'g', -1, 32)
			}
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	case "CHAR", "CHARACTER", "NCHAR":
		if col.JDBCType == JDBCChar || col.JDBCType == JDBCNChar {
			return strings.TrimRight(v, " ")
		}
	case "BINARY":
		v = fillBytes(v)
		return v + strings.Repeat("\x00", max(0, max(col.Length, 1)-len(v)))
	case "VARBINARY", "RAW", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB":
		return fillBytes(v)
	case "ENUM", "SET":
		return fillLabels(col, v)
	default:
		if scale, ok := exactScale(col); ok {
			return fillNumber(v, scale)
		}
	}
	return v
}

// exactScale returns the digits after the point of an exact number.
func exactScale(col *Column) (scale int, ok bool) {
	switch col.JDBCType {
	case JDBCTinyint, JDBCSmallint, JDBCInteger, JDBCBigint, JDBCBoolean:
		return 0, true
	case JDBCDecimal, JDBCNumeric:
		return max(col.Scale, 0), true
	}
	return 0, false
}

func fillNumber(v string, scale int) string {
	switch strings.ToUpper(v) {
	case "TRUE":
		return "1"
	case "FALSE":
		return "0"
	}
	if len(v) > 100 { // longer than any number the column holds
		return v
	}
	// An exponent beyond this is no number that the column holds either, and costs memory.
	if i := strings.IndexAny(v, "eE"); i >= 0 && len(v)-i > 4 {
		return v
	}
	n, ok := new(big.Rat).SetString(v)
	if !ok {
		return v
	}
	return n.FloatString(scale) // halves away from zero, as MySQL rounds
}

// fillBytes resolves the form that a default of bytes that are not characters has.
func fillBytes(v string) string {
	if digits, ok := strings.CutPrefix(v, "0x"); ok {
		if b, err := hex.DecodeString(digits); err == nil {
			return string(b)
		}
	}
	return v
}

// fillLabels writes labels as they are defined, those of a SET in that order.
func fillLabels(col *Column, v string) string {
	wanted := []string{v}
	if col.BaseType() == "SET" {
		wanted = strings.Split(v, ",")
	}
	var labels []string
	for _, l := range col.Labels() {
		if slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, l.Text) }) {
			labels = append(labels, l.Text)
		}
	}
	if len(labels) == 0 {
		return v
	}
	return strings.Join(labels, ",")
}

// implicit returns the value that MySQL assumes where NULL is not allowed.
func implicit(col *Column) string {
	switch col.BaseType() {
	case "DATE":
		return "0000-00-00"
	case "DATETIME", "TIMESTAMP":
		return "0000-00-00 00:00:00" + fraction(col.Length)
	case "TIME":
		return "00:00:00" + fraction(col.Length)
	case "YEAR":
		return "0000"
	case "ENUM":
		if len(col.EnumValues) > 0 {
			return col.Labels()[0].Text
		}
	case "JSON":
		return "null"
	case "BINARY":
		return strings.Repeat("\x00", max(col.Length, 1))
	case "FLOAT", "FLOAT4", "REAL", "DOUBLE", "FLOAT8", "BIT":
		return "0"
	default:
		if scale, ok := exactScale(col); ok {
			return fillNumber("0", scale)
		}
	}
	return ""
}

func fraction(digits int) string {
	if digits <= 0 || digits > 6 {
		return ""
	}
	return "." + strings.Repeat("0", digits)
}

// UnescapeDefault returns the characters of a default as Debezium prints it,
// which is the SQL literal without its quotes: a quote is still doubled, and
// backslashes still escape.
func UnescapeDefault(s string) string { return unescape(s, '\'') }
