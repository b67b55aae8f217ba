package lake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// A scalar takes one kind of Connect value to the form its column stores. Which
// function is set is decided once per schema, by the column's type: ints for
// boolean, int, long, date and timestamps, floats, bytes for string and binary,
// decimals. The functions are not called for null.
type scalar struct {
	ints     func(*debezium.Value) (int64, error)
	floats   func(*debezium.Value) (float64, error)
	bytes    func(dst []byte, v *debezium.Value) ([]byte, error) // may return v's own bytes
	decimals func(*debezium.Value) (decimal128.Num, error)
}

// compile returns how values of s reach a column of type t, which fit has allowed.
func compile(t iceberg.Type, s *debezium.Schema) (scalar, error) {
	switch t := t.(type) {
	case iceberg.BooleanType:
		return scalar{ints: boolean(s)}, nil
	case iceberg.Int32Type, iceberg.Int64Type:
		return scalar{ints: long(s)}, nil
	case iceberg.DateType:
		return scalar{ints: date(s)}, nil
	case iceberg.TimestampType, iceberg.TimestampTzType:
		return scalar{ints: timestamp(s)}, nil
	case iceberg.Float32Type, iceberg.Float64Type:
		return scalar{floats: number}, nil
	case iceberg.StringType:
		return scalar{bytes: text(s)}, nil
	case iceberg.BinaryType:
		return scalar{bytes: binaryBytes}, nil
	case iceberg.DecimalType:
		return scalar{decimals: decimal(s, t.Precision())}, nil
	default:
		return scalar{}, fmt.Errorf("no conversion from Connect type %s to %s", s.Type, t)
	}
}

func wrongType(v *debezium.Value) error {
	return fmt.Errorf("the value's Connect type %s is not its schema's", v.Type)
}

func isInt(v *debezium.Value) bool { return v.Type >= debezium.Int8 && v.Type <= debezium.Int64 }

func boolean(s *debezium.Schema) func(*debezium.Value) (int64, error) {
	if s.Type == debezium.Boolean {
		return func(v *debezium.Value) (int64, error) {
			if v.Type != debezium.Boolean {
				return 0, wrongType(v)
			}
			return v.I, nil
		}
	}
	return func(v *debezium.Value) (int64, error) { // Bits of length 1
		n, err := bitValue(v)
		if err == nil && n > 1 {
			err = errors.New("more than one bit is set")
		}
		return int64(n & 1), err
	}
}

func long(s *debezium.Schema) func(*debezium.Value) (int64, error) {
	if s.Type == debezium.Bytes {
		return func(v *debezium.Value) (int64, error) {
			n, err := bitValue(v)
			if err == nil && n > math.MaxInt64 {
				err = errors.New("64 bits do not fit a long")
			}
			return int64(n), err
		}
	}
	switch s.Name {
	case nameTime, nameConnectTime, nameNanoTime:
		return micros(s)
	}
	return integer
}

func integer(v *debezium.Value) (int64, error) {
	if !isInt(v) {
		return 0, wrongType(v)
	}
	return v.I, nil
}

// bitValue reads Debezium's little-endian bits.
func bitValue(v *debezium.Value) (uint64, error) {
	if v.Type != debezium.Bytes {
		return 0, wrongType(v)
	}
	var n uint64
	for i, b := range v.B {
		if i >= 8 && b != 0 {
			return 0, errors.New("more than 64 bits")
		}
		if i < 8 {
			n |= uint64(b) << (8 * i)
		}
	}
	return n, nil
}

// micros scales a number of milli-, micro- or nanoseconds, by the schema's name.
func micros(s *debezium.Schema) func(*debezium.Value) (int64, error) {
	switch s.Name {
	case nameTimestamp, nameConnectTS, nameTime, nameConnectTime:
		return func(v *debezium.Value) (int64, error) {
			if !isInt(v) {
				return 0, wrongType(v)
			}
			if v.I > math.MaxInt64/1000 || v.I < math.MinInt64/1000 {
				return 0, errors.New("too many milliseconds for microseconds")
			}
			return v.I * 1000, nil
		}
	case nameNanoTimestamp, nameNanoTime:
		return func(v *debezium.Value) (int64, error) {
			if !isInt(v) {
				return 0, wrongType(v)
			}
			if v.I%1000 != 0 {
				return 0, errors.New("nanoseconds do not fit microseconds")
			}
			return v.I / 1000, nil
		}
	default:
		return integer
	}
}

