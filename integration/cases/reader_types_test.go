package cases

import (
	"strings"
	"testing"

	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/validate"
)

// BOOLEAN and REAL are names for TINYINT(1) and DOUBLE: a table that is made while
// the reader streams has the values, and the types, that a snapshot gives it.
func TestReader_SynonymsOfTypes(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		database := f.readerOnly()
		columns := " (id INT PRIMARY KEY, b BOOLEAN DEFAULT TRUE, r REAL, u REAL UNSIGNED NOT NULL DEFAULT 0.1)"
		f.exec("CREATE TABLE "+database+".read_first"+columns, "INSERT INTO "+database+".read_first VALUES (1, 2, 0.1, 16777217)")
		f.Tables = database + `\..*`
		f.ReaderFlags = nil // with schemas
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.exec("CREATE TABLE "+database+".streamed"+columns, "INSERT INTO "+database+".streamed VALUES (1, 2, 0.1, 16777217)")
		f.must(f.Reader.Stop())
		f.readToEnd()
		for _, table := range []string{database + ".read_first", database + ".streamed"} {
			events := f.events(table)
			if len(events) != 1 {
				t.Fatalf("%d events of %s", len(events), table)
			}
			if got, want := events[0].After, `{"id":1,"b":2,"r":0.1,"u":1.6777217E7}`; got != want {
				t.Errorf("%s has %s, want %s", table, got, want)
			}
		}
	})
}

// A snapshot has the server's text of an address, and the stream ours: a key of two
// texts would be two rows.
func TestReader_AddressesAsMariaDBPrintsThem(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		if f.kind != server.MariaDB {
			t.Logf("%s has no type for them", f.kind)
			return
		}
		database := f.readerOnly()
		addresses := []string{
			"::", "::1", "::1:0", "::1.2.3.4", "::1.2.0.0", "::ffff:1.2.3.4", "::ffff:0.0.0.0", "::fffe:1:2", "1::", "1:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:8",
			"1:0:3:4:5:6:7:8", "1:0:3:0:5:6:7:8", "1:0:3:0:0:6:7:8", "1:0:0:4:5:0:0:8", "2001:db8:0:1:1:1:1:1", "fe80::a00:27ff:fe4e:66a1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		}
		values := "('" + strings.Join(addresses, "'), ('") + "')"
		f.exec("CREATE TABLE "+database+".read_first (a INET6 PRIMARY KEY)", "CREATE TABLE "+database+".streamed (a INET6 PRIMARY KEY)",
			"INSERT INTO "+database+".read_first VALUES "+values)
		f.Tables = database + `\..*`
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.exec("INSERT INTO " + database + ".streamed VALUES " + values)
		f.must(f.Reader.Stop())
		f.readToEnd()
		read := make(map[string]bool)
		for _, e := range f.events(database + ".read_first") {
			read[validate.Field(e.After, "a")] = true
		}
		for _, e := range f.events(database + ".streamed") {
			if a := validate.Field(e.After, "a"); !read[a] {
				t.Errorf("the stream has %s, the snapshot never", a)
			}
		}
		if len(read) != len(addresses) {
			t.Errorf("%d addresses of %d were read", len(read), len(addresses))
		}
	})
}

// MariaDB adds a geometry that is NOT NULL to rows that have none, and keeps nothing in
// its place. They are read, by the snapshot and by the stream.
func TestReader_RowsOlderThanTheirGeometry(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		database := f.readerOnly()
		f.exec("CREATE TABLE "+database+".t (id INT PRIMARY KEY)", "INSERT INTO "+database+".t VALUES (1)")
		if _, err := f.db.ExecContext(t.Context(), "ALTER TABLE "+database+".t ADD p POINT NOT NULL"); err != nil {
			t.Logf("%s refuses it: %v", f.kind, err)
			return
		}
		f.Tables = database + `\..*`
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.exec("UPDATE " + database + ".t SET id = 2")
		f.must(f.Reader.Stop())
		f.readToEnd()
		const none = `"p":{"x":0.0,"y":0.0,"wkb":"AQcAAAAAAAAA","srid":null}`
		for _, e := range f.events(database + ".t") {
			if e.Op != "" && !strings.Contains(e.Before+e.After, none) {
				t.Errorf("%s has %s%s", e.Op, e.Before, e.After)
			}
		}
	})
}

// With NO_BACKSLASH_ESCAPES a backslash is a character of a label, and the binlog says so of
// the statement alone where it has no metadata of rows.
func TestReader_BackslashesThatEscapeNothing(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		f.own("--binlog-row-metadata=MINIMAL")
		f.Tables = `d\..*`
		f.ReaderFlags = []string{"--no-schemas-enable"}
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		session, err := f.db.Conn(t.Context())
		f.must(err)
		defer session.Close()
		for _, statement := range []string{
			"SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,STRICT_TRANS_TABLES'",
			`CREATE TABLE d."t" (id INT PRIMARY KEY, e ENUM('a\b', 'c\'), s SET('x\y', 'z'))`,
			`INSERT INTO d.t VALUES (1, 'a\b', 'x\y,z'), (2, 'c\', 'z')`,
			`ALTER TABLE d.t MODIFY "e" ENUM('a\b', 'c\', 'new\')`,
			`INSERT INTO d.t VALUES (3, 'new\', 'x\y')`,
			`UPDATE d.t SET s = 'x\y' WHERE id < 3`,
		} {
			_, err := session.ExecContext(t.Context(), statement)
			f.must(err)
		}
		f.drained("d.t")
	})
}
