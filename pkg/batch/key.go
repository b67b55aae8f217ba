package batch

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Key writes a table's keys as bytes that sort as the keys do, that no two
// keys share, and that do not change where a column is widened. They follow
// from the value alone, so that whoever reads a key back from a data file can
// write the same bytes with the Append functions:
//
//	integers, YEAR, BOOLEAN, BIT     the number (AppendInt, AppendUint)
//	Decimal                          the unscaled number (AppendDecimal)
//	dates                            days since 1970 (AppendInt)
//	times, timestamps with or        microseconds, since 1970 or midnight
//	  without a zone                   (AppendInt)
//	FLOAT, DOUBLE                    as a double (AppendFloat)
//	other strings, other bytes       AppendString, AppendBytes
//	null                             AppendNull
type Key struct {
	schema *debezium.Schema
	fields []keyField
}

// keyField is how one field of a key is written.
type keyField struct {
	name   string
	schema *debezium.Schema
	kind   keyKind
	scale  string     // of a decimal; empty for none
	elems  []keyField // of a struct's fields or an array's items
}

type keyKind uint8

const (
	keyInt keyKind = iota
	keyMillis
	keyMicros
	keyNanos
	keyZoned
	keyBits
	keyDecimal
	keyFloat
	keyString
	keyBytes
	keyStruct
	keyArray
)

// semantic returns the kind that the name of a Connect schema stands for. What
// is not named here is written by its Connect type.
func semantic(name string) (keyKind, bool) {
	switch name {
	case "org.apache.kafka.connect.data.Decimal":
		return keyDecimal, true
	case "org.apache.kafka.connect.data.Time", "org.apache.kafka.connect.data.Timestamp",
		"io.debezium.time.Time", "io.debezium.time.Timestamp":
		return keyMillis, true
	case "io.debezium.time.MicroTime", "io.debezium.time.MicroTimestamp":
		return keyMicros, true
	case "io.debezium.time.NanoTime", "io.debezium.time.NanoTimestamp":
		return keyNanos, true
	case "io.debezium.time.ZonedTimestamp":
		return keyZoned, true
	case "io.debezium.data.Bits":
		return keyBits, true
	default:
		return 0, false
	}
}

// NewKey returns the form of keys under schema, a struct.
func NewKey(schema *debezium.Schema) (*Key, error) {
	if schema == nil || schema.Type != debezium.Struct {
		return nil, fmt.Errorf("key is not a struct")
	}
	fields, err := keyFields(schema.Fields)
	if err != nil {
		return nil, err
	}
	return &Key{schema: schema, fields: fields}, nil
}

// AppendKey appends one key to dst. Where many follow, keep a [Key].
func AppendKey(dst []byte, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	k, err := NewKey(schema)
	if err != nil {
		return dst, err
	}
	return k.Append(dst, values)
}

func keyFields(fields []debezium.Field) ([]keyField, error) {
	out := make([]keyField, 0, len(fields))
	for _, f := range fields {
		k, err := newKeyField(f.Name, f.Schema)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func newKeyField(name string, s *debezium.Schema) (keyField, error) {
	f := keyField{name: name, schema: s}
	if kind, ok := semantic(s.Name); ok && fits(kind, s.Type) {
		f.kind = kind
		if scale, _ := s.Param("scale"); kind == keyDecimal && scale != "0" {
			f.scale = scale
		}
		return f, nil
	}
	var err error
	switch s.Type {
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64, debezium.Boolean:
		f.kind = keyInt
	case debezium.Float32, debezium.Float64:
		f.kind = keyFloat
	case debezium.String:
		f.kind = keyString
	case debezium.Bytes:
		f.kind = keyBytes
	case debezium.Struct:
		f.kind = keyStruct
		f.elems, err = keyFields(s.Fields)
	case debezium.Array:
		f.kind = keyArray
		var item keyField
		item, err = newKeyField("", s.Items)
		f.elems = []keyField{item}
	default:
		err = fmt.Errorf("key field %s: a %s cannot be part of a key", name, s.Type)
	}
	return f, err
}

// fits reports whether a semantic type is carried by the Connect type t.
func fits(kind keyKind, t debezium.Type) bool {
	switch kind {
	case keyMillis, keyMicros, keyNanos:
		return t == debezium.Int32 || t == debezium.Int64
	case keyZoned:
		return t == debezium.String
	default:
		return t == debezium.Bytes
	}
}

// Schema returns the schema that the key was made for.
func (k *Key) Schema() *debezium.Schema { return k.schema }

// Same reports whether two keys name rows alike: the same columns in the same
// order, written the same way.
func (k *Key) Same(o *Key) bool { return sameFields(k.fields, o.fields) }

func sameFields(a, b []keyField) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].name != b[i].name || a[i].class() != b[i].class() ||
			a[i].scale != b[i].scale || !sameFields(a[i].elems, b[i].elems) {
			return false
		}
	}
	return true
}

// class is the kind, one for all kinds whose numbers mean the same.
func (f *keyField) class() keyKind {
	switch f.kind {
	case keyMillis, keyNanos, keyZoned:
		return keyMicros
	case keyBits:
		return keyInt
	case keyDecimal:
		if f.scale == "" {
			return keyInt
		}
		return f.kind
	default:
		return f.kind
	}
}
