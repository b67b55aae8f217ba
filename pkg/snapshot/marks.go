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

// execer runs statements; a fake stands in for the server in tests.
type execer interface {
	querier
	Exec(ctx context.Context, query string, args ...any) error
}

const (
	snapshotTries = 100
	snapshotPause = time.Millisecond
)

// openBetween opens a consistent snapshot on MariaDB between two ends of the
// binlog. The low one must not be ahead of the snapshot: what is in the binlog
// may wait for its commit, a moment for which the snapshot is opened again.
func openBetween(ctx context.Context, q execer) (low, high debezium.Position, err error) {
	if low, err = endOfBinlog(ctx, q); err != nil {
		return low, high, err
	}
	for try := 1; ; try++ {
		if err = q.Exec(ctx, startSnapshot); err != nil {
			return low, high, err
		}
		seen, err := snapshotFile(ctx, q)
		if err != nil {
			return low, high, err
		}
		if seen.CompareFile(low) >= 0 {
			break
		}
		if try == snapshotTries {
			return low, high, fmt.Errorf("transactions in the binlog before %s:%d are not committed", low.File, low.Pos)
		}
		if err := sleep(ctx, snapshotPause); err != nil {
			return low, high, err
		}
	}
	high, err = endOfBinlog(ctx, q)
	return low, high, err
}

// endOfBinlog returns MariaDB's GTID position and a file and offset that is not before it.
func endOfBinlog(ctx context.Context, q querier) (p debezium.Position, err error) {
	rows, err := q.Strings(ctx, "SELECT @@GLOBAL.gtid_binlog_pos")
	if err != nil {
		return p, err
	}
	if p.GTIDs, err = debezium.ParseGTIDSet(debezium.FlavorMariaDB, rows[0][0]); err != nil {
		return p, err
	}
	if rows, err = q.Strings(ctx, "SHOW MASTER STATUS"); err != nil {
		return p, err
	}
	if len(rows) == 0 {
		return p, mysql.ErrNoBinlog
	}
	p.File = rows[0][0]
	p.Pos, err = strconv.ParseUint(rows[0][1], 10, 64)
	return p, err
}

// openAt opens a consistent snapshot on MariaDB and returns its position. The
// server knows the file and offset; for the GTID position it reads that file,
// which takes a while on large ones.
func openAt(ctx context.Context, q execer) (p debezium.Position, err error) {
	if err = q.Exec(ctx, startSnapshot); err != nil {
		return p, err
	}
	if p, err = snapshotFile(ctx, q); err != nil {
		return p, err
	}
	rows, err := q.Strings(ctx, "SELECT BINLOG_GTID_POS(?, ?)", p.File, p.Pos)
	if err != nil {
		return p, err
	}
	p.GTIDs, err = debezium.ParseGTIDSet(debezium.FlavorMariaDB, rows[0][0])
	return p, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
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

const longestPause = 100 * time.Millisecond

// executed returns the transactions whose effects a SELECT sees, once they
// include least. The binlog delivers a transaction before the engine has
// committed it.
func executed(ctx context.Context, q querier, least debezium.GTIDSet) (debezium.GTIDSet, error) {
	for pause := snapshotPause; ; pause = min(2*pause, longestPause) {
		rows, err := q.Strings(ctx, "SELECT @@GLOBAL.gtid_executed")
		if err != nil {
			return debezium.GTIDSet{}, err
		}
		set, err := debezium.ParseGTIDSet(debezium.FlavorMySQL, rows[0][0])
		if err != nil || set.Contains(least) {
			return set, err
		}
		if err := sleep(ctx, pause); err != nil {
			return debezium.GTIDSet{}, err
		}
	}
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
	r.enter(Locking)
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
	return view{low: p, high: p, transaction: true}, err
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
		if err := sleep(ctx, lockPause); err != nil {
			return err
		}
	}
}
