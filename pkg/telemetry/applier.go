package telemetry

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Applier is the applier's metrics.
type Applier struct {
	rows, records, commits    *prometheus.CounterVec
	deadLetters, schemas      *prometheus.CounterVec
	rebuilds, maintenance     *prometheus.CounterVec
	commitSeconds, commitRows *prometheus.HistogramVec

	mu     sync.Mutex
	shards map[*ApplierTable]struct{}
}

// ApplierTable is the metrics of one table, or of one shard of it: what shards
// of a table share a process is added up, and its lag is that of the slowest.
// Fields may be set from any goroutine.
type ApplierTable struct {
	applier *Applier
	table   string

	Lag           Lag // of the last committed change
	OffsetLag     atomic.Int64
	BatchBytes    atomic.Int64
	DataFiles     atomic.Int64
	DeleteFiles   atomic.Int64
	DeleteDebt    atomic.Int64 // rows in data files that position deletes cover
	IndexKeys     atomic.Int64
	IndexBytes    atomic.Int64
	NeedsSnapshot atomic.Bool
	Stopped       atomic.Bool // until the operator does something

	Upserted, Deleted, Appended prometheus.Counter
	Records                     prometheus.Counter // read from Kafka
	DeadLetters                 prometheus.Counter
	SchemaChanges               prometheus.Counter
	IndexRebuilds               prometheus.Counter
}

// NewApplier registers the applier's metrics.
func NewApplier(reg prometheus.Registerer) *Applier {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "firn_applier_" + name, Help: help}, append([]string{"table"}, labels...))
		reg.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "firn_applier_" + name, Help: help, Buckets: buckets}, []string{"table"})
		reg.MustRegister(h)
		return h
	}
	a := &Applier{
		rows:          counter("rows_total", "Rows committed, by what was done: upsert, delete or append.", "op"),
		records:       counter("records_total", "Records read from Kafka."),
		commits:       counter("commits_total", "Commits, by result: ok, conflict or error.", "result"),
		deadLetters:   counter("dead_letters_total", "Records that went to the dead-letter topic."),
		schemas:       counter("schema_changes_total", "Changes of the table's schema."),
		rebuilds:      counter("index_rebuilds_total", "Times that the key index was loaded from the table."),
		maintenance:   counter("maintenance_total", "Maintenance done, by action and result.", "action", "result"),
		commitSeconds: histogram("commit_duration_seconds", "Time to write and commit a batch.", prometheus.ExponentialBuckets(0.05, 2, 11)),
		commitRows:    histogram("commit_rows", "Net row changes of a commit.", prometheus.ExponentialBuckets(1, 10, 7)),
		shards:        map[*ApplierTable]struct{}{},
	}
	reg.MustRegister(a)
	return a
}

// Table returns the metrics of a table that is taken over. Close them when it
// is given up.
func (a *Applier) Table(table string) *ApplierTable {
	t := &ApplierTable{
		applier: a, table: table,
		Upserted:      a.rows.WithLabelValues(table, "upsert"),
		Deleted:       a.rows.WithLabelValues(table, "delete"),
		Appended:      a.rows.WithLabelValues(table, "append"),
		Records:       a.records.WithLabelValues(table),
		DeadLetters:   a.deadLetters.WithLabelValues(table),
		SchemaChanges: a.schemas.WithLabelValues(table),
		IndexRebuilds: a.rebuilds.WithLabelValues(table),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.shards[t] = struct{}{}
	return t
}

// Close takes the table's gauges away. Its counters stay.
func (t *ApplierTable) Close() {
	t.applier.mu.Lock()
	defer t.applier.mu.Unlock()
	delete(t.applier.shards, t)
}

// Committed counts a commit with a result of ok, conflict or error.
func (t *ApplierTable) Committed(result string, rows int, took time.Duration) {
	t.applier.commits.WithLabelValues(t.table, result).Inc()
	t.applier.commitSeconds.WithLabelValues(t.table).Observe(took.Seconds())
	t.applier.commitRows.WithLabelValues(t.table).Observe(float64(rows))
}

// Maintained counts an action of maintenance: merge, expire, orphans or
// manifests, with a result of ok, conflict or error.
func (t *ApplierTable) Maintained(action, result string) {
	t.applier.maintenance.WithLabelValues(t.table, action, result).Inc()
}

// sums is the gauges of one table.
type sums [10]float64

// The gauges of a table, in the order of sums.
func applierGauges() [10]*prometheus.Desc {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("firn_applier_"+name, help, []string{"table"}, nil)
	}
	return [10]*prometheus.Desc{
		desc("lag_seconds", "Source time of the last committed change behind now; 0 when nothing is left to apply."),
		desc("offset_lag", "Records between the last commit and the end of the topic."),
		desc("batch_bytes", "Memory of the changes that are not yet committed."),
		desc("data_files", "Data files of the table."),
		desc("delete_files", "Position-delete files of the table."),
		desc("delete_debt_rows", "Rows in data files that are deleted and still read."),
		desc("index_keys", "Keys in the index."),
		desc("index_bytes", "Size of the index on disk."),
		desc("needs_snapshot", "1 if the table has to be read again from MySQL."),
		desc("stopped", "1 if the table is stopped until somebody does something."),
	}
}

// Describe sends the descriptions of the gauges.
func (*Applier) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range applierGauges() {
		ch <- d
	}
}

// Collect sends the gauges.
func (a *Applier) Collect(ch chan<- prometheus.Metric) {
	tables := a.sum()
	descs := applierGauges()
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		for i, d := range descs {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, tables[table][i], table)
		}
	}
}

// LagSeconds returns the lag of the slowest table.
func (a *Applier) LagSeconds() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	slowest := 0.0
	for t := range a.shards {
		slowest = max(slowest, t.Lag.Seconds())
	}
	return slowest
}

// sum adds up the shards of each table.
func (a *Applier) sum() map[string]sums {
	a.mu.Lock()
	defer a.mu.Unlock()
	tables := map[string]sums{}
	for t := range a.shards {
		s := tables[t.table]
		s[0] = max(s[0], t.Lag.Seconds())
		s[8] = max(s[8], number(t.NeedsSnapshot.Load()))
		s[9] = max(s[9], number(t.Stopped.Load()))
		for i, v := range []*atomic.Int64{
			&t.OffsetLag, &t.BatchBytes, &t.DataFiles, &t.DeleteFiles, &t.DeleteDebt, &t.IndexKeys, &t.IndexBytes,
		} {
			s[i+1] += float64(v.Load())
		}
		tables[t.table] = s
	}
	return tables
}
