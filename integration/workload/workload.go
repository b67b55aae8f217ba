// Package workload changes tables at random, from a seed that alone decides
// what is done: rows of all types, composite keys, statements of many rows,
// large and tiny transactions, schema changes in between, TRUNCATE.
package workload

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	_ "github.com/go-sql-driver/mysql" // a client that firn does not use
)

// Workload changes three tables of a database of its own.
type Workload struct {
	db       *sql.Conn
	database string
	rand     *rand.Rand
	mysql    bool
	columns  []column
	next     int64    // the highest key so far
	wide     []column // of the table wide; nil: there is none
	nextWide int64    // its highest key
	added    int      // columns added to the table evolving
	counts   map[string]int
}

// The tables, below the workload's database.
const (
	Types     = "types"     // every type, one integer as key
	Composite = "composite" // a key of text and number, whose updates change keys
	Evolving  = "evolving"  // gains columns, is emptied
)

// New makes the tables and returns the workload of a seed.
func New(ctx context.Context, db *sql.DB, database string, seed uint64, mysql bool) (*Workload, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &Workload{db: conn, database: database, rand: rand.New(rand.NewPCG(seed, 1)), mysql: mysql, columns: columns(mysql), counts: make(map[string]int)}
	definitions := make([]string, len(w.columns))
	for i, c := range w.columns {
		definitions[i] = c.name + " " + c.ddl
	}
	for _, statement := range []string{
		"SET SESSION sql_mode = ''", // rows may leave out columns that have no default
		"DROP DATABASE IF EXISTS " + database,
		"CREATE DATABASE " + database + " CHARACTER SET utf8mb4",
		"CREATE TABLE " + w.table(Types) + " (id BIGINT PRIMARY KEY, " + strings.Join(definitions, ", ") + ")",
		"CREATE TABLE " + w.table(Composite) + " (name VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, n INT, v INT, note VARCHAR(50), PRIMARY KEY (name, n))",
		"CREATE TABLE " + w.table(Evolving) + " (id INT PRIMARY KEY, v VARCHAR(30))",
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	return w, nil
}

// Close gives the connection back.
func (w *Workload) Close() error { return w.db.Close() }

// Tables returns the names of the tables, with the database.
func (w *Workload) Tables() []string {
	return []string{w.table(Types), w.table(Composite), w.table(Evolving)}
}

func (w *Workload) table(name string) string { return w.database + "." + name }

// Counts returns how many times each thing was done.
func (w *Workload) Counts() map[string]int { return maps.Clone(w.counts) }

// Never returns what was not done once, of all there is to do.
func (w *Workload) Never() []string {
	var never []string
	for _, a := range w.actions() {
		if w.counts[a.name] == 0 {
			never = append(never, a.name)
		}
	}
	slices.Sort(never)
	return never
}

type action struct {
	name   string
	weight int
	do     func(ctx context.Context, tx *sql.Tx) error
	alone  bool // commits by itself: not within a transaction of others
}

func (w *Workload) actions() []action {
	all := []action{
		{"insert types", 30, w.insertTypes, false},
		{"update types", 30, w.updateTypes, false},
		{"delete types", 8, w.deleteTypes, false},
		{"null types", 6, w.nullTypes, false},
		{"upsert composite", 30, w.upsertComposite, false},
		{"update many composite", 8, w.updateManyComposite, false},
		{"change key composite", 8, w.changeKeyComposite, false},
		{"delete composite", 8, w.deleteComposite, false},
		{"insert evolving", 20, w.insertEvolving, false},
		{"update evolving", 10, w.updateEvolving, false},
		{"add column", 1, w.addColumn, true},
		{"truncate", 1, w.truncate, true},
	}
	if w.wide != nil {
		all = append(
			all, action{"insert wide", 30, w.insertWide, false}, action{"update wide", 30, w.updateWide, false}, action{"delete wide", 8, w.deleteWide, false},
		)
	}
	return all
}

// Step runs one transaction: mostly small, now and then large, sometimes
// rolled back; or one schema change.
func (w *Workload) Step(ctx context.Context) error {
	actions := w.actions()
	first := w.choose(actions)
	if first.alone {
		w.counts[first.name]++
		return first.do(ctx, nil)
	}
	n := 1
	switch w.rand.IntN(20) {
	case 0:
		n = 50 + w.rand.IntN(200)
		w.counts["large transaction"]++
	case 1, 2, 3:
		n = 2 + w.rand.IntN(8)
	}
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	done := map[string]int{}
	for a := first; n > 0; n-- {
		if err := a.do(ctx, tx); err != nil {
			_ = tx.Rollback() // the first error counts
			return fmt.Errorf("%s: %w", a.name, err)
		}
		done[a.name]++
		for a = w.choose(actions); a.alone; a = w.choose(actions) {
		}
	}
	if w.rand.IntN(25) == 0 {
		w.counts["rollback"]++
		return tx.Rollback()
	}
	for name, n := range done {
		w.counts[name] += n
	}
	return tx.Commit()
}

func (w *Workload) choose(actions []action) action {
	total := 0
	for _, a := range actions {
		total += a.weight
	}
	n := w.rand.IntN(total)
	for _, a := range actions {
		if n -= a.weight; n < 0 {
			return a
		}
	}
	return actions[0]
}

func (w *Workload) insertTypes(ctx context.Context, tx *sql.Tx) error {
	rows := make([]string, 1+w.rand.IntN(4))
	for i := range rows {
		w.next++
		values := make([]string, 1, len(w.columns)+1)
		values[0] = fmt.Sprint(w.next)
		for _, c := range w.columns {
			if w.rand.IntN(6) == 0 && !strings.Contains(c.ddl, "NOT NULL") {
				values = append(values, "NULL")
				continue
			}
			values = append(values, c.value(w.rand))
		}
		rows[i] = "(" + strings.Join(values, ", ") + ")"
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+w.table(Types)+" VALUES "+strings.Join(rows, ", "))
	return err
}

func (w *Workload) someID() int64 { return 1 + w.rand.Int64N(max(w.next, 1)) }

func (w *Workload) updateTypes(ctx context.Context, tx *sql.Tx) error {
	a, b := w.columns[w.rand.IntN(len(w.columns))], w.columns[w.rand.IntN(len(w.columns))]
	id := w.someID()
	_, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET %s = %s, %s = %s WHERE id BETWEEN %d AND %d",
		w.table(Types), a.name, a.value(w.rand), b.name, b.value(w.rand), id, id+w.rand.Int64N(5)))
	return err
}

