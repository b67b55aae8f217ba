package telemetry

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// debezium shows the reader's metrics by Debezium's names.
type debezium struct {
	r    *Reader
	base []string // the values of plugin and name
}

// The contexts of Debezium's metrics.
const (
	streaming     = "streaming"
	snapshot      = "snapshot"
	schemaHistory = "schema-history"
)

func newDebezium(r *Reader, name, plugin string) *debezium {
	return &debezium{r: r, base: []string{plugin, name}}
}

// Describe sends nothing: which series there are depends on the tables.
func (*debezium) Describe(chan<- *prometheus.Desc) {}

// Collect sends the metrics.
func (d *debezium) Collect(ch chan<- prometheus.Metric) {
	d.streaming(ch)
	d.snapshot(ch)
	d.history(ch)
}

// attribute is one number of an MBean.
type attribute struct {
	name  string
	value float64
}

func (d *debezium) send(ch chan<- prometheus.Metric, context string, attributes []attribute) {
	for _, a := range attributes {
		desc := prometheus.NewDesc("debezium_metrics_"+a.name, "Debezium's "+a.name+".", []string{"plugin", "name", "context"}, nil)
		ch <- prometheus.MustNewConstMetric(desc, prometheus.UntypedValue, a.value, append(d.base[:2:2], context)...)
	}
}

func (d *debezium) streaming(ch chan<- prometheus.Metric) {
	r := d.r
	lag := r.Lag.summary()
	behind := -1.0
	if r.Lag.seenNs.Load() != 0 {
		behind = float64(int64(r.Lag.Seconds() * 1000))
	}
	all, created, updated, deleted := r.Events()
	_, used, size := r.queue()
	d.send(ch, streaming, []attribute{
		{"Connected", number(r.Connected.Load())},
		{"MilliSecondsBehindSource", behind},
		{"MilliSecondsBehindSourceMinValue", lag.minimum},
		{"MilliSecondsBehindSourceMaxValue", lag.maximum},
		{"MilliSecondsBehindSourceAverageValue", lag.average},
		{"MilliSecondsBehindSourceP50", lag.p50},
		{"MilliSecondsBehindSourceP95", lag.p95},
		{"MilliSecondsBehindSourceP99", lag.p99},
		{"MilliSecondsSinceLastEvent", r.Lag.sinceSeen()},
		{"TotalNumberOfEventsSeen", float64(all)},
		{"TotalNumberOfCreateEventsSeen", float64(created)},
		{"TotalNumberOfUpdateEventsSeen", float64(updated)},
		{"TotalNumberOfDeleteEventsSeen", float64(deleted)},
		{"NumberOfCommittedTransactions", float64(r.transactions.Load())},
		{"NumberOfRolledBackTransactions", float64(r.RolledBack.Load())},
		{"NumberOfDisconnects", float64(r.reconnects.Load())},
		{"BinlogPosition", float64(r.BinlogPosition.Load())},
		{"IsGtidModeEnabled", number(r.GTIDMode.Load())},
		{"CapturedTables", float64(r.CapturedTables.Load())},
		{"QueueTotalCapacity", size},
		{"QueueRemainingCapacity", max(0, size-used)},
		{"MaxQueueSizeInBytes", size},
		{"CurrentQueueSizeInBytes", used},
	})
	r.mu.Lock()
	gtid := r.gtid
	r.mu.Unlock()
	if gtid != "" {
		desc := prometheus.NewDesc("debezium_metrics_LastTransactionId", "Debezium's LastTransactionId; always 1.",
			[]string{"plugin", "name", "context", "transaction_id"}, nil)
		ch <- prometheus.MustNewConstMetric(desc, prometheus.UntypedValue, 1, append(d.base[:2:2], streaming, gtid)...)
	}
}

func (d *debezium) snapshot(ch chan<- prometheus.Metric) {
	s := &d.r.Snapshot
	duration := time.Duration(0)
	if start := s.StartedNs.Load(); start != 0 {
		end := s.FinishedNs.Load()
		if end == 0 {
			end = time.Now().UnixNano()
		}
		duration = time.Duration(end - start)
	}
	d.send(ch, snapshot, []attribute{
		{"TotalTableCount", float64(s.Tables.Load())},
		{"RemainingTableCount", float64(s.Remaining.Load())},
		{"SnapshotRunning", number(s.Running.Load())},
		{"SnapshotPaused", 0}, // it cannot be
		{"SnapshotAborted", 0},
		{"SnapshotCompleted", number(s.Completed.Load())},
		{"SnapshotSkipped", number(s.Skipped.Load())},
		{"SnapshotDurationInSeconds", float64(int64(duration.Seconds()))},
	})
	s.mu.Lock()
	scanned := maps.Clone(s.scanned)
	s.mu.Unlock()
	desc := prometheus.NewDesc("debezium_metrics_RowsScanned", "Debezium's RowsScanned.",
		[]string{"plugin", "name", "context", "table"}, nil)
	for table, rows := range scanned {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.UntypedValue, float64(rows), append(d.base[:2:2], snapshot, table)...)
	}
}

func (d *debezium) history(ch chan<- prometheus.Metric) {
	h := &d.r.History
	d.send(ch, schemaHistory, []attribute{
		{"RecoveryStartTime", float64(h.RecoveryStartedNs.Load() / 1e9)},
		{"ChangesRecovered", float64(h.Recovered.Load())},
		{"ChangesApplied", float64(h.Applied.Load())},
		{"MilliSecondsSinceLastRecoveredChange", sinceMs(h.LastRecoveredNs.Load())},
		{"MilliSecondsSinceLastAppliedChange", sinceMs(h.LastAppliedNs.Load())},
	})
}
