package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/firn-cdc/firn/pkg/keyindex"
)

// index measures the key index in this process: its size, and batches of keys
// random over the whole, opened anew so that nothing of it is in its memory.
func (b *bench) index(ctx context.Context) error {
	memory := keyindex.NewMemory(128 << 20)
	defer memory.Close()
	dir, config := filepath.Join(b.dir, "keys"), keyindex.Config{Memory: memory, Logger: slog.New(slog.DiscardHandler)}
	size, err := loadIndex(ctx, dir, config, b.rows)
	if err != nil {
		return err
	}
	b.report.add("index_bytes_per_key", float64(size)/float64(b.rows), "B")
	if err := chill(dir); err != nil {
		return err
	}
	ix, err := keyindex.Open(dir, config)
	if err != nil {
		return err
	}
	defer ix.Close()
	const batches, perBatch = 8, 100_000
	random := rand.New(rand.NewPCG(1, 2))
	found, took := 0, time.Duration(0)
	for range batches {
		keys := make([][]byte, min(perBatch, b.rows))
		for i := range keys {
			keys[i] = scattered(random.IntN(b.rows))
		}
		slices.SortFunc(keys, bytes.Compare)
		begin := time.Now()
		if err := ix.Lookup(ctx, keys, func(int, keyindex.Location) { found++ }); err != nil {
			return err
		}
		took += time.Since(begin)
	}
	b.report.add("index_lookups", float64(found)/took.Seconds(), "keys/s")
	return nil
}

func loadIndex(ctx context.Context, dir string, config keyindex.Config, keys int) (size int64, err error) {
	ix, err := keyindex.Open(dir, config)
	if err != nil {
		return 0, err
	}
	defer ix.Close()
	loading, err := ix.Load()
	if err != nil {
		return 0, err
	}
	id := ix.NewFileID()
	loading.AddFile(keyindex.File{ID: id, Rows: int64(keys)})
	for i := range keys {
		if err := loading.Add(ctx, scattered(i), keyindex.Location{File: id, Row: uint32(i)}); err != nil {
			return 0, err
		}
	}
	if _, err := loading.Finish(ctx, keyindex.Tag{SnapshotID: 1}); err != nil {
		return 0, err
	}
	return ix.DiskBytes(), nil
}

// scattered returns the i-th of keys that follow no order.
func scattered(i int) []byte {
	return binary.BigEndian.AppendUint64([]byte{0x1c}, uint64(i)*0x9e3779b97f4a7c15)
}
