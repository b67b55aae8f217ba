package maintenance

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// copier appends a row of an array to a builder and returns about how many bytes
// that takes.
type copier func(row int) int

// newCopier returns the copier from an array to a builder of the same type.
func newCopier(into array.Builder, from arrow.Array) (copier, error) {
	if !arrow.TypeEqual(into.Type(), from.DataType()) {
		return nil, fmt.Errorf("a column of %s is read as %s", into.Type(), from.DataType())
	}
	set, err := newSetter(into, from)
	if err != nil {
		return nil, err
	}
	return func(row int) int {
		if from.IsNull(row) {
			into.AppendNull()
			return 1
		}
		return set(row)
	}, nil
}

// newSetter is for rows that are not null.
func newSetter(into array.Builder, from arrow.Array) (copier, error) {
	switch b := into.(type) {
	case *array.Int64Builder:
		return fixed(b.Append, from.(*array.Int64).Value, 8), nil
	case *array.Int32Builder:
		return fixed(b.Append, from.(*array.Int32).Value, 4), nil
	case *array.Float64Builder:
		return fixed(b.Append, from.(*array.Float64).Value, 8), nil
	case *array.Float32Builder:
		return fixed(b.Append, from.(*array.Float32).Value, 4), nil
	case *array.BooleanBuilder:
		return fixed(b.Append, from.(*array.Boolean).Value, 1), nil
	case *array.Date32Builder:
		return fixed(b.Append, from.(*array.Date32).Value, 4), nil
	case *array.Time64Builder:
		return fixed(b.Append, from.(*array.Time64).Value, 8), nil
	case *array.TimestampBuilder:
		return fixed(b.Append, from.(*array.Timestamp).Value, 8), nil
	case *array.Decimal128Builder:
		return fixed(b.Append, from.(*array.Decimal128).Value, 16), nil
	case *array.FixedSizeBinaryBuilder:
		a := from.(*array.FixedSizeBinary)
		return func(row int) int { v := a.Value(row); b.Append(v); return len(v) }, nil
	case *array.StringBuilder:
		a := from.(*array.String)
		return func(row int) int { v := a.Value(row); b.Append(v); return len(v) + 4 }, nil
	case *array.BinaryBuilder:
		a := from.(*array.Binary)
		return func(row int) int { v := a.Value(row); b.Append(v); return len(v) + 4 }, nil
	case *array.StructBuilder:
		return structSetter(b, from.(*array.Struct))
	case *array.MapBuilder: // before the list, which it is made of
		return mapSetter(b, from.(*array.Map))
	case *array.ListBuilder:
		return listSetter(b, from.(*array.List))
	default:
		return nil, fmt.Errorf("no copy into Arrow builder %T", into)
	}
}

func fixed[T any](add func(T), value func(int) T, size int) copier {
	return func(row int) int { add(value(row)); return size }
}

func structSetter(b *array.StructBuilder, a *array.Struct) (copier, error) {
	fields := make([]copier, a.NumField())
	for i := range fields {
		var err error
		if fields[i], err = newCopier(b.FieldBuilder(i), a.Field(i)); err != nil {
			return nil, err
		}
	}
	return func(row int) int {
		b.Append(true)
		size := 1
		for _, f := range fields {
			size += f(row)
		}
		return size
	}, nil
}

func listSetter(b *array.ListBuilder, a *array.List) (copier, error) {
	element, err := newCopier(b.ValueBuilder(), a.ListValues())
	if err != nil {
		return nil, err
	}
	return func(row int) int {
		b.Append(true)
		size := 4
		start, end := a.ValueOffsets(row)
		for i := start; i < end; i++ {
			size += element(int(i))
		}
		return size
	}, nil
}

func mapSetter(b *array.MapBuilder, a *array.Map) (copier, error) {
	key, err := newCopier(b.KeyBuilder(), a.Keys())
	if err != nil {
		return nil, err
	}
	item, err := newCopier(b.ItemBuilder(), a.Items())
	if err != nil {
		return nil, err
	}
	return func(row int) int {
		b.Append(true)
		size := 4
		start, end := a.ValueOffsets(row)
		for i := start; i < end; i++ {
			size += key(int(i)) + item(int(i))
		}
		return size
	}, nil
}
