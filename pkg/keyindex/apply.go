package keyindex

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"

	"github.com/cockroachdb/pebble/v2"
)

// Put says where a key's row is now.
type Put struct {
	Key []byte
	At  Location
}

// Delta is what one table snapshot changed. Clear comes first; a key is in
// Puts or in Deletes once at most; both are fastest in key order.
type Delta struct {
	Tag     Tag // the snapshot that the index mirrors afterwards
	Clear   bool
	Files   []File         // new, with numbers of NewFileID
	Removed []uint32       // files that left the table; their keys are moved or deleted by the same delta
	Dead    map[uint32]int // by file, rows that one new position-delete file covers
	Merged  []uint32       // files whose position-delete files became one
	Puts    []Put
	Deletes [][]byte
	Moved   iter.Seq2[Put, error] // further puts, which come last: of keys that are not in Puts
}

var errStopped = errors.New("no more keys are wanted")

// Puts returns what scan finds, for Delta.Moved. scan ends with the error that
// found returns, and hands on the keys that it borrows.
func Puts(scan func(found func(Put) error) error) iter.Seq2[Put, error] {
	return func(yield func(Put, error) bool) {
		err := scan(func(p Put) error {
			if !yield(p, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(Put{}, err)
		}
	}
}

// applyBytes is how much of a delta is written in one piece, by default.
const applyBytes = 16 << 20

// Apply changes the index. Content and tag change together and durably: after
// a crash the index is as before or as after. A delta too large for one write
// takes the tag away first, so that a crash in the middle leaves an index that
// has to be loaded. After an error the index must be opened again or reset.
func (ix *Index) Apply(d Delta) error {
	if err := ix.apply(d); err != nil {
		return fmt.Errorf("apply %d keys to key index: %w", len(d.Puts)+len(d.Deletes), damage(err))
	}
	return nil
}

func (ix *Index) apply(d Delta) (err error) {
	if ix.corrupt.Load() {
		return ErrCorrupt
	}
	files, changed, err := ix.changeFiles(d)
	if err != nil {
		return err
	}
	w := writer{ix: ix, batch: ix.db.NewBatch(), limit: ix.pieces}
	defer func() { err = errors.Join(err, w.batch.Close()) }()
	if d.Clear {
		w.do(w.batch.DeleteRange([]byte{spaceFile}, []byte{spaceFile + 1}, nil))
		w.do(w.batch.DeleteRange([]byte{spaceKey}, []byte{spaceKey + 1}, nil))
	}
	for i := range d.Puts {
		p := &d.Puts[i]
		if _, ok := files[p.At.File]; !ok {
			return fmt.Errorf("a key is put into file %d, which the index does not have", p.At.File)
		}
		w.put(p.Key, p.At)
	}
	for _, key := range d.Deletes {
		w.delete(key)
	}
	if d.Moved != nil {
		for p, err := range d.Moved {
			if err != nil {
				return err
			}
			if _, ok := files[p.At.File]; !ok {
				return fmt.Errorf("a key is moved into file %d, which the index does not have", p.At.File)
			}
			w.put(p.Key, p.At)
		}
	}
	for id := range changed {
		w.file(files, id)
	}
	if err := w.commit(d.Tag); err != nil {
		return err
	}
	ix.files, ix.tag = files, &d.Tag
	return nil
}

// changeFiles returns the files after d, and the numbers of those to write.
func (ix *Index) changeFiles(d Delta) (files map[uint32]File, changed map[uint32]bool, err error) {
	files, changed = map[uint32]File{}, map[uint32]bool{}
	if !d.Clear {
		files = maps.Clone(ix.files)
	}
	for _, f := range d.Files {
		if _, ok := files[f.ID]; ok || f.ID == 0 || f.ID >= ix.next {
			return nil, nil, fmt.Errorf("new file has the number %d, which is not one of NewFileID", f.ID)
		}
		files[f.ID] = f
		changed[f.ID] = true
	}
	for id, rows := range d.Dead {
		f, ok := files[id]
		if !ok {
			return nil, nil, fmt.Errorf("rows are deleted from file %d, which the index does not have", id)
		}
		f.Dead += int64(rows)
		f.DeleteFiles++
		if f.Dead > f.Rows {
			return nil, nil, fmt.Errorf("%w: file %d has %d rows and %d of them deleted", ErrCorrupt, id, f.Rows, f.Dead)
		}
		files[id] = f
		changed[id] = true
	}
	for _, id := range d.Merged {
		f, ok := files[id]
		if !ok {
			return nil, nil, fmt.Errorf("deletes are merged of file %d, which the index does not have", id)
		}
		f.DeleteFiles = min(f.DeleteFiles, 1)
		files[id] = f
		changed[id] = true
	}
	for _, id := range d.Removed {
		if _, ok := files[id]; !ok {
			return nil, nil, fmt.Errorf("file %d is removed, which the index does not have", id)
		}
		delete(files, id)
		changed[id] = true
	}
	return files, changed, nil
}

// writer writes a delta in one piece if it fits, else in several behind the
// removal of the tag.
type writer struct {
	ix    *Index
	batch *pebble.Batch
	limit int
	err   error
}

func (w *writer) do(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) put(key []byte, at Location) {
	ix := w.ix
	ix.buf = append(append(ix.buf[:0], spaceKey), key...)
	n := len(ix.buf)
	ix.buf = appendLocation(ix.buf, at)
	w.do(w.batch.Set(ix.buf[:n], ix.buf[n:], nil))
	w.split()
}

func (w *writer) delete(key []byte) {
	w.ix.buf = append(append(w.ix.buf[:0], spaceKey), key...)
	w.do(w.batch.Delete(w.ix.buf, nil))
	w.split()
}

func (w *writer) file(files map[uint32]File, id uint32) {
	key := appendFileKey(nil, id)
	if f, ok := files[id]; ok {
		w.do(w.batch.Set(key, appendFile(nil, f), nil))
		return
	}
	w.do(w.batch.Delete(key, nil))
}

// split writes what has been gathered, once it is enough.
func (w *writer) split() {
	if w.err != nil || w.batch.Len() < w.limit {
		return
	}
	if w.ix.tag != nil {
		w.do(w.ix.db.Delete([]byte{spaceTag}, pebble.Sync))
		w.ix.tag = nil
	}
	if w.err == nil {
		w.do(w.batch.Commit(pebble.NoSync))
	}
	w.batch.Reset()
}

// commit writes the rest and the tag, and makes all of it durable.
func (w *writer) commit(tag Tag) error {
	value, err := json.Marshal(tag)
	w.do(err)
	w.do(w.batch.Set([]byte{spaceTag}, value, nil))
	if w.err != nil {
		return w.err
	}
	return w.batch.Commit(pebble.Sync)
}
