package datafile_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

var benchRow = &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{
	{Name: "id", Schema: &debezium.Schema{Type: debezium.Int64}},
	{Name: "k", Schema: &debezium.Schema{Type: debezium.Int32}},
	{Name: "c", Schema: &debezium.Schema{Type: debezium.String, Optional: true}},
	{Name: "pad", Schema: &debezium.Schema{Type: debezium.String, Optional: true}},
}}

func newTable(t testing.TB, opts lake.CreateOptions) *lake.Table {
	t.Helper()
	c, err := lake.OpenCatalog(t.Context(), lake.Config{Type: lake.SQL, Warehouse: "file://" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	tbl, err := c.LoadOrCreate(t.Context(), lake.Name{Namespace: "db", Table: "t"}, benchRow, []string{"id"}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

func values(id int64) []debezium.Value {
	return []debezium.Value{
		debezium.Int(debezium.Int64, id), debezium.Int(debezium.Int32, id%7),
		debezium.Text(fmt.Sprintf("row %d", id)),
		{Type: debezium.Null},
	}
}

func rows(ids ...int64) datafile.Rows {
	return func(yield func(*debezium.Schema, []debezium.Value) bool) {
		for _, id := range ids {
			if !yield(benchRow, values(id)) {
				return
			}
		}
	}
}

func ids(from, to int64) []int64 {
	var out []int64
	for id := from; id < to; id++ {
		out = append(out, id)
	}
	return out
}

var keySchema = &debezium.Schema{Type: debezium.Struct, Fields: benchRow.Fields[:1]}

// scan returns where each live key is: path and position.
func scan(t testing.TB, tbl *lake.Table) map[int64]string {
	t.Helper()
	files, err := datafile.List(t.Context(), tbl, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[int64]string)
	err = datafile.ScanKeys(t.Context(), tbl, keySchema, files, func(f datafile.File, row uint32, key []debezium.Value) error {
		if old, ok := got[key[0].I]; ok {
			t.Errorf("key %d is live twice: %s and %s:%d", key[0].I, old, f.Path(), row)
		}
		got[key[0].I] = fmt.Sprintf("%s:%d", f.Path(), row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

type committer struct {
	*commit.Committer
	n int64
}

func open(t testing.TB, tbl *lake.Table) *committer {
	t.Helper()
	c, err := commit.Open(tbl, commit.Config{Shard: "0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &committer{Committer: c}
}

func (c *committer) commit(ctx context.Context, data, deletes []datafile.File) error {
	c.n++
	_, err := c.Commit(ctx, commit.Request{
		Token: fmt.Sprint("token-", c.n), Parent: c.Table().SnapshotID(), Data: data, Deletes: deletes, SchemaOffset: -1,
		Offsets: map[int32]commit.Span{0: {From: c.n - 1, To: c.n}},
	})
	return err
}

func TestWrite_Locations(t *testing.T) {
	tests := []struct {
		name      string
		partition string
		cfg       datafile.Config
		files     func(n int) bool
	}{
		{"one file", "", datafile.Config{}, func(n int) bool { return n == 1 }},
		{"files of a target size", "", datafile.Config{TargetBytes: 1}, func(n int) bool { return n == 3 }},
		{"row groups of a size", "", datafile.Config{RowGroupBytes: 1}, func(n int) bool { return n == 1 }},
		{"a file per bucket", "bucket[4](id)", datafile.Config{}, func(n int) bool { return n == 4 }},
		{"a file per value", "k", datafile.Config{}, func(n int) bool { return n == 7 }},
		{"fewer files open than partitions", "k", datafile.Config{OpenFiles: 2}, func(n int) bool { return n == 7 }},
		{"rows that change their partition with every key", "bucket[64](id)", datafile.Config{}, func(n int) bool { return n == 64 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec, err := lake.ParsePartition(tt.partition)
			if err != nil {
				t.Fatal(err)
			}
			tbl := newTable(t, lake.CreateOptions{Partition: spec})
			want := ids(0, 10_000)
			if tt.cfg.OpenFiles > 0 {
				want = ids(0, 200)
			}
			w, err := datafile.Write(t.Context(), tbl, rows(want...), tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.files(len(w.Files)) {
				t.Errorf("got %d files", len(w.Files))
			}
			c := open(t, tbl)
			if err := c.commit(t.Context(), w.Files, nil); err != nil {
				t.Fatal(err)
			}
			where := make(map[int64]string)
			for i, id := range want {
				where[id] = fmt.Sprintf("%s:%d", w.Files[w.Locations[i].File].Path(), w.Locations[i].Row)
			}
			if diff := cmp.Diff(where, scan(t, tbl)); diff != "" {
				t.Errorf("rows are not where Write says (-said +read):\n%s", diff)
			}
		})
	}
}

func TestWriteDeletes(t *testing.T) {
	for _, partition := range []string{"", "bucket[4](id)", "truncate[100](id), k"} {
		t.Run("partition by "+partition, func(t *testing.T) {
			spec, err := lake.ParsePartition(partition)
			if err != nil {
				t.Fatal(err)
			}
			tbl := newTable(t, lake.CreateOptions{Partition: spec})
			c := open(t, tbl)
			w, err := datafile.Write(t.Context(), tbl, rows(ids(0, 500)...), datafile.Config{Label: "p0.1"})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.commit(t.Context(), w.Files, nil); err != nil {
				t.Fatal(err)
			}
			want := scan(t, tbl)

			byFile := make(map[uint32][]uint32)
			for _, id := range []int64{499, 3, 250, 4, 0} {
				l := w.Locations[id]
				byFile[l.File] = append(byFile[l.File], l.Row)
				delete(want, id)
			}
			var del []datafile.Deletes
			for f, r := range byFile {
				del = append(del, datafile.Deletes{File: w.Files[f], Rows: r})
			}
			deletes, err := datafile.WriteDeletes(t.Context(), tbl, del, datafile.Config{})
			if err != nil {
				t.Fatal(err)
			}
			for i, d := range deletes {
				if got, want := d.Target(), del[i].File.Path(); got != want {
					t.Errorf("delete file names %s, want %s", got, want)
				}
				bounds := d.Iceberg().LowerBoundValues()
				if got := string(bounds[2147483546]); got != d.Target() {
					t.Errorf("lower bound of file_path is %q, want it whole", got)
				}
			}
			if err := c.commit(t.Context(), nil, deletes); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, scan(t, tbl)); diff != "" {
				t.Errorf("live rows (-want +got):\n%s", diff)
			}
			live, err := datafile.List(t.Context(), tbl, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range live {
				if l.File.Label() != "p0.1" {
					t.Errorf("label of %s: got %q, want p0.1", l.File.Path(), l.File.Label())
				}
				i := slices.IndexFunc(w.Files, func(f datafile.File) bool { return f.Path() == l.File.Path() })
				got, err := l.Deleted(t.Context(), tbl)
				if err != nil {
					t.Fatal(err)
				}
				want := byFile[uint32(i)]
				slices.Sort(want)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("deleted positions (-want +got):\n%s", diff)
				}
			}
		})
	}
	t.Run("a position outside the file is refused", func(t *testing.T) {
		tbl := newTable(t, lake.CreateOptions{})
		w, err := datafile.Write(t.Context(), tbl, rows(1, 2), datafile.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range [][]uint32{{2}, {1, 1}, {}} {
			if _, err := datafile.WriteDeletes(t.Context(), tbl, []datafile.Deletes{{File: w.Files[0], Rows: bad}}, datafile.Config{}); err == nil {
				t.Errorf("positions %v were accepted", bad)
			}
		}
	})
}
