package applier

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/keyindex"
	"github.com/firn-cdc/firn/pkg/lake"
)

// mirror is the shard's key index, brought to the table snapshot that the next
// batch stands on, and the data files that it knows by number.
type mirror struct {
	shard    *shard
	index    *keyindex.Index
	key      *batch.Key
	snapshot int64 // that index and files mirror; -1 before sync
	files    map[uint32]*datafile.Live
	numbers  map[string]uint32 // by path
}

func (m *mirror) close() error {
	if m.index == nil {
		return nil
	}
	err := m.index.Close()
	m.index = nil
	return err
}

// sync brings the mirror to the table's current snapshot.
func (m *mirror) sync(ctx context.Context, t *lake.Table, key *batch.Key) error {
	if m.index != nil && m.key.Same(key) && m.snapshot == t.SnapshotID() {
		return nil
	}
	if m.index == nil {
		var err error
		dir := filepath.Join(m.shard.cfg.IndexDir, t.UUID(), m.shard.name)
		if m.index, err = keyindex.Open(dir, keyindex.Config{Memory: m.shard.a.memory, Logger: m.shard.log}); err != nil {
			return err
		}
	}
	m.key, m.snapshot = key, -1
	all, err := datafile.List(ctx, t, 0)
	if err != nil {
		return err
	}
	files := m.own(all)
	want, have := m.tag(t, t.SnapshotID()), keyindex.Tag{}
	if tag, ok := m.index.Tag(); ok {
		have = tag
	}
	have.SnapshotID, want.SnapshotID = want.SnapshotID, have.SnapshotID
	followed := false
	if have.Equal(m.tag(t, t.SnapshotID())) {
		followed, err = m.follow(ctx, t, want.SnapshotID, files)
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil {
			m.shard.log.Info("key index cannot follow the table and is loaded anew", "error", err)
		}
	}
	if !followed {
		if err := m.load(ctx, t, files); err != nil {
			return err
		}
	}
	m.snapshot = t.SnapshotID()
	return m.number(files)
}

func (m *mirror) tag(t *lake.Table, snapshot int64) keyindex.Tag {
	return keyindex.Tag{TableUUID: t.UUID(), SnapshotID: snapshot, Partitions: m.shard.partitions, KeySchema: keyText(m.key.Schema())}
}

// keyText names the key's columns and how they are written.
func keyText(s *debezium.Schema) string {
	var b strings.Builder
	for i := range s.Fields {
		f := &s.Fields[i]
		kind := f.Schema.Name
		if kind == "" {
			switch f.Schema.Type {
			case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
				kind = "int"
			default:
				kind = f.Schema.Type.String()
			}
		}
		b.WriteString(strconv.Quote(f.Name) + ":" + kind + ";")
	}
	return b.String()
}

// own leaves out the files that hold rows of other shards alone.
func (m *mirror) own(all []datafile.Live) []datafile.Live {
	return slices.DeleteFunc(all, func(l datafile.Live) bool {
		index, of, ok := strings.Cut(l.File.Label(), shardOf)
		return ok && of == strconv.Itoa(int(m.shard.id.of)) && index != strconv.Itoa(int(m.shard.id.index))
	})
}

// number notes what numbers the index has given the files.
func (m *mirror) number(files []datafile.Live) error {
	m.files, m.numbers = make(map[uint32]*datafile.Live, len(files)), make(map[string]uint32, len(files))
	for _, f := range m.index.Files() {
		m.numbers[f.Path] = f.ID
	}
	for i := range files {
		if id, ok := m.numbers[files[i].File.Path()]; ok {
			m.files[id] = &files[i]
		}
	}
	return nil
}

// load fills the index with the keys of all live rows.
func (m *mirror) load(ctx context.Context, t *lake.Table, files []datafile.Live) error {
	m.shard.log.Info("loading key index", "table", t.Name().String(), "files", len(files))
	if m.shard.metrics != nil {
		m.shard.metrics.IndexRebuilds.Inc()
	}
	load, err := m.index.Load()
	if err != nil {
		return err
	}
	var buf []byte
	for i := range files {
		file, err := m.describe(ctx, t, &files[i])
		if err != nil {
			return err
		}
		load.AddFile(file)
		err = datafile.ScanKeys(ctx, t, m.key.Schema(), files[i:i+1], func(_ datafile.File, row uint32, key []debezium.Value) error {
			if buf, err = m.key.Append(buf[:0], key); err != nil {
				return err
			}
			return load.Add(ctx, buf, keyindex.Location{File: file.ID, Row: row})
		})
		if err != nil {
			return err
		}
	}
	duplicates, err := load.Finish(ctx, m.tag(t, t.SnapshotID()))
	if duplicates > 0 {
		m.shard.log.Warn("table has rows with the key of another row, which another program wrote", "table", t.Name().String(), "rows", duplicates)
	}
	return err
}

