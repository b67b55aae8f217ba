// Package batch holds one table's changes until they are written: in a
// folding batch the last change of each key, in an appending one every change
// in order. It copies what it keeps into a compact arena, so that the memory
// of a batch is the bytes it reports and an event may be reused after Add.
//
// It also owns the form of a key in bytes (see [Key]), by which the applier
// orders rows and finds them again in the key index. What to do with the
// changes, and how long to wait for more, is the caller's matter.
package batch

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// ErrKeyChanged is returned by Add for an event whose key has other columns
// than the batch's keys: the batch must be committed, and the table's index
// made anew, before the event is added again.
var ErrKeyChanged = errors.New("the table's key has changed")

// EventError is returned by Add for an event that cannot be applied. The
// batch is as it was before.
type EventError struct{ Reason string }

// Error says what is wrong with the event.
func (e *EventError) Error() string { return "event cannot be applied: " + e.Reason }

// Config is what a batch is made of.
type Config struct {
	Append bool  // keep every change in order instead of the last per key
	Pool   *Pool // memory shared with other batches; nil for a pool of its own
}

// Limits bound a batch. A zero limit does not bound.
type Limits struct {
	Rows  int
	Bytes int64
}

// Batch is one table's net changes. It is not safe for concurrent use.
type Batch struct {
	config Config
	arena  arena
	slots  []slot
	index  table
	order  []ordered // slots in key order, made by Sort
	sorted bool

	key     *Key
	rows    []*debezium.Schema // the row schemas, in order of appearance
	spans   []Span
	events  int
	cleared bool

	keyBuf []byte
	rowBuf []byte
}

// slot is one key's state, or in an appending batch one change.
type slot struct {
	key, row       ref
	keyLen, rowLen uint32
	rowCap         uint32
	partition      int32
	offset         int64
	tsNs           int64
	schema         uint16 // index into rows; noSchema if the slot has no values
	op             debezium.Op
}

const (
	noSchema   = 1<<16 - 1
	slotBytes  = int64(unsafe.Sizeof(slot{}) + unsafe.Sizeof(ordered{}))
	entryBytes = 2 * int64(unsafe.Sizeof(tableEntry{})) // the index is at most three quarters full
)

// New returns an empty batch.
func New(config Config) *Batch {
	if config.Pool == nil {
		config.Pool = NewPool(64 << 20)
	}
	return &Batch{config: config, arena: arena{pool: config.Pool}, index: newTable()}
}

// Add takes in one event, which was read at offset of a partition of the
// table's topic. The event may be reused afterwards. Offsets of a partition
// must ascend. On error nothing is added: an *EventError is this event's
// fault, ErrKeyChanged asks for a commit first.
func (b *Batch) Add(e *debezium.Event, partition int32, offset int64) error {
	span, err := b.span(partition, offset)
	if err != nil {
		return err
	}
	if b.config.Append {
		err = b.append(e, partition, offset)
	} else {
		err = b.fold(e, partition, offset)
	}
	if err != nil {
		return err
	}
	b.spans[span].cover(e, offset)
	b.events++
	return nil
}

// Bytes returns the memory that the batch's contents take, superseded
// versions of rows that still occupy it included.
func (b *Batch) Bytes() int64 {
	n := b.arena.bytes + int64(len(b.slots))*slotBytes
	if !b.config.Append {
		n += int64(len(b.slots)) * entryBytes
	}
	return n
}

// Rows returns the number of net changes.
func (b *Batch) Rows() int { return len(b.slots) }

// Events returns the number of events that were added.
func (b *Batch) Events() int { return b.events }

// Empty reports whether committing the batch would change no row. Its offsets
// may still have moved.
func (b *Batch) Empty() bool { return len(b.slots) == 0 && !b.cleared }

// Truncated reports whether the table is to be emptied before the batch's
// changes are applied.
func (b *Batch) Truncated() bool { return b.cleared }

// Full reports whether the batch has reached one of the limits.
func (b *Batch) Full(l Limits) bool {
	return l.Rows > 0 && len(b.slots) >= l.Rows || l.Bytes > 0 && b.Bytes() >= l.Bytes
}

// Key returns the form of the last key that was added, or nil before one.
func (b *Batch) Key() *Key { return b.key }

// Schemas returns the row schemas of the batch in order of appearance. More
// than one means that the table changed on the way.
func (b *Batch) Schemas() []*debezium.Schema { return b.rows }

// Reset empties the batch. What it covers next begins where it ended, and its
// memory goes back to the pool.
func (b *Batch) Reset() {
	b.clear()
	b.slots = shrink(b.slots, b.events)
	b.order = shrink(b.order, b.events)
	b.rows = b.rows[:0]
	b.events = 0
	b.cleared = false
	for i := range b.spans {
		b.spans[i].restart()
	}
}

// clear drops all changes and keeps what has been covered.
func (b *Batch) clear() {
	b.arena.reset()
	b.index.reset()
	b.slots = b.slots[:0]
	b.sorted = false
}

// shrink empties s, and frees it if the last batch used little of it.
func shrink[T any](s []T, used int) []T {
	if cap(s) > 4096 && used < cap(s)/4 {
		return nil
	}
	return s[:0]
}

