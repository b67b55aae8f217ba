package keyindex_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/keyindex"
)

func newConfig(t testing.TB) keyindex.Config {
	m := keyindex.NewMemory(4 << 20)
	t.Cleanup(m.Close)
	return keyindex.Config{Memory: m, Logger: slog.New(slog.DiscardHandler)}
}

// model is what an index should hold.
type model struct {
	tag   *keyindex.Tag
	rows  map[string]keyindex.Location
	files map[uint32]keyindex.File
}

func (m *model) clone() *model {
	c := &model{tag: m.tag, rows: map[string]keyindex.Location{}, files: map[uint32]keyindex.File{}}
	for k, v := range m.rows {
		c.rows[k] = v
	}
	for k, v := range m.files {
		c.files[k] = v
	}
	return c
}

func (m *model) apply(d keyindex.Delta) {
	if d.Clear {
		clear(m.rows)
		clear(m.files)
	}
	for _, f := range d.Files {
		m.files[f.ID] = f
	}
	for id, n := range d.Dead {
		f := m.files[id]
		f.Dead += int64(n)
		f.DeleteFiles++
		m.files[id] = f
	}
	for _, id := range d.Removed {
		delete(m.files, id)
	}
	for _, p := range d.Puts {
		m.rows[string(p.Key)] = p.At
	}
	for _, k := range d.Deletes {
		delete(m.rows, string(k))
	}
	m.tag = &d.Tag
}

func key(n int) []byte { return binary.BigEndian.AppendUint32([]byte{0x18}, uint32(n)) }

// randomDelta makes what one commit does: some keys are deleted, some move to
// a new file, and sometimes a file is merged into another.
func randomDelta(r *rand.Rand, ix *keyindex.Index, m *model, keySpace int) keyindex.Delta {
	d := keyindex.Delta{Tag: keyindex.Tag{TableUUID: "t", SnapshotID: r.Int64(), Partitions: []int32{0, 3}, KeySchema: "k"}}
	d.Clear = r.IntN(50) == 0
	file := keyindex.File{ID: ix.NewFileID(), Path: fmt.Sprint("s3://b/", r.Uint32(), ".parquet")}
	dead := map[uint32]int{}
	gone := map[uint32]bool{}
	if len(m.files) > 3 && r.IntN(3) == 0 && !d.Clear {
		for id := range m.files {
			gone[id] = true
			d.Removed = append(d.Removed, id)
			break
		}
	}
	for n := range 20_000 {
		k := key(n)
		at, ok := m.rows[string(k)]
		ok = ok && !d.Clear
		draw := 9
		if n < keySpace {
			draw = r.IntN(20)
		}
		switch {
		case ok && gone[at.File], draw == 0:
			d.Puts = append(d.Puts, keyindex.Put{Key: k, At: keyindex.Location{File: file.ID, Row: uint32(file.Rows)}})
			file.Rows++
		case draw == 1:
			d.Deletes = append(d.Deletes, k)
		default:
			continue
		}
		if ok && !gone[at.File] {
			dead[at.File]++
		}
	}
	d.Files = []keyindex.File{file}
	d.Dead = dead
	return d
}

func verify(t *testing.T, ix *keyindex.Index, m *model, keySpace int) {
	t.Helper()
	tag, ok := ix.Tag()
	if ok != (m.tag != nil) || ok && !tag.Equal(*m.tag) {
		t.Fatalf("tag %v %v, want %v", tag, ok, m.tag)
	}
	keys := make([][]byte, keySpace)
	for n := range keys {
		keys[n] = key(n)
	}
	got := map[string]keyindex.Location{}
	err := ix.Lookup(t.Context(), keys, func(i int, at keyindex.Location) { got[string(keys[i])] = at })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.rows, got); diff != "" {
		t.Fatalf("rows (-want +got):\n%s", diff)
	}
	files := map[uint32]keyindex.File{}
	for _, f := range ix.Files() {
		files[f.ID] = f
	}
	if diff := cmp.Diff(m.files, files); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	if ix.Len() != int64(len(m.rows)) {
		t.Fatalf("%d live rows in files, %d keys", ix.Len(), len(m.rows))
	}
}

