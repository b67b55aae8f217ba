package cases

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/validate"
)

// writers change every row of a table over and over: they update it from end to
// end, delete rows and insert them again, and change keys to and fro. No version
// of a row is ever like another.
type writers struct {
	db      *sql.DB
	table   string
	rows    int
	version atomic.Int64
}

func (f *fixture) writers(table string, rows int) *writers {
	f.t.Helper()
	w := &writers{db: f.db, table: table, rows: rows}
	f.exec("CREATE TABLE " + table + " (id INT PRIMARY KEY, v BIGINT NOT NULL, pad VARCHAR(100))")
	const at = 1000
	for from := 1; from <= rows; from += at {
		values := make([]string, at)
		for i := range values {
			values[i] = fmt.Sprintf("(%d, %d, REPEAT('x', 20))", from+i, w.version.Add(1))
		}
		f.exec("INSERT INTO " + table + " VALUES " + strings.Join(values, ","))
	}
	return w
}

// resting adds rows that no writer changes, so that some are from the snapshot
// however busy the machine is.
func (f *fixture) resting(w *writers) {
	f.t.Helper()
	f.exec(fmt.Sprintf("INSERT INTO %[1]s SELECT id + %[2]d, v, pad FROM %[1]s WHERE id <= 100", w.table, 2*w.rows))
}

// until repeats do until ctx ends. What do has begun, it ends: a statement that
// is given up goes on in the server.
func until(ctx context.Context, do func(ctx context.Context, i int) error) error {
	for i := 0; ctx.Err() == nil; i++ {
		if err := do(context.WithoutCancel(ctx), i); err != nil {
			return err
		}
	}
	return nil
}

// sweep updates the next few rows, from end to end.
func (w *writers) sweep(ctx context.Context, i int) error {
	const at = 20
	return w.update(ctx, i*at%w.rows, at)
}

// update updates n rows behind a key.
func (w *writers) update(ctx context.Context, after, n int) error {
	first := w.version.Add(int64(n)) - int64(n)
	_, err := w.db.ExecContext(ctx, "UPDATE "+w.table+" SET v = ? + id - ? WHERE id > ? AND id <= ?", first, after, after, after+n)
	return err
}

