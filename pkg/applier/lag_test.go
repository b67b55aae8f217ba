package applier_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// The lag of a table is the age of what waits to be committed, and ends with the
// commit of the last of it.
func TestApplier_Lag(t *testing.T) {
	w := newWorld(t)
	s := w.table("t", 2)
	registry, board := prometheus.NewRegistry(), status.NewBoard("")
	held, release := make(chan struct{}), make(chan struct{})
	running := w.setup()
	running.log = slog.New(slog.DiscardHandler)
	running.at = func(p applier.Point) {
		if p == applier.AfterUpload {
			held <- struct{}{}
			<-release
		}
	}
	running.change = func(c *applier.Config) { c.Metrics, c.Status = telemetry.NewApplier(registry), board }
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error)
	go func() { ended <- running.run(ctx, false) }()
	gauge := func(metric string) (value float64) {
		families, err := registry.Gather()
		must(t, err)
		for _, family := range families {
			if family.GetName() == "firn_applier_"+metric {
				value = family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		return value
	}
	for id := range int64(3) {
		w.send(s.put(id, "a"))
		<-held
		if lag, offsets, page := gauge("lag_seconds"), gauge("offset_lag"), board.Page().LagSeconds; lag < 1 || offsets != 1 || page < 1 {
			t.Errorf("while a change waits the lag is %v s, %v offsets, and %v s on the status page", lag, offsets, page)
		}
		release <- struct{}{}
		until(t, "no lag is left", func() bool {
			return gauge("lag_seconds") == 0 && gauge("offset_lag") == 0 && board.Page().LagSeconds == 0
		})
	}
	cancel()
	must(t, <-ended)
	s.holds()
}
