package keyindex_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/keyindex"
)

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
