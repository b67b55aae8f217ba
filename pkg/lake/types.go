package lake

import (
	"fmt"
	"strconv"

	"github.com/apache/iceberg-go"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Names of the semantic types that decide more than their Connect type does.
const (
	nameDecimal        = "org.apache.kafka.connect.data.Decimal"
	nameConnectDate    = "org.apache.kafka.connect.data.Date"
	nameConnectTime    = "org.apache.kafka.connect.data.Time"
	nameConnectTS      = "org.apache.kafka.connect.data.Timestamp"
	nameBits           = "io.debezium.data.Bits"
	nameDate           = "io.debezium.time.Date"
	nameTime           = "io.debezium.time.Time"
	nameMicroTime      = "io.debezium.time.MicroTime"
	nameNanoTime       = "io.debezium.time.NanoTime"
	nameTimestamp      = "io.debezium.time.Timestamp"
	nameMicroTimestamp = "io.debezium.time.MicroTimestamp"
	nameNanoTimestamp  = "io.debezium.time.NanoTimestamp"
	nameZonedTimestamp = "io.debezium.time.ZonedTimestamp"
	nameIsoDate        = "io.debezium.time.IsoDate"
	nameIsoTimestamp   = "io.debezium.time.IsoTimestamp"
	nameGeometry       = "io.debezium.data.geometry.Geometry"
	namePoint          = "io.debezium.data.geometry.Point"
)

const maxPrecision = 38

// types maps Connect schemas to Iceberg types, wide enough that MySQL's own
// widenings are no change at all.
type types struct {
	micros bool // TIME is a long, microseconds, as in a table that another program made
}

// iceberg assigns ids to nested fields from *ids on.
func (t types) iceberg(s *debezium.Schema, ids *int) (iceberg.Type, error) {
	switch s.Type {
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
		return t.integer(s), nil
	case debezium.Float32:
		return iceberg.PrimitiveTypes.Float32, nil
	case debezium.Float64:
		return iceberg.PrimitiveTypes.Float64, nil
	case debezium.Boolean:
		return iceberg.PrimitiveTypes.Bool, nil
	case debezium.String:
		switch s.Name {
		case nameZonedTimestamp:
			return iceberg.PrimitiveTypes.TimestampTz, nil
		case nameIsoDate:
			return iceberg.PrimitiveTypes.Date, nil
		case nameIsoTimestamp:
			return iceberg.PrimitiveTypes.Timestamp, nil
		}
		return iceberg.PrimitiveTypes.String, nil
	case debezium.Bytes:
		return bytesType(s)
	case debezium.Array:
		return t.list(s, ids)
	case debezium.Map:
		return t.mapping(s, ids)
	case debezium.Struct:
		return t.structure(s, ids)
	default:
		return nil, fmt.Errorf("no Iceberg type for Connect type %s", s.Type)
	}
}

func (t types) integer(s *debezium.Schema) iceberg.Type {
	switch s.Name {
	case nameDate, nameConnectDate:
		return iceberg.PrimitiveTypes.Date
	case nameTimestamp, nameMicroTimestamp, nameNanoTimestamp, nameConnectTS:
		return iceberg.PrimitiveTypes.Timestamp
	case nameTime, nameMicroTime, nameNanoTime, nameConnectTime:
		if !t.micros {
			return iceberg.PrimitiveTypes.String
		}
	}
	return iceberg.PrimitiveTypes.Int64
}

func bytesType(s *debezium.Schema) (iceberg.Type, error) {
	switch s.Name {
	case nameDecimal:
		precision, scale, err := decimalParams(s)
		if err != nil {
			return nil, err
		}
		if precision < 1 || precision > maxPrecision || scale < 0 || scale > precision {
			return iceberg.PrimitiveTypes.String, nil
		}
		return iceberg.DecimalTypeOf(precision, scale), nil
	case nameBits:
		n, err := intParam(s, "length", 64)
		switch {
		case err != nil:
			return nil, err
		case n == 1:
			return iceberg.PrimitiveTypes.Bool, nil
		case n < 64:
			return iceberg.PrimitiveTypes.Int64, nil
		case n == 64:
			return iceberg.DecimalTypeOf(20, 0), nil
		default:
			return nil, fmt.Errorf("schema %s: length %d, want 1 to 64", s.Name, n)
		}
	default:
		return iceberg.PrimitiveTypes.Binary, nil
	}
}

// decimalParams returns precision 0 where the schema does not tell it.
func decimalParams(s *debezium.Schema) (precision, scale int, err error) {
	if precision, err = intParam(s, "connect.decimal.precision", 0); err != nil {
		return 0, 0, err
	}
	scale, err = intParam(s, "scale", 0)
	return precision, scale, err
}

func intParam(s *debezium.Schema, key string, missing int) (int, error) {
	v, ok := s.Param(key)
	if !ok {
		return missing, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, fmt.Errorf("schema %s: parameter %s is no number", s.Name, key)
	}
	return n, nil
}

func (t types) list(s *debezium.Schema, ids *int) (iceberg.Type, error) {
	if s.Items == nil {
		return nil, fmt.Errorf("array schema %s: no items", s.Name)
	}
	*ids++
	id := *ids
	element, err := t.iceberg(s.Items, ids)
	if err != nil {
		return nil, err
	}
	return &iceberg.ListType{ElementID: id, Element: element}, nil
}

func (t types) mapping(s *debezium.Schema, ids *int) (iceberg.Type, error) {
	if s.Items == nil || s.Keys == nil {
		return nil, fmt.Errorf("map schema %s: no keys or values", s.Name)
	}
	*ids += 2
	keyID, valueID := *ids-1, *ids
	key, err := t.iceberg(s.Keys, ids)
	if err != nil {
		return nil, err
	}
	value, err := t.iceberg(s.Items, ids)
	if err != nil {
		return nil, err
	}
	return &iceberg.MapType{KeyID: keyID, KeyType: key, ValueID: valueID, ValueType: value}, nil
}

func (t types) structure(s *debezium.Schema, ids *int) (iceberg.Type, error) {
	first := *ids + 1
	*ids += len(s.Fields)
	st := &iceberg.StructType{}
	for i := range s.Fields {
		f := &s.Fields[i]
		var typ iceberg.Type = iceberg.PrimitiveTypes.Int32
		if !isSRID(s, f) {
			var err error
			if typ, err = t.iceberg(f.Schema, ids); err != nil {
				return nil, fmt.Errorf("field %s: %w", f.Name, err)
			}
		}
		st.FieldList = append(st.FieldList, iceberg.NestedField{ID: first + i, Name: f.Name, Type: typ})
	}
	return st, nil
}

// isSRID picks the one integer that stays an int: geometry readers expect it.
func isSRID(s *debezium.Schema, f *debezium.Field) bool {
	return (s.Name == nameGeometry || s.Name == namePoint) && f.Name == "srid" && f.Schema.Type == debezium.Int32
}
