package cases

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/validate"
	"github.com/firn-cdc/firn/integration/workload"
)

// readerOnly readies a fixture for a reader without an applier: a database of
// the test's own.
func (f *fixture) readerOnly() (database string) {
	f.t.Helper()
	database = strings.ToLower(strings.NewReplacer("/", "_", "-", "_").Replace(f.t.Name()))
	database = database[max(0, len(database)-60):]
	f.exec("DROP DATABASE IF EXISTS "+database, "CREATE DATABASE "+database)
	f.ReaderFlags = []string{"--no-schemas-enable", "--snapshot-chunk-rows=200"}
	return database
}

// committed returns how many records of a topic count, control records included.
func (f *fixture) committed(table string) int {
	f.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(f.Broker))
	f.must(err)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(f.t.Context(), f.Prefix+"."+table)
	f.must(err)
	total := int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += max(o.Offset, 0) })
	return int(total)
}

// reading waits until so many records of a topic count.
func (f *fixture) reading(table string, n int) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	f.must(pipeline.Wait(ctx, 20*time.Millisecond, func() (bool, error) {
		return f.committed(table) >= n, f.alive()
	}))
}

// A transaction of any size needs no more memory than others. Killed in the
// middle of it, the reader goes on behind the rows that count.
func TestReader_KilledInABigTransaction(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		const rows = 200_000
		table := f.readerOnly() + ".big"
		w, err := workload.NewRecorded(t.Context(), f.db, table, 1, 10, 100)
		f.must(err)
		f.Tables = strings.ReplaceAll(table, ".", `\.`)
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.must(w.Big(t.Context(), rows))
		peak := 0
		for _, n := range []int{10_000, 60_000} {
			f.reading(table, n)
			peak = max(peak, f.peakMemory())
			f.must(f.Reader.Kill())
			if n := len(f.events(table)); n >= rows {
				t.Errorf("the kill came after all of %d records", n)
			}
			f.must(f.StartReader(t.Context()))
		}
		f.reading(table, rows)
		peak = max(peak, f.peakMemory())
		f.must(f.Reader.Stop())
		f.readToEnd()
		events := f.events(table)
		for guarantee, problems := range map[string][]string{
			"complete": validate.Complete(w.Changes(), events, workload.Version),
			"order":    validate.Order(w.Changes(), events, workload.Version),
			"once":     validate.Once(events),
		} {
			if len(problems) > 0 {
				t.Errorf("%s:\n%s", guarantee, strings.Join(problems, "\n"))
			}
		}
		t.Logf("peak memory %d MiB", peak)
		if peak > 200 {
			t.Errorf("the reader took %d MiB", peak)
		}
	})
}

// peakMemory returns the most MiB that the reader has taken.
func (f *fixture) peakMemory() int {
	f.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.Reader.PID()))
	f.must(err)
	for line := range strings.Lines(string(text)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.Fields(kib)[0])
			f.must(err)
			return n >> 10
		}
	}
	f.t.Fatal("no VmHWM in /proc")
	return 0
}

// Tables that are captured from a restart on are read while the others stream:
// one that the reader knew, one of another database, and one that was made while
// the reader was down, all of whose changes are in the stream.
func TestReader_TablesIncludedLater(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		const rows = 1000
		database := f.readerOnly()
		f.exec("DROP DATABASE IF EXISTS "+database+"_2", "CREATE DATABASE "+database+"_2")
		first := f.writers(database+".first", rows)
		known := f.writers(database+".known", rows)
		foreign := f.writers(database+"_2.foreign_table", rows)
		var group errgroup.Group
		writing, enough := context.WithCancel(t.Context())
		defer enough()
		for _, w := range []*writers{first, known, foreign} {
			group.Go(func() error { return until(writing, w.sweep) })
			group.Go(func() error { return until(writing, w.churn) })
		}
		f.Tables = database + `\.first`
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.must(f.Reader.Kill())

		// What happens here is before the position of the restart's end, and after that of the last stop.
		f.exec(
			"CREATE TABLE "+database+".made (id INT PRIMARY KEY)",
			"INSERT INTO "+database+".made VALUES (1), (2), (3)",
			"ALTER TABLE "+database+".made ADD COLUMN added_v BIGINT NOT NULL DEFAULT 7",
			"UPDATE "+database+".made SET added_v = 8",
			"DELETE FROM "+database+".made WHERE id = 3",
			"ALTER TABLE "+database+"_2.foreign_table ADD COLUMN added_w INT NOT NULL DEFAULT 5",
			"ALTER TABLE "+database+".known ADD COLUMN added_w INT NOT NULL DEFAULT 5",
		)
		f.Tables = database + `\.first,` + database + `\.known,` + database + `\.made,` + database + `_2\.foreign_table`
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.exec("ALTER TABLE " + database + "_2.foreign_table ADD COLUMN added_x INT NOT NULL DEFAULT 6")
		enough()
		f.must(group.Wait())
		for _, table := range []string{database + ".known", database + "_2.foreign_table"} { // so that all columns have been seen
			f.exec("UPDATE " + table + " SET v = -v")
		}
		f.drained(database + ".first")
		for _, table := range []string{database + ".known", database + "_2.foreign_table", database + ".made"} {
			f.judge(table, f.events(table))
		}
		made, err := pipeline.ReadTopic(t.Context(), f.Broker, f.Prefix+"."+database+".made")
		f.must(err)
		count, err := pipeline.Operations(made)
		f.must(err)
		if got, want := fmt.Sprint(count), "map[c:3 d:1 tombstone:1 u:3]"; got != want {
			t.Errorf("of the table that was made meanwhile there are %s, want %s", got, want)
		}
	})
}

