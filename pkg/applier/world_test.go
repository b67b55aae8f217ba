package applier_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/lake"
)

const prefix = "src"

// world is a broker, a warehouse, and a source whose tables the test keeps.
type world struct {
	t        *testing.T
	dir      string
	broker   string
	producer *kgo.Client
	admin    *kadm.Client
	encoder  *codec.JSON
	source   map[string]map[int64]string // by table, what MySQL holds: the row's text by id
	clock    int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1),
		kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "100"}))
	must(t, err)
	t.Cleanup(cluster.Close)
	w := &world{
		t: t, dir: t.TempDir(), broker: cluster.ListenAddrs()[0], encoder: codec.NewJSON(codec.JSONOptions{Schemas: true}),
		source: make(map[string]map[int64]string),
	}
	w.connect()
	return w
}

// connect makes a new client, which knows nothing of topics.
func (w *world) connect() {
	w.t.Helper()
	var err error
	w.producer, err = kgo.NewClient(kgo.SeedBrokers(w.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(w.t, err)
	w.t.Cleanup(w.producer.Close)
	w.admin = kadm.NewClient(w.producer)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// table creates the topic of a table.
func (w *world) table(name string, partitions int32) *source {
	w.t.Helper()
	topic := prefix + ".db." + name
	_, err := w.admin.CreateTopic(w.t.Context(), partitions, 1, nil, topic)
	must(w.t, err)
	s := &source{w: w, name: name, topic: topic, partitions: partitions, rows: make(map[int64][]string)}
	s.columns("v")
	return s
}

// source is a table of MySQL: a key and columns of text.
type source struct {
	w          *world
	name       string
	topic      string
	partitions int32
	names      []string // of the columns after id
	row, key   *debezium.Schema
	rows       map[int64][]string
}

// columns sets the columns after the key.
func (s *source) columns(names ...string) {
	id := debezium.Field{Name: "id", Schema: &debezium.Schema{Type: debezium.Int64}}
	fields := []debezium.Field{id}
	for _, name := range names {
		fields = append(fields, debezium.Field{Name: name, Schema: &debezium.Schema{Type: debezium.String, Optional: true}})
	}
	s.names = names
	s.row, s.key = debezium.RowSchema(s.topic, fields), debezium.KeySchema(s.topic, []debezium.Field{id})
}

func rowOf(id int64, texts []string) []debezium.Value {
	v := []debezium.Value{debezium.Int(debezium.Int64, id)}
	for _, text := range texts {
		v = append(v, debezium.Text(text))
	}
	return v
}

// put inserts or updates a row.
func (s *source) put(id int64, texts ...string) *kgo.Record {
	op := debezium.Create
	var before []debezium.Value
	if old, ok := s.rows[id]; ok {
		op, before = debezium.Update, rowOf(id, old)
	}
	s.rows[id] = texts
	return s.record(&debezium.Event{Op: op, Before: before, After: rowOf(id, texts)}, id)
}

// remove deletes a row: the delete and its tombstone.
func (s *source) remove(id int64) []*kgo.Record {
	before := rowOf(id, s.rows[id])
	delete(s.rows, id)
	gone := s.record(&debezium.Event{Op: debezium.Delete, Before: before}, id)
	return []*kgo.Record{gone, {Topic: s.topic, Partition: gone.Partition, Key: gone.Key}}
}

// truncate empties the table: a record in every partition.
func (s *source) truncate() []*kgo.Record {
	clear(s.rows)
	var records []*kgo.Record
	for p := range s.partitions {
		r := s.record(&debezium.Event{Op: debezium.Truncate}, 0)
		r.Key, r.Partition = nil, p
		records = append(records, r)
	}
	return records
}

func (s *source) record(e *debezium.Event, id int64) *kgo.Record {
	s.w.t.Helper()
	s.w.clock += int64(time.Millisecond)
	e.KeySchema, e.Key, e.Row = s.key, []debezium.Value{debezium.Int(debezium.Int64, id)}, s.row
	if s.key != nil {
		for range s.key.Fields[1:] {
			e.Key = append(e.Key, debezium.Text("k"))
		}
	}
	e.Source = debezium.Source{
		Version: "3.6.1.Final", Connector: "mysql", Name: prefix, DB: "db", Table: s.name,
		File: "binlog.000001", Pos: s.w.clock, TsNs: 1700000000e9 + s.w.clock, ServerID: 1,
	}
	e.TsNs = e.Source.TsNs
	key, err := s.w.encoder.AppendKey(nil, e)
	must(s.w.t, err)
	value, err := s.w.encoder.AppendValue(nil, e)
	must(s.w.t, err)
	return &kgo.Record{Topic: s.topic, Partition: kafka.Partition(key, s.partitions), Key: key, Value: value}
}

// send publishes records in order.
func (w *world) send(records ...*kgo.Record) {
	w.t.Helper()
	must(w.t, w.producer.ProduceSync(w.t.Context(), records...).FirstErr())
}

// ddl publishes a schema change: the table as it is now.
func (s *source) ddl(statement, kind string, columns ...debezium.Column) {
	s.w.t.Helper()
	all := append([]debezium.Column{{Name: "id", JDBCType: debezium.JDBCBigint, TypeName: "BIGINT", Position: 1, Length: -1, Scale: -1}}, columns...)
	names := make([]string, 0, len(columns))
	for i := range all {
		all[i].Position = i + 1
		if i > 0 {
			names = append(names, all[i].Name)
		}
	}
	s.columns(names...)
	s.w.clock += int64(time.Millisecond)
	c := &debezium.SchemaChange{
		Source: debezium.Source{
			Version: "3.6.1.Final", Connector: "mysql", Name: prefix, DB: "db", Table: s.name, File: "binlog.000001", Pos: s.w.clock,
			TsNs: 1700000000e9 + s.w.clock, ServerID: 1,
		},
		Database: "db", DDL: statement,
		Changes: []debezium.TableChange{{
			Type: kind, ID: debezium.TableID{Database: "db", Table: s.name},
			Table: &debezium.Table{PrimaryKey: []string{"id"}, Columns: all},
		}},
	}
	key, err := s.w.encoder.AppendSchemaChangeKey(nil, c)
	must(s.w.t, err)
	value, err := s.w.encoder.AppendSchemaChangeValue(nil, c)
	must(s.w.t, err)
	_, err = s.w.admin.CreateTopic(s.w.t.Context(), 1, 1, nil, prefix)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		s.w.t.Fatal(err)
	}
	s.w.send(&kgo.Record{Topic: prefix, Key: key, Value: value})
}

// text is a VARCHAR column; a default makes it NOT NULL.
func text(name string, byDefault ...string) debezium.Column {
	c := debezium.Column{Name: name, JDBCType: debezium.JDBCVarchar, TypeName: "VARCHAR", Length: 50, Scale: -1, Optional: len(byDefault) == 0}
	if len(byDefault) > 0 {
		c.HasDefault, c.Default = true, &byDefault[0]
	}
	return c
}

// setup is what a run of the applier is given.
type setup struct {
	broker, dir string
	index       string // folder
	shards      int
	rows        int // of a batch
	at          func(applier.Point)
	change      func(*applier.Config)
	log         *slog.Logger
}

func (w *world) setup() setup {
	return setup{broker: w.broker, dir: w.dir, index: "index", shards: 1, rows: 100, log: slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))}
}

