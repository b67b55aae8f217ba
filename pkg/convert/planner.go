package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// planner compiles a plan.
type planner struct {
	plan   *Plan
	table  *debezium.Table
	opts   *Options
	fields []debezium.Field // of Row
	plain  map[int]plainColumn
}

// plainColumn is a column as keys have it.
type plainColumn struct {
	at    int // among the plan's
	field debezium.Field
}

// column returns a column of the table as it is, and its field.
func (b *planner) column(i int) (column, debezium.Field, error) {
	c := &b.table.Columns[i]
	schema, err := c.Schema(b.opts.Modes)
	if err != nil {
		return column{}, debezium.Field{}, err
	}
	conv, err := newConverter(c, schema, b.isKey(c), b.opts)
	if err != nil {
		return column{}, debezium.Field{}, fmt.Errorf("column %s: %w", c.Name, err)
	}
	if b.isBoolean(c) {
		schema, conv = booleanSchema(schema), &flag{number: conv, exact: b.opts.DebeziumExact}
	}
	if c.Comment != "" {
		described := *schema
		described.Doc, schema = c.Comment, &described
	}
	out := column{
		name: c.Name, source: i, selection: selection(c, schema, b.opts), optional: c.Optional, absent: absentValue(schema),
		nullable: schema.Optional, converter: conv,
	}
	if !schema.Optional && (schema.Default == nil || !b.opts.DebeziumExact) {
		out.exact = "the column is NOT NULL"
	}
	return out, debezium.Field{Name: b.opts.FieldNames.FieldName(c.Name), Schema: schema}, nil
}

// publish adds a column of the table to the plan's rows.
func (b *planner) publish(i int) error {
	out, field, err := b.column(i)
	if err != nil {
		return err
	}
	plain := true
	for k := range b.opts.Rules.Treatments {
		if t := &b.opts.Rules.Treatments[k]; t.Match(b.opts.Table, &b.table.Columns[i]) {
			field.Schema, plain = t.treat(&b.table.Columns[i], &out, field.Schema), false
			break
		}
	}
	if plain {
		b.plain[i] = plainColumn{at: len(b.plan.columns), field: field}
	}
	b.plan.columns = append(b.plan.columns, out)
	b.fields = append(b.fields, field)
	return nil
}

// keys sets the key of records, and what tells rows apart if that is another.
func (b *planner) keys(name string) (err error) {
	var own []string
	if b.opts.Rules.Key != nil {
		own = b.opts.Rules.Key(b.opts.Table, b.table.Columns)
	}
	p := b.plan
	told := own == nil && !slices.ContainsFunc(b.table.Columns, func(c debezium.Column) bool { return b.isKey(&c) && b.isBoolean(&c) })
	if own == nil {
		own = b.table.PrimaryKey
	}
	if p.Key, p.key, err = b.key(name, own); err != nil || told {
		return err
	}
	p.identity = &identity{}
	p.identity.schema, p.identity.columns, err = b.withoutBooleans().key(name, b.table.PrimaryKey)
	return err
}

// isKey reports whether a column is of the primary key.
func (b *planner) isKey(c *debezium.Column) bool {
	return slices.ContainsFunc(b.table.PrimaryKey, func(k string) bool { return strings.EqualFold(k, c.Name) })
}

func (b *planner) isBoolean(c *debezium.Column) bool {
	return b.opts.Rules.Boolean != nil && b.opts.Rules.Boolean(b.opts.Table, c)
}

// withoutBooleans returns a planner of the same plan whose columns are numbers
// where the records have booleans, which do not tell 1 from 2.
func (b *planner) withoutBooleans() *planner {
	opts := *b.opts
	opts.Rules.Boolean = nil
	numbers := &planner{plan: b.plan, table: b.table, opts: &opts, plain: make(map[int]plainColumn)}
	for i, c := range b.plain {
		if !b.isBoolean(&b.table.Columns[i]) {
			numbers.plain[i] = c
		}
	}
	return numbers
}

// exactKeys marks the columns by which rows are told apart.
func (b *planner) exactKeys() {
	at := b.plan.key
	if b.plan.identity != nil {
		at = slices.Concat(at, b.plan.identity.columns)
	}
	for _, i := range at {
		b.plan.columns[i].exact = "the column tells rows apart"
	}
}

// key returns the schema of a key of columns, and where they are; nil if there are none.
func (b *planner) key(name string, columns []string) (*debezium.Schema, []int, error) {
	if len(columns) == 0 {
		return nil, nil, nil
	}
	var fields []debezium.Field
	var at []int
	for _, key := range columns {
		i := slices.IndexFunc(b.table.Columns, func(c debezium.Column) bool { return strings.EqualFold(c.Name, key) })
		if i < 0 {
			return nil, nil, fmt.Errorf("key column %s is not a column of the table", key)
		}
		plain, ok := b.plain[i]
		if !ok {
			out, field, err := b.column(i)
			if err != nil {
				return nil, nil, err
			}
			plain = plainColumn{at: len(b.plan.columns), field: field}
			b.plan.columns, b.plain[i] = append(b.plan.columns, out), plain
		}
		fields, at = append(fields, plain.field), append(at, plain.at)
	}
	return debezium.KeySchema(name, fields), at, nil
}
