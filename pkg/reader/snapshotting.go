package reader

import (
	"context"
	"fmt"
	"time"

	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// beginSnapshot queues a table, whose stream begins at from.
func (s *session) beginSnapshot(id debezium.TableID, from debezium.Position, initial bool) {
	s.mark(id, "")
	s.progress.Begin(id, from)
	s.chunks.add(id, s.progress.Snapshot[id], initial)
}

// resumeSnapshots queues the tables that are not finished.
func (s *session) resumeSnapshots() {
	for id, p := range s.progress.Snapshot {
		if !s.cfg.Captured(id) { // should it be captured again, its rows come by a new snapshot
			s.progress.Forget(id)
			continue
		}
		if p.Rows > 0 {
			s.begun[id] = true
		}
		if p.State != checkpoint.Captured {
			s.chunks.add(id, p, s.progress.Snapshotting)
		}
		if p.Unlogged != "" {
			s.log.Warn("table needs a new snapshot since an earlier run: --on-unlogged-change=resnapshot takes it", "table", id.String(), "reason", p.Unlogged)
			s.needsSnapshot(id, p.Unlogged)
		}
	}
}

// heal begins the snapshots that marked tables need, if that is asked for.
func (s *session) heal() error {
	if s.cfg.Unlogged != UnloggedResnapshot {
		return nil
	}
	for id, p := range s.progress.Snapshot {
		if p.Unlogged == "" {
			continue
		}
		if err := s.again(id, s.here()); err != nil {
			return err
		}
	}
	return nil
}

// again empties a table and reads it anew.
func (s *session) again(id debezium.TableID, source *debezium.Source) error {
	if err := s.truncate(id, source); err != nil {
		return err
	}
	s.chunks.discard(id, true)
	s.beginSnapshot(id, debezium.Position{}, false)
	return nil
}

// advanceChunks publishes the chunks whose high watermark the stream has
// passed, and asks for more.
func (s *session) advanceChunks(ctx context.Context) error {
	if err := s.chunks.take(s.dropChanged); err != nil { // also what nobody wants any more: it would keep the session awake
		return err
	}
	if s.chunks.done() {
		return nil
	}
	for again := !s.stated; again; { // a table that ends may be what another one's last row waits for
		again = false
		for _, t := range s.chunks.order {
			if err := s.publishReady(ctx, t); err != nil {
				return fmt.Errorf("snapshot of %s: %w", t.id, err)
			}
			if again = s.chunks.active[t.id] != t; again {
				break
			}
		}
	}
	since, err := s.delivered()
	if err != nil {
		return err
	}
	return s.chunks.ask(since, s.selectList)
}

// delivered is the position that holds everything the stream has delivered, the
// transaction that it is in included. The binlog hands a transaction out before
// a SELECT sees it, and a chunk must not be older than what is published.
func (s *session) delivered() (debezium.Position, error) {
	p := s.position
	if s.progress.GTID == "" {
		return p, nil
	}
	return p, p.GTIDs.Add(s.progress.GTID)
}

func (s *session) selectList(id debezium.TableID) (list string, keyless bool, err error) {
	t, err := s.knownTable(id)
	if err != nil {
		return "", false, err
	}
	return t.plan.SelectList(), t.plan.Key == nil, nil
}

// inPass reports whether what the stream brings of a table without a key is in
// the pass that reads it, or will be: it would be published twice.
func (s *session) inPass(t *table) bool {
	if t.plan.Key != nil {
		return false
	}
	snap := s.chunks.find(t.id)
	return snap != nil && !snap.reached(s.position)
}

// beginPass empties the topic of what a pass that was given up, and the stream
// behind it, have left there.
func (s *session) beginPass(t *snapshotTable) error {
	again := t.again
	t.fresh, t.again, t.rows = false, false, 0
	if again {
		return s.truncate(t.id, s.here())
	}
	return s.empty(t.id, s.here())
}

// knownTable returns a captured table by its name.
func (s *session) knownTable(id debezium.TableID) (*table, error) {
	if t := s.tables[id]; t != nil {
		return t, nil
	}
	model, ok := s.history.Table(id)
	if !ok {
		return nil, fmt.Errorf("the definition of %s is not known", id)
	}
	return s.setTable(id, model)
}

// publishReady publishes what can be of one table. A window waits until the
// next one has been read, so that the table's last row is known as such.
func (s *session) publishReady(ctx context.Context, t *snapshotTable) error {
	if t.fresh && t.reached(s.position) { // before the stream's first row behind it
		if err := s.beginPass(t); err != nil {
			return err
		}
	}
	for len(t.windows) > 0 {
		w := t.windows[0]
		final := t.all && len(t.windows) == 1
		if !w.passed(s.position) || !final && len(t.windows) == 1 || final && t.initial && !s.lastKnown(t) {
			return nil
		}
		known, err := s.knownTable(t.id)
		if err != nil {
			return err
		}
		if err := s.publishWindow(t, known, w, final); err != nil {
			return err
		}
		t.windows = t.windows[1:]
		t.after = w.chunk.Last
		t.waits.over()
		t.rows += int64(w.chunk.Rows.Len())
		t.chunks++
		known.counters.Chunk(w.chunk.Rows.Len())
		s.progress.Read(t.id, t.key, t.after, t.rows)
		s.published(t, "running")
		if s.full() && !final {
			if err := s.endSpan(ctx); err != nil {
				return err
			}
		}
	}
	if !t.all || t.pass && !t.reached(s.position) {
		return nil
	}
	s.chunks.finish(t)
	s.published(t, "done")
	s.progress.Captured(t.id)
	s.log.Info("table snapshot finished", "table", t.id.String(), "rows", t.rows)
	s.snapshotDone()
	return s.openSpan() // the progress is saved even if the table has no row
}

// snapshotsDone reports whether every captured table has been read and published.
func (s *session) snapshotsDone() bool { return s.chunks.done() && len(s.unknown) == 0 }

// snapshotDone notes the end of the snapshot, if no table is left. It is said
// once it is saved.
func (s *session) snapshotDone() {
	if s.chunks.done() && s.progress.Snapshotting {
		s.progress.SnapshotDone()
		s.log.Info("snapshot finished")
	}
	s.unsaid = true
}

// lastKnown reports whether it is known if the table's last row is the whole
// snapshot's last: no other table is left, or one has rows to come.
func (s *session) lastKnown(t *snapshotTable) bool {
	others := len(s.chunks.queue)
	for _, o := range s.chunks.active {
		if o == t {
			continue
		}
		if len(o.windows) > 0 {
			return true
		}
		others++
	}
	return others == 0
}

func (s *session) publishWindow(t *snapshotTable, known *table, w *window, final bool) error {
	if w.chunk.Loose && known.plan.IdentitySchema() == nil && !s.loose[t.id] {
		s.loose[t.id] = true
		s.log.Warn("table without a key is read at least once: rows changed meanwhile may come twice; GRANT LOCK TABLES to read it exactly", "table", t.id.String())
	}
	e := &s.event
	e.Source = debezium.Source{
		Version: version, Connector: s.connector, Name: s.cfg.Prefix, TsNs: time.Now().Truncate(time.Second).UnixNano(), DB: t.id.Database, Table: t.id.Table,
		File: s.position.File, Pos: int64(s.position.Pos),
	}
	last := w.last()
	for i := range w.chunk.Rows.Len() {
		if w.gone[int32(i)] {
			continue
		}
		e.Source.Snapshot = s.marker(t, final && i == last)
		s.fields = w.chunk.Rows.Row(i, s.fields[:0])
		if err := s.publishRow(known, s.fields); err != nil {
			return err
		}
	}
	return nil
}

// marker returns the value of source.snapshot, with Debezium's precedence:
// last, first, last of its table, first of its table.
func (s *session) marker(t *snapshotTable, last bool) string {
	first := !s.begun[t.id]
	s.begun[t.id] = true
	switch {
	case !t.initial:
		return "incremental"
	case last && len(s.chunks.queue) == 0 && len(s.chunks.active) == 1:
		return "last"
	case first && s.leads(t.id):
		return "first"
	case last:
		return "last_in_data_collection"
	case first:
		return "first_in_data_collection"
	default:
		return "true"
	}
}

// leads reports whether the snapshot begins with the table. In Debezium that is
// the first one, and no row is marked so if it has none.
func (s *session) leads(id debezium.TableID) bool {
	if !s.cfg.Convert.DebeziumExact {
		return len(s.begun) == 1
	}
	for other := range s.progress.Snapshot {
		if s.inOrder(other, id) < 0 {
			return false
		}
	}
	return true
}

// publishRow publishes one row that a SELECT returned.
func (s *session) publishRow(t *table, fields [][]byte) (err error) {
	e := &s.event
	if t.after, err = t.plan.Selected(t.after, fields); err != nil {
		return err
	}
	e.Row, e.KeySchema, e.Tombstone, e.Op, e.Before, e.After = t.plan.Row, t.plan.Key, false, debezium.Read, nil, t.plan.Values(t.after)
	e.Transaction = nil
	t.key = t.plan.KeyValues(t.key, t.after)
	e.Key = t.key
	key, err := s.encodeKey()
	if err != nil {
		return err
	}
	t.read(debezium.Read)
	err = s.sendEvent(t, key)
	t.plan.Reset()
	return err
}

// dropChangedRow removes the row that the stream has just changed, under its old
// and its new identity, from the chunks of its table that are not published yet.
func (s *session) dropChangedRow(t *table, op debezium.Op) error {
	snap := s.chunks.active[t.id]
	if snap == nil || t.identitySchema() == nil {
		return nil
	}
	if op != debezium.Create {
		if err := s.dropFromWindows(t, snap, t.before); err != nil {
			return err
		}
	}
	if op == debezium.Delete || op == debezium.Update && s.sameRow(t) {
		return nil
	}
	return s.dropFromWindows(t, snap, t.after)
}

// sameRow reports whether an update left the row its identity.
func (*session) sameRow(t *table) bool {
	t.key, t.oldKey = t.identity(t.plan, t.key, t.after), t.identity(t.plan, t.oldKey, t.before)
	return equalValues(t.key, t.oldKey)
}

func (s *session) dropFromWindows(t *table, snap *snapshotTable, row []debezium.Value) (err error) {
	t.key = t.identity(t.plan, t.key, row)
	e := debezium.Event{KeySchema: t.identitySchema(), Key: t.key}
	if s.key, err = s.identities.AppendKey(s.key[:0], &e); err != nil {
		return fmt.Errorf("encode what tells rows apart: %w", err)
	}
	key := s.key
	switch {
	case !snap.older():
	case snap.onePass && len(snap.changed) == maxChanged:
		s.log.Warn("too many rows changed while a table was read in one pass: it is read again", "table", snap.id.String(), "rows", maxChanged)
		s.chunks.discard(snap.id, false)
	default:
		snap.change(key)
	}
	for _, w := range snap.windows {
		if err := w.drop(key, func(i int) ([]byte, error) { return s.chunkKey(t, w, i) }); err != nil {
			return err
		}
	}
	return nil
}

// dropChanged removes from a chunk that has just come what the stream changed
// while it was read.
func (s *session) dropChanged(snap *snapshotTable, w *window) error {
	if len(snap.changed) == 0 {
		return nil
	}
	t, err := s.knownTable(snap.id)
	if err != nil {
		return err
	}
	for key := range snap.changed {
		if err := w.drop([]byte(key), func(i int) ([]byte, error) { return s.chunkKey(t, w, i) }); err != nil {
			return err
		}
	}
	return nil
}

// chunkKey encodes what tells a chunk's row from others.
func (s *session) chunkKey(t *table, w *window, i int) ([]byte, error) {
	fields := w.chunk.Rows.Row(i, nil)
	values, err := t.keys.Selected(nil, fields)
	if err != nil {
		return nil, err
	}
	e := debezium.Event{KeySchema: t.identitySchema(), Key: t.identity(t.keys, nil, values)}
	key, err := s.identities.AppendKey(nil, &e)
	t.keys.Reset()
	return key, err
}
