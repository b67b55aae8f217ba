package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// snapshotTries is how often a snapshot is opened anew in the hope that nothing is committed meanwhile.
const snapshotTries = 3

// execer runs statements; a fake stands in for the server in tests.
type execer interface {
	querier
	Exec(ctx context.Context, query string, args ...any) error
}

// openMariaDB opens a consistent snapshot and returns its position, of which
// the server tells the file and offset alone. If the binlog still ends there
// after gtid_binlog_pos was read, that is the GTID position. If it never does,
// the server has to look into the file, which takes it some 20 ms per 100 MB.
func openMariaDB(ctx context.Context, q execer) (p debezium.Position, err error) {
	set := ""
	for try := 1; ; try++ {
		if err = q.Exec(ctx, startSnapshot); err != nil {
			return p, err
		}
		if p, err = snapshotFile(ctx, q); err != nil {
			return p, err
		}
		still := false
		if set, still, err = gtidsAt(ctx, q, p); err != nil {
			return p, err
		}
		if still {
			break
		}
		if try == snapshotTries {
			rows, err := q.Strings(ctx, "SELECT BINLOG_GTID_POS(?, ?)", p.File, p.Pos)
			if err != nil {
				return p, err
			}
			set = rows[0][0]
			break
		}
	}
	p.GTIDs, err = debezium.ParseGTIDSet(debezium.FlavorMariaDB, set)
	return p, err
}

// snapshotFile returns the file and offset of the session's consistent snapshot.
func snapshotFile(ctx context.Context, q querier) (p debezium.Position, err error) {
	rows, err := q.Strings(ctx, "SHOW STATUS LIKE 'binlog_snapshot_%'")
	if err != nil {
		return p, err
	}
	for _, row := range rows {
		switch row[0] {
		case "Binlog_snapshot_file":
			p.File = row[1]
		case "Binlog_snapshot_position":
			if p.Pos, err = strconv.ParseUint(row[1], 10, 64); err != nil {
				return p, err
			}
		}
	}
	if p.File == "" {
		return p, mysql.ErrNoBinlog
	}
	return p, nil
}

// gtidsAt returns the GTID position of the end of the binlog, and whether that is p still.
func gtidsAt(ctx context.Context, q querier, p debezium.Position) (set string, still bool, err error) {
	rows, err := q.Strings(ctx, "SELECT @@GLOBAL.gtid_binlog_pos")
	if err != nil {
		return "", false, err
	}
	end, err := q.Strings(ctx, "SHOW MASTER STATUS")
	if err != nil {
		return "", false, err
	}
	still = len(end) == 1 && end[0][0] == p.File && end[0][1] == strconv.FormatUint(p.Pos, 10)
	return rows[0][0], still, nil
}

const (
	lockTries = 10
	lockPause = 500 * time.Millisecond
)

// openLocked opens a consistent snapshot at a moment when nobody writes to the
// table. The lock is another connection's, because opening a snapshot gives up
// the connection's own locks before the snapshot is made.
func (r *Reader) openLocked(ctx context.Context, t *Table) (view, error) {
	if r.locker == nil || r.locker.Broken() {
		locker, err := mysql.Connect(ctx, r.cfg)
		if err != nil {
			return view{}, err
		}
		r.locker = locker
	}
	// Whoever wants to write waits behind a lock that waits, so it does not wait long.
	if err := r.locker.Exec(ctx, "SET SESSION lock_wait_timeout = 2"); err != nil {
		return view{}, err
	}
	if err := lockTable(ctx, r.locker, t); err != nil {
		return view{}, err
	}
	p, err := r.locker.Position(ctx)
	if err == nil {
		err = r.conn.Exec(ctx, startSnapshot)
	}
	if unlock := r.locker.Exec(ctx, "UNLOCK TABLES"); unlock != nil {
		err = errors.Join(err, unlock)
	}
	return view{low: p, exact: true}, err
}

func lockTable(ctx context.Context, locker *mysql.Conn, t *Table) error {
	for try := 1; ; try++ {
		err := locker.Exec(ctx, "LOCK TABLES "+mysql.QuoteTable(t.ID)+" READ")
		switch {
		case err == nil:
			return nil
		case mysql.IsServerError(err, mysql.CodeDBAccessDenied, mysql.CodeTableAccessDenied):
			return fmt.Errorf("%w: %w", ErrLockTables, err)
		case !mysql.IsServerError(err, mysql.CodeLockWaitTimeout) || try == lockTries:
			return fmt.Errorf("lock the table for a moment: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPause):
		}
	}
}
