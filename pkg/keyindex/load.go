package keyindex

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// loadBytes is how many bytes of keys a load sorts at a time.
const loadBytes = 16 << 20

// Load fills an index from nothing. Keys may come in any order; sorted ones
// are faster. It is for one goroutine, and the index for no other use
// meanwhile.
type Load struct {
	ix    *Index
	limit int
	files map[uint32]File
	keys  []byte
	rows  []loadRow
	value []byte
	runs  int
	added int64
}

type loadRow struct {
	head       uint64 // the key's first bytes
	start, end uint32 // of the key
	at         Location
}

// Load empties the index and begins to fill it. Until Finish it has no tag.
func (ix *Index) Load() (*Load, error) {
	if err := ix.Reset(); err != nil {
		return nil, fmt.Errorf("begin to load key index: %w", err)
	}
	return &Load{ix: ix, limit: loadBytes, files: map[uint32]File{}}, nil
}

// AddFile adds a data file, whose number is made by NewFileID.
func (l *Load) AddFile(f File) { l.files[f.ID] = f }

// Add adds the key of a live row. The key is copied.
func (l *Load) Add(ctx context.Context, key []byte, at Location) error {
	start := uint32(len(l.keys))
	l.keys = append(append(l.keys, spaceKey), key...)
	var head [8]byte
	copy(head[:], key)
	l.rows = append(l.rows, loadRow{head: binary.BigEndian.Uint64(head[:]), start: start, end: uint32(len(l.keys)), at: at})
	l.added++
	if len(l.keys) < l.limit {
		return nil
	}
	return l.run(ctx)
}

// Finish makes the index durable under the tag. It returns how many rows have
// the key of another row; each such key is found in one of its places.
func (l *Load) Finish(ctx context.Context, tag Tag) (duplicates int64, err error) {
	if err := l.run(ctx); err != nil {
		return 0, err
	}
	ix := l.ix
	if err := ix.Apply(Delta{Tag: tag, Files: l.sortedFiles()}); err != nil {
		return 0, err
	}
	if l.runs > 1 { // a lookup would pass through all of them
		if err := ix.db.Compact(ctx, []byte{spaceKey}, []byte{spaceKey + 1}, false); err != nil {
			return 0, fmt.Errorf("merge loaded keys: %w", damage(err))
		}
	}
	var keys int64
	err = ix.Scan(ctx, func(_ []byte, at Location) error {
		keys++
		if _, ok := ix.files[at.File]; !ok {
			return fmt.Errorf("a key was loaded into file %d, which was not added", at.File)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("check loaded key index: %w", err)
	}
	return l.added - keys, nil
}

func (l *Load) sortedFiles() []File {
	files := make([]File, 0, len(l.files))
	for _, f := range l.files {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int { return int(a.ID) - int(b.ID) })
	return files
}

// run hands the keys that were gathered to the store, as a finished table.
func (l *Load) run(ctx context.Context) error {
	if len(l.rows) == 0 {
		return nil
	}
	slices.SortFunc(l.rows, func(a, b loadRow) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		if c := bytes.Compare(l.keys[a.start:a.end], l.keys[b.start:b.end]); c != 0 {
			return c
		}
		return cmp.Compare(a.start, b.start)
	})
	l.runs++
	path := l.ix.fs.PathJoin(l.ix.dir, fmt.Sprintf("load-%d.sst", l.runs))
	if err := l.write(path); err != nil {
		return fmt.Errorf("write loaded keys: %w", err)
	}
	// The store takes the file over; a second one of the same keys wins over the first.
	if err := l.ix.db.Ingest(ctx, []string{path}); err != nil {
		return fmt.Errorf("take in loaded keys: %w", damage(err))
	}
	l.keys, l.rows = l.keys[:0], l.rows[:0]
	return nil
}

func (l *Load) write(path string) error {
	ix := l.ix
	f, err := ix.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), ix.writerOptions())
	for i, r := range l.rows {
		key := l.keys[r.start:r.end]
		if i+1 < len(l.rows) && bytes.Equal(key, l.keys[l.rows[i+1].start:l.rows[i+1].end]) {
			continue // a table holds a key once
		}
		l.value = appendLocation(l.value[:0], r.at)
		if err := w.Set(key, l.value); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

func (ix *Index) writerOptions() sstable.WriterOptions {
	o := ix.options()
	o.EnsureDefaults()
	return o.MakeWriterOptions(len(o.Levels)-1, ix.db.TableFormat())
}
