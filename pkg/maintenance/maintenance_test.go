package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
)

// TestMaintainer_Random changes a table at random, maintains it at random, and
// compares it with a map and its index with a new one after every step.
func TestMaintainer_Random(t *testing.T) {
	for _, seed := range []uint64{1, 2, uint64(time.Now().UnixNano())} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			var partition []lake.PartitionField
			if seed%2 == 0 {
				partition = []lake.PartitionField{{Column: "id", Transform: "bucket[3]"}}
			}
			w := newWorld(t, maintenance.Config{
				Policy:      maintenance.Policy{TargetBytes: 4 << 10, MinFiles: 2 + r.IntN(3)},
				InlineBytes: int64(1 + r.IntN(2)*(8<<20)), // beside, or at once
			}, partition...)
			columns := 0
			for step := range 40 {
				switch n := r.IntN(20); {
				case n < 10:
					w.flush(t, w.randomChanges(r))
				case n < 18:
					if _, err := w.m.Step(t.Context()); err != nil {
						t.Fatal(err)
					}
				case columns < 4 && len(w.rows) > 0:
					columns++
					w.addColumn(t, fmt.Sprint("c", columns), fmt.Sprint("default", columns))
				}
				w.check(t, false)
				if t.Failed() {
					t.Fatalf("at step %d", step)
				}
			}
			if err := w.m.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.check(t, true)
		})
	}
}

// randomChanges makes events of the present schema, some of an older one.
func (w *world) randomChanges(r *rand.Rand) []change {
	var changes []change
	for range 1 + r.IntN(60) {
		c := change{key: r.Int64N(150)}
		if r.IntN(5) > 0 {
			for i := range 1 + r.IntN(len(w.row.Fields)-1) {
				c.values = append(c.values, fmt.Sprint("v", i, "-", r.IntN(1000)))
			}
		}
		changes = append(changes, c)
	}
	return changes
}

// numbered makes upserts of the keys from up to, not including, to.
func numbered(from, to int64, text string) []change {
	var changes []change
	for k := from; k < to; k++ {
		changes = append(changes, change{key: k, values: []string{fmt.Sprint(text, k)}})
	}
	return changes
}

// TestMaintainer_Beside changes rows while their files are being rewritten.
func TestMaintainer_Beside(t *testing.T) {
	w := newWorld(t, maintenance.Config{InlineBytes: 1, Policy: maintenance.Policy{MinFiles: 3}})
	for i := range int64(3) {
		w.flush(t, numbered(i*10, i*10+10, "a"))
	}
	did, err := w.m.Step(t.Context())
	if err != nil || did.Action != maintenance.Started {
		t.Fatalf("step: %+v, %v, want one that starts", did, err)
	}
	w.flush(t, append(numbered(5, 8, "b"), change{key: 15}, change{key: 29}))
	<-w.m.Ready()
	if did, err = w.m.Step(t.Context()); err != nil || did.Action != maintenance.Rewrote {
		t.Fatalf("step: %+v, %v, want one that commits the rewrite", did, err)
	}
	if did.Removed != 3 || did.Added != 1 || did.RemovedDeletes != 3 || did.AddedDeletes != 1 {
		t.Errorf("did %+v, want 3 files and their 3 delete files replaced by 1 and 1", did)
	}
	w.check(t, true)
}

// TestMaintainer_MergesBesideARewrite keeps delete files few while the files that
// they belong to are being rewritten.
func TestMaintainer_MergesBesideARewrite(t *testing.T) {
	goOn := make(chan struct{})
	w := newWorld(t, maintenance.Config{
		InlineBytes: 1, Policy: maintenance.Policy{MinFiles: 3},
		At: func(p maintenance.Point) {
			if p == maintenance.BeforeRewrite {
				<-goOn
			}
		},
	})
	for i := range int64(3) {
		w.flush(t, numbered(i*100, i*100+100, "a"))
	}
	w.flush(t, []change{{key: 1}, {key: 101}, {key: 201}})
	did, err := w.m.Step(t.Context())
	if err != nil || did.Action != maintenance.Started {
		t.Fatalf("step: %+v, %v, want one that starts", did, err)
	}
	for i := range int64(2) {
		w.flush(t, []change{{key: 10 + i}, {key: 110 + i}, {key: 210 + i}})
		if did, err = w.m.Step(t.Context()); err != nil || did.Action != maintenance.Merged || did.RemovedDeletes != 6 || did.AddedDeletes != 3 {
			t.Fatalf("step: %+v, %v, want one that makes 3 delete files of 6", did, err)
		}
		w.check(t, true)
	}
	close(goOn)
	<-w.m.Ready()
	if did, err = w.m.Step(t.Context()); err != nil || did.Action != maintenance.Rewrote {
		t.Fatalf("step: %+v, %v, want one that commits the rewrite", did, err)
	}
	if did.Removed != 3 || did.Added != 1 || did.RemovedDeletes != 3 || did.AddedDeletes != 1 {
		t.Errorf("did %+v, want 3 files and their 3 delete files replaced by 1 and 1", did)
	}
	w.check(t, true)
}

