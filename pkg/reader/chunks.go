package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/snapshot"
)

// chunks reads the tables that need a snapshot, several at a time, ahead of
// what the session publishes of each. The session's goroutine owns it; workers
// only read what they are asked for and hand it back.
type chunks struct {
	limits  snapshot.Limits
	free    []*worker // that have no table
	answers chan answer
	queue   []*snapshotTable // not begun, in order
	active  map[debezium.TableID]*snapshotTable
	order   []*snapshotTable // the active ones, as they began: so they are published

	mu    sync.Mutex
	alarm func() // called when an answer comes; nil if nobody waits
}

// snapshotTable is a table being read.
type snapshotTable struct {
	id      debezium.TableID
	worker  *worker // nil before it began and after it was read
	spec    *snapshot.Table
	windows []*window    // read and not published, in key order
	next    snapshot.Key // where the chunk behind them begins
	after   snapshot.Key // the last published row's
	key     []string     // the columns of both; nil: not known
	asked   bool         // a chunk is being read
	all     bool         // the last of windows is the table's last
	stale   bool         // what is being read belongs to an older definition
	blocked bool         // the server knows a definition that the stream has not reached
	locked  bool         // the server gave up waiting for a lock on it
	waits   waits
	initial bool  // of the first start's snapshot
	rows    int64 // published
	chunks  int64 // published

	// Of a table without a key, which is read in one pass: where that begins, once it has begun; that nothing of
	// it is published yet; that rows were published before which it has too.
	pass, begun, fresh, again bool
	begins                    debezium.Position

	// onePass says that the records of a table that is read in one pass have keys all the same: its rows are
	// those of when the pass began, to the last.
	onePass bool

	// changed are the keys that the stream has changed since the chunk being read was asked for, or since the
	// pass began: it may hold an older version of them.
	changed map[string]struct{}
}

// older reports whether a chunk that is yet to come may hold a row as it was
// before a change that the stream brings now.
func (t *snapshotTable) older() bool { return t.asked || t.onePass && !t.all }

// maxChanged is how many keys are remembered while a chunk is read. With more,
// the chunk is read again.
const maxChanged = 100_000

// change notes that the stream changed a row while a chunk is being read.
func (t *snapshotTable) change(key []byte) {
	if t.stale {
		return
	}
	if len(t.changed) == maxChanged {
		t.stale = true
		clear(t.changed)
		return
	}
	if t.changed == nil {
		t.changed = make(map[string]struct{})
	}
	t.changed[string(key)] = struct{}{}
}

// newChunks starts n workers, which end with ctx. The returned function waits
// for their end.
func newChunks(ctx context.Context, cfg *mysql.Config, server *mysql.Server, n int, limits snapshot.Limits) (*chunks, func() error) {
	c := &chunks{limits: limits, active: make(map[debezium.TableID]*snapshotTable), answers: make(chan answer, n)}
	group, ctx := errgroup.WithContext(ctx)
	for range n {
		w := &worker{asks: make(chan ask, 1), reader: snapshot.New(cfg, server)}
		c.free = append(c.free, w)
		group.Go(func() error { return c.work(ctx, w, cfg) })
	}
	return c, group.Wait
}

// wake has alarm called when an answer comes, or now if one is there. The
// returned function takes that back.
func (c *chunks) wake(alarm func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) > 0 {
		alarm()
	}
	c.alarm = alarm
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.alarm = nil
	}
}

// opening reports whether a pass over a table without a key is about to begin:
// the stream must not come to where that is before it is known.
func (c *chunks) opening() bool {
	for _, t := range c.active {
		if t.pass && t.asked && !t.begun {
			return true
		}
	}
	return false
}

// reached reports whether a stream at p has passed the beginning of the table's
// pass, so that what follows is not in it.
func (t *snapshotTable) reached(p debezium.Position) bool {
	return t.begun && (t.begins.IsZero() || p.AtOrAfter(t.begins))
}

// find returns a table that is not read and published whole.
func (c *chunks) find(id debezium.TableID) *snapshotTable {
	if t := c.active[id]; t != nil {
		return t
	}
	if i := slices.IndexFunc(c.queue, func(t *snapshotTable) bool { return t.id == id }); i >= 0 {
		return c.queue[i]
	}
	return nil
}

// waiting reports whether a chunk has come that the session has not looked at.
func (c *chunks) waiting() bool { return len(c.answers) > 0 }

// done reports whether every table has been read and published.
func (c *chunks) done() bool { return len(c.queue) == 0 && len(c.active) == 0 }

// add queues a table, to be read from where its progress ends.
func (c *chunks) add(id debezium.TableID, p checkpoint.TableProgress, initial bool) {
	c.queue = append(c.queue, &snapshotTable{id: id, next: p.After, after: p.After, key: p.Key, rows: p.Rows, initial: initial})
}

