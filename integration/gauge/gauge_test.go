package gauge_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/integration/gauge"
)

func TestTimes_Quantile(t *testing.T) {
	var times gauge.Times
	for i, count := range []int{1, 97, 1, 1} { // 1 s, 2 s … 4 s
		times.Add(time.Duration(4-i)*time.Second, count)
	}
	for q, want := range map[float64]time.Duration{0: time.Second, 0.01: 2 * time.Second, 0.5: 3 * time.Second, 0.985: 3 * time.Second, 0.99: 4 * time.Second, 1: 4 * time.Second} {
		if got := times.Quantile(q); got != want {
			t.Errorf("quantile %g is %v, want %v", q, got, want)
		}
	}
	if times.Count() != 100 {
		t.Errorf("%d changes, want 100", times.Count())
	}
}

func TestReadState(t *testing.T) {
	got, err := gauge.ReadState("testdata/table.metadata.json")
	if err != nil {
		t.Fatal(err)
	}
	want := &gauge.State{
		Snapshot: 548324754105635036, Snapshots: 2, Sequence: 9, Offset: 46, DataFiles: 2, DeleteFiles: 1, Rows: 34, Deletes: 4,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	t.Run("a table fed by several partitions has no one position", func(t *testing.T) {
		if _, err := gauge.ReadState("testdata/partitions.metadata.json"); err == nil {
			t.Error("no error")
		}
	})
}
