package snapshot

import (
	"context"
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// Range is a part of a table, in the order of its key: after one key, up to
// and with another. A key of fewer columns than the table's stands for all
// rows that begin with it. The zero value is the whole table.
type Range struct{ After, Until Key }

// Limits bound a chunk. It ends at a number of rows, or with the row that reaches a number of bytes.
type Limits struct {
	Rows, Bytes int
	// NotBefore is a position that Low waits to reach: the one from which on the caller has noted what
	// changes. A stream can be ahead of what its server's SELECTs see.
	NotBefore debezium.Position
}

// Chunk is a page of a table.
type Chunk struct {
	Table     *Table
	Low, High debezium.Position // equal where the rows are exactly those at that position
	Rows      RowSet
	Last      Key  // of the last row: the next chunk is read after it; nil without rows or key
	Done      bool // nothing follows

	// Of tables without a key. First says that a pass begins: rows of one given up before come again.
	// Loose says that the rows may hold changes after Low, which the stream repeats.
	First, Loose bool
}

// Read fills c with the next rows of span, whose After is the Last of the chunk
// before it. A table without a key is read in one pass: its chunks must be read
// one after the other from the same Reader, and another one begins anew.
//
// An error of the connection heals with the next call. The chunk it hit was not read.
func (r *Reader) Read(ctx context.Context, c *Chunk, t *Table, span Range, limits Limits) error {
	limits.Rows, limits.Bytes = max(limits.Rows, 1), min(max(limits.Bytes, 1), maxChunkBytes)
	c.Table, c.Last, c.Done, c.First, c.Loose = t, nil, false, false, false
	defer r.enter(Idle)
	var err error
	if len(t.Key) == 0 {
		err = r.readPass(ctx, c, t, limits)
	} else {
		err = r.readPage(ctx, c, t, span, limits)
	}
	if err != nil {
		return fmt.Errorf("read a chunk of %s: %w", t.ID, withoutValues(err))
	}
	return nil
}

const maxChunkBytes = 1 << 30

func (r *Reader) readPage(ctx context.Context, c *Chunk, t *Table, span Range, limits Limits) error {
	r.endPass()
	limit := r.limit(t, limits)
	query, err := t.pageQuery(span, limit)
	if err != nil {
		return err
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	view, err := r.open(ctx, t, limits.NotBefore)
	if err != nil {
		return err
	}
	c.Low = view.low
	if err := r.fillPage(ctx, c, query, limit, limits.Bytes); err != nil {
		if view.transaction { // it would hold up those who alter the table
			err = errors.Join(err, r.rollback(ctx))
		}
		return err
	}
	c.High, err = r.finish(ctx, view)
	return err
}

// fillPage reads at most maxBytes and the row that reaches them. What the server has beyond is
// given up, with the connection if it is much.
func (r *Reader) fillPage(ctx context.Context, c *Chunk, query string, limit, maxBytes int) error {
	r.enter(Selecting)
	rows, err := r.conn.Query(ctx, query)
	if err != nil {
		return err
	}
	width := len(rows.Columns()) - len(c.Table.Key)
	c.Rows.Reset(width)
	cut := false
	for !cut {
		fields, err := rows.Next()
		if err != nil {
			return err
		}
		if fields == nil {
			break
		}
		if err := c.Rows.Add(fields[:width]); err != nil {
			return errors.Join(err, rows.Discard(0))
		}
		n := c.Rows.Len()
		cut = c.Rows.Size() >= maxBytes
		if cut || n == limit {
			c.Last = keyOf(fields[width:])
		}
	}
	n := c.Rows.Len()
	r.learn(c.Table, n, c.Rows.Size())
	c.Done = !cut && n < limit
	return rows.Discard(int64(maxBytes))
}

func keyOf(fields [][]byte) Key {
	k := make(Key, len(fields))
	for i, f := range fields {
		k[i] = string(f)
	}
	return k
}

// limit returns how many rows to ask for, so that little is sent beyond the bytes wanted.
func (r *Reader) limit(t *Table, limits Limits) int {
	size := r.rowSize
	if r.sized != t {
		if size = defaultRowSize; t.Rows > 0 {
			size = max(float64(t.Bytes)/float64(t.Rows), 1)
		}
	}
	want := float64(limits.Bytes)/size + 1
	if want >= float64(limits.Rows) {
		return limits.Rows
	}
	return max(int(want), 1)
}

const defaultRowSize = 256

func (r *Reader) learn(t *Table, rows, bytes int) {
	if rows > 0 {
		r.sized, r.rowSize = t, max(float64(bytes)/float64(rows), 1)
	}
}

// withoutValues takes the text from answers of the server that may quote the values compared with.
func withoutValues(err error) error {
	var answer *mysql.ServerError
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.Code {
	case 1062, 1064, 1292, 1366, 1367, 1411, 1525, 1690:
		return &mysql.ServerError{Code: answer.Code, State: answer.State, Message: "the server refused the query"}
	}
	return err
}
