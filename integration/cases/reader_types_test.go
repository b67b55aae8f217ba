package cases

import (
	"testing"
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