// TestIndex_Apply runs random deltas, reopening now and then, and compares the
// index with a map.
func TestIndex_Apply(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	config, dir := newConfig(t), t.TempDir()
	ix, err := keyindex.Open(dir, config)
	if err != nil {
		t.Fatal(err)
	}
	m := &model{rows: map[string]keyindex.Location{}, files: map[uint32]keyindex.File{}}
	for round := range 60 {
		keySpace := 300
		if round%20 == 19 {
			keySpace = 20_000 // enough for two iterators
		}
		if r.IntN(4) == 0 {
			ix.WriteInPieces(512)
		} else {
			ix.WriteInPieces(16 << 20)
		}
		d := randomDelta(r, ix, m, keySpace)
		if err := ix.Apply(d); err != nil {
			t.Fatal(err)
		}
		m.apply(d)
		if r.IntN(3) == 0 {
			if err := ix.Close(); err != nil {
				t.Fatal(err)
			}
			if ix, err = keyindex.Open(dir, config); err != nil {
				t.Fatal(err)
			}
		}
		verify(t, ix, m, 20_000)
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestIndex_Crash cuts the power while deltas are applied. What is found
// afterwards is the state at the tag that is found, for every crash.
func TestIndex_Crash(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	config := newConfig(t)
	fs := vfs.NewCrashableMem()
	var mu sync.Mutex
	var crashes []*vfs.MemFS
	var sometimes atomic.Uint32 // a crash before one in so many operations; 0 for none
	faults := rand.New(rand.NewPCG(seed, 1))
	faulty := errorfs.Wrap(fs, errorfs.InjectorFunc(func(errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if n := sometimes.Load(); n > 0 && faults.Uint32N(n) == 0 && len(crashes) < 20 {
			crashes = append(crashes, fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: faults.IntN(101), RNG: faults}))
		}
		return nil
	}))
	ix, err := keyindex.OpenFS(faulty, "index", config)
	if err != nil {
		t.Fatal(err)
	}
	m := &model{rows: map[string]keyindex.Location{}, files: map[uint32]keyindex.File{}}
	states := map[int64]*model{}
	old, updated, empty := 0, 0, 0
	for round := range 100 {
		ix.WriteInPieces([]int{200, 16 << 20}[r.IntN(2)])
		d := randomDelta(r, ix, m, 500)
		before := m.clone()
		crashes = nil
		sometimes.Store(uint32(1 + r.IntN(3)))
		if err := ix.Apply(d); err != nil {
			t.Fatal(err)
		}
		sometimes.Store(0)
		m.apply(d)
		states[d.Tag.SnapshotID] = m.clone()
		for _, crashed := range crashes {
			after, err := keyindex.OpenFS(crashed, "index", config)
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if tag, ok := after.Tag(); ok {
				verify(t, after, states[tag.SnapshotID], 500)
				if before.tag != nil && tag.Equal(*before.tag) {
					old++
				} else {
					updated++
				}
			} else {
				empty++
			}
			if err := after.Close(); err != nil {
				t.Fatal(err)
			}
		}
		last := fs.CrashClone(vfs.CrashCloneCfg{})
		after, err := keyindex.OpenFS(last, "index", config)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, after, m, 500) // what was applied is durable
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("crashes left the index before %d times, after %d times, none %d times", old, updated, empty)
	if old == 0 || empty == 0 {
		t.Error("the crashes came too early or too late to prove anything")
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestIndex_Load(t *testing.T) {
	config := newConfig(t)
	fs := vfs.NewCrashableMem()
	ix, err := keyindex.OpenFS(fs, "index", config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ix.Close() }()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const n = 10_000
	m := &model{rows: map[string]keyindex.Location{}, files: map[uint32]keyindex.File{}}
	stale := keyindex.Put{Key: key(n - 1), At: keyindex.Location{File: ix.NewFileID()}}
	if err := ix.Apply(keyindex.Delta{Files: []keyindex.File{{ID: stale.At.File, Rows: 1}}, Puts: []keyindex.Put{stale}}); err != nil {
		t.Fatal(err)
	}
	load, err := ix.Load()
	if err != nil {
		t.Fatal(err)
	}
	load.SortAtMost(4 << 10)
	files := []keyindex.File{{ID: ix.NewFileID(), Path: "a"}, {ID: ix.NewFileID(), Path: "b", Rows: 7, Dead: 7, DeleteFiles: 1}}
	for _, k := range r.Perm(n - 1) {
		f := &files[r.IntN(2)]
		at := keyindex.Location{File: f.ID, Row: uint32(f.Rows)}
		f.Rows++
		m.rows[string(key(k))] = at
		if err := load.Add(t.Context(), key(k), at); err != nil {
			t.Fatal(err)
		}
	}
	unfinished, err := keyindex.OpenFS(fs.CrashClone(vfs.CrashCloneCfg{}), "index", config)
	if err != nil {
		t.Fatal(err)
	}
	if tag, ok := unfinished.Tag(); ok {
		t.Errorf("a crash before the load is finished leaves the tag %v", tag)
	}
	if err := unfinished.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		m.files[f.ID] = f
		load.AddFile(f)
	}
	m.tag = &keyindex.Tag{TableUUID: "t", SnapshotID: 5}
	duplicates, err := load.Finish(t.Context(), *m.tag)
	if err != nil || duplicates != 0 {
		t.Fatalf("%d duplicates, error %v", duplicates, err)
	}
	verify(t, ix, m, n)
	durable, err := keyindex.OpenFS(fs.CrashClone(vfs.CrashCloneCfg{}), "index", config)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, durable, m, n)
	if err := durable.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLoad_Duplicates(t *testing.T) {
	for _, limit := range []int{4, 1 << 20} {
		t.Run(fmt.Sprintf("keys are counted once when %d bytes are sorted", limit), func(t *testing.T) {
			ix, err := keyindex.Open(t.TempDir(), newConfig(t))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = ix.Close() }()
			load, err := ix.Load()
			if err != nil {
				t.Fatal(err)
			}
			load.SortAtMost(limit)
			id := ix.NewFileID()
			load.AddFile(keyindex.File{ID: id, Rows: 4})
			for row, k := range []int{7, 8, 7, 7} {
				if err := load.Add(t.Context(), key(k), keyindex.Location{File: id, Row: uint32(row)}); err != nil {
					t.Fatal(err)
				}
			}
			got, err := load.Finish(t.Context(), keyindex.Tag{})
			if err != nil || got != 2 {
				t.Fatalf("got %d duplicates, error %v; want 2", got, err)
			}
		})
	}
}

