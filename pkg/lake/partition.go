package lake

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Partitioner tells which partition of a table a row belongs to, by the table's
// current partition spec. It belongs to one goroutine.
type Partitioner struct {
	table  string
	spec   iceberg.PartitionSpec
	schema *iceberg.Schema
	fields []partitionSource
	fills  map[string]*Fill

	last  *debezium.Schema
	index []int // per partition field, the row's field or -1
	convs []scalar
	fixed []*debezium.Value // where the row has no such field; nil: null
}

type partitionSource struct {
	iceberg.PartitionField
	source iceberg.NestedField
}

// NewPartitioner returns nil for a table that is not partitioned. The fills are
// those of the rows.
func (t *Table) NewPartitioner(fills ...Fill) (*Partitioner, error) {
	spec := t.tbl.Spec()
	if spec.IsUnpartitioned() {
		return nil, nil //nolint:nilnil // no partitions is no partitioner
	}
	p := &Partitioner{table: t.name.String(), spec: spec, schema: t.tbl.Schema(), fills: make(map[string]*Fill, len(fills))}
	for i := range fills {
		p.fills[fills[i].Column] = &fills[i]
	}
	for _, f := range spec.Fields() {
		if _, unknown := f.Transform.(iceberg.UnknownTransform); unknown {
			return nil, &AdoptError{Table: p.table, Reason: "its partition spec has the unknown transform " + f.Transform.String()}
		}
		source, ok := p.schema.FindFieldByID(f.SourceID())
		if !ok {
			return nil, &AdoptError{Table: p.table, Reason: "its partition field " + f.Name + " has no column"}
		}
		p.fields = append(p.fields, partitionSource{PartitionField: f, source: source})
	}
	return p, nil
}

// Partition is one partition's values, by partition field id.
type Partition struct {
	Values map[int]any
	Path   string // below the table's data folder
}

// AppendKey appends bytes that rows of one partition share to dst.
func (p *Partitioner) AppendKey(dst []byte, row *debezium.Schema, values []debezium.Value) ([]byte, error) {
	if err := p.compile(row); err != nil {
		return dst, err
	}
	for i := range p.fields {
		v, err := p.value(i, values)
		if err != nil {
			return dst, err
		}
		if !v.Valid {
			dst = append(dst, 0)
			continue
		}
		b, err := v.Val.MarshalBinary()
		if err != nil {
			return dst, fmt.Errorf("table %s, partition field %s: %w", p.table, p.fields[i].Name, err)
		}
		dst = binary.AppendUvarint(append(dst, 1), uint64(len(b)))
		dst = append(dst, b...)
	}
	return dst, nil
}

// Partition returns the partition of a row.
func (p *Partitioner) Partition(row *debezium.Schema, values []debezium.Value) (Partition, error) {
	out := Partition{Values: make(map[int]any, len(p.fields))}
	if err := p.compile(row); err != nil {
		return out, err
	}
	var tuple structLike
	for i := range p.fields {
		v, err := p.value(i, values)
		if err != nil {
			return out, err
		}
		var any any
		if v.Valid {
			any = v.Val.Any()
		}
		out.Values[p.fields[i].FieldID] = any
		tuple = append(tuple, any)
	}
	out.Path = p.spec.PartitionToPath(tuple, p.schema)
	return out, nil
}

type structLike []any

func (s structLike) Size() int            { return len(s) }
func (s structLike) Get(pos int) any      { return s[pos] }
func (s structLike) Set(pos int, val any) { s[pos] = val }

func (p *Partitioner) compile(row *debezium.Schema) error {
	if row == p.last {
		return nil
	}
	p.index, p.convs, p.fixed = p.index[:0], p.convs[:0], p.fixed[:0]
	for i := range p.fields {
		f := &p.fields[i].source
		at := row.FieldIndex(f.Name)
		var s *debezium.Schema
		var fixed *debezium.Value
		if at >= 0 {
			s = row.Fields[at].Schema
		} else if fill := p.fills[f.Name]; fill != nil {
			s, fixed = fill.Schema, &fill.Value
		}
		var c scalar
		if s != nil {
			var err error
			if c, err = compile(f.Type, s); err != nil {
				return fmt.Errorf("table %s, column %s: %w", p.table, f.Name, err)
			}
		}
		p.index, p.convs, p.fixed = append(p.index, at), append(p.convs, c), append(p.fixed, fixed)
	}
	p.last = row
	return nil
}

func (p *Partitioner) value(i int, values []debezium.Value) (iceberg.Optional[iceberg.Literal], error) {
	var none iceberg.Optional[iceberg.Literal]
	v := p.fixed[i]
	if at := p.index[i]; at >= 0 {
		v = &values[at]
	}
	if v == nil || v.IsNull() {
		return none, nil
	}
	lit, err := literal(p.fields[i].source.Type, &p.convs[i], v)
	if err != nil {
		return none, &ValueError{Table: p.table, Column: p.fields[i].source.Name, Reason: err.Error()}
	}
	return p.fields[i].Transform.Apply(iceberg.Optional[iceberg.Literal]{Val: lit, Valid: true}), nil
}

func literal(t iceberg.Type, c *scalar, v *debezium.Value) (iceberg.Literal, error) {
	var n int64
	var f float64
	var b []byte
	var d decimal128.Num
	var err error
	switch {
	case c.ints != nil:
		n, err = c.ints(v)
	case c.floats != nil:
		f, err = c.floats(v)
	case c.bytes != nil:
		b, err = c.bytes(nil, v)
	default:
		d, err = c.decimals(v)
	}
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case iceberg.BooleanType:
		return iceberg.BoolLiteral(n != 0), nil
	case iceberg.Int32Type:
		return iceberg.Int32Literal(n), nil
	case iceberg.Int64Type:
		return iceberg.Int64Literal(n), nil
	case iceberg.DateType:
		return iceberg.DateLiteral(n), nil
	case iceberg.TimestampType, iceberg.TimestampTzType:
		return iceberg.TimestampLiteral(n), nil
	case iceberg.Float32Type:
		return iceberg.Float32Literal(f), nil
	case iceberg.Float64Type:
		return iceberg.Float64Literal(f), nil
	case iceberg.StringType:
		return iceberg.StringLiteral(b), nil
	case iceberg.BinaryType:
		return iceberg.BinaryLiteral(append([]byte(nil), b...)), nil
	case iceberg.DecimalType:
		return iceberg.DecimalLiteral{Val: d, Scale: t.Scale()}, nil
	default:
		return nil, fmt.Errorf("a %s cannot be partitioned by", t)
	}
}
