package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/integration/engine"
)

// Rows finds where a table does not hold exactly the rows wanted: the texts of
// their values in order of the columns, joined by commas, and sorted.
func Rows(q Querier, t engine.Table, columns, want []string) ([]string, error) {
	result, err := q.Query(t, "SELECT "+quoted(columns)+" FROM {table}")
	if err != nil {
		return nil, err
	}
	got := make([]string, len(result.Rows))
	for i, row := range result.Rows {
		got[i] = engine.Text(row)
	}
	slices.Sort(got)
	return diff(want, got), nil
}

// Keys finds keys that more than one row has.
func Keys(q Querier, t engine.Table, key []string) ([]string, error) {
	columns := quoted(key)
	result, err := q.Query(t, "SELECT "+columns+", count(*) FROM {table} GROUP BY "+columns+" HAVING count(*) > 1 LIMIT 20")
	if err != nil {
		return nil, err
	}
	var twice []string
	for _, row := range result.Rows {
		twice = append(twice, "key and its rows: "+engine.Text(row))
	}
	return twice, nil
}

func quoted(columns []string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
	}
	return strings.Join(parts, ", ")
}

// Files finds files that were added by more than one table snapshot, and
// returns how many table snapshots it has seen.
func Files(ctx context.Context, t *table.Table) (twice []string, snapshots int, err error) {
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, 0, err
	}
	read := make(map[string][]iceberg.ManifestEntry)
	by := make(map[string]int64)
	for _, s := range t.Metadata().Snapshots() {
		manifests, err := s.Manifests(fs)
		if err != nil {
			return nil, 0, fmt.Errorf("read manifests of table snapshot %d: %w", s.SnapshotID, err)
		}
		seen := make(map[string]bool)
		for _, m := range manifests {
			entries, ok := read[m.FilePath()]
			if !ok {
				for e, err := range m.Entries(fs, true) {
					if err != nil {
						return nil, 0, fmt.Errorf("read %s: %w", m.FilePath(), err)
					}
					entries = append(entries, e)
				}
				read[m.FilePath()] = entries
			}
			for _, e := range entries {
				path := e.DataFile().FilePath()
				if seen[path] {
					twice = append(twice, fmt.Sprintf("%s is twice in table snapshot %d", path, s.SnapshotID))
				}
				seen[path] = true
				if e.Status() != iceberg.EntryStatusADDED {
					continue
				}
				if other, ok := by[path]; ok && other != e.SnapshotID() {
					twice = append(twice, fmt.Sprintf("%s was added by table snapshots %d and %d", path, other, e.SnapshotID()))
				}
				by[path] = e.SnapshotID()
			}
		}
	}
	return twice, len(t.Metadata().Snapshots()), nil
}

// Offsets finds partitions whose recorded offset, in any shard's property, is
// not the end.
func Offsets(properties map[string]string, ends map[int32]int64) ([]string, error) {
	recorded := make(map[int32]int64)
	for name, text := range properties {
		if !strings.HasPrefix(name, "firn.kafka.offsets.") {
			continue
		}
		var shard struct {
			Offsets map[int32]int64 `json:"offsets"`
		}
		if err := json.Unmarshal([]byte(text), &shard); err != nil {
			return nil, fmt.Errorf("read property %s: %w", name, err)
		}
		maps.Copy(recorded, shard.Offsets)
	}
	var wrong []string
	for _, p := range slices.Sorted(maps.Keys(ends)) {
		if ends[p] != recorded[p] {
			wrong = append(wrong, fmt.Sprintf("partition %d is recorded at offset %d and ends at %d", p, recorded[p], ends[p]))
		}
	}
	return wrong, nil
}
