package workload

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/firn-cdc/firn/integration/validate"
)

// Recorded changes one table and remembers every change that was committed, in
// order. One goroutine uses it.
type Recorded struct {
	db      *sql.DB
	table   string
	rand    *rand.Rand
	pad     int
	next    int64
	step    int64
	rows    map[int64]string // id to version
	changes []validate.Change
}

// Version is the column that tells the versions of a row apart.
const Version = "v"

// NewRecorded makes the table, of n rows of at least pad bytes, which are not
// among the changes.
func NewRecorded(ctx context.Context, db *sql.DB, table string, seed uint64, n, pad int) (*Recorded, error) {
	w := &Recorded{db: db, table: table, rand: rand.New(rand.NewPCG(seed, 2)), pad: pad, rows: make(map[int64]string)}
	if _, err := db.ExecContext(ctx, "CREATE TABLE "+table+" (id BIGINT PRIMARY KEY, v VARCHAR(40) NOT NULL, pad TEXT)"); err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	done, err := w.insert(ctx, tx, n)
	if err != nil {
		_ = tx.Rollback() // the first error counts
		return nil, err
	}
	w.apply(done)
	return w, tx.Commit()
}

// Changes returns what was committed since the table was made.
func (w *Recorded) Changes() []validate.Change { return w.changes }

// Rows returns how many rows the table has.
func (w *Recorded) Rows() int { return len(w.rows) }

// made is what a transaction does: its changes, and the rows as they are then.
type made struct {
	changes []validate.Change
	rows    map[int64]string // "" for none
}

func (w *Recorded) apply(m made) {
	for id, v := range m.rows {
		if w.rows[id] = v; v == "" {
			delete(w.rows, id)
		}
	}
}

// Step runs one transaction of a few statements, sometimes rolled back.
func (w *Recorded) Step(ctx context.Context) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	before := maps.Clone(w.rows)
	var all []validate.Change
	for range 1 + w.rand.IntN(4) {
		done, err := w.statement(ctx, tx)
		if err != nil {
			_ = tx.Rollback() // the first error counts
			return err
		}
		w.apply(done)
		all = append(all, done.changes...)
	}
	if w.rand.IntN(20) == 0 {
		w.rows = before
		return tx.Rollback()
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	w.changes = append(w.changes, all...)
	return nil
}

// Big inserts n rows in one transaction.
func (w *Recorded) Big(ctx context.Context, n int) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for n > 0 {
		some := min(n, 2000)
		done, err := w.insert(ctx, tx, some)
		if err != nil {
			_ = tx.Rollback() // the first error counts
			return err
		}
		w.apply(done)
		w.changes = append(w.changes, done.changes...)
		n -= some
	}
	return tx.Commit()
}

func (w *Recorded) statement(ctx context.Context, tx *sql.Tx) (made, error) {
	switch n := w.rand.IntN(10); {
	case n < 3 || len(w.rows) < 10:
		return w.insert(ctx, tx, 1+w.rand.IntN(5))
	case n < 7:
		return w.update(ctx, tx)
	case n < 9:
		return w.delete(ctx, tx)
	default:
		return w.move(ctx, tx)
	}
}

func key(id int64) string { return fmt.Sprintf(`{"id":%d}`, id) }

func (w *Recorded) insert(ctx context.Context, tx *sql.Tx, n int) (made, error) {
	w.step++
	m := made{rows: make(map[int64]string)}
	values := make([]byte, 0, n*(40+w.pad))
	for i := range n {
		w.next++
		v := fmt.Sprintf("%d-%d", w.step, w.next)
		if i > 0 {
			values = append(values, ',')
		}
		values = fmt.Appendf(values, "(%d, '%s', REPEAT('x', %d))", w.next, v, w.pad)
		m.rows[w.next] = v
		m.changes = append(m.changes, validate.Change{Key: key(w.next), Op: "c", Version: v})
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+w.table+" VALUES "+string(values))
	return m, err
}

// some returns a key that exists, and the next few after it.
func (w *Recorded) some() []int64 {
	ids := slices.Sorted(maps.Keys(w.rows))
	i := w.rand.IntN(len(ids))
	return ids[i:min(i+1+w.rand.IntN(6), len(ids))]
}

func (w *Recorded) update(ctx context.Context, tx *sql.Tx) (made, error) {
	w.step++
	ids := w.some()
	m := made{rows: make(map[int64]string)}
	for _, id := range ids {
		m.rows[id] = fmt.Sprintf("%d-%d", w.step, id)
		m.changes = append(m.changes, validate.Change{Key: key(id), Op: "u", Version: m.rows[id]})
	}
	_, err := tx.ExecContext(ctx, "UPDATE "+w.table+" SET v = CONCAT(?, '-', id) WHERE id BETWEEN ? AND ?", w.step, ids[0], ids[len(ids)-1])
	return m, err
}

func (w *Recorded) delete(ctx context.Context, tx *sql.Tx) (made, error) {
	ids := w.some()
	m := made{rows: make(map[int64]string)}
	for _, id := range ids {
		m.changes = append(m.changes, validate.Change{Key: key(id), Op: "d", Version: w.rows[id]})
		m.rows[id] = ""
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM "+w.table+" WHERE id BETWEEN ? AND ?", ids[0], ids[len(ids)-1])
	return m, err
}

// move changes the key of a row: to a new one, or to one that a deleted row had.
func (w *Recorded) move(ctx context.Context, tx *sql.Tx) (made, error) {
	w.step++
	from := w.some()[0]
	to := 1 + w.rand.Int64N(w.next)
	if _, taken := w.rows[to]; taken {
		w.next++
		to = w.next
	}
	v := fmt.Sprintf("%d-%d", w.step, to)
	m := made{
		rows: map[int64]string{from: "", to: v},
		changes: []validate.Change{
			{Key: key(from), Op: "d", Version: w.rows[from]},
			{Key: key(to), Op: "c", Version: v},
		},
	}
	_, err := tx.ExecContext(ctx, "UPDATE "+w.table+" SET id = ?, v = ? WHERE id = ?", to, v, from)
	return m, err
}
