package schemahistory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// tableEditor changes a table's definition. A statement names columns and keys
// that exist by the names they have before it, and places new columns and keys
// by the names they have after it: renames take effect at the end.
type tableEditor struct {
	s        *statement
	id       debezium.TableID
	table    *debezium.Table // Columns under their new names, PrimaryKey under the old ones
	was      []string        // the old name of each column, "" of a new one
	unique   []index         // under the old names
	promote  string
	creating bool
	primary  []string    // a new primary key, under the new names
	added    []candidate // new unique keys, under the new names
	perRow   map[string]bool
	origin   map[string]string // before the statement
	notNull  []string          // columns that a period makes so, under the new names
}

// candidate is a unique key that may stand in for a primary key.
type candidate struct {
	index
	nullable bool // even if its columns allow NULL
}

// find returns the place of the column that is called name before the statement, or -1.
func (t *tableEditor) find(name string) int {
	return slices.IndexFunc(t.was, func(n string) bool { return n != "" && strings.EqualFold(n, name) })
}

// add appends a column, or places it.
func (t *tableEditor) add(d *columnDef) error {
	t.table.Columns = append(t.table.Columns, d.col)
	t.was = append(t.was, "")
	t.noteValues(d)
	t.s.versioned = t.s.versioned || d.versioned
	if d.cascades {
		t.s.cascades = append(t.s.cascades, "of column "+d.col.Name)
	}
	t.columnKey(d)
	return t.place(len(t.was)-1, d)
}

// noteValues keeps whether the column's values are computed, which the definition does not say.
func (t *tableEditor) noteValues(d *columnDef) {
	name := strings.ToLower(d.col.Name)
	if t.perRow[name] == (d.computed || d.perRow) {
		return
	}
	t.perRow = maps.Clone(t.perRow)
	if t.perRow == nil {
		t.perRow = make(map[string]bool)
	}
	t.perRow[name] = d.computed || d.perRow
}

// remove takes a column out, and out of the keys.
func (t *tableEditor) remove(at int) {
	same := func(c string) bool { return strings.EqualFold(c, t.was[at]) }
	t.table.PrimaryKey = slices.DeleteFunc(slices.Clone(t.table.PrimaryKey), same)
	var unique []index
	for _, ix := range t.unique {
		if ix.columns = slices.DeleteFunc(slices.Clone(ix.columns), same); len(ix.columns) > 0 {
			unique = append(unique, ix)
		}
	}
	t.unique = unique
	t.table.Columns = slices.Delete(t.table.Columns, at, at+1)
	t.was = slices.Delete(t.was, at, at+1)
}

// columnKey follows PRIMARY KEY and UNIQUE as attributes of a column. Debezium
// takes the latter for the key even if it allows NULL.
func (t *tableEditor) columnKey(d *columnDef) {
	columns := []string{d.col.Name}
	if d.primary {
		t.primary = columns
	}
	if d.unique {
		t.added = append(t.added, candidate{index{d.col.Name, columns}, true})
	}
}

// place moves the column at index at to where FIRST or AFTER want it.
func (t *tableEditor) place(at int, d *columnDef) error {
	to := at
	switch {
	case d.first:
		to = 0
	case d.after != "":
		to = slices.IndexFunc(t.table.Columns, func(c debezium.Column) bool { return strings.EqualFold(c.Name, d.after) })
		if to < 0 {
			to = t.find(d.after)
		}
		if to < 0 {
			return fmt.Errorf("column %s, after which to place %s, is not known", d.after, d.col.Name)
		}
		if to < at {
			to++
		}
	}
	c, was := t.table.Columns[at], t.was[at]
	t.table.Columns = slices.Insert(slices.Delete(t.table.Columns, at, at+1), to, c)
	t.was = slices.Insert(slices.Delete(t.was, at, at+1), to, was)
	return nil
}

// dropIndex forgets a unique index, and the key if it stood in for one.
func (t *tableEditor) dropIndex(name string) {
	t.unique = slices.DeleteFunc(slices.Clone(t.unique), func(ix index) bool { return strings.EqualFold(ix.name, name) })
	if t.promote != "" && strings.EqualFold(t.promote, name) {
		t.table.PrimaryKey, t.promote = nil, ""
	}
}

// renamed returns the new names of columns.
func (t *tableEditor) renamed(columns []string) []string {
	columns = slices.Clone(columns)
	for i, c := range columns {
		if at := t.find(c); at >= 0 {
			columns[i] = t.table.Columns[at].Name
		}
	}
	return columns
}

// keys settles the keys: a primary key's columns are NOT NULL, and without one
// the first unique key whose columns all are stands in for it.
func (t *tableEditor) keys() error {
	t.table.PrimaryKey = t.renamed(t.table.PrimaryKey)
	for i := range t.unique {
		t.unique[i].columns = t.renamed(t.unique[i].columns)
	}
	if t.primary != nil {
		t.table.PrimaryKey, t.promote = t.primary, ""
	}
	for i, name := range t.table.PrimaryKey {
		c := t.table.Column(name)
		if c == nil {
			return fmt.Errorf("column %s of the key is not known", name)
		}
		t.table.PrimaryKey[i] = c.Name
		if t.primary != nil {
			require(c)
		}
	}
	for _, name := range t.notNull {
		if c := t.table.Column(name); c != nil {
			require(c)
		}
	}
	for _, k := range t.added {
		nullable := false
		for n, name := range k.columns {
			c := t.table.Column(name)
			if c == nil {
				return fmt.Errorf("column %s of index %s is not known", name, k.name)
			}
			k.columns[n] = c.Name
			nullable = nullable || c.Optional
		}
		if k.name == "" {
			k.name = k.columns[0]
		}
		t.unique = append(t.unique, k.index)
		if len(t.table.PrimaryKey) == 0 && (!nullable || k.nullable && t.s.h.opts.DebeziumExact) {
			t.table.PrimaryKey, t.promote = k.columns, k.name
		}
	}
	return nil
}

// require makes a column NOT NULL, which takes its default of NULL away.
func require(c *debezium.Column) {
	if c.Optional {
		c.Optional, c.HasDefault = false, c.Default != nil
	}
}

// finish completes the definition.
func (t *tableEditor) finish() (*entry, error) {
	seen := make(map[string]bool, len(t.table.Columns))
	for i := range t.table.Columns {
		name := strings.ToLower(t.table.Columns[i].Name)
		if seen[name] {
			return nil, fmt.Errorf("column %s exists already", t.table.Columns[i].Name)
		}
		seen[name] = true
	}
	if err := t.keys(); err != nil {
		return nil, err
	}
	for i := range t.table.Columns {
		c := &t.table.Columns[i]
		c.Position = i + 1
		if c.Charset == "" {
			setCharset(c, t.table.DefaultCharset)
		}
	}
	return &entry{id: t.id, table: t.table, unique: t.unique, promote: t.promote, perRow: t.perRow, origin: t.origins()}, nil
}

// origins returns the columns whose names are not those with which the table was created.
func (t *tableEditor) origins() map[string]string {
	if t.creating {
		return nil
	}
	origin := make(map[string]string)
	for i, was := range t.was {
		name := t.table.Columns[i].Name
		if before, ok := t.origin[strings.ToLower(was)]; ok {
			was = before
		}
		if was != name {
			origin[strings.ToLower(name)] = was
		}
	}
	return origin
}
