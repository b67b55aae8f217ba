package applier

import (
	"bytes"
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
		err := m.follow(ctx, t, want.SnapshotID, files)
		if err != nil && ctx.Err() != nil {
			return err
		}
		if followed = err == nil; !followed {
			m.shard.log.Info("key index cannot follow the table and is loaded anew", "error", err)
		}
	}
	if !followed {
		if err := m.load(ctx, t, files); err != nil {
			return err
		}
	}
	m.snapshot = t.SnapshotID()
	m.number(files)
	return nil
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
func (m *mirror) number(files []datafile.Live) {
	m.files, m.numbers = make(map[uint32]*datafile.Live, len(files)), make(map[string]uint32, len(files))
	for _, f := range m.index.Files() {
		m.numbers[f.Path] = f.ID
	}
	for i := range files {
		if id, ok := m.numbers[files[i].File.Path()]; ok {
			m.files[id] = &files[i]
		}
	}
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
	for i := range files {
		file, err := m.describe(ctx, t, &files[i])
		if err != nil {
			return err
		}
		load.AddFile(file)
		err = m.scan(ctx, t, &files[i], func(key []byte, row uint32) error {
			return load.Add(ctx, key, keyindex.Location{File: file.ID, Row: row})
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

var errCannotFollow = errors.New("it is too far behind")

// maxDied is how many keys that are gone an index may follow: they are in memory.
const maxDied = 1 << 19

// follow brings the index from a table snapshot that it mirrors to the current
// one, where files and deletes were added only. The keys of new files are not held.
func (m *mirror) follow(ctx context.Context, t *lake.Table, from int64, now []datafile.Live) error {
	if from == t.SnapshotID() {
		return nil
	}
	var before []datafile.Live
	if from != 0 {
		all, err := datafile.List(ctx, t, from)
		if err != nil {
			return err
		}
		before = m.own(all)
	}
	m.number(before)
	var known, added []*datafile.Live
	for i := range now {
		id, ok := m.numbers[now[i].File.Path()]
		switch {
		case !ok:
			added = append(added, &now[i])
		case m.files[id] == nil || !keeps(m.files[id].Deletes, now[i].Deletes):
			return fmt.Errorf("%w: file %s", errCannotFollow, now[i].File.Path())
		default:
			known = append(known, &now[i])
		}
	}
	if len(known) != len(before) {
		return fmt.Errorf("%w: files have left the table", errCannotFollow)
	}
	d := keyindex.Delta{Tag: m.tag(t, t.SnapshotID()), Dead: make(map[uint32]int)}
	for _, l := range known {
		if err := m.died(ctx, t, l, &d); err != nil {
			return err
		}
	}
	slices.SortFunc(d.Deletes, bytes.Compare)
	for _, l := range added {
		file, err := m.describe(ctx, t, l)
		if err != nil {
			return err
		}
		d.Files = append(d.Files, file)
	}
	d.Moved = keyindex.Puts(func(found func(keyindex.Put) error) error {
		for i, l := range added {
			err := m.scan(ctx, t, l, func(key []byte, row uint32) error {
				return found(keyindex.Put{Key: key, At: keyindex.Location{File: d.Files[i].ID, Row: row}})
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return m.index.Apply(d)
}

// keeps reports whether all files of before are in now.
func keeps(before, now []datafile.File) bool {
	return !slices.ContainsFunc(before, func(f datafile.File) bool {
		return !slices.ContainsFunc(now, func(n datafile.File) bool { return n.Path() == f.Path() })
	})
}

// died adds the keys of the rows of a file that were deleted since.
func (m *mirror) died(ctx context.Context, t *lake.Table, now *datafile.Live, d *keyindex.Delta) error {
	id := m.numbers[now.File.Path()]
	old := m.files[id]
	if len(old.Deletes) == len(now.Deletes) {
		return nil
	}
	deleted, err := now.Deleted(ctx, t)
	if err != nil {
		return err
	}
	return m.scan(ctx, t, old, func(key []byte, row uint32) error {
		if _, dead := slices.BinarySearch(deleted, row); dead {
			d.Dead[id]++
			d.Deletes = append(d.Deletes, bytes.Clone(key))
		}
		if len(d.Deletes) > maxDied {
			return fmt.Errorf("%w: more than %d rows were deleted", errCannotFollow, maxDied)
		}
		return nil
	})
}

// scan calls found with the keys of a file's live rows, each valid during the call.
func (m *mirror) scan(ctx context.Context, t *lake.Table, l *datafile.Live, found func(key []byte, row uint32) error) error {
	var buf []byte
	return datafile.ScanKeys(ctx, t, m.key.Schema(), []datafile.Live{*l}, func(_ datafile.File, row uint32, key []debezium.Value) (err error) {
		if buf, err = m.key.Append(buf[:0], key); err != nil {
			return err
		}
		return found(buf, row)
	})
}
