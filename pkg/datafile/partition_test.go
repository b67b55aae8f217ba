package datafile_test

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// A value that is empty is in another partition than one that is null, and readers
// find both by it, whatever becomes of the manifests.
func TestWrite_PartitionsOfEmptyValues(t *testing.T) {
	row := &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{
		{Name: "id", Schema: &debezium.Schema{Type: debezium.Int64}},
		{Name: "b", Schema: &debezium.Schema{Type: debezium.Bytes, Optional: true}},
		{Name: "s", Schema: &debezium.Schema{Type: debezium.String, Optional: true}},
	}}
	values := [][]debezium.Value{
		{debezium.Int(debezium.Int64, 1), {Type: debezium.Bytes, B: []byte{}}, debezium.Text("")},
		{debezium.Int(debezium.Int64, 2), {}, {}},
		{debezium.Int(debezium.Int64, 3), {Type: debezium.Bytes, B: []byte("x")}, debezium.Text("x")},
	}
	for _, partition := range []string{"b", "truncate[2](b)", "bucket[4](b)", "s", "truncate[2](s)", "bucket[4](s)"} {
		t.Run(partition, func(t *testing.T) {
			tbl := partitioned(t, row, partition)
			c := open(t, tbl)
			for _, v := range values { // a manifest each
				w, err := datafile.Write(t.Context(), tbl, one(row, v), datafile.Config{})
				must(t, err)
				must(t, c.commit(t.Context(), w.Files, nil))
			}
			finds(t, tbl)
			_, err := c.Replace(t.Context(), commit.Replacement{Token: "merge", Parent: tbl.SnapshotID(), MergeManifests: 1 << 30})
			must(t, err)
			manifests, err := tbl.Iceberg().CurrentSnapshot().Manifests(io(t, tbl))
			must(t, err)
			if len(manifests) != 1 {
				t.Errorf("%d manifests after they were merged", len(manifests))
			}
			finds(t, tbl)
		})
	}
}

// A row that is older than a column is in the partition of the value that it gets.
func TestWrite_PartitionOfAFill(t *testing.T) {
	id := debezium.Field{Name: "id", Schema: &debezium.Schema{Type: debezium.Int64}}
	s := &debezium.Schema{Type: debezium.String, Optional: true}
	old := &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{id}}
	row := &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{id, {Name: "s", Schema: s}}}
	tbl := partitioned(t, row, "s")
	fill := lake.Fill{Column: "s", Schema: s, Value: debezium.Text("filled")}
	w, err := datafile.Write(t.Context(), tbl, one(old, []debezium.Value{debezium.Int(debezium.Int64, 1)}), datafile.Config{Fills: []lake.Fill{fill}})
	must(t, err)
	must(t, open(t, tbl).commit(t.Context(), w.Files, nil))
	if diff := cmp.Diff([]int64{1}, find(t, tbl, iceberg.EqualTo(iceberg.Reference("s"), "filled"))); diff != "" {
		t.Errorf("rows with the value (-want +got):\n%s", diff)
	}
}

func partitioned(t *testing.T, row *debezium.Schema, partition string) *lake.Table {
	t.Helper()
	spec, err := lake.ParsePartition(partition)
	must(t, err)
	c, err := lake.OpenCatalog(t.Context(), lake.Config{Type: lake.SQL, Warehouse: "file://" + t.TempDir()})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	tbl, err := c.LoadOrCreate(t.Context(), lake.Name{Namespace: "db", Table: "t"}, row, []string{"id"}, lake.CreateOptions{Partition: spec})
	must(t, err)
	return tbl
}

func one(row *debezium.Schema, values []debezium.Value) datafile.Rows {
	return func(yield func(*debezium.Schema, []debezium.Value) bool) { yield(row, values) }
}

func io(t *testing.T, tbl *lake.Table) icebergio.IO {
	t.Helper()
	fs, err := tbl.FileIO(t.Context())
	must(t, err)
	return fs
}

// finds fails unless the rows with an empty, a null and another value are found by it.
func finds(t *testing.T, tbl *lake.Table) {
	t.Helper()
	for _, q := range []struct {
		filter iceberg.BooleanExpression
		want   []int64
	}{
		{iceberg.EqualTo(iceberg.Reference("b"), []byte{}), []int64{1}},
		{iceberg.EqualTo(iceberg.Reference("b"), []byte("x")), []int64{3}},
		{iceberg.IsNull(iceberg.Reference("b")), []int64{2}},
		{iceberg.NotNull(iceberg.Reference("b")), []int64{1, 3}},
		{iceberg.EqualTo(iceberg.Reference("s"), ""), []int64{1}},
		{iceberg.EqualTo(iceberg.Reference("s"), "x"), []int64{3}},
		{iceberg.IsNull(iceberg.Reference("s")), []int64{2}},
		{iceberg.NotNull(iceberg.Reference("s")), []int64{1, 3}},
	} {
		if diff := cmp.Diff(q.want, find(t, tbl, q.filter)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", q.filter, diff)
		}
	}
}

// find returns the ids that iceberg-go's own scan finds.
func find(t *testing.T, tbl *lake.Table, filter iceberg.BooleanExpression) []int64 {
	t.Helper()
	data, err := tbl.Iceberg().Scan(table.WithRowFilter(filter)).ToArrowTable(t.Context())
	must(t, err)
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