// churn deletes a row and puts it back, or moves one to a key beyond the table's
// end and back.
func (w *writers) churn(ctx context.Context, _ int) error {
	id := 1 + rand.IntN(w.rows)
	away := id + w.rows
	statements := []string{
		fmt.Sprintf("DELETE FROM %s WHERE id = %d", w.table, id),
		fmt.Sprintf("REPLACE INTO %s (id, v, pad) VALUES (%d, %d, 'again')", w.table, id, w.version.Add(1)),
	}
	if id%2 == 0 {
		statements = []string{
			fmt.Sprintf("UPDATE %s SET id = %d, v = %d WHERE id = %d", w.table, away, w.version.Add(1), id),
			fmt.Sprintf("UPDATE IGNORE %s SET id = %d, v = %d WHERE id = %d", w.table, id, w.version.Add(1), away),
		}
	}
	for _, statement := range statements {
		if _, err := w.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// latency returns the 99th percentile of single-row writes until ctx ends.
func (w *writers) latency(ctx context.Context) (time.Duration, error) {
	var took []time.Duration
	err := until(ctx, func(ctx context.Context, _ int) error {
		begin := time.Now()
		_, err := w.db.ExecContext(ctx, "UPDATE "+w.table+" SET v = ? WHERE id = ?", w.version.Add(1), 1+rand.IntN(w.rows))
		took = append(took, time.Since(begin))
		return err
	})
	if err != nil || len(took) < 100 {
		return 0, fmt.Errorf("%d writes: %w", len(took), err)
	}
	slices.Sort(took)
	return took[len(took)*99/100], nil
}

// follow updates the rows that the snapshot is about to read or has just read,
// until ctx ends.
func (f *fixture) follow(ctx context.Context, w *writers, chunk int) error {
	return until(ctx, func(ctx context.Context, _ int) error {
		_, body, err := f.Reader.Get(ctx, "/status")
		if err != nil {
			return nil // it listens in a moment
		}
		var page struct {
			Tables []struct{ Snapshot struct{ Rows int } }
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			return err
		}
		if len(page.Tables) == 0 {
			return nil
		}
		return w.update(ctx, page.Tables[0].Snapshot.Rows, 4*chunk)
	})
}

// locks collects the metadata locks on tables that firn's account holds, until ctx ends.
func locks(ctx context.Context, db *sql.DB) (map[string]int, error) {
	seen := make(map[string]int)
	err := until(ctx, func(ctx context.Context, _ int) error {
		rows, err := db.QueryContext(ctx, `SELECT l.lock_type FROM performance_schema.metadata_locks l
 JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id
 WHERE t.processlist_user = ? AND l.object_type = 'TABLE' AND l.object_schema NOT IN ('performance_schema', 'information_schema', 'mysql')`, server.User)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var lock string
			if err := rows.Scan(&lock); err != nil {
				return err
			}
			seen[lock]++
		}
		return rows.Err()
	})
	return seen, err
}

// own gives a fixture a server of its own.
func (f *fixture) own(flags ...string) *server.Database {
	f.t.Helper()
	d, err := server.StartDatabase(f.t.Context(), f.kind, f.t.TempDir()+"/server", flags...)
	f.must(err)
	f.t.Cleanup(func() {
		// A server that shuts down waits for ten seconds for those who read its binlog.
		if err := errors.Join(f.Stop(), d.Kill(), d.Stop()); err != nil {
			f.t.Errorf("stop the server: %v", err)
		}
	})
	f.Database = d.Addr
	db, err := sql.Open("mysql", d.DSN())
	f.must(err)
	f.t.Cleanup(func() { db.Close() })
	f.db = db
	f.exec("CREATE DATABASE IF NOT EXISTS d")
	return d
}

// events returns what a read_committed consumer finds of a table.
func (f *fixture) events(table string) []validate.Event {
	f.t.Helper()
	records, err := pipeline.ReadTopic(f.t.Context(), f.Broker, f.Prefix+"."+table)
	f.must(err)
	events, err := validate.Events(records)
	f.must(err)
	return events
}

// drained has the reader end when it has read all that is there, and judges a
// table's events.
func (f *fixture) drained(table string) []validate.Event {
	f.t.Helper()
	f.must(f.Reader.Stop())
	f.readToEnd()
	events := f.events(table)
	f.judge(table, events)
	return events
}

var addedColumn = regexp.MustCompile(`,"added_\w+":\d+`)

// sameAsSource fails unless the last event of each key is the row that the
// source has.
func (f *fixture) sameAsSource(table string) {
	f.t.Helper()
	final, err := validate.Final(f.t.Context(), f.db, table, f.events(table))
	f.must(err)
	if len(final) > 0 {
		f.t.Errorf("%s: final:\n%s", table, strings.Join(final, "\n"))
	}
}

// judge reports what breaks the guarantees of exactly-once delivery.
func (f *fixture) judge(table string, events []validate.Event) {
	f.t.Helper()
	final, err := validate.Final(f.t.Context(), f.db, table, events)
	f.must(err)
	for i := range events { // what a column was added with is not in the images before
		events[i].Before, events[i].After = addedColumn.ReplaceAllString(events[i].Before, ""), addedColumn.ReplaceAllString(events[i].After, "")
	}
	for guarantee, problems := range map[string][]string{"once": validate.Once(events), "chain": validate.Chain(events), "final": final} {
		if len(problems) > 0 {
			f.t.Errorf("%s: %s:\n%s", table, guarantee, strings.Join(problems, "\n"))
		}
	}
}

// readToEnd runs a reader that ends by itself.
func (f *fixture) readToEnd() {
	f.t.Helper()
	flags := f.ReaderFlags
	f.ReaderFlags = append(slices.Clone(flags), "--stop-at-end")
	f.must(f.StartReader(f.t.Context()))
	f.ReaderFlags = flags
	select {
	case <-f.Reader.Exited():
	case <-time.After(patience):
		f.t.Fatal("the reader does not come to the end")
	}
	if code := f.Reader.ExitCode(); code != 0 {
		f.t.Fatalf("the reader ended with code %d", code)
	}
}

// The snapshot of a table whose every row is being changed ends in what MySQL
// has, holds nobody up, and takes no lock beyond a SELECT's.
func TestReaderSnapshot_UnderWrites(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		const rows, chunk = 10_000, 50
		f.own("--performance-schema=ON")
		f.Tables = `d\.t`
		f.ReaderFlags = []string{fmt.Sprintf("--snapshot-chunk-rows=%d", chunk), "--no-schemas-enable"}
		w := f.writers("d.t", rows)
		f.resting(w)
		writing, enough := context.WithCancel(t.Context())
		defer enough()
		var group errgroup.Group
		group.Go(func() error { return until(writing, w.sweep) })
		group.Go(func() error { return until(writing, w.churn) })

		quiet, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		before, err := w.latency(quiet)
		f.must(err)

		var during time.Duration
		var held map[string]int
		f.must(f.StartReader(t.Context()))
		reading, read := context.WithCancel(t.Context())
		defer read()
		group.Go(func() error { return f.follow(reading, w, chunk) })
		group.Go(func() (err error) { during, err = w.latency(reading); return err })
		if f.kind != server.MariaDB { // which shows no metadata locks without a plugin
			group.Go(func() (err error) { held, err = locks(reading, f.db); return err })
		}
		f.must(f.Reader.Ready(t.Context()))
		read()
		enough()
		f.must(group.Wait())
		t.Logf("p99 of a write: %s before, %s during the snapshot; locks %v", before, during, held)
		if f.kind != server.MariaDB && held["SHARED_READ"] == 0 {
			t.Error("not one lock of the snapshot was seen")
		}
		for lock := range held {
			switch lock {
			case "SHARED_READ", "SHARED", "SHARED_HIGH_PRIO":
			default:
				t.Errorf("%s took a lock of %s", server.User, lock)
			}
		}
		f.onlyReads()
		untouched := chunksNotHit(t, f.drained("d.t"), rows, chunk)
		if n := len(untouched); n > rows/chunk*3/4 { // as many as a loaded machine lets the writers reach
			t.Errorf("only %d of %d chunks were hit while they were open", rows/chunk-n, rows/chunk)
		}
	})
}

