package keyindex

import (
	"github.com/cockroachdb/pebble/v2"
)

// Memory bounds what all indexes of a process hold in memory: cached blocks,
// and keys on their way to disk. It is safe for concurrent use.
type Memory struct {
	cache *pebble.Cache
	bytes int64
}

// NewMemory returns so many bytes of memory. Close it after the last index.
func NewMemory(bytes int64) *Memory {
	return &Memory{cache: pebble.NewCache(bytes), bytes: bytes}
}

// Close gives the memory back.
func (m *Memory) Close() { m.cache.Unref() }

// memTable is how many bytes one index collects before it writes a file. The
// store takes them from the cache.
func (m *Memory) memTable() uint64 {
	return uint64(min(max(m.bytes/16, 1<<20), 16<<20))
}

func (ix *Index) options() *pebble.Options {
	o := &pebble.Options{
		FS:                          ix.fs,
		Lock:                        ix.lock,
		Cache:                       ix.config.Memory.cache,
		MemTableSize:                ix.config.Memory.memTable(),
		MemTableStopWritesThreshold: 3,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      storeLogger{logger: ix.config.Logger, dir: ix.dir},
		MaxOpenFiles:                200,
		// Few and larger files: a lookup of sorted keys passes through all of them.
		L0CompactionThreshold: 2,
		LBaseMaxBytes:         64 << 20,
	}
	o.EventListener = &pebble.EventListener{
		// By default the store ends the process here.
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			ix.corrupt.Store(true)
			ix.config.Logger.Warn("key index store is corrupt", "dir", ix.dir, "file", info.Path, "error", info.Details)
		},
		BackgroundError: func(err error) {
			ix.config.Logger.Warn("key index store cannot reorganize itself", "dir", ix.dir, "error", err)
		},
	}
	o.TargetFileSizes[0] = 8 << 20
	for i := range o.Levels {
		o.Levels[i].BlockSize = 8 << 10
		o.Levels[i].IndexBlockSize = 64 << 10
	}
	return o
}