func (w *Workload) nullTypes(ctx context.Context, tx *sql.Tx) error {
	c := w.columns[w.rand.IntN(len(w.columns))]
	for strings.Contains(c.ddl, "NOT NULL") {
		c = w.columns[w.rand.IntN(len(w.columns))]
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET %s = NULL WHERE id = %d", w.table(Types), c.name, w.someID()))
	return err
}

func (w *Workload) deleteTypes(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE id = %d", w.table(Types), w.someID()))
	return err
}

func (w *Workload) key() (name string, n int) {
	return pick(w.rand, "a", "A", "ä", "b c", "日本", "x"), w.rand.IntN(200)
}

func (w *Workload) upsertComposite(ctx context.Context, tx *sql.Tx) error {
	name, n := w.key()
	_, err := tx.ExecContext(ctx, "INSERT INTO "+w.table(Composite)+" VALUES (?, ?, ?, ?) ON DUPLICATE KEY UPDATE v = v + 1", name, n, w.rand.IntN(1000), "note")
	return err
}

func (w *Workload) updateManyComposite(ctx context.Context, tx *sql.Tx) error {
	_, n := w.key()
	_, err := tx.ExecContext(ctx, "UPDATE "+w.table(Composite)+" SET v = v + 1 WHERE n BETWEEN ? AND ?", n, n+20)
	return err
}

func (w *Workload) changeKeyComposite(ctx context.Context, tx *sql.Tx) error {
	name, n := w.key()
	_, err := tx.ExecContext(ctx, "UPDATE IGNORE "+w.table(Composite)+" SET n = n + 1000 WHERE name = ? AND n = ?", name, n)
	return err
}

func (w *Workload) deleteComposite(ctx context.Context, tx *sql.Tx) error {
	name, n := w.key()
	_, err := tx.ExecContext(ctx, "DELETE FROM "+w.table(Composite)+" WHERE name = ? AND n BETWEEN ? AND ?", name, n, n+3)
	return err
}

func (w *Workload) insertEvolving(ctx context.Context, tx *sql.Tx) error {
	names, values := "id, v", fmt.Sprintf("%d, '%s'", w.rand.IntN(2000), pick(w.rand, "one", "two", "three"))
	for i := range w.added {
		if value := added[i%len(added)].value; value != "" {
			names += fmt.Sprintf(", extra%d", i)
			values += ", " + value
		}
	}
	_, err := tx.ExecContext(ctx, "REPLACE INTO "+w.table(Evolving)+" ("+names+") VALUES ("+values+")")
	return err
}

func (w *Workload) updateEvolving(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE "+w.table(Evolving)+" SET v = CONCAT(LEFT(v, 20), '!') WHERE id < ?", w.rand.IntN(100))
	return err
}

// added are the kinds of columns that are added in turn, each with another
// value in the rows that are there, and what new rows must give.
var added = []struct{ definition, value string }{
	{"VARCHAR(20) NOT NULL", "'new'"},
	{"INT DEFAULT 7", ""},
	{"DECIMAL(10,2) NOT NULL", "1.50"},
	{"ENUM('on','off') NOT NULL", "'off'"},
	{"DATETIME NULL", ""},
}

func (w *Workload) addColumn(ctx context.Context, _ *sql.Tx) error {
	if w.added == 4*len(added) {
		return nil
	}
	_, err := w.db.ExecContext(ctx, fmt.Sprintf("ALTER TABLE %s ADD COLUMN extra%d %s", w.table(Evolving), w.added, added[w.added%len(added)].definition))
	w.added++
	return err
}

func (w *Workload) truncate(ctx context.Context, _ *sql.Tx) error {
	_, err := w.db.ExecContext(ctx, "TRUNCATE TABLE "+w.table(Evolving))
	return err
}
