package cases

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
)

// said waits until the reader has said something.
func (f *fixture) said(text string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	if err := pipeline.Wait(ctx, 10*time.Millisecond, func() (bool, error) { return strings.Contains(f.Reader.Tail(), text), f.alive() }); err != nil {
		f.t.Fatalf("the reader does not say %q: %v", text, err)
	}
}

// prepare changes a row of d.t in an XA transaction, and leaves that prepared.
func (f *fixture) prepare(xid, update string) {
	f.t.Helper()
	f.session("XA START '"+xid+"'", update, "XA END '"+xid+"'", "XA PREPARE '"+xid+"'")
}

// The rows of a transaction that is prepared when the reader first starts are in
// the binlog before all that it reads: it waits for its end. One that is prepared
// meanwhile is in what it reads, and ends when it will.
func TestReader_PreparedBeforeTheFirstStart(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		f.own()
		w := f.writers("d.t", 1000)
		if f.kind != server.MariaDB {
			f.exec("GRANT XA_RECOVER_ADMIN ON *.* TO " + account)
		}
		f.Tables = `d\.t`
		f.ReaderFlags = []string{"--no-schemas-enable", "--snapshot-chunk-rows=200"}
		f.prepare("before", "UPDATE d.t SET v = -1 WHERE id = 1")
		f.must(f.StartReader(t.Context()))
		f.said("XA transactions are prepared: waiting for their end")
		f.prepare("meanwhile", "UPDATE d.t SET v = -2 WHERE id = 2")
		f.exec("XA COMMIT 'before'")
		f.said(`"first start"`)
		f.exec("XA COMMIT 'meanwhile'")
		f.must(f.Reader.Ready(t.Context()))
		f.must(w.sweep(t.Context(), 1))
		f.drained("d.t")
	})
}

// Definitions that are read while tables are altered are those of the position
// that reading begins at, though rows do not name their columns.
func TestReader_AlteredDuringTheFirstStart(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		f.own("--binlog-row-metadata=MINIMAL")
		w := f.writers("d.t", 1000)
		for i := range 60 { // so that reading definitions takes longer than altering a table
			f.exec(fmt.Sprintf("CREATE TABLE d.other_%d LIKE d.t", i))
		}
		f.Tables = `d\.t`
		f.ReaderFlags = []string{"--no-schemas-enable", "--snapshot-chunk-rows=200"}
		writing, enough := context.WithCancel(t.Context())
		defer enough()
		var group errgroup.Group
		group.Go(func() error { return until(writing, w.sweep) })
		group.Go(func() error {
			return until(writing, func(ctx context.Context, _ int) error {
				for _, change := range []string{"ADD COLUMN added_v BIGINT NOT NULL DEFAULT 7 AFTER id", "DROP COLUMN added_v"} {
					if _, err := f.db.ExecContext(ctx, "ALTER TABLE d.t "+change); err != nil {
						return err
					}
				}
				return nil
			})
		})
		f.must(f.StartReader(t.Context()))
		f.said(`"first start"`)
		enough()
		f.must(group.Wait())
		f.must(f.Reader.Ready(t.Context()))
		f.must(w.sweep(t.Context(), 1))
		f.drained("d.t")
	})
}

// What is made later in a database that had no table at the first start has that
// database's character set, also behind a restart. MariaDB's rows need not tell theirs.
func TestReader_DatabaseWithoutATableAtTheFirstStart(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		metadata := "MINIMAL"
		if f.kind == server.MariaDB {
			metadata = "NO_LOG"
		}
		f.own("--binlog-row-metadata=" + metadata)
		f.exec("ALTER DATABASE d CHARACTER SET latin1")
		f.Tables, f.ReaderFlags = `d\..*`, []string{"--no-schemas-enable"}
		for _, table := range []string{"d.first", "d.second"} {
			f.must(f.StartReader(t.Context()))
			f.must(f.Reader.Ready(t.Context()))
			f.exec("CREATE TABLE "+table+" (id INT PRIMARY KEY, name VARCHAR(20))", "INSERT INTO "+table+" VALUES (1, 'Grüße')")
			f.reading(table, 1)
			f.drained(table)
		}
	})
}

// A server whose gtid_mode was on has executed a set of transactions, and is read by
// files all the same while it is not on: with some GTIDs or with none.
func TestReader_GTIDsOfBefore(t *testing.T) {
	kind := server.Kinds()[0]
	if kind == server.MariaDB {
		t.Fatal("MariaDB always has GTIDs")
	}
	f := newFixture(t, kind)
	f.own()
	f.ReaderFlags = []string{"--no-schemas-enable", "--snapshot-chunk-rows=200"}
	f.exec("GRANT LOCK TABLES ON *.* TO '" + server.User + "'@'%'")
	first, second := f.writers("d.first", 1000), f.writers("d.second", 1000)
	f.Tables = `d\.first`
	for i, mode := range []string{"ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE"} {
		f.exec("SET GLOBAL gtid_mode = " + mode)
		if i < 2 || i == 3 {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		f.must(f.StartReader(ctx))
		f.must(f.Reader.Ready(ctx))
		for i := range 50 {
			f.must(first.sweep(ctx, i))
			f.must(second.sweep(ctx, i))
		}
		f.drained("d.first")
		f.Tables = `d\.(first|second)`
	}
	f.judge("d.second", f.events("d.second"))
}