// ask asks for the next chunk of every table that may have one, and begins
// tables while workers are free. since is where the stream is, list gives a
// table's select list, and whether it has no key.
func (c *chunks) ask(since debezium.Position, list func(debezium.TableID) (string, bool, error)) error {
	for len(c.free) > 0 && len(c.queue) > 0 {
		t := c.queue[0]
		c.queue = c.queue[1:]
		t.worker, c.free = c.free[0], c.free[1:]
		c.active[t.id] = t
		c.order = append(c.order, t)
	}
	for _, t := range c.active {
		if t.worker == nil || t.asked || t.all || t.blocked || len(t.windows) > 1 {
			continue
		}
		a := ask{table: t, spec: t.spec, after: t.next, since: since}
		if t.spec == nil {
			var err error
			if a.list, t.pass, err = list(t.id); err != nil {
				return fmt.Errorf("prepare the snapshot of %s: %w", t.id, err)
			}
		}
		t.asked, a.pass = true, t.pass
		t.worker.asks <- a
	}
	return nil
}

// take looks at the answers that have come; catchUp removes from a chunk what
// changed while it was read.
func (c *chunks) take(catchUp func(*snapshotTable, *window) error) error {
	for {
		select {
		case a := <-c.answers:
			if err := c.took(a, catchUp); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (c *chunks) took(a answer, catchUp func(*snapshotTable, *window) error) error {
	t := a.table
	t.asked = false
	switch {
	case c.active[t.id] != t: // dropped meanwhile
		c.free = append(c.free, t.worker)
		return nil
	case t.stale:
		t.stale = false
		clear(t.changed)
		return nil
	case t.rekeyed(&a): // the chunk begins nowhere in particular
		t.next, t.after, t.rows = nil, nil, 0
		clear(t.changed)
		return nil
	case mysql.IsServerError(a.err, mysql.CodeTableDefChanged): // behind the view it was read by: nothing of that need be in the stream
		return nil
	case errors.Is(a.err, snapshot.ErrNoTable), errors.Is(a.err, snapshot.ErrKey),
		mysql.IsServerError(a.err, mysql.CodeBadField, mysql.CodeNoSuchIndex, mysql.CodeNoSuchTable, mysql.CodeUnknownDatabase):
		t.blocked = true // the statement that did it is on its way through the stream
		return nil
	case mysql.IsServerError(a.err, mysql.CodeLockWaitTimeout): // it is asked for again
		t.locked = true
		clear(t.changed)
		return nil
	case a.err != nil:
		return a.err
	}
	t.locked = false
	t.waits.over()
	if a.chunk.First {
		t.windows = nil
	}
	if t.pass && (a.chunk.First || !t.begun) {
		t.again = t.again || t.begun
		t.begun, t.fresh, t.begins, t.windows = true, true, a.chunk.Low, nil
	}
	if len(a.spec.Key) > 0 {
		t.key = keyNames(a.spec)
	}
	t.spec, t.all, t.onePass = a.spec, a.chunk.Done, !t.pass && len(a.spec.Key) == 0
	if a.chunk.Rows.Len() > 0 {
		w := &window{chunk: a.chunk}
		if err := catchUp(t, w); err != nil {
			return err
		}
		t.windows = append(t.windows, w)
		t.next = a.chunk.Last
	}
	if !t.onePass || t.all {
		clear(t.changed)
	}
	if t.all { // let another table have the worker
		c.free, t.worker = append(c.free, t.worker), nil
	}
	return nil
}

// rekeyed reports whether the server has another key to read the table by than the one
// in whose order reading stopped. No change of the table's own key need have come:
// where several unique keys would do, one may be hidden, or have become one that does.
func (t *snapshotTable) rekeyed(a *answer) bool {
	return t.spec == nil && t.next != nil && t.key != nil && a.spec != nil && !slices.Equal(t.key, keyNames(a.spec)) &&
		(a.err == nil || errors.Is(a.err, snapshot.ErrKey))
}

func keyNames(spec *snapshot.Table) []string {
	names := make([]string, len(spec.Key))
	for i := range spec.Key {
		names[i] = spec.Key[i].Name
	}
	return names
}

// discard throws away what was read of a table and not published: its
// definition, or its rows, are others from here on. If the table is gone,
// nothing more is read of it.
func (c *chunks) discard(id debezium.TableID, gone bool) {
	for i, t := range c.queue {
		if t.id == id && gone {
			c.queue = append(c.queue[:i], c.queue[i+1:]...)
			break
		}
	}
	t := c.active[id]
	if t == nil {
		return
	}
	t.stale, t.blocked, t.locked, t.all = t.asked, false, false, false
	t.waits.over()
	t.spec, t.windows, t.next = nil, nil, t.after
	t.again, t.begun, t.onePass = t.again || t.begun, false, false
	clear(t.changed)
	if gone {
		c.finish(t)
		return
	}
	if t.worker == nil { // it was read whole, and is to be read again
		c.remove(t)
		c.queue = append(c.queue, t)
	}
}

// restart has a table that is being read, and of which nothing waits to be
// published, read from its beginning. It reports whether there was something to
// read again.
func (c *chunks) restart(id debezium.TableID) bool {
	t := c.find(id)
	if t == nil || t.after == nil {
		return false
	}
	t.next, t.after, t.rows = nil, nil, 0
	return true
}

// finish forgets a table that has been published whole or is gone.
func (c *chunks) finish(t *snapshotTable) {
	c.remove(t)
	if t.worker != nil && !t.asked { // otherwise the worker is freed by its answer
		c.free, t.worker = append(c.free, t.worker), nil
	}
}

func (c *chunks) remove(t *snapshotTable) {
	delete(c.active, t.id)
	c.order = slices.DeleteFunc(c.order, func(o *snapshotTable) bool { return o == t })
}