// oneRow makes an index with one key in a directory and closes it.
func oneRow(t *testing.T, dir string, config keyindex.Config) {
	t.Helper()
	ix, err := keyindex.Open(dir, config)
	if err != nil {
		t.Fatal(err)
	}
	load, err := ix.Load()
	if err != nil {
		t.Fatal(err)
	}
	id := ix.NewFileID()
	load.AddFile(keyindex.File{ID: id, Rows: 1})
	if err := load.Add(t.Context(), key(1), keyindex.Location{File: id}); err != nil {
		t.Fatal(err)
	}
	if _, err := load.Finish(t.Context(), keyindex.Tag{SnapshotID: 1}); err != nil {
		t.Fatal(err)
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_UnreadableIndexIsMadeAgain(t *testing.T) {
	overwrite := func(pattern string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			paths, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(paths) == 0 {
				t.Fatalf("no %s: %v", pattern, err)
			}
			for _, p := range paths {
				if err := os.WriteFile(p, []byte("garbage garbage garbage garbage garbage garbage garbage garbage"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	remove := func(pattern string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			paths, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(paths) == 0 {
				t.Fatalf("no %s: %v", pattern, err)
			}
			for _, p := range paths {
				if err := os.Remove(p); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	tests := []struct {
		name   string
		damage func(*testing.T, string)
	}{
		{"manifest overwritten", overwrite("MANIFEST-*")},
		{"manifest lost", remove("MANIFEST-*")},
		{"options overwritten", overwrite("OPTIONS-*")},
		{"tables lost", remove("*.sst")},
		{"another format", overwrite("FIRN-KEY-INDEX")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, dir := newConfig(t), t.TempDir()
			var log bytes.Buffer
			config.Logger = slog.New(slog.NewTextHandler(&log, nil))
			oneRow(t, dir, config)
			tt.damage(t, dir)
			ix, err := keyindex.Open(dir, config)
			if err != nil {
				t.Fatal(err)
			}
			if tag, ok := ix.Tag(); ok {
				t.Errorf("damaged index has the tag %v", tag)
			}
			if !strings.Contains(log.String(), "will be made again") {
				t.Errorf("not said in log: %s", log.String())
			}
			if err := ix.Close(); err != nil {
				t.Fatal(err)
			}
			oneRow(t, dir, config) // it is in order again
		})
	}
}

func TestIndex_LookupSaysCorrupt(t *testing.T) {
	config, dir := newConfig(t), t.TempDir()
	oneRow(t, dir, config)
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, p := range tables {
		content, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for i := range min(len(content), 64) {
			content[i] ^= 0x55
		}
		if err := os.WriteFile(p, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ix, err := keyindex.Open(dir, config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ix.Close() }()
	err = ix.Lookup(t.Context(), [][]byte{key(1)}, func(int, keyindex.Location) {})
	if !errors.Is(err, keyindex.ErrCorrupt) {
		t.Fatalf("got error %v, want %v", err, keyindex.ErrCorrupt)
	}
	if err := ix.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := ix.Lookup(t.Context(), [][]byte{key(1)}, func(int, keyindex.Location) {}); err != nil {
		t.Errorf("after reset: %v", err)
	}
}

func TestOpen_Refuses(t *testing.T) {
	t.Run("a directory with other files", func(t *testing.T) {
		dir := t.TempDir()
		precious := filepath.Join(dir, "thesis.txt")
		if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keyindex.Open(dir, newConfig(t)); err == nil {
			t.Error("opened")
		}
		names, err := os.ReadDir(dir)
		if err != nil || len(names) != 1 {
			t.Errorf("left in the directory: %v, error %v", names, err)
		}
	})
	t.Run("an index that is in use", func(t *testing.T) {
		config, dir := newConfig(t), t.TempDir()
		ix, err := keyindex.Open(dir, config)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = ix.Close() }()
		if _, err := keyindex.Open(dir, config); !errors.Is(err, keyindex.ErrLocked) {
			t.Errorf("got error %v, want %v", err, keyindex.ErrLocked)
		}
	})
}

func TestIndex_ApplyRefuses(t *testing.T) {
	ix, err := keyindex.Open(t.TempDir(), newConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ix.Close() }()
	tests := []struct {
		name  string
		delta keyindex.Delta
	}{
		{"a key in an unknown file", keyindex.Delta{Puts: []keyindex.Put{{Key: key(1), At: keyindex.Location{File: 9}}}}},
		{"deletes in an unknown file", keyindex.Delta{Dead: map[uint32]int{9: 1}}},
		{"removal of an unknown file", keyindex.Delta{Removed: []uint32{9}}},
		{"a file number nobody gave out", keyindex.Delta{Files: []keyindex.File{{ID: 9}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := ix.Apply(tt.delta); err == nil {
				t.Error("applied")
			}
			if _, ok := ix.Tag(); ok {
				t.Error("the tag was set")
			}
		})
	}
}

func TestIndex_LookupStops(t *testing.T) {
	ix, err := keyindex.Open(t.TempDir(), newConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ix.Close() }()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	cancel(reason)
	keys := slices.Repeat([][]byte{key(1)}, 10)
	if err := ix.Lookup(ctx, keys, func(int, keyindex.Location) {}); !errors.Is(err, reason) {
		t.Errorf("got error %v, want %v", err, reason)
	}
}
