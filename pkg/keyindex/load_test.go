package keyindex_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firn-cdc/firn/pkg/keyindex"
)

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
