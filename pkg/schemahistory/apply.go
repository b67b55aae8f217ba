package schemahistory

import (
	"errors"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

var errUnknownTable = errors.New("its definition is not known")

// statement is one statement being applied.
type statement struct {
	h        *History
	r        *reader
	database string // the default database
	ctx      StatementContext
	effect   Effect

	cascades  []string // Touched.Cascades of the table that it makes or alters
	versioned bool     // Touched.Versioned of that
}

// Apply follows one statement, executed with database as the default database.
// It returns the changes of all tables' definitions, in order. A statement that
// cannot be understood is an [UnknownDDLError] if it reaches a captured table,
// and makes any other table unknown.
func (h *History) Apply(database, ddl string, ctx StatementContext) ([]debezium.TableChange, Effect, error) {
	lex := mysql.NewLexer(ddl, ctx.SQLMode, h.opts.MariaDB)
	lex.BehindSet()
	toks, err := lex.All()
	if err != nil {
		if id, ok := h.mentioned(ddl); ok {
			return nil, Effect{}, h.unknown(id, ddl, err)
		}
		return nil, Effect{Ignored: true, Unread: err, Unfollowed: true, Parts: []Part{{Database: database, DDL: ddl, Other: true}}}, nil
	}
	if ctx.SQLMode&mysql.NoBackslashEscapes != 0 && !h.opts.DebeziumExact { // Debezium takes no notice of it
		escapeBackslashes(toks)
	}
	for len(toks) > 0 && toks[len(toks)-1].Is(";") {
		toks = toks[:len(toks)-1]
	}
	s := &statement{h: h, r: &reader{src: ddl, toks: toks}, database: database, ctx: ctx}
	if err := s.run(); err != nil {
		return nil, Effect{}, err
	}
	var changes []debezium.TableChange
	for _, p := range s.effect.Parts {
		changes = append(changes, p.Changes...)
	}
	s.effect.Ignored = len(s.effect.Touched) == 0 && (len(s.effect.Parts) == 0 || s.effect.Unfollowed)
	return changes, s.effect, nil
}

// escapeBackslashes writes strings whose backslashes are characters as the model has them, where they escape.
func escapeBackslashes(toks []mysql.Token) {
	for i := range toks {
		if t := &toks[i]; t.Kind == mysql.TokenText {
			t.Text = strings.ReplaceAll(t.Text, `\`, `\\`)
		}
	}
}

// mentioned returns a captured table whose name occurs in the statement.
func (h *History) mentioned(ddl string) (debezium.TableID, bool) {
	ddl = strings.ToLower(ddl)
	for _, id := range h.Tables() {
		if h.opts.Captured(id) && hasWord(ddl, strings.ToLower(id.Table)) {
			return id, true
		}
	}
	return debezium.TableID{}, false
}

// hasWord reports whether w occurs in s other than inside a longer word.
func hasWord(s, w string) bool {
	for from := 0; ; from++ {
		i := strings.Index(s[from:], w)
		if i < 0 {
			return false
		}
		from += i
		after := from + len(w)
		if (from == 0 || !mysql.InWord(s[from-1])) && (after == len(s) || !mysql.InWord(s[after])) {
			return true
		}
	}
}

func (h *History) unknown(id debezium.TableID, ddl string, err error) error {
	if e := h.tables[h.key(id)]; e != nil {
		e.stale = true
	}
	return &UnknownDDLError{Table: id, Statement: ddl, Err: err}
}

// fail ends a statement on a table that could not be understood.
func (s *statement) fail(id debezium.TableID, err error) error {
	if s.h.opts.Captured(id) {
		return s.h.unknown(id, s.r.src, err)
	}
	s.h.Drop(id)
	return nil
}

// unread ends a statement that changes one table and could not be understood.
// What Debezium makes of it is a record without the table's new definition.
func (s *statement) unread(id debezium.TableID, err error) error {
	s.effect.Unread = err
	s.part(id.Database, []debezium.TableID{id})
	return s.fail(id, err)
}

// unnamed ends a statement whose table could not be read.
func (s *statement) unnamed(err error) error {
	if id, ok := s.h.mentioned(s.r.src); ok {
		return s.h.unknown(id, s.r.src, err)
	}
	s.effect.Unread, s.effect.Unfollowed = err, true
	s.other()
	return nil
}

// run follows the statement. One that does nothing to tables' definitions is a
// record even so, unless Debezium leaves it out.
func (s *statement) run() error {
	err := s.follow()
	if e := &s.effect; err == nil && len(e.Touched) == 0 && len(e.Parts) == 0 && !s.leftOut() {
		e.Unfollowed = true
		s.other()
	}
	return err
}

func (s *statement) follow() error {
	r := s.r
	switch {
	case r.accept("CREATE"):
		return s.create()
	case r.accept("ALTER"):
		r.accept("ONLINE")
		r.accept("IGNORE")
		switch {
		case r.accept("TABLE"):
			return s.alterTable()
		case r.acceptAny("DATABASE", "SCHEMA"):
			s.setDatabase()
		}
	case r.accept("DROP"):
		return s.drop()
	case r.accept("RENAME", "TABLE"), r.accept("RENAME", "TABLES"):
		return s.renameTables()
	case r.accept("TRUNCATE"):
		r.accept("TABLE")
		return s.truncate()
	case r.accept("SET"):
		s.setVariables()
	case r.accept("UNIQUE", "INDEX"): // as Debezium's history has it
		return s.createUniqueIndex(0)
	case r.accept("USE"):
		if db, err := r.name(); err == nil {
			s.part(db, nil)
		}
	}
	return nil
}

func (s *statement) create() error {
	r := s.r
	replace := r.accept("OR", "REPLACE")
	switch {
	case r.accept("TABLE"):
		return s.createTable(replace)
	case r.acceptAny("DATABASE", "SCHEMA"):
		if t := r.peek(); replace && t.IsName() { // MariaDB
			s.forgetDatabase(t.Text)
		}
		s.setDatabase()
		return nil
	}
	from := r.i
	r.acceptAny("ONLINE", "OFFLINE")
	unique := r.accept("UNIQUE")
	if r.accept("INDEX") && unique {
		return s.createUniqueIndex(from)
	}
	return nil
}

func (s *statement) drop() error {
	r := s.r
	switch {
	case r.acceptAny("TABLE", "TABLES"):
		return s.dropTables()
	case r.acceptAny("DATABASE", "SCHEMA"):
		r.accept("IF", "EXISTS")
		if db, err := r.name(); err == nil {
			s.dropDatabase(db)
		}
	case r.accept("INDEX"):
		return s.dropIndex()
	}
	return nil
}

func (s *statement) truncate() error {
	id, err := s.r.tableID(s.database)
	if err != nil {
		return s.unnamed(err)
	}
	s.touch(Touched{Table: s.h.stored(id), Kind: Truncated})
	return nil
}

// touch notes a table's effect.
func (s *statement) touch(t Touched) {
	t.Captured = s.h.opts.Captured(t.Table) || t.From.Table != "" && s.h.opts.Captured(t.From)
	s.effect.Touched = append(s.effect.Touched, t)
}

// part notes a schema-change record with the statement's own text.
func (s *statement) part(database string, tables []debezium.TableID, changes ...debezium.TableChange) {
	s.effect.Parts = append(s.effect.Parts, Part{
		Database: database, DDL: s.r.source(0, len(s.r.toks)), Tables: tables, Changes: changes,
	})
}

// other notes a record of a statement that changes no table and no database.
func (s *statement) other() {
	s.part(s.database, nil)
	s.effect.Parts[len(s.effect.Parts)-1].Other = true
}

// dropTables follows DROP TABLE, of which Debezium makes a record per table.
func (s *statement) dropTables() error {
	prefix := "DROP TABLE "
	if s.r.accept("IF", "EXISTS") {
		prefix += "IF EXISTS "
	}
	ids, err := s.r.tableIDs(s.database)
	if err != nil {
		return s.unnamed(err)
	}
	for i := range ids {
		ids[i] = s.h.stored(ids[i])
	}
	for _, id := range ids {
		s.h.Drop(id)
		s.touch(Touched{Table: id, Kind: Dropped})
		s.effect.Parts = append(s.effect.Parts, Part{
			Database: id.Database, DDL: prefix + quote(id.Database) + "." + quote(id.Table), Tables: []debezium.TableID{id},
			Changes: []debezium.TableChange{{Type: "DROP", ID: id}},
		})
	}
	groupTables(s.effect.Parts)
	return nil
}

// groupTables gives parts that follow each other and are of one database the
// tables of all of them.
func groupTables(parts []Part) {
	for from := 0; from < len(parts); {
		to := from + 1
		tables := slices.Clone(parts[from].Tables)
		for ; to < len(parts) && parts[to].Database == parts[from].Database; to++ {
			for _, id := range parts[to].Tables {
				if !slices.Contains(tables, id) {
					tables = append(tables, id)
				}
			}
		}
		for ; from < to; from++ {
			parts[from].Tables = tables
		}
	}
}
