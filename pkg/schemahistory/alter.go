package schemahistory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitess.io/vitess/go/vt/sqlparser"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// alteration is one ALTER TABLE in the making.
type alteration struct {
	tableEditor
	touched Touched
	rename  *debezium.TableID
	other   *Touched // a table whose rows were exchanged for the table's
	charset string   // of CONVERT TO, for every character column
	list    bool     // what follows goes on with a list of partitions or of columns to order by
}

// alterTable follows ALTER TABLE after those words.
func (s *statement) alterTable() error {
	r, h := s.r, s.h
	ifExists := r.accept("IF", "EXISTS")
	id, err := r.tableID(s.database)
	if err != nil {
		return s.unnamed(err)
	}
	id = h.stored(id)
	if r.accept("WAIT") {
		r.next()
	}
	r.accept("NOWAIT")
	e := h.tables[h.key(id)]
	if e == nil && ifExists {
		s.other()
		return nil
	}
	if e == nil || e.stale {
		s.alterUnknown(id)
		return nil
	}
	a := &alteration{tableEditor: s.edit(e)}
	a.touched = Touched{Table: id, Kind: Altered}
	for _, clause := range r.split() {
		if a.list {
			break
		}
		if err := a.clause(clause); err != nil {
			s.touch(a.touched)
			return s.unread(id, err)
		}
	}
	if err := a.done(); err != nil {
		s.touch(a.touched)
		return s.unread(id, err)
	}
	return nil
}

// alterUnknown follows ALTER TABLE of a table that is not known, or of a sequence.
func (s *statement) alterUnknown(id debezium.TableID) {
	s.touch(Touched{Table: id, Kind: Altered})
	for _, r := range s.r.split() {
		if !r.accept("RENAME") {
			continue
		}
		if !r.acceptAny("TO", "AS", "=") && (r.peek().Is("COLUMN") || r.peek().Is("INDEX") || r.peek().Is("KEY")) {
			continue
		}
		if to, err := r.tableID(s.database); err == nil {
			to = s.h.stored(to)
			s.h.Drop(id)
			s.h.Drop(to)
			s.touch(Touched{Table: to, Kind: Renamed, From: id})
			break
		}
	}
	s.other()
}

// edit begins a change of a table that is known.
func (s *statement) edit(e *entry) tableEditor {
	table := *e.table
	table.PrimaryKey = slices.Clone(table.PrimaryKey)
	table.Columns = slices.Clone(table.Columns)
	t := tableEditor{s: s, id: e.id, table: &table, unique: slices.Clone(e.unique), promote: e.promote, perRow: e.perRow, origin: e.origin}
	for i := range table.Columns {
		t.was = append(t.was, table.Columns[i].Name)
	}
	return t
}

// done puts the altered table in place.
func (a *alteration) done() error {
	s, h := a.s, a.s.h
	for i := range a.table.Columns {
		c := &a.table.Columns[i]
		switch {
		case a.charset == "" || !isText(c):
		case a.charset == charsetBinary:
			setCharset(c, a.charset)
		default:
			c.Charset = a.charset
		}
	}
	e, err := a.finish()
	if err != nil {
		return err
	}
	if len(e.table.Columns) == 0 {
		return errors.New("no column is left")
	}
	id := a.id
	h.tables[h.key(id)] = e
	a.touched.Cascades, a.touched.Versioned = s.cascades, s.versioned
	s.touch(a.touched)
	if a.other != nil {
		s.touch(*a.other)
	}
	if a.rename != nil {
		id = *a.rename
		replaced, _ := h.Table(id)
		s.rename(a.id, id, replaced)
	}
	s.part(id.Database, []debezium.TableID{id}, debezium.TableChange{Type: "ALTER", ID: id, Table: e.table})
	return nil
}

