package convert

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// Plan converts the rows of one table as defined at one moment. It is not safe
// for concurrent use.
type Plan struct {
	Row *debezium.Schema // of the rows, optional, <topic>.Value
	Key *debezium.Schema // nil: the table has no key

	table   string
	columns []column
	key     []int // indexes into columns
	failure FailureMode
	logger  *slog.Logger
	arena   arena
}

type column struct {
	name      string // MySQL's
	selection string // the expression that a SELECT reads it by
	optional  bool
	absent    debezium.Value // stands for NULL in a NOT NULL column
	converter converter
}

// ValueError reports a value that could not be converted. It does not hold the value.
type ValueError struct {
	Table, Column string
	Err           error
}

// Error names the table and the column.
func (e *ValueError) Error() string {
	return fmt.Sprintf("convert value of column %s of %s: %v", e.Column, e.Table, e.Err)
}

// Unwrap returns what was wrong.
func (e *ValueError) Unwrap() error { return e.Err }

// NewPlan compiles the conversion of a table's rows. The error names the column
// whose type or character set is not supported.
func NewPlan(topic string, table *debezium.Table, opts Options) (*Plan, error) {
	p := &Plan{table: topic, failure: opts.ConvertFailure, logger: opts.Logger, columns: make([]column, len(table.Columns))}
	if opts.Table.Table != "" {
		p.table = opts.Table.String()
	}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	fields := make([]debezium.Field, len(table.Columns))
	for i := range table.Columns {
		c := &table.Columns[i]
		schema, err := c.Schema(opts.Modes)
		if err != nil {
			return nil, fmt.Errorf("plan rows of %s: %w", p.table, err)
		}
		key := slices.ContainsFunc(table.PrimaryKey, func(k string) bool { return strings.EqualFold(k, c.Name) })
		conv, err := newConverter(c, schema, key, &opts)
		if err != nil {
			return nil, fmt.Errorf("plan rows of %s: column %s: %w", p.table, c.Name, err)
		}
		if c.Comment != "" {
			described := *schema
			described.Doc, schema = c.Comment, &described
		}
		fields[i] = debezium.Field{Name: opts.FieldNames.FieldName(c.Name), Schema: schema}
		p.columns[i] = column{
			name: c.Name, selection: selection(c, schema, &opts), optional: c.Optional,
			absent: absentValue(schema), converter: conv,
		}
	}
	name := opts.SchemaNames.SchemaName(topic)
	p.Row = debezium.RowSchema(name, fields)
	return p, p.setKey(name, table)
}

func (p *Plan) setKey(name string, table *debezium.Table) error {
	if len(table.PrimaryKey) == 0 {
		return nil
	}
	fields := make([]debezium.Field, len(table.PrimaryKey))
	for i, key := range table.PrimaryKey {
		k := p.columnIndex(key)
		if k < 0 {
			return fmt.Errorf("plan rows of %s: key column %s is not a column of the table", p.table, key)
		}
		p.key = append(p.key, k)
		fields[i] = p.Row.Fields[k]
	}
	p.Key = debezium.KeySchema(name, fields)
	return nil
}

func (p *Plan) columnIndex(name string) int {
	for i := range p.columns {
		if strings.EqualFold(p.columns[i].name, name) {
			return i
		}
	}
	return -1
}

// Streamed converts a row image. It overwrites dst, grown as needed, and
// returns one value per field of Row. The values borrow from the row and from
// the plan: they are valid until the row's buffer is reused or Reset. The error
// is a [*ValueError].
func (p *Plan) Streamed(dst []debezium.Value, row mysql.Row) ([]debezium.Value, error) {
	if len(row) != len(p.columns) {
		return nil, fmt.Errorf("convert row of %s: the row has %d columns, the table %d", p.table, len(row), len(p.columns))
	}
	dst = resize(dst, len(p.columns))
	for i := range p.columns {
		c, v, out := &p.columns[i], &row[i], &dst[i]
		var err error
		switch v.Kind {
		case mysql.Null:
			p.null(c, out)
			continue
		case mysql.Absent:
			err = errAbsent
		case mysql.Text:
			err = c.converter.selected(&p.arena, v.B, out)
		default:
			err = c.converter.streamed(&p.arena, v, out)
		}
		if err != nil {
			if err = p.failed(c, out, err); err != nil {
				return nil, err
			}
		} else if out.Type == debezium.Null {
			p.null(c, out)
		}
	}
	return dst, nil
}

// Selected converts a row that a SELECT of SelectList returned, in the text
// protocol; nil is NULL. Otherwise it is as [Plan.Streamed].
func (p *Plan) Selected(dst []debezium.Value, row [][]byte) ([]debezium.Value, error) {
	if len(row) != len(p.columns) {
		return nil, fmt.Errorf("convert row of %s: the row has %d columns, the table %d", p.table, len(row), len(p.columns))
	}
	dst = resize(dst, len(p.columns))
	for i := range p.columns {
		c, out := &p.columns[i], &dst[i]
		if row[i] == nil {
			p.null(c, out)
			continue
		}
		if err := c.converter.selected(&p.arena, row[i], out); err != nil {
			if err = p.failed(c, out, err); err != nil {
				return nil, err
			}
		} else if out.Type == debezium.Null {
			p.null(c, out)
		}
	}
	return dst, nil
}

// SelectList returns the column expressions that Selected expects, in order.
func (p *Plan) SelectList() string {
	list := make([]string, len(p.columns))
	for i := range p.columns {
		list[i] = p.columns[i].selection
	}
	return strings.Join(list, ", ")
}

// KeyValues overwrites dst with the key of a converted row and returns it; nil
// if the table has no key.
func (p *Plan) KeyValues(dst, row []debezium.Value) []debezium.Value {
	if p.Key == nil {
		return nil
	}
	dst = dst[:0]
	for _, k := range p.key {
		dst = append(dst, row[k])
	}
	return dst
}

// Reset frees what converted values borrow from the plan.
func (p *Plan) Reset() { p.arena.reset() }

// null stores what Debezium emits for NULL: null, or a stand-in where the column is NOT NULL.
func (*Plan) null(c *column, out *debezium.Value) {
	if c.optional {
		*out = debezium.Value{}
		return
	}
	*out = c.absent
}

func (p *Plan) failed(c *column, out *debezium.Value, err error) error {
	switch p.failure {
	case FailureWarn:
		p.logger.Warn("value cannot be converted, emitting null", "table", p.table, "column", c.name, "error", err)
	case FailureSkip:
		p.logger.Debug("value cannot be converted, emitting null", "table", p.table, "column", c.name, "error", err)
	default:
		return &ValueError{Table: p.table, Column: c.name, Err: err}
	}
	p.null(c, out)
	return nil
}

func resize(dst []debezium.Value, n int) []debezium.Value {
	if cap(dst) < n {
		return make([]debezium.Value, n)
	}
	return dst[:n]
}
