package batch

import (
	"bytes"
	"hash/maphash"
)

// table finds slots by their keys: open addressing with linear probing. It
// holds no keys; they are compared in the batch's arena.
type table struct {
	seed    maphash.Seed
	entries []tableEntry
	used    int
	hash    uint32 // of the key that find looked for last
}

type tableEntry struct {
	hash uint32
	slot uint32 // number of the slot plus one; 0 is free
}

const minEntries = 1024

func newTable() table { return table{seed: maphash.MakeSeed()} }

// find returns the slot of key.
func (t *table) find(b *Batch, key []byte) (slot int, found bool) {
	t.hash = uint32(maphash.Bytes(t.seed, key))
	if len(t.entries) == 0 {
		return 0, false
	}
	mask := uint32(len(t.entries) - 1)
	for i := t.hash & mask; ; i = (i + 1) & mask {
		e := t.entries[i]
		if e.slot == 0 {
			return 0, false
		}
		if e.hash != t.hash {
			continue
		}
		s := &b.slots[e.slot-1]
		if bytes.Equal(b.arena.get(s.key, s.keyLen), key) {
			return int(e.slot - 1), true
		}
	}
}

// insert adds the key that find has just not found.
func (t *table) insert(slot int) {
	if (t.used+1)*4 > len(t.entries)*3 {
		t.grow()
	}
	t.place(tableEntry{hash: t.hash, slot: uint32(slot + 1)})
	t.used++
}

func (t *table) grow() {
	old := t.entries
	t.entries = make([]tableEntry, max(minEntries, 2*len(old)))
	for _, e := range old {
		if e.slot != 0 {
			t.place(e)
		}
	}
}

func (t *table) place(e tableEntry) {
	mask := uint32(len(t.entries) - 1)
	i := e.hash & mask
	for t.entries[i].slot != 0 {
		i = (i + 1) & mask
	}
	t.entries[i] = e
}

// reset empties the table, and frees it if little of it was used.
func (t *table) reset() {
	if len(t.entries) > 4*minEntries && t.used < len(t.entries)/8 {
		t.entries = nil
	}
	clear(t.entries)
	t.used = 0
}