// A table that is locked is waited for, which is said in half a minute; the others are read meanwhile, and
// the stream goes on.
func TestReaderSnapshot_ALockedTable(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		f.own()
		f.Tables = `d\.(t|u)`
		f.ReaderFlags = []string{"--snapshot-chunk-rows=20", "--snapshot-parallelism=2", "--no-schemas-enable"}
		f.writers("d.t", 20_000)
		f.writers("d.u", 20_000)
		f.must(f.StartReader(t.Context()))
		f.reading("d.t", 100)
		f.reading("d.u", 100)
		locker, err := f.db.Conn(t.Context())
		f.must(err)
		defer locker.Close()
		_, err = locker.ExecContext(t.Context(), "LOCK TABLES d.u WRITE")
		f.must(err)
		f.waits(t.Context(), "d.u", "SHOW FULL PROCESSLIST")
		n := f.committed("d.t")
		f.exec("INSERT INTO d.t VALUES (1000000, 0, '')")
		f.reading("d.t", n+1)
		_, err = locker.ExecContext(t.Context(), "UNLOCK TABLES")
		f.must(err)
		f.must(f.Reader.Ready(t.Context()))
		f.waits(t.Context(), "d.u", "")
		log, err := os.ReadFile(f.Reader.Log)
		f.must(err)
		if n := strings.Count(string(log), `"reading binlog"`); n != 1 {
			t.Errorf("the reader began %d times", n)
		}
		if n := strings.Count(string(log), `"table snapshot waits"`); n == 0 || n > 2 {
			t.Errorf("the log says %d times that a table waits", n)
		}
		for _, table := range []string{"d.t", "d.u"} {
			f.sameAsSource(table)
		}
	})
}

