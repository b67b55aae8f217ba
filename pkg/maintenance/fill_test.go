package maintenance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
)

// lacking returns how many files lack a field, and whether the fills say that none does.
func (w *world) lacking(t *testing.T, field int) (files int, done bool) {
	t.Helper()
	lacking, err := maintenance.FilesLacking(t.Context(), w.table, field)
	if err != nil {
		t.Fatal(err)
	}
	fills, err := maintenance.Fills(w.table)
	if err != nil || len(fills) != 1 || fills[0].Field != field {
		t.Fatalf("fills %+v, %v, want one, of field %d", fills, err, field)
	}
	return len(lacking), fills[0].Done
}

// A fill that takes several rewrites goes on as long as the budget allows, and
// not once in an interval.
func TestMaintainer_FillGoesOn(t *testing.T) {
	clock := time.Now()
	config := maintenance.Config{Share: 1, OrphanScan: -1, Interval: time.Hour, Now: func() time.Time { return clock }}
	w := newWorld(t, config, lake.PartitionField{Column: "text", Transform: "identity"})
	for i, text := range []string{"a", "b", "c", "d", "e"} { // files that cannot become one
		w.flush(t, numbered(int64(i)*10, int64(i)*10+5, text))
	}
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.addColumn(t, "c", "x")
	for range 100 {
		did, err := w.m.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if did.Action == maintenance.Nothing {
			break
		}
	}
	if files, done := w.lacking(t, 3); files != 0 || !done {
		t.Errorf("%d files lack the column, done is %v", files, done)
	}
	w.check(t, true)
}

// Where the policy always finds something better to do, files that lack a column
// still have their turn.
func TestMaintainer_FillHasItsTurn(t *testing.T) {
	w := newWorld(t, maintenance.Config{InlineBytes: 1, Share: 1, OrphanScan: -1, Policy: maintenance.Policy{MinFiles: 2}})
	w.flush(t, numbered(0, 5000, "a long text that makes the file large"))
	w.addColumn(t, "c", "x")
	for i := range int64(40) {
		if files, done := w.lacking(t, 3); files == 0 && done {
			w.check(t, true)
			return
		}
		w.flush(t, numbered(10000+i*10, 10001+i*10, "b"))
		w.flush(t, numbered(10001+i*10, 10002+i*10, "b"))
		if _, err := w.m.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ready := w.m.Ready(); ready != nil {
			<-ready
		}
	}
	t.Error("the fill has not ended")
}

// A file without the column may come when the fill has been done: from a shard
// that had not heard of the column, or by a rollback.
func TestMaintainer_FillBeginsAgain(t *testing.T) {
	w := newWorld(t, maintenance.Config{OrphanScan: -1})
	w.flush(t, numbered(0, 10, "v"))
	stale := *w.table
	w.addColumn(t, "c", "x")
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, done := w.lacking(t, 3); !done {
		t.Fatal("the fill is not done")
	}
	written, err := datafile.Write(t.Context(), &stale, func(yield func(*debezium.Schema, []debezium.Value) bool) {
		yield(rowSchema, []debezium.Value{debezium.Int(debezium.Int64, 50), debezium.Text("late")})
	}, datafile.Config{Label: "0"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.committer.Commit(t.Context(), commit.Request{
		Token: uuid.NewString(), Parent: w.table.SnapshotID(), Data: written.Files,
		SchemaOffset: -1, Offsets: map[int32]commit.Span{0: {From: w.next, To: w.next + 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.rows[50] = []string{"late", "x"}
	w.open(t)
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if files, done := w.lacking(t, 3); files != 0 || !done {
		t.Errorf("%d files lack the column, done is %v", files, done)
	}
	w.check(t, true)
}

// TestMaintainer_FillSurvivesRename fills a column that is renamed meanwhile, and
// forgets it with the column.
func TestMaintainer_FillSurvivesRename(t *testing.T) {
	w := newWorld(t, maintenance.Config{InlineBytes: 1})
	w.flush(t, numbered(0, 10, "v"))
	w.addColumn(t, "c", "x")
	if did, err := w.m.Step(t.Context()); err != nil || did.Action != maintenance.Started {
		t.Fatalf("step: %+v, %v, want one that starts", did, err)
	}
	rename := lake.Alteration{Next: altered(w.table) + 1, Renamed: [][2]string{{"c", "d"}}}
	if ok, err := w.m.Alter(t.Context(), rename, nil, nil); err != nil || !ok {
		t.Fatalf("rename: %v, %v", ok, err)
	}
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.check(t, true)
	lacking, err := maintenance.FilesLacking(t.Context(), w.table, 3)
	if err != nil || len(lacking) > 0 {
		t.Errorf("%d files lack the column, %v", len(lacking), err)
	}
	fills, err := maintenance.Fills(w.table)
	if err != nil || len(fills) != 1 || !fills[0].Done || fills[0].Column != "d" {
		t.Errorf("fills %+v, %v, want one that is done, of d", fills, err)
	}
	drop := lake.Alteration{Next: altered(w.table) + 1, Dropped: []string{"d"}}
	if ok, err := w.m.Alter(t.Context(), drop, nil, nil); err != nil || !ok {
		t.Fatalf("drop: %v, %v", ok, err)
	}
	if err := w.m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name := range w.table.Properties() {
		if strings.HasPrefix(name, "firn.fill.") {
			t.Errorf("property %s is there, whose column has been dropped", name)
		}
	}
}
