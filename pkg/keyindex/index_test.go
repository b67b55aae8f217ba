package keyindex_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
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
	maps.Copy(c.rows, m.rows)
	maps.Copy(c.files, m.files)
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
	if d.Moved != nil {
		d.Moved(func(p keyindex.Put, _ error) bool {
			m.rows[string(p.Key)] = p.At
			return true
		})
	}
	m.tag = &d.Tag
}

func key(n int) []byte { return binary.BigEndian.AppendUint32([]byte{0x18}, uint32(n)) }

// randomDelta makes what one commit does: some keys are deleted, some move to
// a new file, some do both, and sometimes a file is merged into another.
func randomDelta(r *rand.Rand, ix *keyindex.Index, m *model, keySpace int) keyindex.Delta {
	d := keyindex.Delta{Tag: keyindex.Tag{TableUUID: "t", SnapshotID: r.Int64(), Partitions: []int32{0, 3}, KeySchema: "k"}}
	d.Clear = r.IntN(50) == 0
	file := keyindex.File{ID: ix.NewFileID(), Path: fmt.Sprint("s3://b/", r.Uint32(), ".parquet")}
	dead := map[uint32]int{}
	gone := map[uint32]bool{}
	var moved []keyindex.Put
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
		case draw == 2:
			d.Deletes = append(d.Deletes, k)
			moved = append(moved, keyindex.Put{Key: k, At: keyindex.Location{File: file.ID, Row: uint32(file.Rows)}})
			file.Rows++
		default:
			continue
		}
		if ok && !gone[at.File] {
			dead[at.File]++
		}
	}
	d.Files = []keyindex.File{file}
	d.Dead = dead
	d.Moved = func(yield func(keyindex.Put, error) bool) {
		for _, p := range moved {
			if !yield(p, nil) {
				return
			}
		}
	}
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
	for round := range 50 {
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
