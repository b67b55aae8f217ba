// Package load is the work that benchmarks and the soak give a database: a
// table like sysbench's, and changes to it whose number and kinds are exact.
// It uses no part of firn.
package load

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"
)

// The table that is worked on.
const (
	Database = "sbtest"
	Table    = "sbtest1"
	Source   = Database + "." + Table
)

// Definition is the statement that makes the table.
const Definition = "CREATE TABLE " + Source + ` (
 id BIGINT NOT NULL PRIMARY KEY, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '')`

// Open returns a pool whose statements may hold several, split by semicolons.
func Open(dsn string) (*sql.DB, error) {
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	config.MultiStatements = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Fill makes the table anew, with the keys 1 to rows. It leaves no trace of the
// rows in the binlog.
func Fill(ctx context.Context, db *sql.DB, rows int) error {
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + Database, "CREATE DATABASE " + Database, Definition} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.40s: %w", statement, err)
		}
	}
	const workers, perInsert = 2, 1000
	group, ctx := errgroup.WithContext(ctx)
	for worker := range workers {
		group.Go(func() error {
			conn, err := db.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			// The pool may hand this connection out again, so that it writes to the binlog then.
			defer conn.ExecContext(context.WithoutCancel(ctx), "SET SESSION sql_log_bin = 1") //nolint:errcheck // closed with the pool
			if _, err := conn.ExecContext(ctx, "SET SESSION sql_log_bin = 0"); err != nil {
				return err
			}
			text := newText(uint64(worker))
			first, end := rows*worker/workers, rows*(worker+1)/workers
			for ; first < end; first += perInsert {
				if _, err := conn.ExecContext(ctx, text.insert(int64(first)+1, min(perInsert, end-first))); err != nil {
					return fmt.Errorf("fill %s: %w", Source, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// text writes statements. What it returns is valid until the next call.
type text struct {
	random *rand.Rand
	buf    []byte
}

func newText(seed uint64) *text { return &text{random: rand.New(rand.NewPCG(seed, 7))} }

func (t *text) insert(first int64, rows int) string {
	t.buf = append(t.buf[:0], "INSERT INTO "+Source+" VALUES "...)
	for i := range rows {
		if i > 0 {
			t.buf = append(t.buf, ',')
		}
		t.row(first + int64(i))
	}
	return string(t.buf)
}

func (t *text) row(id int64) {
	t.buf = strconv.AppendInt(append(t.buf, '('), id, 10)
	t.buf = strconv.AppendInt(append(t.buf, ','), int64(t.random.IntN(1_000_000)), 10)
	t.buf = append(t.buf, ",'"...)
	t.digits(119)
	t.buf = append(t.buf, "','"...)
	t.digits(59)
	t.buf = append(t.buf, "')"...)
}

// digits appends a string as sysbench makes them: groups of eleven digits.
func (t *text) digits(n int) {
	var bits uint64
	for i := range n {
		if i%12 == 11 {
			t.buf = append(t.buf, '-')
			continue
		}
		if bits < 10 {
			bits = t.random.Uint64()
		}
		t.buf = append(t.buf, byte('0'+bits%10))
		bits /= 10
	}
}
