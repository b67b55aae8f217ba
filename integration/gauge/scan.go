package gauge

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/firn-cdc/firn/integration/engine"
)

// Scan is how long DuckDB takes for count(*), sum(k) over a table, and over a
// copy of it that DuckDB has written as an Iceberg table of sorted rows in one
// table snapshot. Both are medians.
type Scan struct{ Table, Copy time.Duration }

// Ratio returns the table's cost against the copy's.
func (s Scan) Ratio() float64 { return float64(s.Table) / float64(s.Copy) }

// MeasureScan writes the copy into dir, times each query often times, in turn,
// and fails if their answers differ. The table must not change meanwhile.
func MeasureScan(duckdb *engine.DuckDB, table engine.Table, dir string, times int) (Scan, error) {
	dir = filepath.Join(dir, "copy")
	if err := os.RemoveAll(dir); err != nil {
		return Scan{}, err
	}
	defer os.RemoveAll(dir)
	if _, err := duckdb.Query(table, "COPY (SELECT * FROM {table} ORDER BY id) TO '"+dir+"' (FORMAT iceberg)"); err != nil {
		return Scan{}, fmt.Errorf("copy: %w", err)
	}
	metadata, err := filepath.Glob(filepath.Join(dir, "metadata", "*.metadata.json"))
	if err != nil || len(metadata) != 1 {
		return Scan{}, fmt.Errorf("copy: %d metadata files, %w", len(metadata), err)
	}
	const query = "SELECT count(*), sum(k) FROM "
	var took [2][]time.Duration
	var answers [2]string
	for range times {
		for i, from := range []string{"{table}", "iceberg_scan('" + metadata[0] + "')"} {
			begin := time.Now()
			result, err := duckdb.Query(table, query+from)
			if err != nil {
				return Scan{}, err
			}
			took[i] = append(took[i], time.Since(begin))
			answers[i] = engine.Text(result.Rows[0])
		}
		if answers[0] != answers[1] {
			return Scan{}, fmt.Errorf("count(*), sum(k) is %s, and %s on the copy", answers[0], answers[1])
		}
	}
	median := func(d []time.Duration) time.Duration { slices.Sort(d); return d[len(d)/2] }
	return Scan{Table: median(took[0]), Copy: median(took[1])}, nil
}
