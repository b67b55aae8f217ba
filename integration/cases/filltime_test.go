package cases

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/firn-cdc/firn/integration/pipeline"
)

// Old rows have CURRENT_TIMESTAMP of the statement that added their column: of
// its begin, however long it waited, as the clock of its session said where the
// column has no time zone.
func TestFill_CurrentTimestamp(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, f *fixture) {
		f.Tables = `filltime\..*`
		f.exec("DROP DATABASE IF EXISTS filltime", "CREATE DATABASE filltime", "CREATE TABLE filltime.t (id INT PRIMARY KEY, v INT)", "INSERT INTO filltime.t VALUES (1, 1), (2, 2)")
		f.start()
		f.eventually("filltime.t", "SELECT COUNT(*) FROM {table}", "2")
		f.delayed("filltime.t", "ADD moment TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, ADD precise TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6), ADD local DATETIME DEFAULT NOW(), "+
			"ADD exact DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), ADD epoch DATETIME NOT NULL DEFAULT '1970-01-01 00:00:00'")
		f.exec("INSERT INTO filltime.t (id, v) VALUES (3, 3)", "UPDATE filltime.t SET v = 0 WHERE id = 1")
		f.eventually("filltime.t", "SELECT COUNT(exact), COUNT(DISTINCT moment) FROM {table}", "3,2")
		f.equal("filltime.t")
	})
}

// delayed alters a table in a session far from UTC, and holds the statement back
// for seconds.
func (f *fixture) delayed(table, clauses string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	reader, err := f.db.BeginTx(ctx, nil)
	f.must(err)
	_, err = reader.ExecContext(ctx, "SELECT * FROM "+table)
	f.must(err)
	alter, err := f.db.Conn(ctx)
	f.must(err)
	defer alter.Close()
	_, err = alter.ExecContext(ctx, "SET time_zone = '-07:30'")
	f.must(err)
	done := make(chan error, 1)
	go func() {
		_, err := alter.ExecContext(ctx, "ALTER TABLE "+table+" "+clauses)
		done <- err
	}()
	f.must(pipeline.Wait(ctx, 50*time.Millisecond, func() (bool, error) {
		var waiting int
		err := f.db.QueryRowContext(ctx, fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock' AND info LIKE 'ALTER TABLE %s%%' AND time >= 2", table)).Scan(&waiting)
		return waiting == 1, err
	}))
	f.must(reader.Rollback())
	f.must(<-done)
}
