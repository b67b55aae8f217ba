package batch

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Entry is one net change, or one change of an appending batch. Its slices
// are valid until the batch is added to or reset, Values until the next entry.
type Entry struct {
	Key     []byte // in the form of the batch's Key; empty without one
	Deleted bool
	Op      debezium.Op
	Schema  *debezium.Schema // of Values; nil if there are none
	Values  []debezium.Value // one per field of Schema

	Partition  int32
	Offset     int64
	SourceTsNs int64
}

// ordered is a slot with the head of its key, by which most keys are told apart.
type ordered struct {
	head uint64
	slot uint32
}

// Sort puts the changes in key order, equal keys and appending batches in the
// order of arrival. The methods that follow call it where needed.
func (b *Batch) Sort() {
	if b.sorted && len(b.order) == len(b.slots) {
		return
	}
	b.order = b.order[:0]
	for i := range b.slots {
		o := ordered{slot: uint32(i)}
		if !b.config.Append {
			o.head = head(b.arena.get(b.slots[i].key, b.slots[i].keyLen))
		}
		b.order = append(b.order, o)
	}
	b.sorted = true
	if b.config.Append {
		return
	}
	slices.SortFunc(b.order, func(x, y ordered) int {
		if x.head != y.head {
			return cmp.Compare(x.head, y.head)
		}
		s, t := &b.slots[x.slot], &b.slots[y.slot]
		return bytes.Compare(b.arena.get(s.key, s.keyLen), b.arena.get(t.key, t.keyLen))
	})
}

// head returns the first eight bytes of key, as a number that sorts alike.
func head(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var p [8]byte
	copy(p[:], key)
	return binary.BigEndian.Uint64(p[:])
}

// AppendKeys appends the keys of all changes to dst, in order: the i-th is the
// key of the i-th entry.
func (b *Batch) AppendKeys(dst [][]byte) [][]byte {
	b.Sort()
	for _, o := range b.order {
		s := &b.slots[o.slot]
		dst = append(dst, b.arena.get(s.key, s.keyLen))
	}
	return dst
}

// Entry reads the i-th change in order into e, reusing its Values.
func (b *Batch) Entry(i int, e *Entry) {
	b.Sort()
	s := &b.slots[b.order[i].slot]
	*e = Entry{
		Key:        b.arena.get(s.key, s.keyLen),
		Deleted:    s.op == debezium.Delete,
		Op:         s.op,
		Values:     e.Values[:0],
		Partition:  s.partition,
		Offset:     s.offset,
		SourceTsNs: s.tsNs,
	}
	if s.schema != noSchema {
		e.Schema = b.rows[s.schema]
		e.Values, _ = decodeRow(e.Values, b.arena.get(s.row, s.rowLen), len(e.Schema.Fields))
	}
}

// Sorted iterates over the changes in order. The entry is reused.
func (b *Batch) Sorted() iter.Seq2[int, *Entry] {
	return func(yield func(int, *Entry) bool) {
		var e Entry
		for i := range b.slots {
			b.Entry(i, &e)
			if !yield(i, &e) {
				return
			}
		}
	}
}