// clause follows one clause.
func (a *alteration) clause(r *reader) error {
	switch {
	case r.accept("ADD"):
		return a.addClause(r)
	case r.accept("MODIFY"):
		r.accept("COLUMN")
		return a.change(r, r.accept("IF", "EXISTS"), false)
	case r.accept("CHANGE"):
		r.accept("COLUMN")
		return a.change(r, r.accept("IF", "EXISTS"), true)
	case r.peek().Is("DROP"), r.peek().Is("RENAME"):
		if a.partitioning(r) {
			return nil
		}
		return a.grammar(r)
	case r.accept("ALTER"):
		return a.alterColumn(r)
	case a.partitioning(r):
		return nil
	case r.accept("CONVERT", "TO"):
		return a.convert(r)
	default:
		return a.option(r)
	}
}

// addClause follows ADD.
func (a *alteration) addClause(r *reader) error {
	column := r.accept("COLUMN")
	exists := r.accept("IF", "NOT", "EXISTS")
	switch {
	case r.peek().Is("("):
		in, err := r.inner()
		if err != nil {
			return err
		}
		for _, item := range in.split() {
			if isConstraint(item) {
				err = a.constraint(item)
			} else {
				err = a.addColumn(item, exists)
			}
			if err != nil {
				return err
			}
		}
		return nil
	case !column && isConstraint(r):
		return a.constraint(r)
	case !column && r.accept("PERIOD", "FOR"):
		return a.period(r)
	case !column && r.peek().Is("PARTITION"):
		return nil
	case !column && r.accept("SYSTEM", "VERSIONING"):
		a.s.versioned = true
		return nil
	}
	return a.addColumn(r, exists)
}

func (a *alteration) addColumn(r *reader, ifNotExists bool) error {
	name, err := r.columnName()
	if err != nil {
		return err
	}
	d, err := a.s.h.columnDef(r, name)
	if err != nil {
		return err
	}
	if ifNotExists && a.find(name) >= 0 {
		return nil
	}
	if err := a.add(d); err != nil {
		return err
	}
	added := Added{Column: name, PerRow: true}
	switch {
	case d.computed:
		a.unlogged("column %s is computed for the rows that exist", name)
	case d.perRow:
		a.unlogged("the default of column %s is an expression, evaluated for the rows that exist", name)
	case numbered(&d.col):
		a.unlogged("column %s numbers the rows that exist", name)
	case d.constant != nil:
		c := d.col
		c.Default = d.constant
		added.Text, added.Null, added.PerRow = debezium.Fill(&c)
	default:
		added.Text, added.Null, added.PerRow = debezium.Fill(&d.col)
		if added.Text == debezium.EventTime && !d.now { // written as a literal
			added.Text = *d.col.Default
		}
	}
	a.touched.Added = append(a.touched.Added, added)
	return nil
}

// change follows MODIFY, and CHANGE, which names the column twice.
func (a *alteration) change(r *reader, ifExists, rename bool) error {
	name, err := r.columnName()
	if err != nil {
		return err
	}
	to := name
	if rename {
		if to, err = r.columnName(); err != nil {
			return err
		}
	}
	at := a.find(name)
	if at < 0 {
		if ifExists {
			return nil
		}
		return fmt.Errorf("column %s is not known", name)
	}
	d, err := a.s.h.columnDef(r, to)
	if err != nil {
		return err
	}
	old := a.table.Columns[at]
	if to != old.Name {
		if err := a.renameColumn(old.Name, to); err != nil {
			return err
		}
	}
	if d.col.Charset == "" {
		setCharset(&d.col, a.table.DefaultCharset)
	}
	if why := a.s.changes(&old, d); why != "" {
		a.unlogged("column %s: %s", to, why)
	}
	inKey := slices.ContainsFunc(a.table.PrimaryKey, func(c string) bool { return strings.EqualFold(c, old.Name) })
	if inKey && a.promote == "" && !old.Optional { // a primary key stays NOT NULL unsaid
		require(&d.col)
	}
	a.table.Columns[at] = d.col
	a.noteValues(d)
	a.columnKey(d)
	return a.place(at, d)
}