// TestMaintainer_Killed ends a process at every point and starts another one.
func TestMaintainer_Killed(t *testing.T) {
	points := []string{
		string(maintenance.BeforeRewrite), string(maintenance.AfterRewrite), string(commit.BeforeReplace),
		string(commit.AfterReplace), string(maintenance.BeforeIndex), string(maintenance.AfterExpire),
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			clock := time.Now()
			killed, armed := errors.New("killed"), false
			at := func(p string) {
				if armed && p == point {
					armed = false
					panic(killed)
				}
			}
			w := newWorld(t, maintenance.Config{
				Policy: maintenance.Policy{MinFiles: 3}, SnapshotMinCount: 2, OrphanScan: -1,
				Now: func() time.Time { return clock }, At: func(p maintenance.Point) { at(string(p)) },
			})
			w.at = func(p commit.Point) { at(string(p)) }
			for i := range int64(4) {
				w.flush(t, numbered(i*5, i*5+10, fmt.Sprint("v", i)))
			}
			w.addColumn(t, "c", "x")
			clock = clock.Add(3 * time.Hour)
			offset := w.next
			armed = true
			func() {
				defer func() {
					if r := recover(); r != nil && r != any(killed) {
						panic(r)
					}
				}()
				if err := w.m.Drain(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			if armed {
				t.Fatalf("the point was never reached")
			}
			w.open(t)
			w.check(t, false)
			if w.next != offset {
				t.Errorf("the table records offset %d, want %d", w.next, offset)
			}
			if err := w.m.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.check(t, true)
			w.flush(t, numbered(3, 12, "after"))
			w.check(t, true)
		})
	}
}

