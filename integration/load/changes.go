package load

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Changes makes changes to the filled table: of four, two updates, an insert
// and a delete, each a statement that changes one row. Keys are chosen by
// Zipf's law among those that are there. One goroutine uses it.
type Changes struct {
	conn *sql.Conn
	text *text
	zipf *rand.Zipf
	live []int64 // keys, the often changed ones first
	next int64
	made int
}

// NewChanges begins to change a table that was filled with rows and not
// changed since. The caller calls Close.
func NewChanges(ctx context.Context, db *sql.DB, rows int) (*Changes, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SET SESSION sql_log_bin = 1"); err != nil {
		return nil, err
	}
	c := &Changes{conn: conn, text: newText(99), live: make([]int64, rows), next: int64(rows) + 1}
	for i := range c.live {
		c.live[i] = int64(i) + 1
	}
	c.text.random.Shuffle(rows, func(i, j int) { c.live[i], c.live[j] = c.live[j], c.live[i] })
	c.zipf = rand.NewZipf(c.text.random, 1.1, 1, uint64(rows*9/10))
	return c, nil
}

// Close gives the connection back.
func (c *Changes) Close() error { return c.conn.Close() }

// Rows returns how many rows the table has now.
func (c *Changes) Rows() int { return len(c.live) }

// Transaction makes n changes and commits them.
func (c *Changes) Transaction(ctx context.Context, n int) error {
	t := c.text
	t.buf = append(t.buf[:0], "BEGIN;"...)
	for range n {
		c.change()
		t.buf = append(t.buf, ';')
	}
	t.buf = append(t.buf, "COMMIT"...)
	if _, err := c.conn.ExecContext(ctx, string(t.buf)); err != nil {
		return fmt.Errorf("change %s: %w", Source, err)
	}
	return nil
}

func (c *Changes) change() {
	t := c.text
	kind := c.made % 4
	c.made++
	if kind == 0 {
		t.buf = append(t.buf, "INSERT INTO "+Source+" VALUES "...)
		t.row(c.next)
		c.live = append(c.live, c.next)
		c.next++
		return
	}
	i := int(c.zipf.Uint64()) % len(c.live)
	id := c.live[i]
	if kind == 2 {
		t.buf = append(t.buf, "DELETE FROM "+Source...)
		last := len(c.live) - 1
		c.live[i] = c.live[last]
		c.live = c.live[:last]
	} else {
		t.buf = append(t.buf, "UPDATE "+Source+" SET k = k + 1, c = '"...)
		t.digits(119)
		t.buf = append(t.buf, '\'')
	}
	t.buf = strconv.AppendInt(append(t.buf, " WHERE id = "...), id, 10)
}

// Scatter updates n rows whose keys are random over the whole table, and
// returns once that is committed.
func (c *Changes) Scatter(ctx context.Context, n int) error {
	const perStatement = 1000
	ids := make([]int64, 0, perStatement)
	for n > 0 {
		ids = ids[:0]
		for len(ids) < min(n, perStatement) {
			ids = append(ids, c.live[c.text.random.IntN(len(c.live))])
		}
		n -= len(ids)
		slices.Sort(ids)
		distinct := slices.Compact(ids)
		n += len(ids) - len(distinct)
		t := c.text
		t.buf = append(t.buf[:0], "UPDATE "+Source+" SET k = k + 1, pad = '"...)
		t.digits(59)
		t.buf = append(t.buf, "' WHERE id IN ("...)
		for i, id := range distinct {
			if i > 0 {
				t.buf = append(t.buf, ',')
			}
			t.buf = strconv.AppendInt(t.buf, id, 10)
		}
		if _, err := c.conn.ExecContext(ctx, string(append(t.buf, ')'))); err != nil {
			return fmt.Errorf("change %s: %w", Source, err)
		}
	}
	return nil
}

// Commit is one transaction of Steadily.
type Commit struct {
	At   time.Time // when the server had answered
	Rows int
}

// Steadily makes rate changes a second in transactions of perTransaction, for
// as long as ctx lasts, and tells done of each. It falls behind, and catches
// up, rather than leave changes out.
func (c *Changes) Steadily(ctx context.Context, rate, perTransaction int, done func(Commit)) error {
	begin := time.Now()
	made := 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due := begin.Add(time.Duration(made) * time.Second / time.Duration(rate))
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
			}
		} else if ctx.Err() != nil {
			return nil
		}
		// A transaction that has begun is ended, so that each is counted.
		if err := c.Transaction(context.WithoutCancel(ctx), perTransaction); err != nil {
			return err
		}
		done(Commit{At: time.Now(), Rows: perTransaction})
		made += perTransaction
	}
}
