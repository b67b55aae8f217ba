package applier_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/status"
)

func TestApplier_StatusOfShards(t *testing.T) {
	w := newWorld(t)
	s := w.table("t", 3)
	board := status.NewBoard("")
	running := w.setup()
	running.shards = 3
	running.change = func(c *applier.Config) { c.Status = board }
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error)
	go func() { ended <- running.run(ctx, false) }()
	for id := range int64(30) {
		w.send(s.put(id, "a"))
	}
	until(t, "all rows are committed", func() bool {
		rows := int64(0)
		for _, table := range board.Page().Tables {
			rows += table.Rows.Upserted
		}
		return rows == 30
	})
	got := make(map[string][]string) // partitions by shard
	for _, table := range board.Page().Tables {
		if table.Table != "db.t" {
			t.Errorf("a line of table %s", table.Table)
		}
		got[table.Shard] = slices.Sorted(maps.Keys(table.Offsets))
	}
	if diff := cmp.Diff(map[string][]string{"0-of-3": {"0"}, "1-of-3": {"1"}, "2-of-3": {"2"}}, got); diff != "" {
		t.Errorf("partitions by shard (-want +got):\n%s", diff)
	}
	cancel()
	must(t, <-ended)
	if tables := board.Page().Tables; len(tables) > 0 {
		t.Errorf("on the page after the end: %v", tables)
	}
}