func (b *Batch) fold(e *debezium.Event, partition int32, offset int64) error {
	if !e.Tombstone && e.Op == debezium.Truncate {
		b.clear()
		b.cleared = true
		return nil
	}
	deleted := e.Tombstone || e.Op == debezium.Delete
	values := e.After
	if deleted {
		values = nil
	}
	if err := check(e, deleted); err != nil {
		return err
	}
	if err := b.encodeKey(e); err != nil {
		return err
	}
	schema, err := b.schema(e, values)
	if err != nil {
		return err
	}
	i, found := b.index.find(b, b.keyBuf)
	if !found {
		i = len(b.slots)
		b.slots = append(b.slots, slot{key: b.arena.put(b.keyBuf), keyLen: uint32(len(b.keyBuf))})
		b.index.insert(i)
		b.sorted = false
	}
	s := &b.slots[i]
	s.partition, s.offset, s.tsNs, s.schema = partition, offset, e.Source.TsNs, schema
	s.op = e.Op
	if e.Tombstone {
		s.op = debezium.Delete
	}
	b.store(s, values)
	return nil
}

// check finds what is wrong with an event that must name a row by its key.
func check(e *debezium.Event, deleted bool) error {
	switch {
	case e.KeySchema == nil:
		return &EventError{"it has no key"}
	case deleted:
		return nil
	case e.Op != debezium.Create && e.Op != debezium.Update && e.Op != debezium.Read && e.Op != debezium.Upsert:
		return &EventError{fmt.Sprintf("unknown operation %q", byte(e.Op))}
	case e.After == nil:
		return &EventError{fmt.Sprintf("operation %q without an after image", byte(e.Op))}
	default:
		return nil
	}
}

// append keeps the event whatever its operation. Tombstones carry no change.
func (b *Batch) append(e *debezium.Event, partition int32, offset int64) error {
	if e.Tombstone {
		return nil
	}
	values := e.After
	switch e.Op {
	case debezium.Create, debezium.Update, debezium.Read, debezium.Upsert:
		if values == nil {
			return &EventError{fmt.Sprintf("operation %q without an after image", byte(e.Op))}
		}
	case debezium.Delete:
		values = e.Before
	case debezium.Truncate:
		values = nil
	default:
		return &EventError{fmt.Sprintf("unknown operation %q", byte(e.Op))}
	}
	b.keyBuf = b.keyBuf[:0]
	if e.KeySchema != nil {
		if err := b.encodeKey(e); err != nil {
			return err
		}
	}
	schema, err := b.schema(e, values)
	if err != nil {
		return err
	}
	s := slot{partition: partition, offset: offset, tsNs: e.Source.TsNs, schema: schema, op: e.Op}
	s.key, s.keyLen = b.arena.put(b.keyBuf), uint32(len(b.keyBuf))
	b.store(&s, values)
	b.slots = append(b.slots, s)
	return nil
}

// encodeKey leaves the event's key in keyBuf.
func (b *Batch) encodeKey(e *debezium.Event) error {
	if b.key == nil || b.key.schema != e.KeySchema {
		if err := b.useKey(e.KeySchema); err != nil {
			return err
		}
	}
	var err error
	b.keyBuf, err = b.key.Append(b.keyBuf[:0], e.Key)
	if err != nil {
		return &EventError{err.Error()}
	}
	return nil
}

func (b *Batch) useKey(schema *debezium.Schema) error {
	key, err := NewKey(schema)
	if err != nil {
		return &EventError{err.Error()}
	}
	if b.key != nil && len(b.slots) > 0 && !b.config.Append && !b.key.Same(key) {
		return ErrKeyChanged
	}
	b.key = key
	return nil
}

// schema returns the number of the schema that values are under.
func (b *Batch) schema(e *debezium.Event, values []debezium.Value) (uint16, error) {
	if values == nil {
		return noSchema, nil
	}
	if e.Row == nil || len(e.Row.Fields) != len(values) {
		return 0, &EventError{"its row does not have the fields of its schema"}
	}
	for i, v := range slices.Backward(b.rows) {
		if v == e.Row {
			return uint16(i), nil
		}
	}
	for i := range b.rows {
		if b.rows[i].Equal(e.Row) {
			return uint16(i), nil
		}
	}
	if len(b.rows) == noSchema {
		return 0, &EventError{"the batch has too many row schemas"}
	}
	b.rows = append(b.rows, e.Row)
	return uint16(len(b.rows) - 1), nil
}

// store writes values where the slot's last ones were, if they fit.
func (b *Batch) store(s *slot, values []debezium.Value) {
	b.rowBuf = b.rowBuf[:0]
	if values != nil {
		b.rowBuf = appendRow(b.rowBuf, values)
	}
	s.rowLen = uint32(len(b.rowBuf))
	if s.rowLen <= s.rowCap {
		copy(b.arena.get(s.row, s.rowLen), b.rowBuf)
		return
	}
	s.row, s.rowCap = b.arena.put(b.rowBuf), s.rowLen
}
