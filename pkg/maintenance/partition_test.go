package maintenance_test

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
)

// Files become one only within a partition, whatever its values look like.
func TestMaintainer_PartitionsThatLookAlike(t *testing.T) {
	w := newWorld(t, maintenance.Config{Policy: maintenance.Policy{MinFiles: 2}}, lake.PartitionField{Column: "text", Transform: "identity"})
	want := make(map[string][]int64)
	for id := range int64(40) {
		c := change{key: id, values: []string{[]string{"<nil>", "", "1001:x", " "}[id%4]}}
		if id%8 == 3 {
			c.values = []string{} // null
		} else {
			want[c.values[0]] = append(want[c.values[0]], id)
		}
		w.flush(t, []change{c})
	}
	before := len(w.files(t))
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(w.files(t)); n >= before {
		t.Errorf("%d files became %d", before, n)
	}
	w.check(t, true)
	text := iceberg.Reference("text")
	for value, ids := range want {
		if diff := cmp.Diff(ids, w.find(t, iceberg.EqualTo(text, value))); diff != "" {
			t.Errorf("rows with %q (-want +got):\n%s", value, diff)
		}
	}
	if diff := cmp.Diff([]int64{3, 11, 19, 27, 35}, w.find(t, iceberg.IsNull(text))); diff != "" {
		t.Errorf("rows with null (-want +got):\n%s", diff)
	}
}

func (w *world) files(t *testing.T) []datafile.Live {
	t.Helper()
	files, err := datafile.List(t.Context(), w.table, 0)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (w *world) find(t *testing.T, filter iceberg.BooleanExpression) []int64 {
	t.Helper()
	data, err := w.table.Iceberg().Scan(table.WithRowFilter(filter)).ToArrowTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer data.Release()
	var ids []int64
	reader := array.NewTableReader(data, 0)
	defer reader.Release()
	for reader.Next() {
		ids = append(ids, reader.RecordBatch().Column(0).(*array.Int64).Int64Values()...)
	}
	slices.Sort(ids)
	return ids
}
