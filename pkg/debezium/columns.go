package debezium

import (
	"fmt"
	"strconv"
	"strings"
)

// The JDBC types of Debezium's column model (java.sql.Types).
const (
	JDBCBit         = -7
	JDBCTinyint     = -6
	JDBCBigint      = -5
	JDBCVarbinary   = -3
	JDBCBinary      = -2
	JDBCChar        = 1
	JDBCNumeric     = 2
	JDBCDecimal     = 3
	JDBCInteger     = 4
	JDBCSmallint    = 5
	JDBCFloat       = 6
	JDBCReal        = 7
	JDBCDouble      = 8
	JDBCVarchar     = 12
	JDBCBoolean     = 16
	JDBCDate        = 91
	JDBCTime        = 92
	JDBCTimestamp   = 93 // DATETIME
	JDBCOther       = 1111
	JDBCBlob        = 2004
	JDBCTimestampTZ = 2014 // TIMESTAMP
	JDBCNVarchar    = -9
	JDBCNChar       = -15
)

// The semantic types that Debezium and Connect give MySQL's columns.
const (
	enumName = "io.debezium.data.Enum"

	NameDecimal        = "org.apache.kafka.connect.data.Decimal"
	NameConnectDate    = "org.apache.kafka.connect.data.Date"
	NameConnectTime    = "org.apache.kafka.connect.data.Time"
	NameConnectTS      = "org.apache.kafka.connect.data.Timestamp"
	NameDate           = "io.debezium.time.Date"
	NameMicroTime      = "io.debezium.time.MicroTime"
	NameNanoTime       = "io.debezium.time.NanoTime"
	NameTimestamp      = "io.debezium.time.Timestamp"
	NameMicroTimestamp = "io.debezium.time.MicroTimestamp"
	NameNanoTimestamp  = "io.debezium.time.NanoTimestamp"
	NameZonedTimestamp = "io.debezium.time.ZonedTimestamp"
	NameISODate        = "io.debezium.time.IsoDate"
	NameISOTime        = "io.debezium.time.IsoTime"
	NameISOTimestamp   = "io.debezium.time.IsoTimestamp"
	NameYear           = "io.debezium.time.Year"
	NameBits           = "io.debezium.data.Bits"
	NameJSON           = "io.debezium.data.Json"
	NameUUID           = "io.debezium.data.Uuid"
	NameEnum           = enumName
	NameEnumSet        = "io.debezium.data.EnumSet"
	NameFloatVector    = "io.debezium.data.FloatVector"
	NamePoint          = "io.debezium.data.geometry.Point"
	NameGeometry       = "io.debezium.data.geometry.Geometry"
)

// The schema parameters of decimals, bits and enumerations.
const (
	ParamScale     = "scale"
	ParamPrecision = "connect.decimal.precision"
	ParamLength    = "length"
	ParamAllowed   = "allowed"
)

// UnmappableTypeError reports a column whose type has no Connect schema.
type UnmappableTypeError struct {
	Column   string
	TypeName string
	JDBCType int
}

// Error names the column and its type.
func (e *UnmappableTypeError) Error() string {
	return fmt.Sprintf("column %s has type %s (JDBC type %d), which no event schema is known for", e.Column, e.TypeName, e.JDBCType)
}

// Schema returns the Connect schema that Debezium gives the column, with its
// default. The error is an [*UnmappableTypeError].
func (c *Column) Schema(m Modes) (*Schema, error) {
	s := c.bareSchema(m)
	if s == nil {
		return nil, &UnmappableTypeError{Column: c.Name, TypeName: c.TypeName, JDBCType: c.JDBCType}
	}
	s.Optional = c.Optional || s.Name == NameGeometry // a geometry is optional even where the column is NOT NULL
	if c.Default == nil {
		return s, nil
	}
	if d := c.defaultValue(s, m, *c.Default); !d.IsNull() {
		s.Default = &d
	}
	return s, nil
}

// Unsigned reports whether the column is an unsigned number.
func (c *Column) Unsigned() bool {
	return strings.Contains(c.TypeName, " UNSIGNED") || strings.Contains(c.TypeName, " ZEROFILL")
}

// BaseType returns the type's name without UNSIGNED, ZEROFILL or a length, in
// upper case.
func (c *Column) BaseType() string {
	name := strings.ToUpper(c.TypeName)
	if i := strings.IndexAny(name, "( "); i >= 0 {
		name = name[:i]
	}
	return name
}

func (c *Column) bareSchema(m Modes) *Schema {
	switch c.BaseType() {
	case "JSON":
		if c.JDBCType == JDBCOther {
			return named(String, NameJSON)
		}
	case "POINT":
		return pointSchema()
	case "GEOMETRY", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON",
		"GEOMETRYCOLLECTION", "GEOMCOLLECTION":
		return geometrySchema()
	case "YEAR":
		return named(Int32, NameYear)
	case "ENUM":
		return c.labelledSchema(NameEnum)
	case "SET":
		return c.labelledSchema(NameEnumSet)
	case "VECTOR":
		s := named(Array, NameFloatVector)
		s.Items = &Schema{Type: Float32}
		return s
	case "UUID":
		return named(String, NameUUID)
	case "INET4", "INET6":
		return &Schema{Type: String}
	}
	return c.jdbcSchema(m)
}

