package lake

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// KeyReader reads keys back from a table as values of the schema that record
// keys have, so that a key found in a data file and the same key in a record are
// encoded to the same bytes. It belongs to one goroutine.
type KeyReader struct {
	table   string
	columns []string
	read    []func(arena []byte, a arrow.Array, row int) (debezium.Value, []byte, error)
	arena   []byte
}

// NewKeyReader returns a reader of keys of the given schema, a struct whose
// fields are columns of the table.
func (t *Table) NewKeyReader(key *debezium.Schema) (*KeyReader, error) {
	r := &KeyReader{table: t.name.String()}
	for i := range key.Fields {
		f := &key.Fields[i]
		column, ok, _ := t.column(f.Name)
		if !ok {
			return nil, &AdoptError{Table: r.table, Reason: "no key column " + f.Name}
		}
		ids := 0
		want, err := types{micros: isLong(column.Type)}.iceberg(f.Schema, &ids)
		if err != nil {
			return nil, fmt.Errorf("table %s, key column %s: %w", t.name, f.Name, err)
		}
		if _, ok := fit(column.Type, want, f.Schema); !ok {
			return nil, t.incompatible(f.Name, column.Type, want)
		}
		read, err := reader(column.Type, f.Schema)
		if err != nil {
			return nil, fmt.Errorf("table %s, key column %s: %w", t.name, f.Name, err)
		}
		r.columns = append(r.columns, f.Name)
		r.read = append(r.read, read)
	}
	return r, nil
}

// Columns returns the names of the key's columns, in the key's order.
func (r *KeyReader) Columns() []string { return r.columns }

// Read appends the key of a row of a batch to dst; columns are the batch's
// arrays in the order of Columns. Its bytes are valid until the next Read.
func (r *KeyReader) Read(dst []debezium.Value, columns []arrow.Array, row int) ([]debezium.Value, error) {
	r.arena = r.arena[:0]
	for i, read := range r.read {
		v := debezium.Value{Type: debezium.Null}
		if columns[i].IsValid(row) {
			var err error
			if v, r.arena, err = read(r.arena, columns[i], row); err != nil {
				return dst, &ValueError{Table: r.table, Column: r.columns[i], Reason: err.Error()}
			}
		}
		dst = append(dst, v)
	}
	return dst, nil
}

type readFunc = func(arena []byte, a arrow.Array, row int) (debezium.Value, []byte, error)

// reader inverts compile: from a column of type t to a value of s.
func reader(t iceberg.Type, s *debezium.Schema) (readFunc, error) {
	switch t.(type) {
	case iceberg.StringType:
		return stringReader(s), nil
	case iceberg.BinaryType:
		return func(arena []byte, a arrow.Array, row int) (debezium.Value, []byte, error) {
			b, ok := a.(*array.Binary)
			if !ok {
				return unexpected(arena, a)
			}
			return debezium.Value{Type: debezium.Bytes, B: b.Value(row)}, arena, nil
		}, nil
	case iceberg.DecimalType:
		return decimalReader(s), nil
	case iceberg.Float32Type, iceberg.Float64Type:
		return func(arena []byte, a arrow.Array, row int) (debezium.Value, []byte, error) {
			switch a := a.(type) {
			case *array.Float32:
				return debezium.Float(s.Type, float64(a.Value(row))), arena, nil
			case *array.Float64:
				return debezium.Float(s.Type, a.Value(row)), arena, nil
			default:
				return unexpected(arena, a)
			}
		}, nil
	case iceberg.BooleanType, iceberg.Int32Type, iceberg.Int64Type, iceberg.DateType, iceberg.TimestampType, iceberg.TimestampTzType:
		write := spell(s)
		return func(arena []byte, a arrow.Array, row int) (debezium.Value, []byte, error) {
			n, ok := number64(a, row)
			if !ok {
				return unexpected(arena, a)
			}
			v, arena := write(arena, n)
			return v, arena, nil
		}, nil
	default:
		return nil, fmt.Errorf("a %s cannot be part of a key", t)
	}
}

