package gauge

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the catalog's store

	"github.com/firn-cdc/firn/integration/engine"
)

// Catalog reads a SQLite catalog while somebody else writes it.
type Catalog struct {
	db   *sql.DB
	file string
}

// OpenCatalog opens the catalog in file, which may not exist yet.
func OpenCatalog(file string) (*Catalog, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, err
	}
	return &Catalog{db: db, file: file}, nil
}

// Close closes the catalog.
func (c *Catalog) Close() error { return c.db.Close() }

// Metadata returns the metadata file that the catalog names for a table, or
// nothing while it knows no such table.
func (c *Catalog) Metadata(ctx context.Context, table string) (string, error) {
	if _, err := os.Stat(c.file); err != nil {
		return "", nil // it is made with the first table
	}
	namespace, name, _ := strings.Cut(table, ".")
	var location string
	err := c.db.QueryRowContext(ctx, "SELECT metadata_location FROM iceberg_tables WHERE table_namespace = ? AND table_name = ?", namespace, name).Scan(&location)
	if errors.Is(err, sql.ErrNoRows) || err != nil && strings.Contains(err.Error(), "no such table") {
		return "", nil
	}
	return strings.TrimPrefix(location, "file://"), err
}

// State is what a metadata file says of its table.
type State struct {
	Snapshot    int64
	Snapshots   int
	Sequence    uint64 // of the last GTID whose changes are in the table, 0: not known
	Offset      int64  // of Kafka, up to which records are in the table; the sum of all partitions
	DataFiles   int
	DeleteFiles int
	Rows        int64 // in data files, deleted ones included
	Deletes     int64 // positions that delete files name
}

// ReadState reads a metadata file. The table must be fed by one partition.
func ReadState(file string) (*State, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var metadata struct {
		Current    int64             `json:"current-snapshot-id"`
		Properties map[string]string `json:"properties"`
		Snapshots  []struct {
			ID      int64             `json:"snapshot-id"`
			Summary map[string]string `json:"summary"`
		} `json:"snapshots"`
	}
	if err := json.Unmarshal(text, &metadata); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s := &State{Snapshot: metadata.Current, Snapshots: len(metadata.Snapshots)}
	for _, snapshot := range metadata.Snapshots {
		if snapshot.ID != metadata.Current {
			continue
		}
		number := func(name string) int64 {
			n, _ := strconv.ParseInt(snapshot.Summary[name], 10, 64)
			return n
		}
		s.DataFiles, s.DeleteFiles = int(number("total-data-files")), int(number("total-delete-files"))
		s.Rows, s.Deletes = number("total-records"), number("total-position-deletes")
	}
	for name, value := range metadata.Properties {
		switch {
		case strings.HasPrefix(name, "firn.source-position."):
			s.Sequence, err = sequence(value)
		case strings.HasPrefix(name, "firn.kafka.offsets."):
			var record struct {
				Offsets map[string]int64 `json:"offsets"`
			}
			err = json.Unmarshal([]byte(value), &record)
			for _, offset := range record.Offsets {
				s.Offset += offset
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: property %s: %w", file, name, err)
		}
	}
	return s, nil
}

// sequence returns the number of the transaction that a source position names.
func sequence(position string) (uint64, error) {
	if position == "" {
		return 0, nil
	}
	var partitions map[string]struct {
		GTID string `json:"gtid"`
	}
	if err := json.Unmarshal([]byte(position), &partitions); err != nil {
		return 0, err
	}
	if len(partitions) > 1 {
		return 0, fmt.Errorf("%d partitions feed the table, want 1", len(partitions))
	}
	for _, p := range partitions {
		if p.GTID == "" {
			continue // rows of a snapshot have none
		}
		_, number, _ := strings.Cut(p.GTID, ":")
		return strconv.ParseUint(number, 10, 64)
	}
	return 0, nil
}

// Manifests returns how many manifests the table's current snapshot has.
func Manifests(duckdb *engine.DuckDB, table engine.Table) (int, error) {
	result, err := duckdb.Query(table, "SELECT 1 FROM {table} LIMIT 1")
	if err != nil {
		return 0, err
	}
	result, err = duckdb.Query(table, "SELECT count(DISTINCT manifest_path) FROM iceberg_metadata('"+result.Metadata+"')")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(*result.Rows[0][0])
}

// Folder returns how many files a folder holds, and their size.
func Folder(dir string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		files++
		bytes += info.Size()
		return nil
	})
	return files, bytes, err
}