func (c *Column) jdbcSchema(m Modes) *Schema {
	switch c.JDBCType {
	case JDBCBit:
		if c.Length <= 1 {
			return &Schema{Type: Boolean}
		}
		s := named(Bytes, NameBits)
		s.Params = []Param{{ParamLength, strconv.Itoa(c.Length)}}
		return s
	case JDBCBoolean:
		return &Schema{Type: Boolean}
	case JDBCTinyint, JDBCSmallint, JDBCInteger, JDBCBigint:
		return c.integerSchema(m)
	case JDBCFloat:
		// FLOAT4, a synonym that Debezium's rule for FLOAT does not know, stays a double.
		if c.BaseType() == "FLOAT" && c.Scale < 0 && c.Length <= 24 {
			return &Schema{Type: Float32}
		}
		return &Schema{Type: Float64}
	case JDBCReal:
		return &Schema{Type: Float32}
	case JDBCDouble:
		return &Schema{Type: Float64}
	case JDBCDecimal, JDBCNumeric:
		return decimalSchema(m.Decimal, c.Length, max(c.Scale, 0))
	case JDBCChar, JDBCVarchar, JDBCNChar, JDBCNVarchar:
		return &Schema{Type: String}
	case JDBCBinary, JDBCVarbinary, JDBCBlob:
		if m.Binary == BinaryBytes {
			return &Schema{Type: Bytes}
		}
		return &Schema{Type: String}
	case JDBCDate, JDBCTime, JDBCTimestamp, JDBCTimestampTZ:
		return c.temporalSchema(m.Time)
	default:
		return nil
	}
}

func (c *Column) integerSchema(m Modes) *Schema {
	unsigned := c.Unsigned()
	switch c.JDBCType {
	case JDBCBigint:
		if unsigned && m.BigintUnsigned == BigintPrecise {
			return decimalSchema(DecimalPrecise, 20, 0)
		}
		return &Schema{Type: Int64}
	case JDBCInteger:
		switch c.BaseType() {
		case "INT", "INTEGER", "INT4":
			if unsigned {
				return &Schema{Type: Int64}
			}
		}
		return &Schema{Type: Int32}
	case JDBCSmallint:
		switch c.BaseType() {
		case "SMALLINT", "INT2":
			if unsigned {
				return &Schema{Type: Int32}
			}
		}
		return &Schema{Type: Int16}
	default:
		return &Schema{Type: Int8}
	}
}

func (c *Column) temporalSchema(m TimeMode) *Schema {
	switch c.JDBCType {
	case JDBCTimestampTZ:
		return named(String, NameZonedTimestamp)
	case JDBCDate:
		switch m {
		case TimeConnect:
			return named(Int32, NameConnectDate)
		case TimeISOString:
			return named(String, NameISODate)
		default:
			return named(Int32, NameDate)
		}
	case JDBCTime:
		switch m {
		case TimeConnect:
			return named(Int32, NameConnectTime)
		case TimeISOString:
			return named(String, NameISOTime)
		case TimeNanoseconds:
			return named(Int64, NameNanoTime)
		default:
			return named(Int64, NameMicroTime)
		}
	}
	switch m {
	case TimeConnect:
		return named(Int64, NameConnectTS)
	case TimeISOString:
		return named(String, NameISOTimestamp)
	case TimeNanoseconds:
		return named(Int64, NameNanoTimestamp)
	case TimeMicroseconds:
		return named(Int64, NameMicroTimestamp)
	default:
		if c.Length > 3 {
			return named(Int64, NameMicroTimestamp)
		}
		return named(Int64, NameTimestamp)
	}
}

func named(t Type, name string) *Schema { return &Schema{Type: t, Name: name, Version: 1} }

func decimalSchema(m DecimalMode, precision, scale int) *Schema {
	switch m {
	case DecimalDouble:
		return &Schema{Type: Float64}
	case DecimalString:
		return &Schema{Type: String}
	default:
		s := named(Bytes, NameDecimal)
		s.Params = []Param{{ParamScale, strconv.Itoa(scale)}, {ParamPrecision, strconv.Itoa(precision)}}
		return s
	}
}

func pointSchema() *Schema {
	s := named(Struct, NamePoint)
	s.Doc = "Geometry (POINT)"
	s.Fields = []Field{
		{"x", &Schema{Type: Float64}},
		{"y", &Schema{Type: Float64}},
		{"wkb", &Schema{Type: Bytes, Optional: true}},
		{"srid", optionalInt32},
	}
	return s
}

func geometrySchema() *Schema {
	s := named(Struct, NameGeometry)
	s.Doc = "Geometry"
	s.Fields = []Field{{"wkb", &Schema{Type: Bytes}}, {"srid", optionalInt32}}
	return s
}

func (c *Column) labelledSchema(name string) *Schema {
	labels := c.Labels()
	escaped := make([]string, len(labels))
	for i, l := range labels {
		escaped[i] = l.Escaped
	}
	s := named(String, name)
	s.Params = []Param{{ParamAllowed, strings.Join(escaped, ",")}}
	return s
}