// waits waits until the status page says why a table's snapshot stands still, with a text in it, or that it does not.
func (f *fixture) waits(ctx context.Context, table, text string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f.must(pipeline.Wait(ctx, 100*time.Millisecond, func() (bool, error) {
		_, body, err := f.Reader.Get(ctx, "/status")
		if err != nil {
			return false, err
		}
		var page struct {
			Tables []struct{ Table, Waits string }
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			return false, err
		}
		for _, t := range page.Tables {
			if t.Table == table {
				return strings.Contains(t.Waits, text) && (t.Waits == "") == (text == ""), f.alive()
			}
		}
		return false, f.alive()
	}))
}

// chunksNotHit returns the chunks of rows of which the snapshot published every
// row: the stream had changed none while they were open.
func chunksNotHit(t *testing.T, events []validate.Event, rows, chunk int) []int {
	t.Helper()
	read := make([]int, rows/chunk)
	total := 0
	for i := range events {
		e := &events[i]
		if e.Op != "r" {
			continue
		}
		total++
		id, err := strconv.Atoi(validate.Field(e.After, "id"))
		if err != nil {
			t.Fatal(err)
		}
		if id <= rows {
			read[(id-1)/chunk]++
		}
	}
	var untouched []int
	for i, n := range read {
		if n == chunk {
			untouched = append(untouched, i)
		}
	}
	if total == 0 {
		t.Error("nothing is from the snapshot")
	}
	t.Logf("%d of %d rows are from the snapshot, %d of %d chunks were hit, %d records", total, rows, len(read)-len(untouched), len(read), len(events))
	return untouched
}

// onlyReads fails if firn's account may do more than read and replicate.
func (f *fixture) onlyReads() {
	f.t.Helper()
	rows, err := f.db.QueryContext(f.t.Context(), "SHOW GRANTS FOR '"+server.User+"'@'%'")
	f.must(err)
	defer rows.Close()
	for rows.Next() {
		var grant string
		f.must(rows.Scan(&grant))
		privileges, _, _ := strings.Cut(strings.TrimPrefix(grant, "GRANT "), " ON ")
		for privilege := range strings.SplitSeq(privileges, ", ") {
			switch privilege {
			case "SELECT", "REPLICATION SLAVE", "REPLICATION CLIENT", "BINLOG MONITOR", "USAGE":
			default:
				f.t.Errorf("%s may %s", server.User, privilege)
			}
		}
	}
	f.must(rows.Err())
}

// MySQL writes a commit to the binlog before the engine has it, here for as
// long as a group of commits waits. A chunk that is read meanwhile does not
// have the row that the stream has published.
func TestReaderSnapshot_CommitHeldBeforeTheEngine(t *testing.T) {
	kind := server.Kinds()[0]
	if kind == server.MariaDB {
		t.Fatal("MariaDB holds no commit there")
	}
	f := newFixture(t, kind)
	f.own("--binlog-group-commit-sync-delay=100000") // microseconds
	const rows, chunk = 2000, 100
	f.Tables = `d\.t`
	f.ReaderFlags = []string{fmt.Sprintf("--snapshot-chunk-rows=%d", chunk), "--no-schemas-enable"}
	w := f.writers("d.t", rows)
	writing, enough := context.WithCancel(t.Context())
	defer enough()
	var group errgroup.Group
	const each = 4
	for n := range each { // has rows of its own in every chunk
		var ids []string
		for id := n + 1; id <= rows; id += each + 1 {
			ids = append(ids, strconv.Itoa(id))
		}
		update := "UPDATE d.t SET v = ? + id WHERE id IN (" + strings.Join(ids, ",") + ")"
		group.Go(func() error {
			return until(writing, func(ctx context.Context, _ int) error {
				_, err := w.db.ExecContext(ctx, update, w.version.Add(rows)-rows)
				return err
			})
		})
	}
	f.must(f.StartReader(t.Context()))
	f.must(f.Reader.Ready(t.Context()))
	enough()
	f.must(group.Wait())
	if n := len(chunksNotHit(t, f.drained("d.t"), rows, chunk)); n > rows/chunk*3/4 {
		t.Errorf("only %d of %d chunks were hit while they were open", rows/chunk-n, rows/chunk)
	}
}
