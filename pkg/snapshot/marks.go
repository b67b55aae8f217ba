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

// snapshotPosition returns the position of the consistent snapshot that the
// session has open on MariaDB.
func snapshotPosition(ctx context.Context, q querier) (debezium.Position, error) {
	var p debezium.Position
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
	set, err := snapshotGTIDs(ctx, q, p)
	if err != nil {
		return p, err
	}
	p.GTIDs, err = debezium.ParseGTIDSet(debezium.FlavorMariaDB, set)
	return p, err
}

// snapshotGTIDs returns the GTID position at p. If the binlog still ends at p
// after gtid_binlog_pos was read, that is it; else the server has to look into the file.
func snapshotGTIDs(ctx context.Context, q querier, p debezium.Position) (string, error) {
	set, err := q.Strings(ctx, "SELECT @@GLOBAL.gtid_binlog_pos")
	if err != nil {
		return "", err
	}
	end, err := q.Strings(ctx, "SHOW MASTER STATUS")
	if err != nil {
		return "", err
	}
	if len(end) == 1 && end[0][0] == p.File && end[0][1] == strconv.FormatUint(p.Pos, 10) {
		return set[0][0], nil
	}
	if set, err = q.Strings(ctx, "SELECT BINLOG_GTID_POS(?, ?)", p.File, p.Pos); err != nil {
		return "", err
	}
	return set[0][0], nil
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
