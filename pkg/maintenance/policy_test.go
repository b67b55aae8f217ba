package maintenance_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/maintenance"
)

func TestPolicy_Plan(t *testing.T) {
	const mb = 1 << 20
	file := func(size int64, dead int64, deletes int) maintenance.Stat {
		return maintenance.Stat{Bytes: size * mb, Rows: 1000, Dead: dead, DeleteFiles: deletes}
	}
	sized := func(size, rows, dead int64) maintenance.Stat {
		return maintenance.Stat{Bytes: size * mb, Rows: rows, Dead: dead, DeleteFiles: 1}
	}
	lacking := file(300, 0, 0)
	lacking.Lacking = true
	apart := file(1, 0, 0)
	apart.Group = "other"
	reading := func(f maintenance.Stat) maintenance.Stat { f.Reading = true; return f }
	tests := []struct {
		name   string
		policy maintenance.Policy
		files  []maintenance.Stat
		want   maintenance.Plan
	}{
		{name: "nothing to do", files: []maintenance.Stat{file(300, 0, 0), file(1, 0, 0)}},
		{
			name:  "small files of like size are merged",
			files: []maintenance.Stat{file(1, 0, 0), file(300, 0, 0), file(1, 0, 0), file(1, 0, 0), file(1, 0, 0)},
			want:  maintenance.Plan{Rewrite: []int{0, 2, 3, 4}},
		},
		{
			name:  "a larger one joins when the others are together as large",
			files: []maintenance.Stat{file(4, 0, 0), file(1, 0, 0), file(1, 0, 0), file(1, 0, 0), file(1, 0, 0), file(9, 0, 0)},
			want:  maintenance.Plan{Rewrite: []int{1, 2, 3, 4, 0}},
		},
		{
			name:  "files of other partitions do not count",
			files: []maintenance.Stat{file(1, 0, 0), apart, file(1, 0, 0), file(1, 0, 0)},
		},
		{
			name:   "no more than the budget is read",
			policy: maintenance.Policy{MinFiles: 2, MaxBytes: 3 * mb},
			files:  []maintenance.Stat{file(1, 0, 0), file(1, 0, 0), file(1, 0, 0), file(1, 0, 0)},
			want:   maintenance.Plan{Rewrite: []int{0, 1, 2}},
		},
		{
			name:  "a file with many dead rows is rewritten, whatever its size",
			files: []maintenance.Stat{file(300, 99, 1), file(300, 300, 1), file(300, 100, 1)},
			want:  maintenance.Plan{Rewrite: []int{1}},
		},
		{
			name:  "where more than a partition's share is dead, the file goes first that is rid of most for its size",
			files: []maintenance.Stat{file(300, 4, 1), sized(300, 100_000, 700), sized(1, 500, 40)},
			want:  maintenance.Plan{Rewrite: []int{1}},
		},
		{
			name:  "a file without live rows is dropped",
			files: []maintenance.Stat{file(300, 0, 0), file(300, 1000, 3)},
			want:  maintenance.Plan{Drop: []int{1}},
		},
		{
			name:  "delete files are merged when there are more than data files",
			files: []maintenance.Stat{file(300, 5, 1), file(300, 5, 2), file(300, 0, 0)},
		},
		{
			name:  "delete files are merged where a data file has several",
			files: []maintenance.Stat{file(300, 5, 1), file(300, 5, 3), file(300, 0, 0)},
			want:  maintenance.Plan{Deletes: []int{1}},
		},
		{
			name:  "of files that are being rewritten only the delete files are merged",
			files: []maintenance.Stat{reading(file(1, 5, 3)), reading(file(1, 1000, 1)), reading(file(1, 0, 0)), file(1, 0, 0), file(300, 5, 2)},
			want:  maintenance.Plan{Deletes: []int{0, 4}},
		},
		{
			name:  "a column is filled when nothing else is due",
			files: []maintenance.Stat{file(300, 5, 1), lacking},
			want:  maintenance.Plan{Rewrite: []int{1}},
		},
		{
			name:   "off is off, but for columns",
			policy: maintenance.Policy{Off: true},
			files:  []maintenance.Stat{file(1, 900, 9), file(1, 1000, 9), lacking, file(1, 0, 0), file(1, 0, 0)},
			want:   maintenance.Plan{Rewrite: []int{2}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, test.policy.Plan(test.files)); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
		})
	}
}

// TestMaintainer_Share rewrites no more for dead rows than its share of the time allows.
func TestMaintainer_Share(t *testing.T) {
	clock, rewriting := time.Now(), false
	w := newWorld(t, maintenance.Config{
		Policy: maintenance.Policy{MinFiles: 100}, Share: 0.1, Interval: time.Hour, OrphanScan: -1,
		Now: func() time.Time {
			if rewriting {
				clock = clock.Add(10 * time.Second) // so that a rewrite takes as long
			}
			return clock
		},
		At: func(p maintenance.Point) { rewriting = p == maintenance.BeforeRewrite },
	})
	w.flush(t, numbered(0, 1000, "a"))
	for i, wait := range []time.Duration{0, 0, 89 * time.Second, 2 * time.Second} {
		w.flush(t, numbered(int64(i)*10, int64(i)*10+10, "b"))
		clock = clock.Add(wait)
		want := maintenance.Nothing
		if i == 0 || i == 3 {
			want = maintenance.Rewrote
		}
		if did, err := w.m.Step(t.Context()); err != nil || did.Action != want {
			t.Errorf("step %d: %+v, %v, want %q", i, did, err, want)
		}
	}
	w.check(t, true)
}