func unexpected(arena []byte, a arrow.Array) (debezium.Value, []byte, error) {
	return debezium.Value{}, arena, fmt.Errorf("unexpected Arrow column %T", a)
}

func number64(a arrow.Array, row int) (int64, bool) {
	switch a := a.(type) {
	case *array.Int64:
		return a.Value(row), true
	case *array.Int32:
		return int64(a.Value(row)), true
	case *array.Date32:
		return int64(a.Value(row)), true
	case *array.Timestamp:
		return int64(a.Value(row)), true
	case *array.Boolean:
		if a.Value(row) {
			return 1, true
		}
		return 0, true
	default:
		return 0, false
	}
}

// spell returns how a number, days or microseconds become a value of s.
func spell(s *debezium.Schema) func(arena []byte, n int64) (debezium.Value, []byte) {
	text := func(arena []byte, layout string, t time.Time) (debezium.Value, []byte) {
		start := len(arena)
		arena = t.UTC().AppendFormat(arena, layout)
		return debezium.Value{Type: debezium.String, B: arena[start:len(arena):len(arena)]}, arena
	}
	switch {
	case s.Name == nameBits:
		length, err := intParam(s, "length", 64)
		if err != nil {
			length = 64
		}
		return func(arena []byte, n int64) (debezium.Value, []byte) {
			start := len(arena)
			for i := range (length + 7) / 8 {
				arena = append(arena, byte(uint64(n)>>(8*i)))
			}
			return debezium.Value{Type: debezium.Bytes, B: arena[start:len(arena):len(arena)]}, arena
		}
	case s.Name == nameIsoDate:
		return func(arena []byte, n int64) (debezium.Value, []byte) {
			return text(arena, "2006-01-02Z", time.Unix(n*86400, 0))
		}
	case s.Type == debezium.String: // ZonedTimestamp, IsoTimestamp
		return func(arena []byte, n int64) (debezium.Value, []byte) {
			return text(arena, time.RFC3339Nano, time.UnixMicro(n))
		}
	}
	mul, div := int64(1), int64(1)
	switch s.Name {
	case nameTimestamp, nameConnectTS, nameTime, nameConnectTime:
		div = 1000
	case nameNanoTimestamp, nameNanoTime:
		mul = 1000
	}
	return func(arena []byte, n int64) (debezium.Value, []byte) {
		return debezium.Int(s.Type, n*mul/div), arena
	}
}

func stringReader(s *debezium.Schema) readFunc {
	times := spell(s)
	return func(arena []byte, a arrow.Array, row int) (debezium.Value, []byte, error) {
		b, ok := a.(*array.String)
		switch {
		case !ok:
			return unexpected(arena, a)
		case s.Type == debezium.String:
			return debezium.Value{Type: debezium.String, B: []byte(b.Value(row))}, arena, nil
		case s.Type == debezium.Bytes:
			start := len(arena)
			arena, err := appendParsedDecimal(arena, b.Value(row))
			return debezium.Value{Type: debezium.Bytes, B: arena[start:len(arena):len(arena)]}, arena, err
		default:
			us, err := parseTime(b.Value(row))
			v, arena := times(arena, us)
			return v, arena, err
		}
	}
}

func decimalReader(s *debezium.Schema) readFunc {
	return func(arena []byte, a arrow.Array, row int) (debezium.Value, []byte, error) {
		d, ok := a.(*array.Decimal128)
		if !ok {
			return unexpected(arena, a)
		}
		n := d.Value(row)
		switch {
		case isInteger(s):
			return debezium.Int(s.Type, int64(n.LowBits())), arena, nil
		case s.Name == nameBits:
			v, arena := spell(s)(arena, int64(n.LowBits()))
			return v, arena, nil
		default:
			start := len(arena)
			arena = appendUnscaled(arena, n)
			return debezium.Value{Type: debezium.Bytes, B: arena[start:len(arena):len(arena)]}, arena, nil
		}
	}
}