func date(s *debezium.Schema) func(*debezium.Value) (int64, error) {
	if s.Type == debezium.String {
		return func(v *debezium.Value) (int64, error) {
			if v.Type != debezium.String {
				return 0, wrongType(v)
			}
			return parseDate(v.B)
		}
	}
	return func(v *debezium.Value) (int64, error) {
		if !isInt(v) {
			return 0, wrongType(v)
		}
		if v.I != int64(int32(v.I)) {
			return 0, errors.New("the number of days does not fit a date")
		}
		return v.I, nil
	}
}

func timestamp(s *debezium.Schema) func(*debezium.Value) (int64, error) {
	if s.Type != debezium.String {
		return micros(s)
	}
	return func(v *debezium.Value) (int64, error) {
		if v.Type != debezium.String {
			return 0, wrongType(v)
		}
		return parseTimestamp(v.B)
	}
}

func number(v *debezium.Value) (float64, error) {
	if v.Type != debezium.Float32 && v.Type != debezium.Float64 {
		return 0, wrongType(v)
	}
	return v.Float(), nil
}

func binaryBytes(_ []byte, v *debezium.Value) ([]byte, error) {
	if v.Type != debezium.Bytes {
		return nil, wrongType(v)
	}
	return v.B, nil
}

func text(s *debezium.Schema) func([]byte, *debezium.Value) ([]byte, error) {
	switch s.Type {
	case debezium.String:
		return func(_ []byte, v *debezium.Value) ([]byte, error) {
			if v.Type != debezium.String {
				return nil, wrongType(v)
			}
			if !utf8.Valid(v.B) {
				return nil, errors.New("the text is not UTF-8")
			}
			return v.B, nil
		}
	case debezium.Bytes: // a Decimal beyond Iceberg's
		_, scale, err := decimalParams(s)
		return func(dst []byte, v *debezium.Value) ([]byte, error) {
			if err != nil {
				return nil, err
			}
			if v.Type != debezium.Bytes {
				return nil, wrongType(v)
			}
			return appendDecimal(dst, v.B, scale), nil
		}
	default: // a TIME
		toMicros := micros(s)
		digits, err := intParam(s, "__debezium.source.column.length", -1)
		if err != nil {
			digits = -1
		}
		return func(dst []byte, v *debezium.Value) ([]byte, error) {
			us, err := toMicros(v)
			if err != nil {
				return nil, err
			}
			return appendTime(dst, us, digits), nil
		}
	}
}

func decimal(s *debezium.Schema, precision int) func(*debezium.Value) (decimal128.Num, error) {
	limit := decimal128.GetMaxValue(int32(precision))
	lowest := limit.Negate()
	check := func(n decimal128.Num) (decimal128.Num, error) {
		if limit.Less(n) || n.Less(lowest) {
			return n, fmt.Errorf("the number has more than %d digits", precision)
		}
		return n, nil
	}
	switch {
	case isInteger(s):
		return func(v *debezium.Value) (decimal128.Num, error) {
			if !isInt(v) {
				return decimal128.Num{}, wrongType(v)
			}
			return check(decimal128.FromI64(v.I))
		}
	case s.Name == nameBits:
		return func(v *debezium.Value) (decimal128.Num, error) {
			n, err := bitValue(v)
			return decimal128.FromU64(n), err
		}
	default:
		return func(v *debezium.Value) (decimal128.Num, error) {
			if v.Type != debezium.Bytes {
				return decimal128.Num{}, wrongType(v)
			}
			n, err := unscaled(v.B)
			if err != nil {
				return n, err
			}
			return check(n)
		}
	}
}

// unscaled reads a big-endian two's complement number.
func unscaled(b []byte) (decimal128.Num, error) {
	var sign byte
	if len(b) > 0 && b[0]&0x80 != 0 {
		sign = 0xff
	}
	for len(b) > 16 {
		if b[0] != sign {
			return decimal128.Num{}, errors.New("the number does not fit 128 bits")
		}
		b = b[1:]
	}
	var wide [16]byte
	for i := range wide {
		wide[i] = sign
	}
	copy(wide[16-len(b):], b)
	if wide[0]&0x80 != sign&0x80 {
		return decimal128.Num{}, errors.New("the number does not fit 128 bits")
	}
	return decimal128.New(int64(binary.BigEndian.Uint64(wide[:8])), binary.BigEndian.Uint64(wide[8:])), nil
}

// appendUnscaled is unscaled's inverse, of minimal length as Connect writes it.
func appendUnscaled(dst []byte, n decimal128.Num) []byte {
	var wide [16]byte
	binary.BigEndian.PutUint64(wide[:8], uint64(n.HighBits()))
	binary.BigEndian.PutUint64(wide[8:], n.LowBits())
	b := wide[:]
	for len(b) > 1 && (b[0] == 0 && b[1]&0x80 == 0 || b[0] == 0xff && b[1]&0x80 != 0) {
		b = b[1:]
	}
	return append(dst, b...)
}