// A table that is renamed into a captured name is read, and then followed. Of the
// table that had the name nothing is left.
func TestReader_RenamedIntoACapturedName(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		const rows = 1000
		database := f.readerOnly()
		w := f.writers(database+".t", rows)
		f.exec("CREATE TABLE "+database+"._t_new LIKE "+database+".t",
			"ALTER TABLE "+database+"._t_new ADD COLUMN w INT NOT NULL DEFAULT 3",
			"INSERT INTO "+database+"._t_new SELECT *, id FROM "+database+".t WHERE id % 10 > 0")
		f.Tables = database + `\.t`
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.exec("RENAME TABLE " + database + ".t TO " + database + "._t_old, " + database + "._t_new TO " + database + ".t")
		for i := range 100 {
			f.must(w.sweep(t.Context(), i))
		}
		f.drained(database + ".t")
	})
}

// What cascades to the children of a captured table is in the binlog of MySQL
// 9.6 and later, and so in Kafka.
func TestReader_CascadesThatAreLogged(t *testing.T) {
	kind := server.Kinds()[0]
	if kind != server.MySQL9 {
		t.Logf("%s logs none, and is refused", kind)
		return
	}
	f := newFixture(t, kind)
	database := f.readerOnly()
	f.exec("CREATE TABLE "+database+".parent (id INT PRIMARY KEY, v INT)",
		"CREATE TABLE "+database+".child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES "+database+".parent (id) ON DELETE CASCADE ON UPDATE CASCADE)",
		"INSERT INTO "+database+".parent VALUES (1, 1), (2, 2), (3, 3)", "INSERT INTO "+database+".child VALUES (10, 1), (11, 1), (20, 2), (30, 3)")
	f.Tables = database + `\..*`
	f.must(f.StartReader(t.Context()))
	f.must(f.Reader.Ready(t.Context()))
	f.exec("DELETE FROM "+database+".parent WHERE id = 1", "UPDATE "+database+".parent SET id = 4 WHERE id = 2")
	f.drained(database + ".child")
}

// A table that is dropped and made again begins again: what the old one had is
// gone from its topic's last values.
func TestReader_DroppedAndMadeAgain(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		database := f.readerOnly()
		table := database + ".t"
		f.exec("CREATE TABLE "+table+" (id INT PRIMARY KEY, v INT)", "INSERT INTO "+table+" VALUES (1, 1), (2, 2), (3, 3)")
		f.Tables = database + `\..*`
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.exec("DROP TABLE "+table, "CREATE TABLE "+table+" (id INT PRIMARY KEY, w VARCHAR(10))", "INSERT INTO "+table+" VALUES (2, 'two')")
		f.drained(table)
	})
}

