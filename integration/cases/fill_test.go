//go:build !integration

package cases

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
	"github.com/firn-cdc/firn/pkg/status"
)

var oldRows = flag.Int("old-rows", 200_000, "rows that are there when the fill's columns are added")

// Every row that is older than a column gets the value that MySQL gave it,
// whatever the column's type and default, while changes stream on, the applier
// is killed in the middle, and events of the older shape come after the
// statement is known.
func TestFill(t *testing.T) {
	t.Parallel()
	f := &filling{fixture: newFixture(t, server.MySQL9)}
	f.Tables = `fill\..*`
	f.exec("DROP DATABASE IF EXISTS fill", "CREATE DATABASE fill", "CREATE TABLE fill.t (id BIGINT PRIMARY KEY, v VARCHAR(80) NOT NULL)",
		"INSERT INTO fill.t VALUES (1, LEFT(SHA2(1, 256), 40))")
	f.start()
	for n := 1; n < *oldRows; n *= 2 {
		f.exec(fmt.Sprintf("INSERT INTO fill.t SELECT id + %d, CONCAT(LEFT(SHA2(id + %d, 256), 40), UUID()) FROM fill.t WHERE id <= %d", n, n, *oldRows-n))
	}
	f.eventually("fill.t", "SELECT COUNT(*) FROM {table}", fmt.Sprint(*oldRows))
	stop := f.stream()
	f.alter("c_varchar", "ADD c_int INT NOT NULL, ADD c_decimal DECIMAL(10,2) NOT NULL, ADD c_enum ENUM('on','off') NOT NULL, ADD c_datetime DATETIME NOT NULL, ADD c_varchar VARCHAR(20) NOT NULL")
	f.until(func() bool { return strings.Contains(f.pending(), "c_varchar") })
	f.killApplier()
	f.Applier = nil
	if n := f.lacking(); n == 0 {
		t.Fatal("the applier was killed when the fill was over")
	}
	before := f.changes.Load()
	f.until(func() bool { return f.changes.Load() > before+100 }) // events that lack the next columns, which are known when they come
	f.alter("d_varchar", "ADD d_int INT NOT NULL DEFAULT 7, ADD d_null INT DEFAULT 7, ADD d_decimal DECIMAL(8,3) DEFAULT 1.5, ADD d_enum ENUM('a','b') DEFAULT 'b', "+
		"ADD d_nothing INT NULL, ADD d_datetime DATETIME(3) DEFAULT '2020-02-03 04:05:06.789', ADD d_varchar VARCHAR(20) DEFAULT 'text'")
	f.must(f.StartApplier(t.Context()))
	streamed := f.streamed("d_varchar")
	for i := 0; !streamed && i < 5; i++ { // the fills before have used the budget up: this one takes its time
		column := fmt.Sprint("e_", i)
		f.alter(column, "ADD "+column+" INT NOT NULL DEFAULT 3")
		streamed = f.streamed(column)
	}
	if !streamed {
		t.Error("no change was committed beside a fill")
	}
	stop()
	f.until(func() bool { return f.pending() == "" && f.lacking() == 0 })
	want := f.mysql()
	f.until(func() bool { // the last commit is about to come
		f.last = cmp.Diff(strings.Split(want, "\n"), strings.Split(f.iceberg(), "\n"))
		return f.last == ""
	})
	t.Logf("rows by the values that they have:\n%s", want)
}

// filling is a pipeline whose table gains columns.
type filling struct {
	*fixture
	changes atomic.Int64 // rounds that were streamed
	latest  atomic.Value // the column that was added last
	added   []string     // columns
	last    string       // what was found last, for the one who waits in vain
}

// until waits for a condition.
func (f *filling) until(done func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	err := pipeline.Wait(ctx, 20*time.Millisecond, func() (bool, error) {
		if f.t.Failed() {
			return false, errors.New("a check has failed")
		}
		return done(), f.alive()
	})
	if err != nil {
		f.t.Fatalf("%v; last seen: %s", err, f.last)
	}
}

// loose returns a connection that may do what a strict one may not: add a
// DATETIME NOT NULL without a default, leave out columns that have none.
func (f *filling) loose() *sql.Conn {
	f.t.Helper()
	conn, err := f.db.Conn(f.t.Context())
	f.must(err)
	_, err = conn.ExecContext(f.t.Context(), "SET SESSION sql_mode = ''")
	f.must(err)
	return conn
}

// alter adds columns, of which one is named.
func (f *filling) alter(last, clauses string) {
	f.t.Helper()
	conn := f.loose()
	defer conn.Close()
	_, err := conn.ExecContext(f.t.Context(), "ALTER TABLE fill.t "+clauses)
	f.must(err)
	for _, clause := range strings.Split(clauses, "ADD ")[1:] {
		name, _, _ := strings.Cut(clause, " ")
		f.added = append(f.added, name)
	}
	f.latest.Store(last)
}

