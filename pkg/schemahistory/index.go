package schemahistory

import (
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// createUniqueIndex follows CREATE UNIQUE INDEX. Debezium's record of it lacks
// the CREATE, and there is none if the table has a key.
func (s *statement) createUniqueIndex(from int) error {
	r := s.r
	r.accept("IF", "NOT", "EXISTS")
	name := r.i
	for !r.done() && !r.peek().Is("ON") {
		r.next()
	}
	between := r.toks[name:r.i]
	if err := r.expect("ON"); err != nil {
		return s.unnamed(err)
	}
	id, err := r.tableID(s.database)
	if err != nil {
		return s.unnamed(err)
	}
	id = s.h.stored(id)
	e := s.h.tables[s.h.key(id)]
	if e == nil || e.stale {
		s.missing(id)
		return nil
	}
	t := s.edit(e)
	toks := append([]mysql.Token{{Kind: mysql.TokenWord, Text: "UNIQUE", Start: r.toks[from].Start, End: r.toks[from].End}}, between...)
	ix, _, err := s.h.indexDefinition(&reader{src: r.src, toks: append(toks, r.toks[r.i:]...)})
	if err == nil && ix.columns != nil {
		t.added = append(t.added, candidate{index: ix})
	}
	if err != nil {
		return s.unread(id, err)
	}
	keyless := len(e.table.PrimaryKey) == 0
	if err := s.put(&t); err != nil {
		return err
	}
	if keyless && len(t.table.PrimaryKey) > 0 {
		s.effect.Parts = append(s.effect.Parts, Part{
			Database: id.Database, DDL: r.source(from, len(r.toks)), Tables: []debezium.TableID{id},
			Changes: []debezium.TableChange{{Type: "ALTER", ID: id, Table: t.table}},
		})
		return nil
	}
	s.other()
	return nil
}

// dropIndex follows DROP INDEX, which takes the key away if the index stood in for it.
func (s *statement) dropIndex() error {
	r := s.r
	r.accept("IF", "EXISTS")
	name, err := r.name()
	if err == nil {
		err = r.expect("ON")
	}
	if err != nil {
		return s.unnamed(err)
	}
	id, err := r.tableID(s.database)
	if err != nil {
		return s.unnamed(err)
	}
	id = s.h.stored(id)
	e := s.h.tables[s.h.key(id)]
	if e == nil || e.stale {
		s.missing(id)
		return nil
	}
	t := s.edit(e)
	if name == "PRIMARY" {
		t.table.PrimaryKey, t.promote = nil, ""
	}
	t.dropIndex(name)
	if err := s.put(&t); err != nil {
		return err
	}
	if len(t.table.PrimaryKey) == len(e.table.PrimaryKey) {
		s.other()
		return nil
	}
	s.part(id.Database, []debezium.TableID{id}, debezium.TableChange{Type: "ALTER", ID: id, Table: t.table})
	return nil
}

// put puts an edited table in place.
func (s *statement) put(t *tableEditor) error {
	e, err := t.finish()
	if err != nil {
		return s.unread(t.id, err)
	}
	s.h.tables[s.h.key(t.id)] = e
	s.touch(Touched{Table: t.id, Kind: Altered})
	return nil
}

// missing follows a change of a table that is not known.
func (s *statement) missing(id debezium.TableID) {
	s.touch(Touched{Table: id, Kind: Altered})
	s.other()
}
