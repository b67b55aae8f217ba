// Package keyindex finds the row of a key: which data file it is in, and where
// in it. An index is kept on disk for one table, or one shard of one, and
// carries the tag of the table snapshot that it mirrors; content and tag
// change together. It is a cache: deleting its directory is always safe, and
// one that cannot be read is emptied, not repaired.
//
// The caller compares the tag with the table, brings the index up to date or
// loads it anew, and must look keys up and apply changes from one goroutine.
package keyindex

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrCorrupt is returned where the index's files do not hold what was written
// to them. Reset and load the index again.
var ErrCorrupt = errors.New("key index is corrupt")

// ErrLocked is returned by Open where another process uses the directory.
var ErrLocked = errors.New("key index is in use by another process")

// Location is a row's place: a file's number and the row's position in it.
type Location struct{ File, Row uint32 }

// Tag says what an index mirrors.
type Tag struct {
	TableUUID  string  `json:"table_uuid"`
	SnapshotID int64   `json:"snapshot_id"`
	Partitions []int32 `json:"partitions"`
	KeySchema  string  `json:"key_schema"`
}

// Equal reports whether two tags say the same.
func (t Tag) Equal(o Tag) bool {
	return t.TableUUID == o.TableUUID && t.SnapshotID == o.SnapshotID &&
		t.KeySchema == o.KeySchema && slices.Equal(t.Partitions, o.Partitions)
}

// Config is what an index works with.
type Config struct {
	Memory *Memory // shared by all indexes of the process
	Logger *slog.Logger
}

// Index maps keys to rows.
type Index struct {
	config Config
	fs     vfs.FS
	dir    string
	lock   *pebble.Lock
	db     *pebble.DB

	tag   *Tag
	files map[uint32]File
	next  uint32 // the number of the next new file

	pieces  int         // bytes of a delta that are written at once
	corrupt atomic.Bool // set in the background too
	buf     []byte
	found   []Location
}

// Everything is in one key space: the tag, the files, the keys.
const (
	spaceTag  = 'a'
	spaceFile = 'f'
	spaceKey  = 'k'
)

// Open opens the index in dir, which it creates. It is empty, and has no tag,
// if it is new, if its last load was not finished or if it could not be read.
// A directory that holds anything else is refused, and so is one in use
// (ErrLocked).
func Open(dir string, config Config) (*Index, error) { return open(vfs.Default, dir, config) }

func open(fs vfs.FS, dir string, config Config) (*Index, error) {
	ix := &Index{config: config, fs: fs, dir: dir, pieces: applyBytes}
	if err := ix.claim(); err != nil {
		return nil, err
	}
	err := ix.load()
	if err != nil && !unrelated(err) {
		config.Logger.Warn("key index cannot be read and will be made again", "dir", dir, "error", err)
		err = ix.Reset()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open key index in %s: %w", dir, err), ix.Close())
	}
	return ix, nil
}

// Close closes the index. What was applied before is kept.
func (ix *Index) Close() error {
	err := ix.closeDB()
	if ix.lock != nil {
		err = errors.Join(err, ix.lock.Close())
		ix.lock = nil
	}
	return err
}

func (ix *Index) closeDB() error {
	if ix.db == nil {
		return nil
	}
	err := ix.db.Close()
	ix.db = nil
	return err
}

// Tag returns what the index mirrors, or false if it mirrors nothing and has
// to be loaded.
func (ix *Index) Tag() (Tag, bool) {
	if ix.tag == nil {
		return Tag{}, false
	}
	return *ix.tag, true
}

// Len returns the number of live rows in the indexed files.
func (ix *Index) Len() int64 {
	var n int64
	for _, f := range ix.files {
		n += f.Live()
	}
	return n
}

// DiskBytes returns the size of the index on disk.
func (ix *Index) DiskBytes() int64 { return int64(ix.db.Metrics().DiskSpaceUsage()) }

// Reset empties the index, its files on disk included, and takes its tag away.
func (ix *Index) Reset() error {
	if err := ix.closeDB(); err != nil {
		ix.config.Logger.Debug("key index closed badly before it is removed", "dir", ix.dir, "error", err)
	}
	if err := ix.wipe(); err != nil {
		return fmt.Errorf("remove key index: %w", err)
	}
	return ix.load()
}

// load opens the store and reads the tag and the files.
func (ix *Index) load() error {
	ix.tag, ix.files, ix.next = nil, map[uint32]File{}, 1
	ix.corrupt.Store(false)
	db, err := pebble.Open(ix.dir, ix.options())
	if err != nil {
		return err
	}
	ix.db = db
	it, err := db.NewIter(&pebble.IterOptions{UpperBound: []byte{spaceKey}})
	if err != nil {
		return err
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		err = ix.read(it.Key(), it.Value())
	}
	return errors.Join(err, it.Close())
}

func (ix *Index) read(key, value []byte) error {
	switch key[0] {
	case spaceTag:
		ix.tag = new(Tag)
		return json.Unmarshal(value, ix.tag)
	case spaceFile:
		f, err := decodeFile(key, value)
		if err != nil {
			return err
		}
		ix.files[f.ID] = f
		ix.next = max(ix.next, f.ID+1)
		return nil
	default:
		return fmt.Errorf("%w: key of unknown kind 0x%02x", ErrCorrupt, key[0])
	}
}

// damage marks errors of the store that say it is corrupt.
func damage(err error) error {
	if err != nil && pebble.IsCorruptionError(err) && !errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// storeLogger hands the store's complaints on; its chatter is left out.
type storeLogger struct {
	logger *slog.Logger
	dir    string
}

func (storeLogger) Infof(string, ...any) {}

func (l storeLogger) Errorf(format string, args ...any) {
	l.logger.Warn("key index store", "dir", l.dir, "error", strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// Fatalf must not return: the store can no longer write what it promised.
func (l storeLogger) Fatalf(format string, args ...any) {
	panic("key index in " + l.dir + ": " + fmt.Sprintf(format, args...))
}
