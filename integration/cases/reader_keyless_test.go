package cases

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/validate"
)

// keyless makes a table without a key, with rows whose n counts from 0 and whose v
// is 0, and which the reader may lock.
func (f *fixture) keyless(columns string) (database, table string, rows int) {
	f.t.Helper()
	database = f.readerOnly()
	table = database + ".t"
	if f.kind != server.MariaDB {
		f.exec("GRANT LOCK TABLES ON " + database + ".* TO " + account)
	}
	f.exec("CREATE TABLE "+table+" ("+columns+")", "CREATE TABLE "+database+".digits (d INT PRIMARY KEY)",
		"INSERT INTO "+database+".digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
		"INSERT INTO "+table+" (n, v) SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d, 0 FROM "+strings.ReplaceAll("#.digits a, #.digits b, #.digits c, #.digits d", "#", database),
		"INSERT INTO "+table+" (n, v) SELECT n + 10000, v FROM "+table)
	f.Tables = database + `\.t`
	return database, table, 20_000
}

// The rows of a table without a key, read while it changes and by a reader that
// is killed meanwhile, add up to what the source has: none is there twice.
func TestReader_KeylessUnderWrites(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		_, table, rows := f.keyless("n INT, v INT")
		writing, enough := context.WithCancel(t.Context())
		defer enough()
		var group errgroup.Group
		group.Go(func() error {
			return until(writing, func(ctx context.Context, i int) error {
				for _, change := range []string{
					fmt.Sprintf("INSERT INTO %s VALUES (%d, 0)", table, rows+i), fmt.Sprintf("UPDATE %s SET v = %d LIMIT 1", table, i+1),
					"DELETE FROM " + table + " LIMIT 1",
				} {
					if _, err := f.db.ExecContext(ctx, change); err != nil {
						return err
					}
				}
				return nil
			})
		})
		f.must(f.StartReader(t.Context()))
		f.reading(table, 2000)
		f.must(f.Reader.Kill())
		if n := f.committed(table); n >= rows {
			t.Errorf("the kill came after all of %d records", n)
		}
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		seen := f.committed(table)
		f.must(pipeline.Wait(t.Context(), 20*time.Millisecond, func() (bool, error) { return f.committed(table) > seen, f.alive() }))
		enough()
		f.must(group.Wait())
		f.must(f.Reader.Stop())
		f.readToEnd()

		got := addedUp(f.events(table))
		want := make(map[string]int)
		result, err := f.db.QueryContext(t.Context(), "SELECT n, v FROM "+table)
		f.must(err)
		defer result.Close()
		for result.Next() {
			var n, v int
			f.must(result.Scan(&n, &v))
			want[fmt.Sprintf(`{"n":%d,"v":%d}`, n, v)]++
		}
		f.must(result.Err())
		if !maps.Equal(got, want) {
			wrong := 0
			for row, n := range got {
				if want[row] != n {
					wrong++
				}
			}
			t.Errorf("%d rows are there another number of times than in the source; %d rows, the source has %d", wrong, len(got), len(want))
		}
	})
}

// The records of a table without a key have one by --message-key-columns. The
// last of each key is what the source has, though all rows are as old as the
// beginning of the pass that reads them.
func TestReader_RecordKeyOfAKeylessTable(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		database, table, rows := f.keyless("n INT NOT NULL, v INT, pad VARCHAR(1000)")
		f.exec("UPDATE " + table + " SET pad = REPEAT('x', 1000)")
		f.ReaderFlags = []string{"--message-key-columns", database + `\.t:n`, "--snapshot-chunk-rows", "500"}
		writing, enough := context.WithCancel(t.Context())
		defer enough()
		var group errgroup.Group
		group.Go(func() error {
			return until(writing, func(ctx context.Context, i int) error {
				at := rows - 10*(i+1) // from the end, which is read last, and each row once
				for _, change := range []string{
					fmt.Sprintf("UPDATE %s SET v = 1 WHERE n BETWEEN %d AND %d", table, at, at+8), fmt.Sprintf("DELETE FROM %s WHERE n = %d", table, at+9),
				} {
					if _, err := f.db.ExecContext(ctx, change); err != nil {
						return err
					}
				}
				return nil
			})
		})
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		enough()
		f.must(group.Wait())
		f.must(f.Reader.Stop())
		f.readToEnd()

		want := make(map[string]string)
		result, err := f.db.QueryContext(t.Context(), "SELECT n, v FROM "+table)
		f.must(err)
		defer result.Close()
		for result.Next() {
			var n, v int
			f.must(result.Scan(&n, &v))
			want[fmt.Sprintf(`{"n":%d}`, n)] = fmt.Sprintf(`{"n":%d,"v":%d,`, n, v)
		}
		f.must(result.Err())
		got := lastOfEach(f.events(table))
		wrong := 0
		for key, row := range want {
			if !strings.HasPrefix(got[key], row) {
				wrong++
			}
		}
		if wrong > 0 || len(got) != len(want) {
			t.Errorf("%d rows are not as in the source; the topic has %d, the source %d", wrong, len(got), len(want))
		}
	})
}

// lastOfEach returns the row that the last record of each key has; none of those
// that are deleted.
func lastOfEach(events []validate.Event) map[string]string {
	rows := make(map[string]string)
	for i := range events {
		if e := &events[i]; e.After != "" {
			rows[e.Key] = e.After
		} else {
			delete(rows, e.Key)
		}
	}
	return rows
}

// addedUp returns how often each row is there: what comes minus what goes.
func addedUp(events []validate.Event) map[string]int {
	rows := make(map[int32]map[string]int)
	for i := range events {
		e := &events[i]
		if rows[e.Partition] == nil || e.Op == "t" {
			rows[e.Partition] = make(map[string]int)
		}
		if e.After != "" {
			rows[e.Partition][e.After]++
		}
		if e.Before != "" {
			rows[e.Partition][e.Before]--
		}
	}
	sum := make(map[string]int)
	for _, partition := range rows {
		for row, n := range partition {
			if sum[row] += n; sum[row] == 0 {
				delete(sum, row)
			}
		}
	}
	return sum
}
