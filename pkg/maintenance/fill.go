package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/lake"
)

// Fill is the value of a column in rows that are older than the column. It is a
// property of the table until it is forgotten, so that whoever rewrites rows or
// writes events of the older schema applies it, whatever process that is.
type Fill struct {
	lake.Fill        // by the column's present name; "" where it has been dropped
	Name      string // by which ForgetFill knows it: the column's first name
	Field     int    // the column's field id; 0 while the table lacks it
	Position  string // of the statement that added the column
	Done      bool   // no data file lacks the column any more

	unnamed bool // the record has no field id yet
}

// propFill is the name of table properties; a column's name follows the dot.
const propFill = "firn.fill."

// AddFill records a fill. It must come before the column is added to the table:
// else a rewrite between the two would make the column's absence a null. From then
// on Step rewrites the files that lack it. Recording it again is harmless.
func (m *Maintainer) AddFill(ctx context.Context, fill lake.Fill, position string) error {
	fills, err := Fills(m.table)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(fills, func(f Fill) bool { return f.Name == fill.Column && f.Position == position }) {
		return nil
	}
	f := Fill{Fill: fill, Name: fill.Column, Position: position}
	if column, ok := field(m.table, fill.Column); ok {
		f.Field = column.ID
	}
	m.cfg.Logger.Info("old rows get a value", "table", m.table.Name().String(), "column", fill.Column)
	m.looked = time.Time{}
	return m.record(ctx, []Fill{f})
}

// ForgetFill ends a fill that is done, once no event of a schema without the
// column can come any more.
func (m *Maintainer) ForgetFill(ctx context.Context, name string) error {
	return m.setProperties(ctx, nil, []string{propFill + name})
}

// Fills returns the fills of a table: for rows that are written under a schema
// that lacks their column, too.
func Fills(t *lake.Table) ([]Fill, error) {
	var fills []Fill
	props := t.Properties()
	for _, name := range slices.Sorted(maps.Keys(props)) {
		column, ok := strings.CutPrefix(name, propFill)
		if !ok {
			continue
		}
		f, err := parseFill(t, column, props[name])
		if err != nil {
			return nil, fmt.Errorf("read property %s of %s: %w", name, t.Name(), err)
		}
		fills = append(fills, f)
	}
	return fills, nil
}

func parseFill(t *lake.Table, name, text string) (Fill, error) {
	var r fillRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Fill{}, err
	}
	f := Fill{Name: name, Field: r.Field, Position: r.Position, Done: r.Done}
	var err error
	if f.Schema, err = r.Schema.schema(); err != nil {
		return Fill{}, err
	}
	if f.Value, err = r.Value.value(); err != nil {
		return Fill{}, err
	}
	if f.Field == 0 {
		f.Column, f.unnamed = name, true
		if column, ok := field(t, name); ok {
			f.Field = column.ID
		}
	} else if column, ok := t.Iceberg().Schema().FindFieldByID(f.Field); ok {
		f.Column = column.Name
	}
	return f, nil
}

// record writes fills to the table's properties.
func (m *Maintainer) record(ctx context.Context, fills []Fill) error {
	props := make(iceberg.Properties, len(fills))
	for i := range fills {
		f := &fills[i]
		text, err := json.Marshal(fillRecord{
			Field: f.Field, Position: f.Position, Done: f.Done, Schema: newSchemaRecord(f.Schema), Value: newValueRecord(&f.Value),
		})
		if err != nil {
			return fmt.Errorf("record fill of %s, column %s: %w", m.table.Name(), f.Name, err)
		}
		props[propFill+f.Name] = string(text)
	}
	return m.setProperties(ctx, props, nil)
}

// readFills keeps the fills that are not done.
func (m *Maintainer) readFills() error {
	all, err := Fills(m.table)
	if err != nil {
		return err
	}
	m.fills = m.fills[:0:0]
	for _, f := range all {
		if !f.Done && f.Field != 0 && f.Column != "" {
			m.fills = append(m.fills, f)
		}
	}
	return nil
}

// lacks returns the columns with a fill that a file lacks.
func (m *Maintainer) lacks(ctx context.Context, f datafile.File) ([]string, error) {
	var lacks []string
	for _, fill := range m.fills {
		has, err := m.columns.has(ctx, m.table, f, fill.Field)
		if err != nil {
			return nil, err
		}
		if !has {
			lacks = append(lacks, fill.Column)
		}
	}
	return lacks, nil
}

// endFills marks fills as done that no file lacks, and keeps the field ids of new
// columns, which outlive their names.
func (m *Maintainer) endFills(ctx context.Context, s *state) (Did, error) {
	var done, named []Fill
	for _, f := range m.fills {
		if slices.ContainsFunc(s.lacks, func(l []string) bool { return slices.Contains(l, f.Column) }) {
			if f.unnamed {
				named = append(named, f)
			}
			continue
		}
		if s.others {
			lacking, err := FilesLacking(ctx, m.table, f.Field)
			if err != nil {
				return Did{}, err
			}
			if len(lacking) > 0 {
				continue
			}
		}
		f.Done = true
		done = append(done, f)
		m.cfg.Logger.Info("all rows have the value", "table", m.table.Name().String(), "column", f.Column)
	}
	if len(done)+len(named) > 0 {
		if err := m.record(ctx, append(named, done...)); err != nil {
			return Did{}, err
		}
	}
	if len(done) == 0 {
		return Did{}, nil
	}
	return Did{Action: Filled}, nil
}

// setProperties changes properties without a table snapshot. The change may be
// made twice: every attempt says the same.
func (m *Maintainer) setProperties(ctx context.Context, set iceberg.Properties, remove []string) error {
	const attempts = 5
	for attempt := 1; ; attempt++ {
		txn := m.table.Iceberg().NewTransaction()
		var err error
		if len(set) > 0 {
			err = txn.SetProperties(set)
		}
		if len(remove) > 0 {
			err = errors.Join(err, txn.RemoveProperties(remove))
		}
		if err != nil {
			return fmt.Errorf("set properties of %s: %w", m.table.Name(), err)
		}
		tbl, err := txn.Commit(ctx)
		if err == nil {
			m.table.Set(tbl)
			return nil
		}
		if attempt == attempts || ctx.Err() != nil {
			return fmt.Errorf("set properties of %s: %w", m.table.Name(), err)
		}
		if !errors.Is(err, table.ErrCommitFailed) {
			m.cfg.Logger.Info("properties not set or the answer was lost", "table", m.table.Name().String(), "error", err)
		}
		if err := m.table.Reload(ctx); err != nil {
			return err
		}
	}
}