func (a *alteration) renameColumn(from, to string) error {
	at := a.find(from)
	if at < 0 {
		return fmt.Errorf("column %s is not known", from)
	}
	a.table.Columns[at].Name = to
	a.touched.Columns = append(a.touched.Columns, RenamedColumn{From: a.was[at], To: to})
	return nil
}

// alterColumn follows ALTER [COLUMN], of which only the default shows.
func (a *alteration) alterColumn(r *reader) error {
	if r.peek().Is("INDEX") || r.peek().Is("KEY") || r.peek().Is("CHECK") || r.peek().Is("CONSTRAINT") {
		return nil
	}
	r.accept("COLUMN")
	ifExists := r.accept("IF", "EXISTS")
	name, err := r.columnName()
	if err != nil {
		return err
	}
	at := a.find(name)
	if at < 0 {
		if ifExists {
			return nil
		}
		return fmt.Errorf("column %s is not known", name)
	}
	c := &a.table.Columns[at]
	switch {
	case r.accept("SET", "DEFAULT"):
		d := columnDef{col: *c}
		if err := r.defaultValue(&d); err != nil {
			return err
		}
		c.Default, c.HasDefault = d.col.Default, true
	case r.accept("DROP", "DEFAULT"):
		c.Default, c.HasDefault = nil, c.Optional
	case r.accept("SET", "VISIBLE"), r.accept("SET", "INVISIBLE"):
	default:
		return r.unexpected("SET or DROP")
	}
	return nil
}

// grammar follows a clause that the grammar reads.
func (a *alteration) grammar(r *reader) error {
	ifExists := slices.ContainsFunc(r.toks, func(t mysql.Token) bool { return t.Is("EXISTS") })
	if r.accept("DROP") && (r.accept("PERIOD", "FOR") || r.accept("SYSTEM", "VERSIONING")) {
		return nil
	}
	r.i = 0
	option, err := a.s.h.clause(without(r, "IF", "EXISTS"))
	if err != nil {
		return err
	}
	switch o := option.(type) {
	case *sqlparser.DropColumn:
		return a.dropColumn(o.Name.Name.String(), ifExists)
	case *sqlparser.DropKey:
		a.dropKey(o)
	case *sqlparser.RenameColumn:
		return a.renameColumn(o.OldName.Name.String(), o.NewName.Name.String())
	case *sqlparser.RenameIndex:
		a.renameIndex(o.OldName.String(), o.NewName.String())
	case *sqlparser.RenameTableName:
		to := debezium.TableID{Database: o.Table.Qualifier.String(), Table: o.Table.Name.String()}
		if to.Database == "" {
			to.Database = a.s.database
		}
		to = a.s.h.stored(to)
		a.rename = &to
	default:
		return fmt.Errorf("clause is a %T", o)
	}
	return nil
}

func (a *alteration) dropColumn(name string, ifExists bool) error {
	at := a.find(name)
	if at < 0 {
		if ifExists {
			return nil
		}
		return fmt.Errorf("column %s is not known", name)
	}
	a.touched.Dropped = append(a.touched.Dropped, a.was[at])
	a.remove(at)
	return nil
}

func (a *alteration) dropKey(o *sqlparser.DropKey) {
	if o.Type == sqlparser.PrimaryKeyType {
		a.table.PrimaryKey, a.promote = nil, ""
		return
	}
	if o.Type == sqlparser.NormalKeyType || o.Type == sqlparser.ConstraintType {
		a.dropIndex(o.Name.String())
	}
}

func (a *alteration) renameIndex(from, to string) {
	for i := range a.unique {
		if strings.EqualFold(a.unique[i].name, from) {
			a.unique[i].name = to
		}
	}
	if a.promote != "" && strings.EqualFold(a.promote, from) {
		a.promote = to
	}
}
