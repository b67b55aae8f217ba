package crash

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/firn-cdc/firn/integration/source"
	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/keyindex"
)

// Killed at each point of a flush, early and late in a table's life, an applier
// goes on from what the table says.
func TestApplier_KilledAtEachPoint(t *testing.T) {
	duckdb := openDuckDB(t)
	points, _ := applier.Points()
	for _, point := range points {
		t.Run(string(point), func(t *testing.T) {
			w := newApplierWorld(t, duckdb)
			table := w.table("t", 3, newSeed(t))
			for _, nth := range []int{1, 2, 1} {
				w.publish(table, 300)
				o := w.orders("a")
				o.Kill, o.Nth = point, nth
				if point == applier.BeforeTakeOver || point == applier.AfterTakeOver {
					o.Nth = 1 // there is one in a process's life
				}
				w.start(o).expectKilled()
			}
			w.publish(table, 100)
			w.start(w.orders("a")).expect()
			w.equal(table)
			w.expectHits(string(point), 3)
		})
	}
}

// Killed in maintenance, which goes on between its commits, an applier leaves
// the same rows.
func TestApplier_KilledInMaintenance(t *testing.T) {
	duckdb := openDuckDB(t)
	_, points := applier.Points()
	for _, point := range points {
		t.Run(string(point), func(t *testing.T) {
			w := newApplierWorld(t, duckdb)
			table := w.table("t", 3, newSeed(t))
			for range 3 {
				w.publish(table, 600)
				o := w.maintaining(point == applier.AfterExpire)
				o.Kill, o.Nth = point, 1
				w.start(o).expectKilled()
			}
			w.publish(table, 100)
			w.start(w.orders("a")).expect()
			w.equal(table)
			w.expectHits(string(point), 3)
		})
	}
}

// maintaining returns the orders of an applier that goes on after the end, with
// small files to merge and, if it is to expire, table snapshots that are due.
func (w *applierWorld) maintaining(expire bool) orders {
	o := w.orders("a")
	o.Rows, o.StopAtEnd = 40, false
	if expire {
		o.Ahead = 3 * time.Hour
	}
	return o
}

// An answer that is lost says neither yes nor no: the applier finds out, in the
// same process or in the next one.
func TestApplier_AnswerLost(t *testing.T) {
	duckdb := openDuckDB(t)
	for _, f := range []fault{lostTakeOver, lostCommit, lostRequest, lostUpload, lostThenKilled, lostReplace, lostExpire} {
		t.Run(string(f), func(t *testing.T) {
			w := newApplierWorld(t, duckdb)
			table := w.table("t", 3, newSeed(t))
			for n := range 3 {
				w.publish(table, 300)
				o := w.orders("a")
				o.Nth = 2
				if f == lostReplace || f == lostExpire {
					o = w.maintaining(f == lostExpire)
				}
				if f == lostTakeOver || f == lostReplace || f == lostExpire {
					o.Nth = 1
				}
				o.Fault = f
				p := w.start(o)
				switch {
				case f == lostThenKilled:
					p.expectKilled()
				case o.StopAtEnd:
					p.expect()
				default:
					w.awaitHits(n + 1)
					w.publish(table, 100)
					w.settle(table)
					p.leave()
				}
			}
			w.start(w.orders("a")).expect()
			w.equal(table)
			w.expectHits(string(f), 3)
		})
	}
}

// The validators see what they are there for: each planted bug, made outside the
// product, is found by the one whose matter it is.
func TestApplier_PlantedBugs(t *testing.T) {
	duckdb := openDuckDB(t)
	t.Run("a retry that does not look at what is recorded", func(t *testing.T) {
		w := newApplierWorld(t, duckdb)
		table := w.table("t", 3, newSeed(t))
		w.publish(table, 300)
		o := w.orders("a")
		o.Fault, o.Nth, o.Unkept = blindRetry, 2, true // what maintenance would do to such a table is not the matter
		w.start(o).expect()
		w.expectHits(string(blindRetry), 1)
		f := w.validate(table)
		if len(f.rows) == 0 || len(f.keys) == 0 || len(f.files) == 0 {
			t.Errorf("the validators miss it: rows %d, keys %d, files %d", len(f.rows), len(f.keys), len(f.files))
		}
	})
	t.Run("offsets saved before the data", func(t *testing.T) {
		w := newApplierWorld(t, duckdb)
		table := w.table("t", 3, newSeed(t))
		w.publish(table, 300)
		o := w.orders("a")
		o.Fault, o.Nth = earlyOffsets, 2
		w.start(o).expectKilled()
		w.start(w.orders("a")).expect()
		if f := w.validate(table); len(f.rows) == 0 {
			t.Error("the validators miss it")
		}
	})
	for _, planted := range []bool{true, false} {
		name := "index delta before the commit"
		if !planted {
			name += ", or not"
		}
		t.Run(name, func(t *testing.T) {
			w := newApplierWorld(t, duckdb)
			table := w.table("t", 3, newSeed(t))
			for id := range int64(50) {
				table.Put(id, "a", id, nil, nil)
			}
			w.must(table.Publish(t.Context(), w.client))
			w.start(w.orders("a")).expect()
			for id := range int64(20) {
				table.Delete(id, "a")
			}
			w.must(table.Publish(t.Context(), w.client))
			o := w.orders("a")
			o.Kill, o.Nth = applier.AfterUpload, 1
			w.start(o).expectKilled()
			if planted {
				w.deleteFromIndex(table, 20)
			}
			w.start(w.orders("a")).expect()
			if f := w.validate(table); f.any() != planted {
				t.Errorf("planted: %t, found:\n%s", planted, f)
			}
		})
	}
}

// deleteFromIndex does to the index what the batch that deletes the first n ids
// would, and leaves it with the tag that it has.
func (w *applierWorld) deleteFromIndex(t *source.Table, n int64) {
	w.t.Helper()
	dirs, err := filepath.Glob(filepath.Join(w.dir, "index-a", "*", "*"))
	w.must(err)
	if len(dirs) != 1 {
		w.t.Fatalf("indexes %q, want one", dirs)
	}
	memory := keyindex.NewMemory(8 << 20)
	defer memory.Close()
	ix, err := keyindex.Open(dirs[0], keyindex.Config{Memory: memory})
	w.must(err)
	tag, ok := ix.Tag()
	if !ok {
		w.t.Fatal("index has no tag")
	}
	key, err := batch.NewKey(&debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{
		{Name: "id", Schema: &debezium.Schema{Type: debezium.Int32}},
		{Name: "code", Schema: &debezium.Schema{Type: debezium.String}},
	}})
	w.must(err)
	var deletes [][]byte
	for id := range n {
		k, err := key.Append(nil, []debezium.Value{debezium.Int(debezium.Int32, id), debezium.Text("a")})
		w.must(err)
		deletes = append(deletes, k)
	}
	slices.SortFunc(deletes, slices.Compare)
	dead := make(map[uint32]int)
	w.must(ix.Lookup(w.t.Context(), deletes, func(_ int, at keyindex.Location) { dead[at.File]++ }))
	w.must(ix.Apply(keyindex.Delta{Tag: tag, Deletes: deletes, Dead: dead}))
	if got, want := ix.Len(), int64(len(t.Rows())); got != want {
		w.t.Fatalf("index has %d keys, want %d", got, want)
	}
	w.must(ix.Close())
}
