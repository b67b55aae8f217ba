package applier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/maintenance"
	"github.com/firn-cdc/firn/pkg/status"
)

// fill gives all rows of the source the value of a column that was added behind
// the others.
func (s *source) fill(value string) {
	for id := range s.rows {
		s.rows[id] = append(s.rows[id], value)
	}
}

// filled runs appliers until old rows have all of their values: one that ends with
// its topics may leave some to the next.
func (w *world) filled(change ...func(*setup)) {
	w.t.Helper()
	for w.t.Context().Err() == nil {
		must(w.t, w.run(change...))
		fills, err := maintenance.Fills(w.open("t"))
		must(w.t, err)
		if !slices.ContainsFunc(fills, func(f maintenance.Fill) bool { return !f.Done }) {
			return
		}
	}
}

// Old rows get a new column's value however often the process is killed between
// the table's creation and the first commit behind the statements.
func TestApplier_FillSurvivesKill(t *testing.T) {
	flush, upkeep := applier.Points()
	for _, point := range flush {
		t.Run("the first batch at "+string(point), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.table("t", 2)
			s.ddl("CREATE TABLE t", "CREATE", text("v"))
			for id := range int64(10) {
				w.send(s.put(id, "old"))
			}
			s.ddl("ALTER TABLE t ADD COLUMN status VARCHAR(50) NOT NULL DEFAULT 'new'", "ALTER", text("v"), text("status", "new"))
			s.fill("new")
			for id := int64(10); id < 15; id++ {
				w.send(s.put(id, "young", "set"))
			}
			w.killedAt(point, 1)
			w.filled()
			s.holds()
		})
	}
	for _, point := range append(flush, upkeep...) {
		if point == applier.AfterExpire {
			continue // hours later
		}
		t.Run("an added and renamed column at "+string(point), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.table("t", 2)
			s.ddl("CREATE TABLE t", "CREATE", text("v"))
			for id := range int64(10) {
				w.send(s.put(id, "old"))
			}
			must(t, w.run())
			late := []*kgo.Record{s.put(20, "late"), s.put(3, "late")}
			s.ddl("ALTER TABLE t ADD COLUMN status VARCHAR(50) NOT NULL DEFAULT 'new'", "ALTER", text("v"), text("status", "new"))
			s.fill("new")
			s.ddl("ALTER TABLE t RENAME COLUMN status TO state", "ALTER", text("v"), text("state", "new"))
			w.send(late...)
			w.send(s.put(30, "young", "set"))
			w.killedAt(point, 1)
			w.filled()
			s.holds()
		})
	}
}