// run applies until all that is there now is committed.
func (w *world) run(change ...func(*setup)) error {
	w.t.Helper()
	s := w.setup()
	for _, c := range change {
		c(&s)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	return s.run(ctx, true)
}

func (s *setup) run(ctx context.Context, stopAtEnd bool) error {
	client, err := kafka.Open(ctx, kafka.Config{Brokers: []string{s.broker}, Logger: s.log})
	if err != nil {
		return err
	}
	defer client.Close()
	catalog, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	defer catalog.Close()
	cfg := applier.Config{
		Kafka: client, Catalog: catalog, GroupID: "g", Prefix: prefix, Shards: s.shards, Rows: s.rows, Interval: 50 * time.Millisecond,
		Memory: 128 << 20, IndexDir: filepath.Join(s.dir, s.index), IndexMemory: 16 << 20, StopAtEnd: stopAtEnd,
		SessionTimeout: 3 * time.Second, Logger: s.log, At: s.at,
	}
	if s.change != nil {
		s.change(&cfg)
	}
	return applier.New(cfg).Run(ctx)
}

func (s *setup) catalog(ctx context.Context) (*lake.Catalog, error) {
	return lake.OpenCatalog(ctx, lake.Config{Type: lake.SQL, Warehouse: "file://" + filepath.Join(s.dir, "warehouse"), Logger: s.log})
}

// holds fails unless the Iceberg table equals the source.
func (s *source) holds() {
	s.w.t.Helper()
	want := make([]string, 0, len(s.rows))
	for _, id := range slices.Sorted(maps.Keys(s.rows)) {
		want = append(want, fmt.Sprintf("%d,%s", id, strings.Join(s.rows[id], ",")))
	}
	if diff := cmp.Diff(want, s.w.read(s.name, append([]string{"id"}, s.names...)...)); diff != "" {
		s.w.t.Errorf("table %s differs (-MySQL +Iceberg):\n%s", s.name, diff)
	}
}

// open returns an Iceberg table.
func (w *world) open(name string) *lake.Table {
	w.t.Helper()
	s := w.setup()
	catalog, err := s.catalog(w.t.Context())
	must(w.t, err)
	w.t.Cleanup(func() { must(w.t, catalog.Close()) })
	t, err := catalog.Load(w.t.Context(), lake.Name{Namespace: "db", Table: name})
	must(w.t, err)
	return t
}

// read returns an Iceberg table's rows in order of their first column, a number.
func (w *world) read(name string, columns ...string) []string {
	w.t.Helper()
	t := w.open(name)
	data, err := t.Iceberg().Scan().ToArrowTable(w.t.Context())
	must(w.t, err)
	defer data.Release()
	type line struct {
		id   int64
		text string
	}
	var lines []line
	reader := array.NewTableReader(data, 0)
	defer reader.Release()
	for reader.Next() {
		batch := reader.RecordBatch()
		for row := range int(batch.NumRows()) {
			var cells []string
			var id int64
			for i, name := range columns {
				at := batch.Schema().FieldIndices(name)
				if len(at) != 1 {
					w.t.Fatalf("column %s is there %d times, of %v", name, len(at), batch.Schema().Fields())
				}
				column := batch.Column(at[0])
				if ids, ok := column.(*array.Int64); ok && i == 0 {
					id = ids.Value(row)
				}
				cells = append(cells, column.ValueStr(row))
			}
			lines = append(lines, line{id, strings.Join(cells, ",")})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return int(a.id - b.id) })
	out := make([]string, 0, len(lines))
	for _, l := range lines {
		out = append(out, l.text)
	}
	return out
}

func TestMain(m *testing.M) {
	if os.Getenv(crashEnv) != "" {
		os.Exit(crash())
	}
	os.Exit(m.Run())
}
