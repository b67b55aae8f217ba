package schemahistory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// renameTables follows RENAME TABLE, pair by pair.
func (s *statement) renameTables() error {
	type pair struct {
		from, to debezium.TableID
		text     string
	}
	var pairs []pair
	s.r.accept("IF", "EXISTS")
	for _, r := range s.r.split() {
		from, err := r.tableID(s.database)
		for r.acceptAny("WAIT", "NOWAIT") || r.peek().Kind == mysql.TokenNumber { // MariaDB
			r.next()
		}
		if err == nil {
			err = r.expect("TO")
		}
		var to debezium.TableID
		if err == nil {
			to, err = r.tableID(s.database)
		}
		if err != nil {
			return s.unnamed(err)
		}
		pairs = append(pairs, pair{s.h.stored(from), s.h.stored(to), r.source(0, len(r.toks))})
	}
	before := make(map[debezium.TableID]*debezium.Table)
	for _, p := range pairs {
		before[p.to], _ = s.h.Table(p.to)
	}
	for _, p := range pairs {
		s.rename(p.from, p.to, before[p.to])
	}
	for _, p := range pairs {
		part := Part{Database: p.to.Database, DDL: "RENAME TABLE " + p.text}
		for _, id := range []debezium.TableID{p.from, p.to} {
			if slices.ContainsFunc(pairs, func(p pair) bool { return p.to == id && id.Database == part.Database }) {
				part.Tables = append(part.Tables, id)
			}
		}
		if t, ok := s.h.Table(p.to); ok {
			part.Changes = []debezium.TableChange{{Type: "ALTER", ID: p.to, Previous: &p.from, Table: t}}
		}
		s.effect.Parts = append(s.effect.Parts, part)
	}
	groupTables(s.effect.Parts)
	return nil
}

// rename moves a table to another name, which replaced had before the statement. One that
// is not known, such as a view, is not known under that name either.
func (s *statement) rename(from, to debezium.TableID, replaced *debezium.Table) {
	h := s.h
	e := h.tables[h.key(from)]
	h.Drop(from)
	t := Touched{Table: to, Kind: Renamed, From: from}
	if h.opts.Captured(to) && !h.opts.Captured(from) {
		s.replace(&t, e, replaced)
	}
	s.touch(t)
	if e == nil || e.stale {
		h.Drop(to)
		return
	}
	moved := *e
	moved.id = to
	h.tables[h.key(to)] = &moved
}

// replace notes what a table that nobody captured brings under a captured name.
// The tools that change a table by copying it keep its rows, in the new form.
func (s *statement) replace(t *Touched, e *entry, old *debezium.Table) {
	if old == nil || !copyOf(t.From.Table, t.Table.Table) {
		t.Unlogged = append(t.Unlogged, fmt.Sprintf("the rows of %s, which is not captured, are its rows now", t.From))
		return
	}
	if e == nil {
		return
	}
	kept := make(map[string]bool)
	for i := range e.table.Columns {
		c := &e.table.Columns[i]
		origin, ok := e.origin[strings.ToLower(c.Name)]
		if !ok {
			origin = c.Name
		}
		before := old.Column(origin)
		if before == nil {
			t.Added = append(t.Added, t.added(c, e.perRow[strings.ToLower(c.Name)]))
			continue
		}
		kept[before.Name] = true
		if before.Name != c.Name {
			t.Columns = append(t.Columns, RenamedColumn{From: before.Name, To: c.Name})
		}
		if why := s.changes(before, &columnDef{col: *c}); why != "" {
			t.Unlogged = append(t.Unlogged, fmt.Sprintf("column %s: %s", c.Name, why))
		}
	}
	for i := range old.Columns {
		if name := old.Columns[i].Name; !kept[name] {
			t.Dropped = append(t.Dropped, name)
		}
	}
}

// added returns what the rows of a copied table have in a column that came with the copy.
func (t *Touched) added(c *debezium.Column, perRow bool) Added {
	a := Added{Column: c.Name, PerRow: perRow}
	if !perRow {
		a.Text, a.Null, a.PerRow = debezium.Fill(c)
	}
	if a.PerRow {
		t.Unlogged = append(t.Unlogged, fmt.Sprintf("column %s got a value per row", c.Name))
	}
	return a
}

// copyOf reports whether gh-ost, pt-online-schema-change, spirit, LHM or
// Facebook's OSC name a copy of the table so.
func copyOf(name, table string) bool {
	if trimmed := strings.TrimLeft(name, "_"); trimmed != name {
		return trimmed == table+"_gho" || trimmed == table+"_new" || trimmed == "osc_new_"+table
	}
	return name == "lhmn_"+table
}
