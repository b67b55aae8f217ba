// Package schemahistory knows each table's definition at the position being
// read. It replays the DDL of the binlog over the definitions that SHOW CREATE
// TABLE gave, says what a statement means for the rows, and checks itself
// against the metadata of the binlog's table maps where the server writes it.
//
// The model is Debezium's, so that schema-change records, the internal history
// topic and the schemas of rows agree with it. Where the history is stored,
// and what happens to a table whose rows changed unlogged, is the caller's.
package schemahistory

import (
	"slices"
	"strings"

	"vitess.io/vitess/go/vt/sqlparser"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// Options say how the server behaves and which tables matter.
type Options struct {
	// Charset is the server's default character set (character_set_server).
	Charset string
	// LowerCaseTableNames is the server's lower_case_table_names.
	LowerCaseTableNames int
	// MariaDB is set for a MariaDB server.
	MariaDB bool
	// Comments keeps the comments of tables and columns in the model, as Debezium's include.schema.comments.
	Comments bool
	// DebeziumExact has the first UNIQUE of a column stand in for a primary key even if the column may be NULL,
	// as in Debezium: rows then share the key null. And it keeps the synonyms BOOLEAN and REAL, which Debezium
	// reads as true or false and as 32 bits, until SHOW CREATE TABLE names the type: TINYINT(1) and DOUBLE.
	DebeziumExact bool
	// Captured says whether a table's rows are captured; nil captures all. Tables that are not captured are
	// followed as well (a rename may bring them in), but never fail a statement.
	Captured func(debezium.TableID) bool
}

// comment returns the comment that a literal stands for. Debezium leaves
// doubled quotes and escapes in it.
func (o *Options) comment(literal string) string {
	if o.DebeziumExact {
		return literal
	}
	return debezium.UnescapeDefault(literal)
}

// StatementContext is what a binlog QUERY event says about its statement.
type StatementContext struct {
	SQLMode mysql.SQLMode
	// ServerCharset is the session's server character set; "" is the one in Options.
	ServerCharset string
}

// History is the definition of every table at one position. It is not safe for
// concurrent use.
type History struct {
	opts      Options
	parser    *sqlparser.Parser
	charset   string
	databases map[string]string // database to default character set
	tables    map[debezium.TableID]*entry
}

// entry is one table. The table is never changed in place: those handed out stay as they are.
type entry struct {
	id      debezium.TableID
	table   *debezium.Table
	unique  []index           // the unique indexes that are known; those of a table set by SetTable are not
	promote string            // the unique index that stands in for a primary key, if known
	perRow  map[string]bool   // columns, in lower case, whose values old rows cannot get from the definition
	origin  map[string]string // column, in lower case, to its name when the table was created; "" was added since
	stale   bool              // a statement was not understood: only Reconcile or SetTable can repair it
}

// index is a unique index.
type index struct {
	name    string
	columns []string
}

// New returns an empty history.
func New(o Options) *History {
	// The version only decides which executable comments are read, and the lexer has opened them all.
	p, err := sqlparser.New(sqlparser.Options{MySQLServerVersion: "9.0.0"})
	if err != nil {
		panic(err) // the version above is well formed
	}
	if o.Captured == nil {
		o.Captured = func(debezium.TableID) bool { return true }
	}
	return &History{
		opts: o, parser: p, charset: strings.ToLower(o.Charset),
		databases: make(map[string]string), tables: make(map[debezium.TableID]*entry),
	}
}

// key is how the server compares the table's name.
func (h *History) key(id debezium.TableID) debezium.TableID {
	if h.opts.LowerCaseTableNames == 0 {
		return id
	}
	return debezium.TableID{Database: strings.ToLower(id.Database), Table: strings.ToLower(id.Table)}
}

// stored is how the server stores the table's name.
func (h *History) stored(id debezium.TableID) debezium.TableID {
	if h.opts.LowerCaseTableNames == 1 {
		return h.key(id)
	}
	return id
}

// Table returns the definition of a table. It must not be changed. It does not
// return definitions that a statement has made unknown.
func (h *History) Table(id debezium.TableID) (*debezium.Table, bool) {
	e := h.tables[h.key(id)]
	if e == nil || e.stale {
		return nil, false
	}
	return e.table, true
}

// SetTable replaces the definition of a table.
func (h *History) SetTable(id debezium.TableID, t *debezium.Table) {
	h.tables[h.key(id)] = &entry{id: h.stored(id), table: t}
}

// Drop forgets a table.
func (h *History) Drop(id debezium.TableID) { delete(h.tables, h.key(id)) }

// Tables returns every table that is known, by name.
func (h *History) Tables() []debezium.TableID {
	ids := make([]debezium.TableID, 0, len(h.tables))
	for _, e := range h.tables {
		ids = append(ids, e.id)
	}
	slices.SortFunc(ids, func(a, b debezium.TableID) int {
		if c := strings.Compare(a.Database, b.Database); c != 0 {
			return c
		}
		return strings.Compare(a.Table, b.Table)
	})
	return ids
}

// SetDatabaseCharset records a database's default character set.
func (h *History) SetDatabaseCharset(database, charset string) {
	h.databases[h.key(debezium.TableID{Database: database}).Database] = strings.ToLower(charset)
}

// DatabaseCharset returns a database's default character set, the server's if
// nothing is known of the database.
func (h *History) DatabaseCharset(database string) string {
	if cs := h.databases[h.key(debezium.TableID{Database: database}).Database]; cs != "" {
		return cs
	}
	return h.charset
}
