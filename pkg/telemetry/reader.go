package telemetry

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reader is the reader's metrics. Its fields may be set from any goroutine.
type Reader struct {
	Lag              Lag
	Connected        atomic.Bool
	GTIDMode         atomic.Bool
	CapturedTables   atomic.Int64
	BinlogPosition   atomic.Int64
	RolledBack       atomic.Int64
	CheckpointNs     atomic.Int64 // when the last checkpoint was saved, or known to be the end of what there is
	Bytes            prometheus.Counter
	CommitDuration   prometheus.Histogram
	Snapshot         SnapshotMetrics
	History          HistoryMetrics
	rows             *prometheus.CounterVec
	schemaChanges    *prometheus.CounterVec
	chunks, read     *prometheus.CounterVec
	needsSnapshot    *prometheus.GaugeVec
	created, updated atomic.Int64
	deleted, events  atomic.Int64
	transactions     atomic.Int64
	reconnects       atomic.Int64

	mu       sync.Mutex
	gtid     string
	queued   func() (records, bytes int) // nil: nothing is
	capacity int
}

// SnapshotMetrics is the state of the snapshot of MySQL.
type SnapshotMetrics struct {
	Tables, Remaining     atomic.Int64
	Running, Completed    atomic.Bool
	Skipped               atomic.Bool // there is none by choice
	StartedNs, FinishedNs atomic.Int64
	mu                    sync.Mutex
	scanned               map[string]int64
}

// HistoryMetrics is the state of the schema history.
type HistoryMetrics struct {
	RecoveryStartedNs, Recovered, LastRecoveredNs atomic.Int64
	Applied, LastAppliedNs                        atomic.Int64
}

// ReaderTable counts one table's rows. It is kept, not asked for per row, and is
// for one goroutine; another asks for its own.
type ReaderTable struct {
	reader   *Reader
	table    string
	counters map[byte]prometheus.Counter
}

// NewReader registers the reader's metrics: name is the topic prefix, plugin
// is mysql or mariadb.
func NewReader(reg prometheus.Registerer, name, plugin string) *Reader {
	r := &Reader{
		Bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "firn_reader_bytes_total", Help: "Encoded bytes handed to Kafka.",
		}),
		CommitDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "firn_reader_commit_duration_seconds", Help: "Time to make a span of records durable in Kafka.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "firn_reader_rows_total", Help: "Row changes published, by table and Debezium's operation.",
		}, []string{"table", "op"}),
		schemaChanges: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "firn_reader_schema_changes_total", Help: "Schema changes of captured tables.",
		}, []string{"table"}),
		chunks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "firn_reader_snapshot_chunks_total", Help: "Snapshot chunks published.",
		}, []string{"table"}),
		read: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "firn_reader_snapshot_rows_total", Help: "Rows read by snapshots.",
		}, []string{"table"}),
		needsSnapshot: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "firn_reader_needs_snapshot", Help: "1 if a change of the table was not logged by MySQL.",
		}, []string{"table"}),
	}
	r.Snapshot.scanned = map[string]int64{}
	reg.MustRegister(r.Bytes, r.CommitDuration, r.rows, r.schemaChanges, r.chunks, r.read, r.needsSnapshot,
		&ownReader{r}, newDebezium(r, name, plugin))
	return r
}

// Table returns the counters of a table.
func (r *Reader) Table(table string) *ReaderTable {
	return &ReaderTable{reader: r, table: table, counters: map[byte]prometheus.Counter{}}
}

// Rows counts n row changes of an operation.
func (t *ReaderTable) Rows(op byte, n int) {
	c, ok := t.counters[op]
	if !ok {
		c = t.reader.rows.WithLabelValues(t.table, string(rune(op)))
		t.counters[op] = c
	}
	c.Add(float64(n))
	t.reader.events.Add(int64(n))
	switch op {
	case 'c':
		t.reader.created.Add(int64(n))
	case 'u':
		t.reader.updated.Add(int64(n))
	case 'd':
		t.reader.deleted.Add(int64(n))
	default:
	}
}

