package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/lake"
)

// Fill is the value of a column in rows that are older than the column. It is a
// property of the table for as long as the table has the column, done or not:
// events of an older schema may come late, or again after a rollback, and whoever
// writes them or rewrites files applies it, whatever process that is.
type Fill struct {
	lake.Fill        // by the column's present name
	Field     int    // the column's field id
	Position  string // of the statement that added the column
	Done      bool   // no data file lacked the column when that was last asked
}

// propFill is the name of table properties; a column's field id follows the dot.
const propFill = "firn.fill."

// Alter changes the table's columns, and records the fills of those that are new
// in the same change: a file that lacks a column and a row of an older schema are
// never without its value. From then on Step rewrites the files that lack a column.
// further are properties that are recorded with it.
func (m *Maintainer) Alter(ctx context.Context, a lake.Alteration, fills []Fill, further map[string]string) (bool, error) {
	changed, err := m.table.Alter(ctx, a, func(id func(string) (int, bool)) (map[string]string, error) {
		props := make(map[string]string, len(fills)+len(further))
		for _, f := range fills {
			var ok bool
			if f.Field, ok = id(f.Column); !ok {
				return nil, fmt.Errorf("record fill of %s: no column %s", m.table.Name(), f.Column)
			}
			if err := m.write(props, &f); err != nil {
				return nil, err
			}
		}
		maps.Copy(props, further)
		return props, nil
	})
	if err != nil {
		return changed, err
	}
	for _, f := range fills {
		m.cfg.Logger.Info("old rows get a value", "table", m.table.Name().String(), "column", f.Column)
	}
	m.looked = time.Time{}
	return changed, nil
}

// Fills returns the fills of a table's columns: for rows that are written under a
// schema that lacks their column, too.
func Fills(t *lake.Table) ([]Fill, error) {
	fills, _, err := readFills(t)
	return fills, err
}

// readFills returns also the properties whose columns have gone.
func readFills(t *lake.Table) (fills []Fill, gone []string, err error) {
	props := t.Properties()
	for _, name := range slices.Sorted(maps.Keys(props)) {
		id, ok := strings.CutPrefix(name, propFill)
		if !ok {
			continue
		}
		f, err := parseFill(id, props[name])
		if err != nil {
			return nil, nil, fmt.Errorf("read property %s of %s: %w", name, t.Name(), err)
		}
		column, ok := t.Iceberg().Schema().FindFieldByID(f.Field)
		if !ok {
			gone = append(gone, name)
			continue
		}
		f.Column = column.Name
		fills = append(fills, f)
	}
	return fills, gone, nil
}

func parseFill(id, text string) (f Fill, err error) {
	if f.Field, err = strconv.Atoi(id); err != nil {
		return f, err
	}
	var r fillRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return f, err
	}
	f.Position, f.Done = r.Position, r.Done
	if f.Schema, err = r.Schema.schema(); err != nil {
		return f, err
	}
	f.Value, err = r.Value.value()
	return f, err
}

// write puts a fill into properties.
func (m *Maintainer) write(props map[string]string, f *Fill) error {
	text, err := json.Marshal(fillRecord{Position: f.Position, Done: f.Done, Schema: newSchemaRecord(f.Schema), Value: newValueRecord(&f.Value)})
	if err != nil {
		return fmt.Errorf("record fill of %s, column %s: %w", m.table.Name(), f.Column, err)
	}
	props[propFill+strconv.Itoa(f.Field)] = string(text)
	return nil
}

// lacks returns the columns with a fill that a file lacks. One that was done is
// asked of like the others: a shard that had not heard of the column, or a table
// that was rolled back, may have brought files without it.
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

// endFills records which fills are done, and forgets those whose column has been
// dropped: its field id never comes back.
func (m *Maintainer) endFills(ctx context.Context, s *state) (Did, error) {
	props := make(iceberg.Properties)
	did := Did{}
	m.lacking = false
	for i := range m.fills {
		f := m.fills[i]
		lacking := slices.ContainsFunc(s.lacks, func(l []string) bool { return slices.Contains(l, f.Column) })
		m.lacking = m.lacking || lacking
		if lacking == !f.Done {
			continue
		}
		if !lacking && s.others {
			files, err := FilesLacking(ctx, m.table, f.Field)
			if err != nil {
				return Did{}, err
			}
			if len(files) > 0 {
				continue
			}
		}
		if f.Done = !lacking; f.Done {
			did.Action = Filled
			m.cfg.Logger.Info("all rows have the value", "table", m.table.Name().String(), "column", f.Column)
		}
		if err := m.write(props, &f); err != nil {
			return Did{}, err
		}
	}
	if len(props)+len(s.gone) > 0 {
		if err := m.setProperties(ctx, props, s.gone); err != nil {
			return Did{}, err
		}
	}
	return did, nil
}

// setProperties changes properties without a table snapshot, but for those that
// somebody else has changed meanwhile. The change may be made twice: every attempt
// says the same.
func (m *Maintainer) setProperties(ctx context.Context, set iceberg.Properties, remove []string) error {
	const attempts = 5
	before := m.table.Properties()
	for attempt := 1; ; attempt++ {
		now := m.table.Properties()
		stale := func(name string) bool { return now[name] != before[name] }
		maps.DeleteFunc(set, func(name, _ string) bool { return stale(name) })
		remove = slices.DeleteFunc(remove, stale)
		if len(set)+len(remove) == 0 {
			return nil
		}
		txn := m.table.Iceberg().NewTransaction()
		if err := errors.Join(txn.SetProperties(set), txn.RemoveProperties(remove)); err != nil {
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
