package keyindex

import "github.com/cockroachdb/pebble/v2/vfs"

// OpenFS opens an index in another file system than the machine's.
func OpenFS(fs vfs.FS, dir string, config Config) (*Index, error) { return open(fs, dir, config) }

// WriteInPieces makes Apply split deltas of more than so many bytes.
func (ix *Index) WriteInPieces(bytes int) { ix.pieces = bytes }

// SortAtMost makes a load sort so many bytes at a time.
func (l *Load) SortAtMost(bytes int) { l.limit = bytes }
