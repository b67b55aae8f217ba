package maintenance_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/keyindex"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
)

var (
	int64Type  = &debezium.Schema{Type: debezium.Int64}
	stringType = &debezium.Schema{Type: debezium.String, Optional: true}
	keySchema  = &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{{Name: "id", Schema: int64Type}}}
	rowSchema  = &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{
		{Name: "id", Schema: int64Type}, {Name: "text", Schema: stringType},
	}}
	tableName = lake.Name{Namespace: "db", Table: "t"}
)

// world is a table that one shard writes as the applier does, beside what its
// rows must be.
type world struct {
	dir       string
	catalog   *lake.Catalog
	table     *lake.Table
	index     *keyindex.Index
	committer *commit.Committer
	m         *maintenance.Maintainer
	config    maintenance.Config
	row       *debezium.Schema   // of new events
	rows      map[int64][]string // by key, the other columns' values
	next      int64              // Kafka offset
	partition []lake.PartitionField
	at        func(commit.Point)
}

func newWorld(t testing.TB, config maintenance.Config, partition ...lake.PartitionField) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), config: config, row: rowSchema, rows: make(map[int64][]string), partition: partition}
	w.open(t)
	return w
}

// open starts a process that owns the shard. Its index is made anew.
func (w *world) open(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	var err error
	if w.catalog, err = lake.OpenCatalog(ctx, lake.Config{Type: lake.SQL, Warehouse: "file://" + w.dir}); err != nil {
		t.Fatal(err)
	}
	catalog := w.catalog
	t.Cleanup(func() {
		if err := catalog.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.table, err = w.catalog.LoadOrCreate(ctx, tableName, w.row, []string{"id"}, lake.CreateOptions{Partition: w.partition}); err != nil {
		t.Fatal(err)
	}
	w.committer, err = commit.Open(w.table, commit.Config{
		Shard: "0", Pause: func(int) time.Duration { return 0 },
		At: func(p commit.Point) {
			if w.at != nil {
				w.at(p)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.committer.TakeOver(ctx); err != nil {
		t.Fatal(err)
	}
	w.next = w.committer.State().Offsets[0]
	if w.index != nil {
		if err := w.index.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w.index = w.rebuild(t)
	w.config.Label, w.config.Alone, w.config.Key = "0", true, keySchema
	w.m = maintenance.New(w.config, w.table, w.index, w.committer)
	m := w.m
	t.Cleanup(func() {
		if err := m.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
}

// rebuild reads the keys of the table into a new index.
func (w *world) rebuild(t testing.TB) *keyindex.Index {
	t.Helper()
	memory := keyindex.NewMemory(32 << 20)
	ix, err := keyindex.Open(t.TempDir(), keyindex.Config{Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	live, err := datafile.List(t.Context(), w.table, 0)
	if err != nil {
		t.Fatal(err)
	}
	load, err := ix.Load()
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]uint32)
	for i := range live {
		f := keyindex.File{ID: ix.NewFileID(), Path: live[i].File.Path(), Rows: live[i].File.Rows(), DeleteFiles: len(live[i].Deletes)}
		for _, d := range live[i].Deletes {
			f.Dead += d.Rows()
		}
		ids[f.Path] = f.ID
		load.AddFile(f)
	}
	err = datafile.ScanKeys(t.Context(), w.table, keySchema, live, func(f datafile.File, row uint32, key []debezium.Value) error {
		k, err := batch.AppendKey(nil, keySchema, key)
		if err != nil {
			return err
		}
		return load.Add(t.Context(), k, keyindex.Location{File: ids[f.Path()], Row: row})
	})
	if err != nil {
		t.Fatal(err)
	}
	tag := keyindex.Tag{TableUUID: w.table.UUID(), SnapshotID: w.table.SnapshotID()}
	if n, err := load.Finish(t.Context(), tag); err != nil || n > 0 {
		t.Fatalf("load index: %d keys are there twice, %v", n, err)
	}
	return ix
}

// change is one event: the values beside the key, or nil for a delete.
type change struct {
	key    int64
	values []string
}

// flush commits changes, the last one of each key.
func (w *world) flush(t testing.TB, changes []change) {
	t.Helper()
	if err := w.tryFlush(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	w.remember(t, changes)
}

// remember tells the model.
func (w *world) remember(t testing.TB, changes []change) {
	fills, err := maintenance.Fills(w.table)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if c.values == nil {
			delete(w.rows, c.key)
			continue
		}
		values := slices.Clone(c.values)
		for _, column := range w.table.Columns()[1+len(values):] {
			value := "NULL"
			for _, f := range fills {
				if f.Column == column {
					value = string(f.Value.B)
				}
			}
			values = append(values, value)
		}
		w.rows[c.key] = values
	}
}

func (w *world) tryFlush(ctx context.Context, changes []change) error {
	last := make(map[int64]change)
	for _, c := range changes {
		last[c.key] = c
	}
	order := slices.Sorted(maps.Keys(last))
	keys := make([][]byte, len(order))
	for i, k := range order {
		var err error
		if keys[i], err = batch.AppendKey(nil, keySchema, []debezium.Value{debezium.Int(debezium.Int64, k)}); err != nil {
			return err
		}
	}
	delta := keyindex.Delta{Dead: make(map[uint32]int)}
	dead := make(map[uint32][]uint32)
	if err := w.index.Lookup(ctx, keys, func(_ int, at keyindex.Location) { dead[at.File] = append(dead[at.File], at.Row) }); err != nil {
		return err
	}
	live, err := datafile.List(ctx, w.table, 0)
	if err != nil {
		return err
	}
	files := make(map[string]datafile.File)
	for i := range live {
		files[live[i].File.Path()] = live[i].File
	}
	var deletes []datafile.Deletes
	for _, id := range slices.Sorted(maps.Keys(dead)) {
		f, _ := w.index.File(id)
		deletes = append(deletes, datafile.Deletes{File: files[f.Path], Rows: dead[id]})
		delta.Dead[id] = len(dead[id])
	}
	fills, err := maintenance.Fills(w.table)
	if err != nil {
		return err
	}
	config := datafile.Config{Label: "0"}
	for _, f := range fills {
		config.Fills = append(config.Fills, f.Fill)
	}
	schemas := make([]*debezium.Schema, len(w.row.Fields)) // an event may be older than a column
	for i := range schemas {
		older := *w.row
		older.Fields = w.row.Fields[:i+1]
		schemas[i] = &older
	}
	var upserts []int
	written, err := datafile.Write(ctx, w.table, func(yield func(*debezium.Schema, []debezium.Value) bool) {
		upserts, delta.Deletes = upserts[:0], delta.Deletes[:0]
		for i, k := range order {
			c := last[k]
			if c.values == nil {
				delta.Deletes = append(delta.Deletes, keys[i])
				continue
			}
			upserts = append(upserts, i)
			row := []debezium.Value{debezium.Int(debezium.Int64, k)}
			for _, v := range c.values {
				row = append(row, debezium.Text(v))
			}
			if !yield(schemas[len(row)-1], row) {
				return
			}
		}
	}, config)
	if err != nil {
		return err
	}
	deleteFiles, err := datafile.WriteDeletes(ctx, w.table, deletes, config)
	if err != nil {
		return err
	}
	result, err := w.committer.Commit(ctx, commit.Request{
		Token: uuid.NewString(), Parent: w.table.SnapshotID(), Data: written.Files, Deletes: deleteFiles,
		SchemaOffset: -1, Offsets: map[int32]commit.Span{0: {From: w.next, To: w.next + 1}},
	})
	if err != nil {
		return err
	}
	w.next++
	ids := make([]uint32, len(written.Files))
	for i, f := range written.Files {
		ids[i] = w.index.NewFileID()
		delta.Files = append(delta.Files, keyindex.File{ID: ids[i], Path: f.Path(), Rows: f.Rows()})
	}
	for n, i := range upserts {
		at := written.Locations[n]
		delta.Puts = append(delta.Puts, keyindex.Put{Key: keys[i], At: keyindex.Location{File: ids[at.File], Row: at.Row}})
	}
	delta.Tag, _ = w.index.Tag()
	delta.Tag.SnapshotID = result.Snapshot
	return w.index.Apply(delta)
}

// addColumn adds a text column whose old rows have a value.
func (w *world) addColumn(t testing.TB, name, value string) {
	t.Helper()
	row := *w.row
	row.Fields = append(slices.Clone(w.row.Fields), debezium.Field{Name: name, Schema: stringType})
	a := lake.Alteration{Next: altered(w.table) + 2, Columns: row.Fields[len(row.Fields)-1:]}
	fill := maintenance.Fill{Fill: lake.Fill{Column: name, Schema: stringType, Value: debezium.Text(value)}, Position: "gtid:" + name}
	if changed, err := w.m.Alter(t.Context(), a, []maintenance.Fill{fill}, nil); err != nil || !changed {
		t.Fatalf("alter: %v, %v", changed, err)
	}
	w.row = &row
	for k := range w.rows {
		w.rows[k] = append(w.rows[k], value)
	}
}

// read reads the table with iceberg-go's own scan, deletes applied by it.
func (w *world) read(t testing.TB) map[int64][]string {
	t.Helper()
	rows := make(map[int64][]string)
	_, batches, err := w.table.Iceberg().Scan().ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range batches {
		if err != nil {
			t.Fatal(err)
		}
		ids := b.Column(0).(*array.Int64)
		for i := range ids.Len() {
			var values []string
			for _, c := range b.Columns()[1:] {
				v := "NULL"
				if c.IsValid(i) {
					v = c.(*array.String).Value(i)
				}
				values = append(values, v)
			}
			if _, ok := rows[ids.Value(i)]; ok {
				t.Fatalf("key %d is there twice", ids.Value(i))
			}
			rows[ids.Value(i)] = values
		}
		b.Release()
	}
	return rows
}

// check compares the table with the model and the index with a new one. With
// filled, the columns' values are compared in old rows, too.
func (w *world) check(t testing.TB, filled bool) {
	t.Helper()
	got := w.read(t)
	want := make(map[int64][]string, len(w.rows))
	for k, v := range w.rows {
		want[k] = v
		if !filled && len(got[k]) == len(v) {
			want[k] = slices.Clone(v)
			for i := range v {
				if got[k][i] == "NULL" {
					want[k][i] = "NULL"
				}
			}
		}
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Fatalf("table (-want +got):\n%s", d)
	}
	other := w.rebuild(t)
	if d := gocmp.Diff(dump(t, other), dump(t, w.index)); d != "" {
		t.Fatalf("index (-rebuilt +kept):\n%s", d)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
}

// dump prints an index: its files and keys, by the files' paths.
func dump(t testing.TB, ix *keyindex.Index) []string {
	t.Helper()
	var lines []string
	tag, ok := ix.Tag()
	lines = append(lines, fmt.Sprint("tag ", tag.SnapshotID, ok))
	for _, f := range ix.Files() {
		lines = append(lines, fmt.Sprintf("file %s rows %d dead %d deletes %d", f.Path, f.Rows, f.Dead, f.DeleteFiles))
	}
	err := ix.Scan(t.Context(), func(key []byte, at keyindex.Location) error {
		f, ok := ix.File(at.File)
		lines = append(lines, fmt.Sprintf("%x %s %d %v", key, f.Path, at.Row, ok))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(lines, cmp.Compare)
	return lines
}

func altered(t *lake.Table) int64 {
	next, _ := t.Altered()
	return next
}