func (m *mirror) describe(ctx context.Context, t *lake.Table, l *datafile.Live) (keyindex.File, error) {
	deleted, err := l.Deleted(ctx, t)
	if err != nil {
		return keyindex.File{}, err
	}
	return keyindex.File{
		ID: m.index.NewFileID(), Path: l.File.Path(), Rows: l.File.Rows(),
		Dead: int64(len(deleted)), DeleteFiles: len(l.Deletes),
	}, nil
}

var errCannotFollow = errors.New("files have left the table")

// follow brings the index from a table snapshot that it mirrors to the current
// one, where files and deletes were added only.
func (m *mirror) follow(ctx context.Context, t *lake.Table, from int64, now []datafile.Live) (bool, error) {
	if from == t.SnapshotID() {
		return true, nil
	}
	var before []datafile.Live
	if from != 0 {
		all, err := datafile.List(ctx, t, from)
		if err != nil {
			return false, err
		}
		before = m.own(all)
	}
	if err := m.number(before); err != nil {
		return false, err
	}
	d := keyindex.Delta{Tag: m.tag(t, t.SnapshotID()), Dead: make(map[uint32]int)}
	puts := make(map[string]keyindex.Location)
	removed := make(map[string]bool)
	seen := 0
	for i := range now {
		id, ok := m.numbers[now[i].File.Path()]
		if !ok {
			file, err := m.describe(ctx, t, &now[i])
			if err != nil {
				return false, err
			}
			d.Files = append(d.Files, file)
			err = m.scan(ctx, t, now[i], func(key string, row uint32) { puts[key] = keyindex.Location{File: file.ID, Row: row} })
			if err != nil {
				return false, err
			}
			continue
		}
		old := m.files[id]
		if old == nil {
			return false, fmt.Errorf("file %s: %w", now[i].File.Path(), errCannotFollow)
		}
		seen++
		dead, err := m.died(ctx, t, old, &now[i], func(key string) { removed[key] = true })
		if err != nil {
			return false, err
		}
		if dead > 0 {
			d.Dead[id] = dead
		}
	}
	if seen != len(before) {
		return false, errCannotFollow
	}
	for key, at := range puts {
		d.Puts = append(d.Puts, keyindex.Put{Key: []byte(key), At: at})
		delete(removed, key)
	}
	for key := range removed {
		d.Deletes = append(d.Deletes, []byte(key))
	}
	slices.SortFunc(d.Puts, func(a, b keyindex.Put) int { return strings.Compare(string(a.Key), string(b.Key)) })
	slices.SortFunc(d.Deletes, func(a, b []byte) int { return strings.Compare(string(a), string(b)) })
	return true, m.index.Apply(d)
}

// died calls gone with the keys of the rows of a file that were deleted since.
func (m *mirror) died(ctx context.Context, t *lake.Table, old, now *datafile.Live, gone func(key string)) (int, error) {
	same := make(map[string]bool)
	for _, f := range now.Deletes {
		same[f.Path()] = true
	}
	for _, f := range old.Deletes {
		if !same[f.Path()] {
			return 0, fmt.Errorf("deletes of file %s: %w", old.File.Path(), errCannotFollow)
		}
	}
	if len(old.Deletes) == len(now.Deletes) {
		return 0, nil
	}
	deleted, err := now.Deleted(ctx, t)
	if err != nil {
		return 0, err
	}
	n := 0
	err = m.scan(ctx, t, *old, func(key string, row uint32) {
		if _, dead := slices.BinarySearch(deleted, row); dead {
			n++
			gone(key)
		}
	})
	return n, err
}

func (m *mirror) scan(ctx context.Context, t *lake.Table, l datafile.Live, found func(key string, row uint32)) error {
	var buf []byte
	return datafile.ScanKeys(ctx, t, m.key.Schema(), []datafile.Live{l}, func(_ datafile.File, row uint32, key []debezium.Value) error {
		var err error
		if buf, err = m.key.Append(buf[:0], key); err != nil {
			return err
		}
		found(string(buf), row)
		return nil
	})
}
