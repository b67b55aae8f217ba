package schemahistory

import (
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

var errQuery = errors.New("its columns come from a query, whose types the statement does not say")

// ParseCreateTable reads what SHOW CREATE TABLE printed. o.Charset is the
// default character set of the database.
func ParseCreateTable(database, sql string, o Options) (debezium.TableID, *debezium.Table, error) {
	o.Captured = nil // whatever it is, it must be understood
	h := New(o)
	changes, _, err := h.Apply(database, sql, StatementContext{})
	if err != nil {
		return debezium.TableID{}, nil, err
	}
	if len(changes) != 1 || changes[0].Type != "CREATE" {
		return debezium.TableID{}, nil, fmt.Errorf("read definition of a table in %s: not a CREATE TABLE statement", database)
	}
	return changes[0].ID, changes[0].Table, nil
}

// createTable follows CREATE TABLE after those words.
func (s *statement) createTable(replace bool) error {
	r := s.r
	keep := r.accept("IF", "NOT", "EXISTS")
	id, err := r.tableID(s.database)
	if err != nil {
		return s.unnamed(err)
	}
	id = s.h.stored(id)
	old := s.h.tables[s.h.key(id)]
	if keep && !replace && old != nil {
		s.other()
		return nil
	}
	e, err := s.newTable(id)
	if err != nil {
		s.touch(Touched{Table: id, Kind: Created})
		return s.unread(id, err)
	}
	if replace && old != nil {
		s.touch(Touched{Table: id, Kind: Dropped})
	}
	s.h.tables[s.h.key(id)] = e
	s.touch(Touched{Table: id, Kind: Created, Cascades: s.cascades, Versioned: s.versioned})
	s.part(id.Database, []debezium.TableID{id}, debezium.TableChange{Type: "CREATE", ID: id, Table: e.table})
	return nil
}

// newTable reads the definition of a new table.
func (s *statement) newTable(id debezium.TableID) (*entry, error) {
	r := s.r
	if r.accept("LIKE") || r.accept("(", "LIKE") {
		return s.like(id)
	}
	t := &tableEditor{s: s, id: id, table: &debezium.Table{}, creating: true}
	if r.peek().Is("(") && !r.at(1).Is("SELECT") {
		body, err := r.inner()
		if err != nil {
			return nil, err
		}
		for _, item := range body.split() {
			if err := t.item(item); err != nil {
				return nil, err
			}
		}
	}
	o := r.options()
	if o.query {
		return nil, errQuery
	}
	s.versioned = s.versioned || o.versioned
	if len(t.table.Columns) == 0 {
		return nil, errors.New("it has no columns")
	}
	if o.comment != nil && s.h.opts.Comments {
		t.table.Comment = s.h.opts.comment(*o.comment)
	}
	t.table.DefaultCharset = o.charset
	if o.charset == "" || o.charset == "default" {
		t.table.DefaultCharset = s.databaseCharset(id.Database)
	}
	return t.finish()
}

func (s *statement) like(id debezium.TableID) (*entry, error) {
	from, err := s.r.tableID(s.database)
	if err != nil {
		return nil, err
	}
	e := s.h.tables[s.h.key(from)]
	if e == nil || e.stale {
		return nil, fmt.Errorf("copy %s: %w", from, errUnknownTable)
	}
	c := *e
	c.id, c.origin = id, nil
	return &c, nil
}

// item reads one element of a table's body: a column or a key.
func (t *tableEditor) item(r *reader) error {
	if isConstraint(r) {
		return t.constraint(r)
	}
	if r.accept("PERIOD", "FOR") {
		return t.period(r)
	}
	name, err := r.columnName()
	if err != nil {
		return err
	}
	d, err := t.s.h.columnDef(r, name)
	if err != nil {
		return err
	}
	return t.add(d)
}

// isConstraint reports whether a key or a constraint follows, not a column.
func isConstraint(r *reader) bool {
	t := r.peek()
	switch {
	case t.Is("VECTOR"):
		return r.at(1).Is("INDEX") || r.at(1).Is("KEY")
	case t.Is("PRIMARY"), t.Is("UNIQUE"), t.Is("INDEX"), t.Is("KEY"), t.Is("FULLTEXT"), t.Is("SPATIAL"), t.Is("CONSTRAINT"), t.Is("FOREIGN"):
		return true
	case t.Is("CHECK"):
		return r.at(1).Is("(")
	}
	return false
}

// constraint reads a key. Only primary and unique keys show in the model.
func (t *tableEditor) constraint(r *reader) error {
	from, name := r.i, "without a name"
	if r.accept("CONSTRAINT") && !r.peek().Is("PRIMARY") && !r.peek().Is("UNIQUE") && !r.peek().Is("FOREIGN") && !r.peek().Is("CHECK") {
		name = r.next().Text
	}
	if r.peek().Is("FOREIGN") && r.cascades() {
		t.s.cascades = append(t.s.cascades, name)
	}
	if !r.peek().Is("PRIMARY") && !r.peek().Is("UNIQUE") {
		return nil
	}
	unique := r.peek().Is("UNIQUE")
	r.i = from
	ix, primary, err := t.s.h.indexDefinition(r)
	if unique && errors.Is(err, errPeriodKey) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case ix.columns == nil: // over expressions
	case primary:
		t.primary = ix.columns
	default:
		t.added = append(t.added, candidate{index: ix})
	}
	return nil
}

// cascades reports whether a foreign key changes the rows that refer to one that is changed.
func (r *reader) cascades() bool {
	for i := r.i; i < len(r.toks); i++ {
		probe := &reader{src: r.src, toks: r.toks, i: i}
		if (probe.accept("ON", "DELETE") || probe.accept("ON", "UPDATE")) &&
			(probe.accept("CASCADE") || probe.accept("SET", "NULL") || probe.accept("SET", "DEFAULT")) {
			return true
		}
	}
	return false
}

// period reads MariaDB's PERIOD FOR name (start, end), which makes both columns NOT NULL.
func (t *tableEditor) period(r *reader) error {
	if _, err := r.name(); err != nil {
		return err
	}
	in, err := r.inner()
	if err != nil {
		return err
	}
	for _, part := range in.split() {
		name, err := part.name()
		if err != nil {
			return err
		}
		t.notNull = append(t.notNull, name)
	}
	return nil
}
