package reader

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// metric returns the value of a metric that has one series.
func (r *rig) metric(name string) float64 {
	r.t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name && len(f.GetMetric()) == 1 {
			m := f.GetMetric()[0]
			return m.GetUntyped().GetValue() + m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	r.t.Fatalf("there is no metric %s", name)
	return 0
}

func (r *rig) metricsAre(when string, want map[string]float64) {
	r.t.Helper()
	for name, value := range want {
		if got := r.metric(name); got != value {
			r.t.Errorf("%s: %s is %v, want %v", when, name, got, value)
		}
	}
}

// A metric that nobody sets says something false: that no room is left in the
// queue, that no statement was followed, that the snapshot took no time.
func TestSession_Metrics(t *testing.T) {
	r := newRig(t, 1)
	s := r.s
	r.define("CREATE TABLE a (id INT PRIMARY KEY)")
	r.define("CREATE TABLE b (id INT PRIMARY KEY)")
	s.progress.Captured(debezium.TableID{Database: rigDatabase, Table: "b"})
	s.beginSnapshot(debezium.TableID{Database: rigDatabase, Table: "a"}, debezium.Position{}, true)
	s.settled()
	if err := r.query("ALTER TABLE b ADD COLUMN v INT", 1); err != nil {
		t.Fatal(err)
	}
	r.metricsAre("in the snapshot", map[string]float64{
		"debezium_metrics_QueueTotalCapacity": float64(s.cfg.BufferBytes), "debezium_metrics_ChangesApplied": 1,
		"firn_reader_schema_changes_total": 1, "debezium_metrics_TotalTableCount": 2, "debezium_metrics_RemainingTableCount": 1,
		"debezium_metrics_SnapshotRunning": 1, "debezium_metrics_SnapshotCompleted": 0, "debezium_metrics_SnapshotSkipped": 0,
	})
	began := s.metrics.Snapshot.StartedNs.Load()
	s.settled()
	if again := s.metrics.Snapshot.StartedNs.Load(); began == 0 || again != began {
		t.Errorf("the snapshot began at %d, and then at %d", began, again)
	}
	s.chunks.queue = nil
	s.settled()
	r.metricsAre("behind it", map[string]float64{
		"debezium_metrics_RemainingTableCount": 0, "debezium_metrics_SnapshotRunning": 0, "debezium_metrics_SnapshotCompleted": 1,
	})
	ended := s.metrics.Snapshot.FinishedNs.Load()
	s.settled()
	if again := s.metrics.Snapshot.FinishedNs.Load(); ended < began || again != ended {
		t.Errorf("the snapshot began at %d, and ended at %d, and then at %d", began, ended, again)
	}
}