// A table that is taken out of the lists and put back begins again: what happened
// in between is in its new snapshot, and what was deleted is gone.
func TestReader_TakenOutAndPutBack(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		database := f.readerOnly()
		table := database + ".t"
		f.exec("CREATE TABLE "+table+" (id INT PRIMARY KEY, v INT)", "INSERT INTO "+table+" VALUES (1, 1), (2, 2), (3, 3)",
			"CREATE TABLE "+database+".kept (id INT PRIMARY KEY)")
		f.Tables = database + `\..*`
		f.readToEnd()
		f.exec("INSERT INTO " + table + " VALUES (4, 4)")
		f.Tables = database + `\.kept`
		f.readToEnd()
		f.exec("DELETE FROM "+table+" WHERE id = 1", "UPDATE "+table+" SET v = 20 WHERE id = 2", "INSERT INTO "+database+".kept VALUES (1)")
		f.readToEnd()
		f.Tables = database + `\..*`
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.exec("UPDATE " + table + " SET v = 30 WHERE id = 3")
		f.drained(table)
		f.drained(database + ".kept")
	})
}

// A server on which nothing happens speaks every five seconds. Nobody waits for
// that: neither a snapshot, nor a change behind one of a table that is not captured.
func TestReader_IdleServer(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		const rows = 1000
		f.own()
		w := f.writers("d.t", rows)
		f.exec("CREATE TABLE d.other (id INT PRIMARY KEY)")
		f.Tables = `d\.t`
		f.ReaderFlags = []string{"--no-schemas-enable", "--snapshot-chunk-rows=200"}
		f.must(f.StartReader(t.Context()))
		begin := time.Now()
		f.must(f.Reader.Ready(t.Context()))
		ready := time.Since(begin)
		before := f.committed("d.t")
		f.must(w.sweep(t.Context(), 0))
		f.exec("INSERT INTO d.other VALUES (1)")
		begin = time.Now()
		f.reading("d.t", before+20)
		seen := time.Since(begin)
		t.Logf("ready after %s, a change seen after %s", ready, seen)
		if limit := 4 * time.Second; ready > limit || seen > limit {
			t.Errorf("more than %s", limit)
		}
	})
}

// A second reader of a prefix takes over: the first ends, and says why.
func TestReader_StartedTwice(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		const rows = 1000
		database := f.readerOnly()
		w := f.writers(database+".t", rows)
		f.Tables = database + `\.t`
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		first := f.Reader
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.must(w.sweep(t.Context(), 0)) // an idle reader has nothing to be refused
		select {
		case <-first.Exited():
		case <-time.After(patience):
			t.Fatal("the first reader goes on")
		}
		if code := first.ExitCode(); code != 1 {
			t.Errorf("the first reader ended with code %d", code)
		}
		if said := "another producer has taken over the transactional id"; !strings.Contains(first.Tail(), said) {
			t.Errorf("the first reader does not say %q:\n%s", said, first.Tail())
		}
		f.must(w.sweep(t.Context(), 1))
		f.must(f.alive())
		f.drained(database + ".t")
	})
}

// The lists of tables may change while the reader is stopped inside a transaction. What
// of it is published is counted in rows of captured tables: by the old lists.
func TestReader_OtherTablesInsideABigTransaction(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		for name, lists := range map[string][2]string{
			"fewer": {`\.(kept|beside)`, `\.kept`},
			"more":  {`\.kept`, `\.(kept|beside)`},
		} {
			t.Run(name, func(t *testing.T) {
				const rounds, at = 100, 500
				f := newFixture(t, f.kind)
				database := f.readerOnly()
				for _, table := range []string{".kept", ".beside"} {
					f.exec("CREATE TABLE " + database + table + " (id INT PRIMARY KEY, pad VARCHAR(100))")
				}
				f.Tables = database + lists[0]
				f.must(f.StartReader(t.Context()))
				f.must(f.Reader.Ready(t.Context()))
				tx, err := f.db.BeginTx(t.Context(), nil)
				f.must(err)
				for i := range rounds {
					for _, table := range []string{".beside", ".kept"} {
						_, err := tx.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO %s WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d) "+
							"SELECT i, REPEAT('x', 100) FROM n", database+table, i*at+1, (i+1)*at))
						f.must(err)
					}
				}
				f.must(tx.Commit())
				f.reading(database+".kept", 5000)
				f.must(f.Reader.Kill())
				if n := len(f.events(database + ".kept")); n >= rounds*at {
					t.Fatalf("the kill came after all of %d records", n)
				}
				f.Tables = database + lists[1]
				f.readToEnd()
				events := f.events(database + ".kept")
				if problems := validate.Once(events); len(problems) > 0 || len(events) != rounds*at {
					t.Errorf("%d records of %d rows, once:\n%s", len(events), rounds*at, strings.Join(problems, "\n"))
				}
				if name == "more" {
					f.sameAsSource(database + ".beside")
				}
			})
		}
	})
}
