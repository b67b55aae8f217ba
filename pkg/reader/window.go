package reader

import (
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/snapshot"
)

// window is a chunk of a table's rows that waits until the stream has passed
// its high watermark. A row that the stream changes meanwhile is dropped from
// it: the stream's version is the newer one.
type window struct {
	chunk *snapshot.Chunk
	keys  map[string]int32 // key bytes to the last row that has them; nil until the stream first touches the table
	same  []int32          // of each row the one before it with its key; -1: none
	gone  map[int32]bool
}

// passed reports whether a stream at p holds everything that the chunk has seen.
// A server that has executed nothing has an empty GTID set, which is not none; but a
// stream may go by files while gtid_mode is turned on.
func (w *window) passed(p debezium.Position) bool {
	high := w.chunk.High
	if high.GTIDs.IsEmpty() || p.GTIDs.IsEmpty() && high.File != "" {
		return p.AtOrAfter(high)
	}
	return p.GTIDs.Contains(high.GTIDs)
}

// drop removes the rows with the key, if the chunk holds any: a record key of the
// operator's choice may have several. keyOf encodes the key of a row as the stream's
// keys are encoded.
func (w *window) drop(key []byte, keyOf func(row int) ([]byte, error)) error {
	if w.keys == nil {
		n := w.chunk.Rows.Len()
		w.keys, w.same, w.gone = make(map[string]int32, n), make([]int32, n), make(map[int32]bool)
		for i := range n {
			k, err := keyOf(i)
			if err != nil {
				return err
			}
			before, ok := w.keys[string(k)]
			if !ok {
				before = -1
			}
			w.same[i], w.keys[string(k)] = before, int32(i)
		}
	}
	row, ok := w.keys[string(key)]
	for ; ok && row >= 0; row = w.same[row] {
		w.gone[row] = true
	}
	return nil
}

// last returns the last row that is still wanted, -1 if there is none.
func (w *window) last() int {
	for i := w.chunk.Rows.Len() - 1; i >= 0; i-- {
		if !w.gone[int32(i)] {
			return i
		}
	}
	return -1
}
