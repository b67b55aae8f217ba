package cases

import (
	"testing"

	"github.com/firn-cdc/firn/integration/server"
)

// What has a name and is no table, a view or a sequence, may be renamed; and a table may have a
// column that no statement names, the hash of a key over long text. The reader goes on, whatever
// the binlog says of tables.
func TestReader_WhatIsNoTable(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		least := "MINIMAL"
		if f.kind == server.MariaDB {
			least = "NO_LOG"
		}
		for _, metadata := range []string{least, "FULL"} {
			t.Run(metadata, func(t *testing.T) { newFixture(t, f.kind).noTables(metadata) })
		}
	})
}

func (f *fixture) noTables(metadata string) {
	f.own("--binlog-row-metadata=" + metadata)
	f.Tables = `d\..*`
	f.ReaderFlags = []string{"--no-schemas-enable"}
	f.exec("CREATE TABLE d.t (id INT PRIMARY KEY)", "CREATE VIEW d.v AS SELECT * FROM d.t")
	if f.kind == server.MariaDB {
		f.exec("CREATE TABLE d.h (v TEXT NOT NULL, n INT, UNIQUE (v))", "INSERT INTO d.h VALUES ('a', 1)", "CREATE SEQUENCE d.s")
	}
	f.must(f.StartReader(f.t.Context()))
	f.must(f.Reader.Ready(f.t.Context()))
	f.exec("RENAME TABLE d.v TO d.w", "INSERT INTO d.t VALUES (1)")
	if f.kind == server.MariaDB {
		f.exec("INSERT INTO d.h VALUES ('b', 2), ('c', 3)", "UPDATE d.h SET n = 4 WHERE n = 1", "DELETE FROM d.h WHERE n = 2")
		f.exec("RENAME TABLE d.s TO d.q", "DO NEXTVAL(d.q)", "ALTER TABLE d.q COMMENT 'x'", "ALTER TABLE d.q RENAME TO d.r", "DO NEXTVAL(d.r)", "INSERT INTO d.t VALUES (2)")
	}
	f.drained("d.t")
	if f.kind == server.MariaDB {
		f.drained("d.h")
		for _, name := range []string{"d.s", "d.q", "d.r"} {
			if n := len(f.events(name)); n > 0 {
				f.t.Errorf("%d records are of the sequence %s", n, name)
			}
		}
	}
}
