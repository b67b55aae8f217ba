package lake

import (
	"fmt"
	"math"

	"github.com/apache/iceberg-go"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// KeyPlan takes a record's key to its canonical form: the values that the
// table's key columns hold, in one Connect type per column type. Two keys are the
// same row's if and only if their canonical forms are equal, whatever events
// spelled them: 2018-06-20T13:37:03.78Z and …03.780Z, an INT and later a BIGINT.
// Whatever compares, folds or indexes keys uses this form, and ScanKeys of package
// datafile yields it.
type KeyPlan struct {
	table   string
	columns []string
	schema  *debezium.Schema
	fields  []keyField
}

type keyField struct {
	scalar
	typ debezium.Type
}

// KeySchema returns the canonical schema of the named columns, as a struct.
func (t *Table) KeySchema(columns []string) (*debezium.Schema, error) {
	s := &debezium.Schema{Type: debezium.Struct}
	for _, name := range columns {
		f, ok, _ := t.column(name)
		if !ok {
			return nil, &AdoptError{Table: t.name.String(), Reason: "no key column " + name}
		}
		c, err := canonical(f.Type)
		if err != nil {
			return nil, fmt.Errorf("table %s, key column %s: %w", t.name, name, err)
		}
		s.Fields = append(s.Fields, debezium.Field{Name: name, Schema: c})
	}
	return s, nil
}

func canonical(t iceberg.Type) (*debezium.Schema, error) {
	switch t := t.(type) {
	case iceberg.BooleanType:
		return &debezium.Schema{Type: debezium.Boolean}, nil
	case iceberg.Int32Type, iceberg.Int64Type, iceberg.DateType, iceberg.TimestampType, iceberg.TimestampTzType:
		return &debezium.Schema{Type: debezium.Int64}, nil
	case iceberg.Float32Type, iceberg.Float64Type:
		return &debezium.Schema{Type: debezium.Float64}, nil
	case iceberg.StringType:
		return &debezium.Schema{Type: debezium.String}, nil
	case iceberg.BinaryType:
		return &debezium.Schema{Type: debezium.Bytes}, nil
	case iceberg.DecimalType: // its precision may grow, so it is not told
		return &debezium.Schema{
			Type: debezium.Bytes, Name: nameDecimal, Version: 1,
			Params: []debezium.Param{{Key: "scale", Value: fmt.Sprint(t.Scale())}},
		}, nil
	default:
		return nil, fmt.Errorf("a %s cannot be part of a key", t)
	}
}

// KeyPlan returns the plan for record keys of the given schema, a struct whose
// fields are columns of the table.
func (t *Table) KeyPlan(key *debezium.Schema) (*KeyPlan, error) {
	p := &KeyPlan{table: t.name.String()}
	for i := range key.Fields {
		p.columns = append(p.columns, key.Fields[i].Name)
	}
	var err error
	if p.schema, err = t.KeySchema(p.columns); err != nil {
		return nil, err
	}
	for i := range key.Fields {
		s := key.Fields[i].Schema
		f, _, _ := t.column(key.Fields[i].Name)
		ids := 0
		want, err := Types{TimeAsMicros: isLong(f.Type)}.iceberg(s, &ids)
		if err != nil {
			return nil, fmt.Errorf("table %s, key column %s: %w", t.name, f.Name, err)
		}
		if _, ok := fit(f.Type, want, s); !ok {
			return nil, t.incompatible(f.Name, f.Type, want)
		}
		c, err := compile(f.Type, s)
		if err != nil {
			return nil, fmt.Errorf("table %s, key column %s: %w", t.name, f.Name, err)
		}
		p.fields = append(p.fields, keyField{scalar: c, typ: p.schema.Fields[i].Schema.Type})
	}
	return p, nil
}

// Schema returns the canonical schema.
func (p *KeyPlan) Schema() *debezium.Schema { return p.schema }

// Values appends the canonical form of key to dst. Bytes of the result are
// key's own or in arena, which is returned grown.
func (p *KeyPlan) Values(dst []debezium.Value, arena []byte, key []debezium.Value) ([]debezium.Value, []byte, error) {
	if len(key) != len(p.fields) {
		return dst, arena, fmt.Errorf("table %s: a key of %d values for %d columns", p.table, len(key), len(p.fields))
	}
	for i := range p.fields {
		v := debezium.Value{Type: debezium.Null}
		if !key[i].IsNull() {
			var err error
			if v, arena, err = p.fields[i].value(arena, &key[i]); err != nil {
				return dst, arena, &ValueError{Table: p.table, Column: p.columns[i], Reason: err.Error()}
			}
		}
		dst = append(dst, v)
	}
	return dst, arena, nil
}

func (f *keyField) value(arena []byte, v *debezium.Value) (debezium.Value, []byte, error) {
	out := debezium.Value{Type: f.typ}
	var err error
	switch {
	case f.ints != nil:
		out.I, err = f.ints(v)
	case f.floats != nil:
		var x float64
		x, err = f.floats(v)
		out.I = int64(math.Float64bits(x))
	case f.decimals != nil:
		n, convert := f.decimals(v)
		start := len(arena)
		arena = appendUnscaled(arena, n)
		out.B, err = arena[start:len(arena):len(arena)], convert
	default:
		start := len(arena)
		out.B, err = f.bytes(arena[start:], v)
		if len(out.B) > 0 && len(out.B) <= cap(arena)-start && &out.B[0] == &arena[start : start+1][0] {
			arena = arena[:start+len(out.B)]
		}
	}
	return out, arena, err
}
