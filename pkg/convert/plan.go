package convert

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// Plan converts the rows of one table as defined at one moment. It is not safe
// for concurrent use.
type Plan struct {
	Row *debezium.Schema // of the rows, optional, <topic>.Value
	Key *debezium.Schema // of the records' keys; nil: they have none

	table    string
	width    int      // columns of the table
	columns  []column // those of Row, then those that only keys have as they are
	key      []int    // indexes into columns
	identity *identity
	failure  FailureMode
	logger   *slog.Logger
	arena    arena
}

// identity is what tells a table's rows apart, where the records' keys do not.
type identity struct {
	schema  *debezium.Schema
	columns []int
}

type column struct {
	name      string // MySQL's
	source    int    // index among the table's columns
	selection string // the expression that a SELECT reads it by
	optional  bool
	absent    debezium.Value // stands for NULL in a NOT NULL column
	nullable  bool           // its field may be null
	exact     string         // why nothing may stand for a value of it that cannot be converted; "": null may, or absent
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
	p := &Plan{table: topic, failure: opts.ConvertFailure, logger: opts.Logger, width: len(table.Columns)}
	if opts.Table.Table != "" {
		p.table = opts.Table.String()
	}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	b := &planner{plan: p, table: table, opts: &opts, plain: make(map[int]plainColumn)}
	for i := range table.Columns {
		if published := opts.Rules.Published; published != nil && !published(opts.Table, table.Columns[i].Name) {
			continue
		}
		if err := b.publish(i); err != nil {
			return nil, fmt.Errorf("plan rows of %s: %w", p.table, err)
		}
	}
	name := opts.SchemaNames.SchemaName(topic)
	p.Row = debezium.RowSchema(name, b.fields)
	if err := b.keys(name); err != nil {
		return nil, fmt.Errorf("plan rows of %s: %w", p.table, err)
	}
	b.exactKeys()
	return p, nil
}

// Values returns the part of a converted row that Row describes.
func (p *Plan) Values(row []debezium.Value) []debezium.Value { return row[:len(p.Row.Fields)] }

// IdentitySchema returns the schema of what tells rows of the table apart; nil
// if nothing does. It is Key, but for tables with a record key of their own.
func (p *Plan) IdentitySchema() *debezium.Schema {
	if p.identity == nil {
		return p.Key
	}
	return p.identity.schema
}

// Identity overwrites dst with what tells a converted row from others.
func (p *Plan) Identity(dst, row []debezium.Value) []debezium.Value {
	if p.identity == nil {
		return p.KeyValues(dst, row)
	}
	return pick(dst, row, p.identity.columns)
}

// Streamed converts a row image. It overwrites dst, grown as needed, and
// returns the row for Values, KeyValues and Identity. The values borrow from the row and from
// the plan: they are valid until the row's buffer is reused or Reset. The error
// is a [*ValueError].
func (p *Plan) Streamed(dst []debezium.Value, row mysql.Row) ([]debezium.Value, error) {
	if len(row) != p.width {
		return nil, fmt.Errorf("convert row of %s: the row has %d columns, the table %d", p.table, len(row), p.width)
	}
	dst = resize(dst, len(p.columns))
	for i := range p.columns {
		c, out := &p.columns[i], &dst[i]
		v := &row[c.source]
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
	if want := max(len(p.columns), 1); len(row) != want {
		return nil, fmt.Errorf("convert row of %s: the row has %d columns, the SELECT %d", p.table, len(row), want)
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
	if len(p.columns) == 0 {
		return "NULL" // there are rows, all the same
	}
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
	return pick(dst, row, p.key)
}

func pick(dst, row []debezium.Value, columns []int) []debezium.Value {
	dst = dst[:0]
	for _, i := range columns {
		dst = append(dst, row[i])
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

// failed stores what stands for a value that cannot be converted, or returns the error if nothing may.
func (p *Plan) failed(c *column, out *debezium.Value, err error) error {
	say := p.logger.Warn
	switch {
	case p.failure == FailureFail, errors.Is(err, errAbsent):
		return &ValueError{Table: p.table, Column: c.name, Err: err}
	case c.exact != "":
		return &ValueError{Table: p.table, Column: c.name, Err: fmt.Errorf("%w; it cannot be null instead: %s", err, c.exact)}
	case p.failure == FailureSkip:
		say = p.logger.Debug
	}
	say("value cannot be converted, emitting null", "table", p.table, "column", c.name, "error", err)
	*out = debezium.Value{}
	if !c.nullable {
		*out = c.absent
	}
	return nil
}

func resize(dst []debezium.Value, n int) []debezium.Value {
	if dst == nil || cap(dst) < n { // nil is no row
		return make([]debezium.Value, n)
	}
	return dst[:n]
}
