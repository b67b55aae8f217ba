package applier_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// Tables share 4 MiB for batches, which nothing else commits for an hour.
func TestApplier_Memory(t *testing.T) {
	pad := strings.Repeat("x", 20_000)
	fill := func(s *source, rows int) {
		for range rows {
			s.w.send(s.put(int64(len(s.rows)), pad))
		}
	}
	// start applies three tables, each of which has one commit.
	start := func(t *testing.T, at func(applier.Point)) (a, b, c *source, count func(metric string, s *source) float64, read func(s *source, rows float64)) {
		w := newWorld(t)
		a, b, c = w.table("a", 1), w.table("b", 1), w.table("c", 1)
		registry := prometheus.NewRegistry()
		count = func(metric string, s *source) float64 { return sum(t, registry, metric, "db."+s.name) }
		set := w.setup()
		set.at = at
		set.change = func(c *applier.Config) {
			c.Memory, c.Interval, c.Rows, c.Metrics = 8<<20, time.Hour, 0, telemetry.NewApplier(registry)
		}
		for _, s := range []*source{a, b, c} {
			fill(s, 1)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		ended.Go(func() {
			if err := set.run(ctx, false); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		t.Cleanup(func() { cancel(); ended.Wait() })
		before := make(map[*source]float64) // it may have been tried again
		for _, s := range []*source{a, b, c} {
			until(t, "the table is made", func() bool { return count("commits_total", s) == 1 })
			before[s] = count("records_total", s)
		}
		read = func(s *source, rows float64) {
			t.Helper()
			until(t, s.name+" is read", func() bool { return count("records_total", s) == before[s]+rows })
		}
		return a, b, c, count, read
	}
	t.Run("that of a committed batch is free", func(t *testing.T) {
		a, b, c, count, read := start(t, nil)
		fill(a, 150)
		read(a, 150)
		fill(b, 100)
		until(t, "the largest batch, that of a, is committed", func() bool { return count("commits_total", a) == 2 })
		read(b, 100)
		if count("commits_total", b) != 1 {
			t.Error("b is committed, though there is room for it")
		}
		fill(c, 130)
		until(t, "the larger batch of those that there are is committed", func() bool { return count("commits_total", c) == 2 })
	})
	t.Run("it is not exceeded for want of the largest batch's commit", func(t *testing.T) {
		var armed atomic.Bool
		release := make(chan struct{})
		a, b, _, count, read := start(t, func(p applier.Point) {
			if p == applier.BeforeUpload && armed.CompareAndSwap(true, false) {
				<-release
			}
		})
		t.Cleanup(func() { close(release) })
		armed.Store(true)
		fill(a, 150)
		read(a, 150)
		fill(b, 140)
		until(t, "the batch that is not held up is committed", func() bool { return count("commits_total", a)+count("commits_total", b) == 3 })
	})
}

// sum adds up a metric of one table.
func sum(t *testing.T, registry *prometheus.Registry, metric, table string) (total float64) {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	for _, family := range families {
		if family.GetName() != "firn_applier_"+metric {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "table" && label.GetValue() == table {
					total += m.GetCounter().GetValue()
				}
			}
		}
	}
	return total
}

// until waits for a condition.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
