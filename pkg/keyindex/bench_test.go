package keyindex_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/firn-cdc/firn/pkg/keyindex"
)

// benchKeys is how many keys the benchmarks' index has: a million, or as
// FIRN_BENCH_KEYS says.
func benchKeys(b *testing.B) int {
	if s := os.Getenv("FIRN_BENCH_KEYS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	return 1_000_000
}

// benchKey returns the i-th of scattered keys, a tag and eight bytes.
func benchKey(i int) []byte {
	return binary.BigEndian.AppendUint64([]byte{0x1c}, uint64(i)*0x9e3779b97f4a7c15)
}

func benchIndex(b *testing.B, n int) *keyindex.Index {
	m := keyindex.NewMemory(128 << 20)
	b.Cleanup(m.Close)
	config := newConfig(b)
	config.Memory = m
	ix, err := keyindex.Open(b.TempDir(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := ix.Close(); err != nil {
			b.Error(err)
		}
	})
	load, err := ix.Load()
	if err != nil {
		b.Fatal(err)
	}
	const perFile = 1_000_000
	start := time.Now()
	for i := range n {
		if i%perFile == 0 {
			load.AddFile(keyindex.File{ID: ix.NewFileID(), Rows: perFile})
		}
		if err := load.Add(b.Context(), benchKey(i), keyindex.Location{File: uint32(1 + i/perFile), Row: uint32(i % perFile)}); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := load.Finish(b.Context(), keyindex.Tag{SnapshotID: 1}); err != nil {
		b.Fatal(err)
	}
	b.Logf("loaded %d keys in %v", n, time.Since(start))
	return ix
}

// BenchmarkIndex_Lookup looks up batches of 100,000 random keys.
func BenchmarkIndex_Lookup(b *testing.B) {
	n := benchKeys(b)
	ix := benchIndex(b, n)
	r := rand.New(rand.NewPCG(1, 2))
	const size = 100_000
	batches := make([][][]byte, 8)
	for i := range batches {
		for range size {
			batches[i] = append(batches[i], benchKey(r.IntN(n)))
		}
		slices.SortFunc(batches[i], bytes.Compare)
	}
	b.ResetTimer()
	found := 0
	for i := range b.N {
		err := ix.Lookup(b.Context(), batches[i%len(batches)], func(int, keyindex.Location) { found++ })
		if err != nil {
			b.Fatal(err)
		}
	}
	if found != b.N*size {
		b.Fatalf("found %d of %d", found, b.N*size)
	}
	b.ReportMetric(float64(found)/b.Elapsed().Seconds(), "keys/s")
	b.ReportMetric(float64(ix.DiskBytes())/float64(n), "B/key")
}

// BenchmarkIndex_Apply moves 100,000 random keys to a new file, durably.
func BenchmarkIndex_Apply(b *testing.B) {
	n := benchKeys(b)
	ix := benchIndex(b, n)
	r := rand.New(rand.NewPCG(1, 2))
	const size = 100_000
	for b.Loop() {
		b.StopTimer()
		file := keyindex.File{ID: ix.NewFileID(), Rows: size}
		d := keyindex.Delta{Files: []keyindex.File{file}}
		for range size {
			d.Puts = append(d.Puts, keyindex.Put{Key: benchKey(r.IntN(n))})
		}
		slices.SortFunc(d.Puts, func(x, y keyindex.Put) int { return bytes.Compare(x.Key, y.Key) })
		for i := range d.Puts {
			d.Puts[i].At = keyindex.Location{File: file.ID, Row: uint32(i)}
		}
		b.StartTimer()
		if err := ix.Apply(d); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*size/b.Elapsed().Seconds(), "keys/s")
}
