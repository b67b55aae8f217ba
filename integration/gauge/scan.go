package gauge

import (
	"bytes"
	"context"
	_ "embed" // the program that writes the copy
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/server"
)

//go:embed compact.py
var compact string

// Scan is how long DuckDB takes for count(*), sum(k) over a table, and over a
// copy of it that PyIceberg has written: sorted rows in one table snapshot, under
// the properties of the table, so that only the layout differs. Both are medians.
type Scan struct{ Table, Copy time.Duration }

// Ratio returns the table's cost against the copy's.
func (s Scan) Ratio() float64 { return float64(s.Table) / float64(s.Copy) }

// MeasureScan writes the copy into dir, times each query often times, in turn,
// and fails if their answers differ. The table must not change meanwhile.
func MeasureScan(ctx context.Context, duckdb *engine.DuckDB, table engine.Table, dir string, times int) (Scan, error) {
	dir = filepath.Join(dir, "copy")
	if err := os.RemoveAll(dir); err != nil {
		return Scan{}, err
	}
	defer os.RemoveAll(dir)
	python, err := server.Script(ctx, "pyiceberg")
	if err != nil {
		return Scan{}, err
	}
	now, err := duckdb.Query(table, "SELECT 1")
	if err != nil {
		return Scan{}, err
	}
	cmd := exec.CommandContext(ctx, python, "-c", compact, now.Metadata, dir, "id")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	written, err := cmd.Output()
	if err != nil {
		return Scan{}, fmt.Errorf("write a compacted copy: %w\n%s", err, stderr.Bytes())
	}
	const query = "SELECT count(*), sum(k) FROM "
	var took [2][]time.Duration
	var answers [2]string
	for range times {
		for i, from := range []string{"{table}", "iceberg_scan('" + strings.TrimSpace(string(written)) + "')"} {
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
