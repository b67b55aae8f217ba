package reader

import (
	"context"
	"errors"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/snapshot"
)

// worker reads chunks, one at a time.
type worker struct {
	asks   chan ask
	reader *snapshot.Reader
}

// ask is for one chunk of a table, read by spec, or by what the server says of
// the table's key if spec is nil.
type ask struct {
	table *snapshotTable
	spec  *snapshot.Table
	list  string // the select list, where spec is nil
	pass  bool   // the table has no key
	after snapshot.Key
	since debezium.Position // the rows are not older than what the stream had delivered by then
}

type answer struct {
	table *snapshotTable
	spec  *snapshot.Table
	chunk *snapshot.Chunk
	err   error
}

// work answers what is asked until ctx ends.
func (c *chunks) work(ctx context.Context, w *worker, cfg *mysql.Config) error {
	for {
		select {
		case <-ctx.Done():
			return w.reader.Close()
		case a := <-w.asks:
			spec, chunk, err := a.spec, new(snapshot.Chunk), error(nil)
			if spec == nil {
				spec, err = describe(ctx, cfg, a.table.id, a.list, a.pass)
			}
			if err == nil {
				limits := c.limits
				limits.NotBefore = a.since
				err = w.reader.Read(ctx, chunk, spec, snapshot.Range{After: a.after}, limits)
			}
			c.answer(ctx, answer{table: a.table, spec: spec, chunk: chunk, err: err})
		}
	}
}

func describe(ctx context.Context, cfg *mysql.Config, id debezium.TableID, list string, keyless bool) (*snapshot.Table, error) {
	conn, err := mysql.Connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	spec, err := snapshot.Describe(ctx, conn, id)
	if err := errors.Join(err, conn.Close()); err != nil {
		return nil, err
	}
	if spec.Select = list; keyless { // whatever the server knows: the stream goes by one pass at one position
		spec.Key, spec.Index = nil, ""
	}
	return spec, nil
}

func (c *chunks) answer(ctx context.Context, a answer) {
	select {
	case c.answers <- a:
	case <-ctx.Done():
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.alarm != nil {
		c.alarm()
	}
}