// TestMaintainer_Foreign lets another program change the table first.
func TestMaintainer_Foreign(t *testing.T) {
	w := newWorld(t, maintenance.Config{InlineBytes: 1, Policy: maintenance.Policy{MinFiles: 3}})
	for i := range int64(3) {
		w.flush(t, numbered(i*10, i*10+10, "a"))
	}
	if did, err := w.m.Step(t.Context()); err != nil || did.Action != maintenance.Started {
		t.Fatalf("step: %+v, %v, want one that starts", did, err)
	}
	other, err := w.catalog.Load(t.Context(), tableName)
	if err != nil {
		t.Fatal(err)
	}
	txn := other.Iceberg().NewTransaction()
	if err := txn.Delete(t.Context(), iceberg.EqualTo(iceberg.Reference("id"), int64(4)), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := txn.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-w.m.Ready()
	_, err = w.m.Step(t.Context())
	if _, ok := errors.AsType[*commit.ForeignError](err); !ok {
		t.Fatalf("step: %v, want a ForeignError", err)
	}
	delete(w.rows, 4)
	w.open(t)
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.check(t, true)
}

// TestMaintainer_RowsDeletedTwice has another program delete a row that is
// dead, as one that began before our commit may. A file of which that makes as many
// deletes as it has rows still has one that lives.
func TestMaintainer_RowsDeletedTwice(t *testing.T) {
	w := newWorld(t, maintenance.Config{})
	w.flush(t, numbered(0, 3, "a"))
	w.flush(t, []change{{key: 0}, {key: 2}})
	live, err := datafile.List(t.Context(), w.table, 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := datafile.WriteDeletes(t.Context(), w.table, []datafile.Deletes{{File: live[0].File, Rows: []uint32{2}}}, datafile.Config{})
	if err != nil {
		t.Fatal(err)
	}
	txn := w.table.Iceberg().NewTransaction()
	if err := txn.NewRowDelta(nil).AddDeletes(again[0].Iceberg()).Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := txn.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.open(t)
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.check(t, true)
}

// TestMaintainer_Bounds holds files, delete files and rewriting within bounds
// under changes all over the table.
func TestMaintainer_Bounds(t *testing.T) {
	w := newWorld(t, maintenance.Config{Policy: maintenance.Policy{DeadRows: 0.1}, InlineBytes: 1 << 30, Share: 1})
	w.flush(t, numbered(0, 20_000, "v"))
	r := rand.New(rand.NewPCG(7, 7))
	var rewritten, changed int64
	for i := range 50 {
		var changes []change
		for range 200 {
			changes = append(changes, change{key: r.Int64N(20_000), values: []string{fmt.Sprint("w", i)}})
		}
		w.flush(t, changes)
		changed += 200
		for {
			did, err := w.m.Step(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			rewritten += did.Rows
			if did.Action == maintenance.Nothing {
				break
			}
		}
		data, deletes, dead := 0, 0, 0.0
		for _, f := range w.index.Files() {
			data, deletes, dead = data+1, deletes+f.DeleteFiles, dead+float64(f.Dead)
		}
		if deletes > data || data > 12 || dead > 0.12*20_000 {
			t.Errorf("after %d commits: %d data files, %d delete files, %v dead rows", i+1, data, deletes, dead)
		}
	}
	if rewritten > 20*changed {
		t.Errorf("%d rows were rewritten for %d changes", rewritten, changed)
	}
	fs, err := w.table.FileIO(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := w.table.Iceberg().CurrentSnapshot().Manifests(fs)
	if err != nil {
		t.Fatal(err)
	}
	if len(manifests) > 2*(4+1)+1 {
		t.Errorf("there are %d manifests", len(manifests))
	}
	w.check(t, true)
}

// TestMaintainer_Expire keeps the files of the table snapshots that stay, and no others.
func TestMaintainer_Expire(t *testing.T) {
	clock := time.Now()
	w := newWorld(t, maintenance.Config{SnapshotMinCount: 4, OrphanScan: -1, Now: func() time.Time { return clock }})
	for i := range 12 {
		w.flush(t, numbered(0, 20, fmt.Sprint("v", i)))
	}
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := len(w.table.Iceberg().Metadata().Snapshots())
	clock = clock.Add(2*time.Hour + time.Minute)
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.m.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	stay := w.table.Iceberg().Metadata().Snapshots()
	if len(stay) != 4 || before < 10 {
		t.Errorf("%d table snapshots of %d stay, want 4", len(stay), before)
	}
	for _, s := range stay {
		_, batches, err := w.table.Iceberg().Scan(table.WithSnapshotID(s.SnapshotID)).ToArrowRecords(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows := int64(0)
		for b, err := range batches {
			if err != nil {
				t.Fatalf("read table snapshot: %v", err)
			}
			rows += b.NumRows()
			b.Release()
		}
		if rows != 20 {
			t.Errorf("a table snapshot has %d rows, want 20", rows)
		}
	}
	plan, err := w.table.Iceberg().PlanOrphanFiles(t.Context(), table.WithFilesOlderThan(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range plan.Files() {
		if filepath.Base(filepath.Dir(f)) == "data" || filepath.Ext(f) == ".avro" {
			t.Errorf("%s is left", f)
		}
	}
	w.check(t, true)
}

// TestMaintainer_Orphans removes what is old and belongs to nothing, once.
func TestMaintainer_Orphans(t *testing.T) {
	w := newWorld(t, maintenance.Config{OrphanAge: 24 * time.Hour})
	w.flush(t, numbered(0, 10, "v"))
	orphans := make(map[string]string)
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": 23 * time.Hour} {
		path := filepath.Join(w.dir, "db", "t", "data", name+".parquet")
		if err := os.WriteFile(path, []byte("left by a crash"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		orphans[name] = path
	}
	did, err := w.m.Step(t.Context())
	if err != nil || did.Action != maintenance.Orphans {
		t.Fatalf("step: %+v, %v, want a search for orphans", did, err)
	}
	for w.m.Searching() {
		if _, err := w.m.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(orphans["old"]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old file: %v, want none", err)
	}
	if _, err := os.Stat(orphans["young"]); err != nil {
		t.Errorf("the young file: %v", err)
	}
	w.check(t, true)
	w.open(t)
	if did, err := w.m.Step(t.Context()); err != nil || did.Action != maintenance.Nothing {
		t.Errorf("another process: %+v, %v, want no second search", did, err)
	}
}

// TestMaintainer_WithoutKey merges the files of a table that has no key: its rows
// stay in their order.
func TestMaintainer_WithoutKey(t *testing.T) {
	w := newWorld(t, maintenance.Config{})
	for i := range int64(5) {
		w.flush(t, numbered(100-i*10, 105-i*10, "v"))
	}
	m := maintenance.New(maintenance.Config{Label: "0", Alone: true, OrphanScan: -1}, w.table, nil, w.committer)
	if err := m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	live, err := datafile.List(t.Context(), w.table, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(live) != 1 {
		t.Fatalf("%d data files, want 1", len(live))
	}
	var ids, runs []int64
	err = datafile.ScanKeys(t.Context(), w.table, keySchema, live, func(_ datafile.File, _ uint32, key []debezium.Value) error {
		ids = append(ids, key[0].I)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if i%5 == 0 {
			runs = append(runs, id)
		} else if id != ids[i-1]+1 {
			t.Errorf("row %d follows row %d", id, ids[i-1])
		}
	}
	if len(ids) != 25 || len(runs) != 5 {
		t.Errorf("%d rows, want 25", len(ids))
	}
}
