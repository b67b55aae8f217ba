package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// ErrNoBinlog is a server that writes no binlog.
var ErrNoBinlog = errors.New("binary logging is off")

// Position returns the end of the binlog: reading from it misses nothing that
// is committed later. It can be ahead of what a SELECT sees; see [Conn.Executed].
func (c *Conn) Position(ctx context.Context) (debezium.Position, error) {
	return readPosition(ctx, c, c.flavor(), versionNumber(c.version))
}

// Executed returns MySQL's gtid_executed: a transaction is in it only after
// the storage engine has committed it, so a SELECT that starts later sees it.
func (c *Conn) Executed(ctx context.Context) (debezium.GTIDSet, error) {
	rows, err := c.Strings(ctx, "SELECT @@GLOBAL.gtid_executed")
	if err != nil {
		return debezium.GTIDSet{}, fmt.Errorf("read gtid_executed: %w", err)
	}
	return debezium.ParseGTIDSet(debezium.FlavorMySQL, rows[0][0])
}

func (c *Conn) flavor() string { return flavorOf(c.version) }

// statusQuery returns the statement that names the end of the binlog.
func statusQuery(flavor string, number int) string {
	if flavor == debezium.FlavorMySQL && number >= 80200 {
		return "SHOW BINARY LOG STATUS"
	}
	return "SHOW MASTER STATUS"
}

func readPosition(ctx context.Context, q querier, flavor string, number int) (debezium.Position, error) {
	p, set, err := readStatus(ctx, q, flavor, number)
	if err != nil {
		return p, fmt.Errorf("read binlog position: %w", err)
	}
	switch {
	case flavor == debezium.FlavorMariaDB:
		set, err = mariaDBSet(ctx, q, number, &p)
	case set != "":
		set, err = wholeSet(ctx, q, set)
	}
	if err != nil {
		return p, fmt.Errorf("read GTID position: %w", err)
	}
	p.GTIDs, err = debezium.ParseGTIDSet(flavor, set)
	return p, err
}

// wholeSet returns MySQL's executed set where it tells a position: not while transactions
// may have no GTID, though the set is left of when they had.
func wholeSet(ctx context.Context, q querier, set string) (string, error) {
	rows, err := q.Strings(ctx, "SELECT @@GLOBAL.gtid_mode")
	if err != nil || rows[0][0] != "ON" {
		return "", err
	}
	return set, nil
}

// readStatus returns the file and position, and on MySQL the executed GTID set.
func readStatus(ctx context.Context, q querier, flavor string, number int) (p debezium.Position, set string, err error) {
	rows, err := q.Strings(ctx, statusQuery(flavor, number))
	if err != nil {
		return p, "", err
	}
	if len(rows) == 0 {
		return p, "", ErrNoBinlog
	}
	row := rows[0] // File, Position, Binlog_Do_DB, Binlog_Ignore_DB, on MySQL Executed_Gtid_Set
	p.File = row[0]
	if p.Pos, err = strconv.ParseUint(row[1], 10, 64); err != nil {
		return p, "", fmt.Errorf("position of %s: %w", p.File, err)
	}
	if len(row) > 4 {
		set = row[4]
	}
	return p, set, nil
}

// mariaDBSet returns the GTID position that belongs to p. MariaDB tells the two
// in two statements, so p is read again until nothing was committed between
// them; the server's own translation, which reads the file, is the last resort.
func mariaDBSet(ctx context.Context, q querier, number int, p *debezium.Position) (string, error) {
	for range 3 {
		rows, err := q.Strings(ctx, "SELECT @@GLOBAL.gtid_binlog_pos")
		if err != nil {
			return "", err
		}
		again, _, err := readStatus(ctx, q, debezium.FlavorMariaDB, number)
		if err != nil {
			return "", err
		}
		if again.File == p.File && again.Pos == p.Pos {
			return rows[0][0], nil
		}
		*p = again
	}
	rows, err := q.Strings(ctx, "SELECT BINLOG_GTID_POS(?, ?)", p.File, p.Pos)
	if err != nil {
		return "", err
	}
	return rows[0][0], nil
}