// A fill belongs to a column, not to a name.
func TestApplier_FillAndRename(t *testing.T) {
	t.Run("a table is made from what its topic has had for long", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.ddl("CREATE TABLE t", "CREATE", text("v"))
		w.send(s.put(1, "old"))
		s.ddl("ALTER TABLE t ADD COLUMN a VARCHAR(50) NOT NULL DEFAULT 'A'", "ALTER", text("v"), text("a", "A"))
		s.fill("A")
		w.send(s.put(2, "young", "set"))
		s.ddl("ALTER TABLE t RENAME COLUMN a TO b", "ALTER", text("v"), text("b", "A"))
		w.send(s.put(3, "younger", "too"))
		w.filled()
		s.holds()
	})
	t.Run("another column comes to have the name", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.ddl("CREATE TABLE t", "CREATE", text("v"))
		w.send(s.put(1, "old"))
		must(t, w.run())
		late := []*kgo.Record{s.put(2, "late"), s.put(3, "late")}
		s.ddl("ALTER TABLE t ADD COLUMN a VARCHAR(50) NOT NULL DEFAULT 'first'", "ALTER", text("v"), text("a", "first"))
		s.fill("first")
		w.send(late[0])
		must(t, w.run())
		s.ddl("ALTER TABLE t RENAME COLUMN a TO b", "ALTER", text("v"), text("b", "first"))
		s.ddl("ALTER TABLE t ADD COLUMN a VARCHAR(50) NOT NULL DEFAULT 'second'", "ALTER", text("v"), text("b", "first"), text("a", "second"))
		s.fill("second")
		w.send(late[1])
		w.filled()
		s.holds()
	})
	t.Run("in one statement", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.ddl("CREATE TABLE t", "CREATE", text("v"), text("a"))
		w.send(s.put(1, "old", "A"))
		must(t, w.run())
		late := s.put(2, "late", "A")
		s.ddl("ALTER TABLE t RENAME COLUMN a TO b, ADD COLUMN a VARCHAR(50) NOT NULL DEFAULT 'second'", "ALTER", text("v"), text("b"), text("a", "second"))
		s.fill("second")
		w.send(late)
		w.filled()
		s.holds()
	})
	t.Run("a dropped column's name goes to another one", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.ddl("CREATE TABLE t", "CREATE", text("v"), text("a"), text("b"))
		w.send(s.put(1, "old", "A", "B"))
		drop := func(s *setup) { s.change = func(c *applier.Config) { c.DropColumns = true } }
		must(t, w.run(drop))
		s.ddl("ALTER TABLE t DROP COLUMN b, RENAME COLUMN a TO b, ADD COLUMN a VARCHAR(50) NOT NULL DEFAULT 'new'", "ALTER", text("v"), text("b"), text("a", "new"))
		s.rows[1] = []string{"old", "A", "new"}
		w.filled(drop)
		s.holds()
	})
	t.Run("one statement drops a column and adds another one of its name", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.ddl("CREATE TABLE t", "CREATE", text("v"), text("a"), text("primary"))
		w.send(s.put(1, "old", "A", "P"))
		drop := func(s *setup) { s.change = func(c *applier.Config) { c.DropColumns = true } }
		must(t, w.run(drop))
		s.ddl("ALTER TABLE t DROP PRIMARY KEY, DROP a, ADD a VARCHAR(50) NOT NULL DEFAULT 'new', ADD PRIMARY KEY (id)", "ALTER", text("v"), text("primary"), text("a", "new"))
		s.rows[1] = []string{"old", "P", "new"}
		w.filled(drop)
		s.holds()
	})
	t.Run("several shards, each with its own place in the schema changes", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 4)
		s.ddl("CREATE TABLE t", "CREATE", text("v"))
		several := func(s *setup) { s.shards = 4 }
		for id := range int64(40) {
			w.send(s.put(id, "old"))
		}
		must(t, w.run(several))
		for round := range 3 {
			name := fmt.Sprint("c", round)
			columns := s.columnsNow()
			late := []*kgo.Record{}
			for id := range int64(8) {
				late = append(late, s.put(id, append([]string{fmt.Sprint("late ", round)}, s.rows[id][1:]...)...))
			}
			s.ddl("ALTER TABLE t ADD COLUMN "+name+" VARCHAR(50) NOT NULL DEFAULT 'x'", "ALTER", append(columns, text(name, "x"))...)
			s.fill("x")
			columns = append(columns, text(name+"r", "x"))
			s.ddl("ALTER TABLE t RENAME COLUMN "+name+" TO "+name+"r", "ALTER", columns...)
			w.send(late...)
			w.filled(several)
			s.holds()
		}
	})
}

// A column whose old rows have a value each is named by the status page until the
// table is emptied after the statement, whatever process shows it.
func TestApplier_UnknownValues(t *testing.T) {
	generated := text("c")
	generated.Generated, generated.Optional = true, true
	numbered := text("c") // of a type that the test can write
	numbered.AutoIncremented, numbered.Generated = true, true
	for name, column := range map[string]debezium.Column{
		"VARCHAR(50) DEFAULT (UUID())": text("c"), "DECIMAL(10,2) COMMENT 'a, b' DEFAULT (RAND())": text("c"),
		"VARCHAR(50) AS (v)": generated, "INT AUTO_INCREMENT": numbered,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.table("t", 2)
			says := func() string {
				t.Helper()
				board := status.NewBoard("test")
				said := ""
				w.send(s.put(2, "young", "1")) // for a commit to look at the page in
				must(t, w.run(func(s *setup) {
					s.change = func(c *applier.Config) { c.Status = board }
					s.at = func(p applier.Point) {
						for _, table := range board.Page().Tables {
							if p == applier.AfterIndex {
								said = table.NeedsSnapshot
							}
						}
					}
				}))
				return said
			}
			s.ddl("CREATE TABLE t", "CREATE", text("v"))
			w.send(s.put(1, "old"))
			must(t, w.run())
			truncate := s.truncate() // before the statement, and read after it
			s.ddl("ALTER TABLE t ADD COLUMN c "+name, "ALTER", text("v"), column)
			w.send(truncate...)
			for range 2 {
				if said := says(); !strings.Contains(said, "values of c in old rows") {
					t.Errorf("status says %q", said)
				}
			}
			w.send(s.truncate()...)
			must(t, w.run())
			if said := says(); said != "" {
				t.Errorf("status says %q of an empty table", said)
			}
		})
	}
}

// columnsNow returns the source's columns as ddl takes them.
func (s *source) columnsNow() (columns []debezium.Column) {
	for _, name := range s.names {
		columns = append(columns, text(name))
	}
	return columns
}
