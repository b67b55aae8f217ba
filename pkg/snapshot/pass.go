package snapshot

import (
	"context"
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// pass is a whole table being read by one SELECT. Between chunks the server waits for the socket.
type pass struct {
	table     *Table
	rows      *mysql.Rows
	low, high debezium.Position
	loose     bool
	cancel    context.CancelFunc // ends the query, and with it the connection
}

func (r *Reader) readPass(ctx context.Context, c *Chunk, t *Table, limits Limits) error {
	c.First = r.pass == nil || r.pass.table != t || r.conn.Broken()
	if c.First {
		r.endPass()
		if err := r.startPass(ctx, t, limits.NotBefore.GTIDs); err != nil {
			return err
		}
	}
	r.enter(Selecting)
	p := r.pass
	c.Low, c.High, c.Loose = p.low, p.high, p.loose
	c.Rows.Reset(len(p.rows.Columns()))
	stop := context.AfterFunc(ctx, p.cancel)
	defer stop()
	for c.Rows.Len() < limits.Rows && c.Rows.Size() < limits.Bytes {
		fields, err := p.rows.Next()
		if err == nil && fields != nil {
			err = c.Rows.Add(fields)
		}
		if err != nil {
			r.endPass()
			return err
		}
		if fields == nil {
			c.Done = true
			r.pass = nil
			p.cancel()
			return r.conn.Exec(ctx, "COMMIT")
		}
	}
	return nil
}

func (r *Reader) startPass(ctx context.Context, t *Table, least debezium.GTIDSet) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	p, err := r.openPass(ctx, t, least)
	if err != nil {
		return err
	}
	// The query outlives the call that starts it.
	r.enter(Selecting)
	var queryCtx context.Context
	queryCtx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if p.rows, err = r.conn.Query(queryCtx, t.passQuery()); err != nil {
		p.cancel()
		return errors.Join(err, r.rollback(ctx))
	}
	r.pass = p
	return nil
}

// openPass opens a consistent snapshot whose position is known. On MySQL that
// takes a lock for a moment; a user who may not take it gets the positions around
// the snapshot's making. It may hold changes beyond either, which the stream repeats.
func (r *Reader) openPass(ctx context.Context, t *Table, least debezium.GTIDSet) (*pass, error) {
	if r.server.Flavor == debezium.FlavorMariaDB {
		at, err := openAt(ctx, r.conn)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open a consistent snapshot: %w", err), r.rollback(ctx))
		}
		return &pass{table: t, low: at, high: at}, nil
	}
	v, err := r.openLocked(ctx, t)
	if err == nil || !r.server.GTIDMode || !errors.Is(err, ErrLockTables) {
		return &pass{table: t, low: v.low, high: v.high}, err
	}
	r.enter(Committing)
	p := &pass{table: t, loose: true}
	if p.low.GTIDs, err = executed(ctx, r.conn, least); err != nil {
		return nil, err
	}
	if err := r.conn.Exec(ctx, startSnapshot); err != nil {
		return nil, err
	}
	if p.high.GTIDs, err = executed(ctx, r.conn, p.low.GTIDs); err != nil {
		return nil, errors.Join(err, r.rollback(ctx))
	}
	return p, nil
}

func (r *Reader) rollback(ctx context.Context) error {
	if r.conn.Broken() {
		return nil
	}
	return r.conn.Exec(ctx, "ROLLBACK")
}

// endPass gives up a pass that was not read to its end, and its connection.
func (r *Reader) endPass() {
	if r.pass == nil {
		return
	}
	r.pass.cancel()
	_ = r.pass.rows.Discard(0) // closes the connection, which ends the query on the server
	r.pass = nil
}
