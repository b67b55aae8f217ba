package convert

import (
	"errors"
	"fmt"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// What can be wrong with a value. None of them holds it.
var (
	errAbsent    = errors.New("the row image lacks the column: set binlog_row_image=FULL on the source")
	errMalformed = errors.New("the value is not of the column's type")
	errRange     = errors.New("the value is outside what the event's type can hold")
	errNanos     = errors.New("the value is outside what 64 bits of nanoseconds can hold, 1678 to 2261: set --time-precision-mode=microseconds, or leave the column out")
	errClock     = errors.New("the value is outside what the event's type can hold: set another --time-precision-mode, such as microseconds, or leave the column out")
	errLabel     = errors.New("the index is not that of a label: the table's definition does not fit the row")
)

// kindError reports a value that is held in a form that the column's type never has.
type kindError struct{ kind mysql.Kind }

func (e kindError) Error() string {
	return fmt.Sprintf("the row holds a value of kind %d, which the column's type never has", e.kind)
}

// newConverter returns the converter of a column, given the schema it has and
// whether it belongs to the key.
func newConverter(c *debezium.Column, s *debezium.Schema, key bool, opts *Options) (converter, error) {
	switch s.Name {
	case debezium.NameYear:
		return &year{adjust: !opts.NoTimeAdjuster, exact: opts.DebeziumExact}, nil
	case debezium.NameEnum:
		return newEnum(c, opts.DebeziumExact), nil
	case debezium.NameEnumSet:
		return newSet(c, opts.DebeziumExact), nil
	case debezium.NameJSON:
		return &jsonText{optional: c.Optional, exact: opts.DebeziumExact}, nil
	case debezium.NamePoint:
		return &geometry{point: true}, nil
	case debezium.NameGeometry:
		return &geometry{}, nil
	case debezium.NameFloatVector:
		return vector{}, nil
	case debezium.NameUUID:
		return uuid{}, nil
	case debezium.NameBits:
		return &bits{bytes: (c.Length + 7) / 8}, nil
	}
	switch c.JDBCType {
	case debezium.JDBCBit:
		return &bits{}, nil
	case debezium.JDBCBoolean:
		return boolean{}, nil
	case debezium.JDBCTinyint, debezium.JDBCSmallint, debezium.JDBCInteger, debezium.JDBCBigint:
		return newInteger(c, s)
	case debezium.JDBCFloat, debezium.JDBCReal, debezium.JDBCDouble:
		return newFloat(c, s, opts.DebeziumExact), nil
	case debezium.JDBCDecimal, debezium.JDBCNumeric:
		return &decimal{as: s.Type, scale: max(c.Scale, 0)}, nil
	case debezium.JDBCBinary, debezium.JDBCVarbinary, debezium.JDBCBlob:
		return newBinary(c, opts.Binary), nil
	case debezium.JDBCDate:
		return &date{temporal: newTemporal(s, opts)}, nil
	case debezium.JDBCTime:
		return &clock{temporal: newTemporal(s, opts)}, nil
	case debezium.JDBCTimestamp:
		return &datetime{temporal: newTemporal(s, opts)}, nil
	case debezium.JDBCTimestampTZ:
		return newTimestamp(c, key && !opts.DebeziumExact), nil
	}
	switch c.BaseType() {
	case "INET4", "INET6":
		return &inet{size: map[string]int{"INET4": 4, "INET6": 16}[c.BaseType()]}, nil
	}
	return newText(c, opts.DebeziumExact)
}

// selection returns the expression that a SELECT reads the column by.
func selection(c *debezium.Column, s *debezium.Schema, opts *Options) string {
	name := "`" + strings.ReplaceAll(c.Name, "`", "``") + "`"
	switch {
	case c.JDBCType == debezium.JDBCBit:
		return name + "+0"
	case c.BaseType() == "FLOAT" && c.JDBCType == debezium.JDBCFloat && !opts.DebeziumExact:
		return name + "+0e0" // as a double, MySQL prints all digits
	case c.BaseType() == "REAL" && s.Type == debezium.Float32, c.BaseType() == "FLOAT4" && !opts.DebeziumExact:
		return name + "+0e0"
	default:
		return name
	}
}

// absentValue is what Debezium emits for NULL in a NOT NULL column: the default, else the type's zero.
func absentValue(s *debezium.Schema) debezium.Value {
	if s.Default != nil {
		return *s.Default
	}
	switch s.Name {
	case debezium.NameZonedTimestamp:
		return debezium.Text("1970-01-01T00:00:00Z")
	case debezium.NameISODate:
		return debezium.Text("1970-01-01Z")
	case debezium.NameISOTime:
		return debezium.Text("00:00:00Z")
	case debezium.NameISOTimestamp:
		return debezium.Text("1970-01-01T00:00:00Z")
	case debezium.NameJSON:
		return debezium.Text("{}")
	case debezium.NameDecimal:
		return debezium.Value{Type: debezium.Bytes, B: []byte{0}}
	case debezium.NameGeometry:
		return debezium.Value{Type: debezium.Struct, Elems: []debezium.Value{{Type: debezium.Bytes, B: emptyCollection()}, {}}}
	case debezium.NamePoint:
		return debezium.Value{Type: debezium.Struct, Elems: []debezium.Value{
			debezium.Float(debezium.Float64, 0), debezium.Float(debezium.Float64, 0),
			{Type: debezium.Bytes, B: emptyCollection()},
			{},
		}}
	}
	return debezium.Value{Type: s.Type, B: []byte{}}
}