// SchemaChange counts a schema change of the table.
func (t *ReaderTable) SchemaChange() {
	t.reader.schemaChanges.WithLabelValues(t.table).Inc()
	t.reader.History.Applied.Add(1)
	t.reader.History.LastAppliedNs.Store(time.Now().UnixNano())
}

// Chunk counts a published snapshot chunk of so many rows.
func (t *ReaderTable) Chunk(rows int) {
	t.reader.chunks.WithLabelValues(t.table).Inc()
	t.reader.read.WithLabelValues(t.table).Add(float64(rows))
	s := &t.reader.Snapshot
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scanned[t.table] += int64(rows)
}

// NeedsSnapshot says whether the table has a change that MySQL did not log.
func (t *ReaderTable) NeedsSnapshot(needed bool) {
	t.reader.needsSnapshot.WithLabelValues(t.table).Set(number(needed))
}

// Committed counts a transaction of MySQL, and notes its GTID ("" if none).
func (r *Reader) Committed(gtid string) {
	r.transactions.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gtid = gtid
}

// SetQueue says how many bytes may be on their way to Kafka, and what tells how
// many records and bytes are; nil: none.
func (r *Reader) SetQueue(capacity int, queued func() (records, bytes int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.capacity, r.queued = capacity, queued
}

// queue returns what is on its way to Kafka: records, bytes, and how many of those may be.
func (r *Reader) queue() (records, bytes, capacity float64) {
	r.mu.Lock()
	queued, most := r.queued, r.capacity
	r.mu.Unlock()
	if queued == nil {
		return 0, 0, float64(most)
	}
	n, size := queued()
	return float64(n), float64(size), float64(most)
}

// Disconnected counts a lost connection to MySQL.
func (r *Reader) Disconnected() {
	r.Connected.Store(false)
	r.reconnects.Add(1)
}

// Events returns how many row changes were published: all, and by operation.
func (r *Reader) Events() (all, created, updated, deleted int64) {
	return r.events.Load(), r.created.Load(), r.updated.Load(), r.deleted.Load()
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// ownReader derives our own metrics when they are scraped.
type ownReader struct{ r *Reader }

func (o *ownReader) gauges() []gauge {
	r := o.r
	unacked, _, _ := r.queue()
	return []gauge{
		{"firn_reader_lag_seconds", "Source time of the last change behind now; 0 when nothing is left to read.", r.Lag.Seconds(), prometheus.GaugeValue},
		{"firn_reader_checkpoint_age_seconds", "Time since the last checkpoint was saved, or known to be the end of what there is; -1 before one.", max(-1, sinceMs(r.CheckpointNs.Load())/1000), prometheus.GaugeValue},
		{"firn_reader_unacked_records", "Records that Kafka has not acknowledged.", unacked, prometheus.GaugeValue},
		{"firn_reader_transactions_total", "Transactions of MySQL that were read.", float64(r.transactions.Load()), prometheus.CounterValue},
		{"firn_reader_reconnects_total", "Connections to MySQL that were lost.", float64(r.reconnects.Load()), prometheus.CounterValue},
	}
}

// Describe sends the metrics' descriptions.
func (o *ownReader) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range o.gauges() {
		ch <- g.desc()
	}
}

// Collect sends the metrics.
func (o *ownReader) Collect(ch chan<- prometheus.Metric) {
	for _, g := range o.gauges() {
		ch <- prometheus.MustNewConstMetric(g.desc(), g.kind, g.value)
	}
}

// gauge is a metric that is derived when it is scraped.
type gauge struct {
	name, help string
	value      float64
	kind       prometheus.ValueType
}

func (g gauge) desc() *prometheus.Desc { return prometheus.NewDesc(g.name, g.help, nil, nil) }