// stream changes old rows, inserts new ones and deletes some until stop is called.
func (f *filling) stream() (stop func()) {
	f.t.Helper()
	conn := f.loose()
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer conn.Close()
		for i := 0; ; i++ {
			select {
			case <-ended:
				return
			default:
			}
			statements := []string{
				fmt.Sprintf("UPDATE fill.t SET v = 'changed %d' WHERE id = %d", i, 1+i*7919%*oldRows),
				fmt.Sprintf("INSERT INTO fill.t (id, v) VALUES (%d, 'new')", 10_000_000+i),
				fmt.Sprintf("DELETE FROM fill.t WHERE id = %d", 1+i*104729%*oldRows/5*5),
			}
			if column, ok := f.latest.Load().(string); ok {
				statements = append(statements, fmt.Sprintf("UPDATE fill.t SET %s = '%d' WHERE id = %d", column, i%3, 1+i*15485863%*oldRows))
			}
			for _, statement := range statements {
				if _, err := conn.ExecContext(f.t.Context(), statement); err != nil {
					f.t.Errorf("%s: %v", statement, err)
					return
				}
			}
			f.changes.Add(1)
		}
	}()
	return func() { close(ended); <-done }
}

// table returns what the applier says of the table.
func (f *filling) table() *status.Table {
	f.t.Helper()
	var page status.Page
	if _, body, err := f.Applier.Get(f.t.Context(), "/status"); err == nil { // it may not listen yet
		f.last = body
		f.must(json.Unmarshal([]byte(body), &page))
	}
	for i := range page.Tables {
		if page.Tables[i].Table == "fill.t" && page.Tables[i].ApplierTable != nil {
			return &page.Tables[i]
		}
	}
	return &status.Table{ApplierTable: &status.ApplierTable{Pending: "not known"}}
}

func (f *filling) pending() string { return f.table().Pending }

// streamed waits until changes have been committed between two looks at both of
// which the fill of a column goes on. It reports false if the fill was too fast.
func (f *filling) streamed(column string) (yes bool) {
	f.t.Helper()
	first := int64(-1)
	f.until(func() bool {
		t := f.table()
		if !strings.Contains(t.Pending, column) {
			return first >= 0
		}
		if first < 0 {
			first = t.Rows.Upserted
		}
		yes = t.Rows.Upserted > first && f.lacking() > 0
		return yes
	})
	return yes
}

// lacking counts the data files that lack a column whose value is known, by the
// table itself; a fill that is called done must have none.
func (f *filling) lacking() (files int) {
	f.t.Helper()
	catalog, err := lake.OpenCatalog(f.t.Context(), lake.Config{Type: lake.SQL, Warehouse: "file://" + f.Warehouse(), Logger: slog.New(slog.DiscardHandler)})
	f.must(err)
	defer catalog.Close()
	t, err := catalog.Load(f.t.Context(), lake.Name{Namespace: "fill", Table: "t"})
	f.must(err)
	fills, err := maintenance.Fills(t)
	f.must(err)
	for i := range fills {
		lacking, err := maintenance.FilesLacking(f.t.Context(), t, fills[i].Field)
		f.must(err)
		if files += len(lacking); fills[i].Done && len(lacking) > 0 {
			f.t.Errorf("%d files lack column %s, whose fill is done", len(lacking), fills[i].Column)
		}
	}
	return files
}

// grouped returns a query for every set of values that the added columns have,
// how many rows have it and which: a row of another value is in another line.
func (f *filling) grouped(date, exact, of, from string) string {
	columns := make([]string, len(f.added))
	for i, name := range f.added {
		switch name {
		case "c_datetime":
			name = date
		case "d_datetime":
			name = exact
		}
		columns[i] = fmt.Sprint(name, " AS k", i)
	}
	keys := make([]string, len(columns))
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	return "SELECT " + strings.Join(columns, ", ") + ", COUNT(*), " + of + " FROM " + from + " GROUP BY " + strings.Join(keys, ", ")
}

func (f *filling) mysql() string {
	f.t.Helper()
	rows, err := f.db.QueryContext(f.t.Context(), f.grouped(
		"CASE WHEN MONTH(c_datetime) = 0 THEN '1970-01-01 00:00:00' ELSE DATE_FORMAT(c_datetime, '%Y-%m-%d %H:%i:%s') END", "DATE_FORMAT(d_datetime, '%Y-%m-%d %H:%i:%s.%f')",
		"CAST(SUM(id) AS CHAR), CAST(SUM(id * (id % 1009)) AS CHAR), CAST(SUM(CAST(CONV(LEFT(SHA2(v, 256), 8), 16, 10) AS UNSIGNED)) AS CHAR)", "fill.t"))
	f.must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	f.must(err)
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var lines []string
	for rows.Next() {
		f.must(rows.Scan(into...))
		line := make([]*string, len(values))
		for i := range values {
			if values[i].Valid {
				line[i] = &values[i].String
			}
		}
		lines = append(lines, engine.Text(line))
	}
	f.must(rows.Err())
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (f *filling) iceberg() string {
	f.t.Helper()
	result, err := shared.lake.Query(f.Table("fill.t"), f.grouped(
		"strftime(c_datetime, '%Y-%m-%d %H:%M:%S')", "strftime(d_datetime, '%Y-%m-%d %H:%M:%S.%f')",
		"SUM(id)::VARCHAR, SUM(id * (id % 1009))::VARCHAR, SUM(('0x' || sha256(v)[1:8])::BIGINT)::VARCHAR", "{table}"))
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, row := range result.Rows {
		lines = append(lines, engine.Text(row))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
