package lake

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Fill is the value that a column has in rows whose schema lacks it, such as
// rows from before an ALTER TABLE that are read after it.
type Fill struct {
	Column string
	Schema *debezium.Schema
	Value  debezium.Value
}

// RowBuilder turns rows of Connect values into Arrow record batches of a table's
// current schema. Fields find their columns by name. It belongs to one goroutine.
type RowBuilder struct {
	table   string
	schema  *iceberg.Schema
	arrow   *arrow.Schema
	builder *array.RecordBuilder
	fills   map[string]*Fill
	columns []iceberg.NestedField

	last  *debezium.Schema // the schema that appenders are for
	plans map[*debezium.Schema][]appender
	plan  []appender
	rows  int
	bytes int64
}

// appender takes the value at field of a row, or a constant, to its column.
type appender struct {
	field    int // -1: the constant, or null without one
	constant *debezium.Value
	append   func(*debezium.Value) error // for null too
}

// NewRowBuilder returns a builder for the table's current schema.
func (t *Table) NewRowBuilder(mem memory.Allocator, fills ...Fill) (*RowBuilder, error) {
	schema, err := table.SchemaToArrowSchema(t.tbl.Schema(), nil, true, false)
	if err != nil {
		return nil, fmt.Errorf("arrow schema of table %s: %w", t.name, err)
	}
	b := &RowBuilder{
		table:   t.name.String(),
		schema:  t.tbl.Schema(),
		columns: t.tbl.Schema().Fields(),
		arrow:   schema,
		builder: array.NewRecordBuilder(mem, schema),
		fills:   make(map[string]*Fill, len(fills)),
		plans:   make(map[*debezium.Schema][]appender),
	}
	for i := range fills {
		b.fills[fills[i].Column] = &fills[i]
	}
	return b, nil
}

// Schema returns the Arrow schema of the batches, with Iceberg's field ids.
func (b *RowBuilder) Schema() *arrow.Schema { return b.arrow }

// Rows returns the number of rows since the last batch.
func (b *RowBuilder) Rows() int { return b.rows }

// Bytes returns about how much memory those rows take.
func (b *RowBuilder) Bytes() int64 { return b.bytes }

// Append adds a row, copying what it needs. A value that does not fit is a
// ValueError, and a field without a column an IncompatibleTypeError or AdoptError;
// the builder is of no use after an error.
func (b *RowBuilder) Append(row *debezium.Schema, values []debezium.Value) error {
	if row != b.last {
		if err := b.compile(row); err != nil {
			return err
		}
	}
	if len(values) != len(row.Fields) {
		return fmt.Errorf("table %s: a row of %d values for a schema of %d fields", b.table, len(values), len(row.Fields))
	}
	for i := range b.plan {
		a := &b.plan[i]
		v := a.constant
		if a.field >= 0 {
			v = &values[a.field]
		}
		if err := a.append(v); err != nil {
			return &ValueError{Table: b.table, Column: b.columns[i].Name, Reason: err.Error()}
		}
		b.bytes += int64(len(v.B)) + 9
	}
	b.rows++
	return nil
}

// Batch returns the rows appended since the last batch. The caller releases it.
func (b *RowBuilder) Batch() arrow.RecordBatch {
	b.rows, b.bytes = 0, 0
	return b.builder.NewRecordBatch()
}

// Release gives back the builder's memory.
func (b *RowBuilder) Release() { b.builder.Release() }

const maxPlans = 64 // more schemas than a batch ever sees; a bound for odd sources

func (b *RowBuilder) compile(row *debezium.Schema) error {
	plan, ok := b.plans[row]
	if !ok {
		var err error
		if plan, err = b.newPlan(row); err != nil {
			return err
		}
		if len(b.plans) == maxPlans {
			clear(b.plans)
		}
		b.plans[row] = plan
	}
	b.last, b.plan = row, plan
	return nil
}

func (b *RowBuilder) newPlan(row *debezium.Schema) ([]appender, error) {
	for i := range row.Fields {
		if _, ok := b.schema.FindFieldByName(row.Fields[i].Name); !ok {
			return nil, &AdoptError{Table: b.table, Reason: "no column " + row.Fields[i].Name + ": the table has not been evolved"}
		}
	}
	null := &debezium.Value{}
	plan := make([]appender, len(b.columns))
	for i := range b.columns {
		f := &b.columns[i]
		a := appender{field: row.FieldIndex(f.Name), constant: null}
		var s *debezium.Schema
		if a.field >= 0 {
			s = row.Fields[a.field].Schema
		} else if fill := b.fills[f.Name]; fill != nil {
			s, a.constant = fill.Schema, &fill.Value
		} else if f.Required {
			return nil, requiredError(b.table, f.Name)
		}
		var err error
		if a.append, err = b.appender(i, s); err != nil {
			return nil, err
		}
		plan[i] = a
	}
	return plan, nil
}

// appender compiles column i for values of s, nil where rows have no such field.
func (b *RowBuilder) appender(i int, s *debezium.Schema) (func(*debezium.Value) error, error) {
	f := &b.columns[i]
	into := b.builder.Field(i)
	set := func(*debezium.Value) error { return errors.New("the rows have no such field") }
	if s != nil {
		ids := 0
		want, err := types{micros: isLong(f.Type)}.iceberg(s, &ids)
		if err != nil {
			return nil, fmt.Errorf("table %s, column %s: %w", b.table, f.Name, err)
		}
		if widened, ok := fit(f.Type, want, s); !ok || widened != nil {
			return nil, &IncompatibleTypeError{Table: b.table, Column: f.Name, From: f.Type.String(), To: want.String()}
		}
		if set, err = setter(into, f.Type, s); err != nil {
			return nil, fmt.Errorf("table %s, column %s: %w", b.table, f.Name, err)
		}
	}
	required := f.Required
	return func(v *debezium.Value) error {
		if v.Type != debezium.Null {
			return set(v)
		}
		if required {
			return errors.New("null in a required column")
		}
		into.AppendNull()
		return nil
	}, nil
}

func isLong(t iceberg.Type) bool { return t.Equals(iceberg.PrimitiveTypes.Int64) }
