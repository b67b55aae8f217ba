//go:build integration

package takeover_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // a client that firn does not use

	"github.com/firn-cdc/firn/integration/server"
)

const database = "d"

// load changes rows without end: transactions of one row and of hundreds, changed
// keys, tables without a key, added columns, tables of a database beside.
type load struct {
	db      *sql.DB
	rand    *rand.Rand
	long    bool // transactions are of thousands of rows
	columns int
	beside  int      // statements about tables of the other database
	more    []string // tables that are written to besides
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu     sync.Mutex
	failed error
}

func newLoad(t *testing.T, db *server.Database, seed uint64, long bool) *load {
	client, err := sql.Open("mysql", db.DSN())
	if err != nil {
		t.Fatal(err)
	}
	client.SetMaxOpenConns(1)
	l := &load{db: client, rand: rand.New(rand.NewPCG(seed, 2)), long: long}
	t.Cleanup(func() {
		_ = l.stop() // was told already
		client.Close()
	})
	for _, statement := range []string{
		"CREATE DATABASE " + database, "USE " + database,
		"CREATE TABLE one (id INT PRIMARY KEY, v INT, note VARCHAR(40))",
		"CREATE TABLE two (a VARCHAR(10), b INT, v DECIMAL(10,2), PRIMARY KEY (a, b))",
		"CREATE TABLE grows (id INT PRIMARY KEY, v INT)",
		"CREATE TABLE keyless (v INT, note VARCHAR(20))",
		"CREATE DATABASE other", "CREATE TABLE other.old (id INT PRIMARY KEY)",
	} {
		if _, err := client.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return l
}

func (l *load) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.done.Go(func() {
		for ctx.Err() == nil {
			if err := l.step(); err != nil {
				l.mu.Lock()
				l.failed = err
				l.mu.Unlock()
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(l.pause()):
			}
		}
	})
}

func (l *load) pause() time.Duration {
	if l.long {
		return time.Second
	}
	return time.Duration(l.rand.IntN(20)) * time.Millisecond
}

func (l *load) stop() error {
	if l.cancel != nil {
		l.cancel()
		l.done.Wait()
	}
	return l.err()
}

func (l *load) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// step is one transaction, or one statement that changes a table.
func (l *load) step() error {
	if l.rand.IntN(map[bool]int{false: 80, true: 8}[l.long]) == 0 {
		l.columns++
		return l.exec(fmt.Sprintf("ALTER TABLE grows ADD COLUMN c%d INT DEFAULT %d", l.columns, l.columns))
	}
	if l.rand.IntN(40) == 0 {
		return l.exec(l.definition())
	}
	if err := l.exec("BEGIN"); err != nil {
		return err
	}
	statements := 1 + l.rand.IntN(4)
	if l.long {
		statements = 100
	}
	for range statements {
		if err := l.exec(l.statement()); err != nil {
			return err
		}
	}
	return l.exec("COMMIT")
}

func (l *load) exec(statement string) error {
	if _, err := l.db.ExecContext(context.Background(), statement); err != nil {
		return fmt.Errorf("%.80s: %w", statement, err)
	}
	return nil
}

// definition changes a table that is not captured.
func (l *load) definition() string {
	n, step := l.beside/4, l.beside%4
	l.beside++
	return fmt.Sprintf([]string{
		"CREATE TABLE other.n%[1]d (id INT PRIMARY KEY)",
		"ALTER TABLE other.n%[1]d ADD COLUMN v INT",
		"RENAME TABLE other.n%[1]d TO other.m%[1]d",
		"DROP TABLE other.m%[1]d",
	}[step], n)
}

func (l *load) statement() string {
	id, v := l.rand.IntN(2000), l.rand.IntN(1_000_000)
	if n := l.rand.IntN(8); n < len(l.more) {
		return fmt.Sprintf("REPLACE INTO %s VALUES (%d, %d), (%d, %d)", l.more[n], id, v, id+1, v)
	}
	switch l.rand.IntN(12) {
	case 0, 1, 2:
		return fmt.Sprintf("REPLACE INTO one VALUES (%d, %d, 'n%d')", id, v, v)
	case 3:
		return fmt.Sprintf("DELETE FROM one WHERE id = %d", id)
	case 4: // the key changes
		return fmt.Sprintf("UPDATE IGNORE one SET id = id + 5000, v = %d WHERE id BETWEEN %d AND %d", v, id, id+3)
	case 5:
		return fmt.Sprintf("UPDATE one SET v = v + 1 WHERE id BETWEEN %d AND %d", id, id+l.rand.IntN(100))
	case 6, 7:
		return fmt.Sprintf("REPLACE INTO two VALUES ('k%d', %d, %d.%02d)", id%20, id%50, v, v%100)
	case 8:
		return fmt.Sprintf("DELETE FROM two WHERE a = 'k%d'", id%20)
	case 9:
		return fmt.Sprintf("REPLACE INTO grows (id, v) VALUES (%d, %d), (%d, %d)", id, v, id+1, v)
	case 10:
		return fmt.Sprintf("INSERT INTO keyless VALUES (%d, 'x'), (%d, 'y')", v, v)
	default:
		rows := l.rand.IntN(60)
		if rows == 0 || l.long {
			rows = 2000
		}
		return fmt.Sprintf("UPDATE grows SET v = %d WHERE id > %d LIMIT %d", v, id, rows)
	}
}
