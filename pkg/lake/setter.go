package lake

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// setter returns what appends a value of s that is not null to a column of type t.
func setter(into array.Builder, t iceberg.Type, s *debezium.Schema) (func(*debezium.Value) error, error) {
	switch t := t.(type) {
	case *iceberg.ListType:
		return listSetter(into.(*array.ListBuilder), t, s)
	case *iceberg.MapType:
		return mapSetter(into.(*array.MapBuilder), t, s)
	case *iceberg.StructType:
		return structSetter(into.(*array.StructBuilder), t, s)
	}
	c, err := compile(t, s)
	if err != nil {
		return nil, err
	}
	switch b := into.(type) {
	case *array.Int64Builder:
		return ints(c, b.Append), nil
	case *array.TimestampBuilder:
		return ints(c, func(n int64) { b.Append(arrow.Timestamp(n)) }), nil
	case *array.Date32Builder:
		return ints(c, func(n int64) { b.Append(arrow.Date32(n)) }), nil
	case *array.BooleanBuilder:
		return ints(c, func(n int64) { b.Append(n != 0) }), nil
	case *array.Int32Builder:
		return func(v *debezium.Value) error {
			n, err := c.ints(v)
			if err == nil && n != int64(int32(n)) {
				err = errors.New("the number does not fit an int")
			}
			b.Append(int32(n))
			return err
		}, nil
	case *array.Float32Builder:
		return floats(c, func(f float64) { b.Append(float32(f)) }), nil
	case *array.Float64Builder:
		return floats(c, b.Append), nil
	case *array.StringBuilder:
		return byteStrings(c, b.BinaryBuilder), nil
	case *array.BinaryBuilder:
		return byteStrings(c, b), nil
	case *array.Decimal128Builder:
		return func(v *debezium.Value) error {
			n, err := c.decimals(v)
			b.Append(n)
			return err
		}, nil
	default:
		return nil, fmt.Errorf("no conversion to Arrow builder %T", into)
	}
}

func ints(c scalar, add func(int64)) func(*debezium.Value) error {
	return func(v *debezium.Value) error {
		n, err := c.ints(v)
		add(n)
		return err
	}
}

func floats(c scalar, add func(float64)) func(*debezium.Value) error {
	return func(v *debezium.Value) error {
		f, err := c.floats(v)
		add(f)
		return err
	}
}

func byteStrings(c scalar, b *array.BinaryBuilder) func(*debezium.Value) error {
	var scratch []byte
	return func(v *debezium.Value) error {
		text, err := c.bytes(scratch[:0], v)
		b.Append(text)
		if cap(text) > cap(scratch) && v.Type != debezium.String && v.Type != debezium.Bytes {
			scratch = text
		}
		return err
	}
}

// nested returns a setter for an element of a nested column, null included.
func nested(into array.Builder, t iceberg.Type, s *debezium.Schema) (func(*debezium.Value) error, error) {
	set, err := setter(into, t, s)
	if err != nil {
		return nil, err
	}
	return func(v *debezium.Value) error {
		if v.Type == debezium.Null {
			into.AppendNull()
			return nil
		}
		return set(v)
	}, nil
}

func listSetter(b *array.ListBuilder, t *iceberg.ListType, s *debezium.Schema) (func(*debezium.Value) error, error) {
	element, err := nested(b.ValueBuilder(), t.Element, s.Items)
	if err != nil {
		return nil, err
	}
	return func(v *debezium.Value) error {
		if v.Type != debezium.Array {
			return wrongType(v)
		}
		b.Append(true)
		for i := range v.Elems {
			if t.ElementRequired && v.Elems[i].IsNull() {
				return errors.New("null in a list of required elements")
			}
			if err := element(&v.Elems[i]); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func mapSetter(b *array.MapBuilder, t *iceberg.MapType, s *debezium.Schema) (func(*debezium.Value) error, error) {
	key, err := nested(b.KeyBuilder(), t.KeyType, s.Keys)
	if err != nil {
		return nil, err
	}
	item, err := nested(b.ItemBuilder(), t.ValueType, s.Items)
	if err != nil {
		return nil, err
	}
	return func(v *debezium.Value) error {
		if v.Type != debezium.Map || len(v.Elems)%2 != 0 {
			return wrongType(v)
		}
		b.Append(true)
		for i := 0; i < len(v.Elems); i += 2 {
			if v.Elems[i].IsNull() {
				return errors.New("null as a map's key")
			}
			if err := errors.Join(key(&v.Elems[i]), item(&v.Elems[i+1])); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func structSetter(b *array.StructBuilder, t *iceberg.StructType, s *debezium.Schema) (func(*debezium.Value) error, error) {
	null := &debezium.Value{}
	from := make([]int, len(t.FieldList))
	set := make([]func(*debezium.Value) error, len(t.FieldList))
	for i, f := range t.FieldList {
		into := b.FieldBuilder(i)
		from[i] = s.FieldIndex(f.Name)
		if from[i] < 0 {
			set[i] = func(*debezium.Value) error { into.AppendNull(); return nil }
			continue
		}
		var err error
		if set[i], err = nested(into, f.Type, s.Fields[from[i]].Schema); err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return func(v *debezium.Value) error {
		if v.Type != debezium.Struct || len(v.Elems) != len(s.Fields) {
			return wrongType(v)
		}
		b.Append(true)
		for i, f := range t.FieldList {
			e := null
			if from[i] >= 0 {
				e = &v.Elems[from[i]]
			}
			if f.Required && e.IsNull() {
				return fmt.Errorf("null in required field %s", f.Name)
			}
			if err := set[i](e); err != nil {
				return fmt.Errorf("field %s: %w", f.Name, err)
			}
		}
		return nil
	}, nil
}
