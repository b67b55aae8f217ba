package reader

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
	"github.com/firn-cdc/firn/pkg/snapshot"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// rig drives a session by hand: the script is its server, its binlog and its
// snapshot workers; Kafka is real enough to read back what was committed.
type rig struct {
	t       *testing.T
	s       *session
	cluster *kfake.Cluster
	metrics *prometheus.Registry
	workers []*worker
	log     bytes.Buffer
	asked   map[string]ask // by table: chunks being read
	seen    map[string]int // records of each topic that were printed
}

const (
	rigPrefix   = "p"
	rigDatabase = "d"
	rigServer   = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
)

func newRig(t *testing.T, parallelism int) *rig {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kafka.Open(t.Context(), kafka.Config{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	cfg := NewConfig()
	encoder := codec.NewJSON(codec.JSONOptions{})
	cfg.Prefix, cfg.Kafka, cfg.Encoder, cfg.SchemaChanges, cfg.Headers = rigPrefix, client, encoder, encoder, true
	cfg.Captured = func(id debezium.TableID) bool {
		return id.Database == rigDatabase && !strings.HasPrefix(id.Table, "other")
	}
	cfg.Rank = func(debezium.TableID) int { return 0 }
	cfg.ListedDatabase = func(string) bool { return true }
	cfg.OffsetTopic, cfg.HistoryTopic = checkpoint.Topic(rigPrefix), "__history"
	cfg.Status = status.NewBoard("test")
	registry := prometheus.NewRegistry()
	cfg.Metrics = func(plugin string) *telemetry.Reader { return telemetry.NewReader(registry, rigPrefix, plugin) }
	r := &rig{t: t, cluster: cluster, metrics: registry, asked: make(map[string]ask), seen: make(map[string]int)}
	cfg.Logger = slog.New(slog.NewJSONHandler(&r.log, nil))
	s := newSession(t.Context(), New(cfg))
	s.server = &mysql.Server{Flavor: debezium.FlavorMySQL, GTIDMode: true, Charset: "utf8mb4"}
	s.connector = s.server.Flavor
	s.observe(0)
	if err := s.openProducer(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	s.openHistory()
	s.chunks = &chunks{active: make(map[debezium.TableID]*snapshotTable), answers: make(chan answer, parallelism)}
	for range parallelism {
		w := &worker{asks: make(chan ask, 1), reader: snapshot.New(nil, s.server)}
		s.chunks.free, r.workers = append(s.chunks.free, w), append(r.workers, w)
	}
	s.position = r.position(0)
	s.progress.At(s.position, debezium.Position{}, 1e9, 1)
	s.progress.Snapshotting = true
	r.s = s
	return r
}

// position is after n transactions.
func (r *rig) position(n int) debezium.Position {
	p := debezium.Position{File: "b.000001", Pos: uint64(100*n + 4)}
	if n > 0 {
		set, err := debezium.ParseGTIDSet(debezium.FlavorMySQL, fmt.Sprintf("%s:1-%d", rigServer, n))
		if err != nil {
			r.t.Fatal(err)
		}
		p.GTIDs = set
	}
	return p
}

// define makes a table known, as the first start does.
func (r *rig) define(ddl string) {
	r.t.Helper()
	id, table, err := schemahistory.ParseCreateTable(rigDatabase, ddl, r.s.historyOptions())
	if err != nil {
		r.t.Fatal(err)
	}
	r.s.history.SetTable(id, table)
}

// answer is what a worker hands back for the chunk that was asked of a table:
// a row per line, its first field the key.
func (r *rig) answer(d *datadriven.TestData, name string) error {
	a, ok := r.asked[name]
	if !ok {
		return fmt.Errorf("no chunk of %s was asked for", name)
	}
	delete(r.asked, name)
	reply := answer{table: a.table, spec: &snapshot.Table{ID: a.table.id, Key: []snapshot.KeyColumn{{Name: "id"}}}, chunk: new(snapshot.Chunk)}
	high := 0
	for _, arg := range d.CmdArgs[1:] {
		switch arg.Key {
		case "high":
			d.ScanArgs(r.t, "high", &high)
		case "done":
			reply.chunk.Done = true
		case "key":
			reply.spec.Key[0].Name = arg.Vals[0]
		case "pass":
			reply.spec.Key = nil
		case "first":
			reply.chunk.First = true
		case "err":
			code, err := strconv.ParseUint(arg.Vals[0], 10, 16)
			if err != nil {
				return err
			}
			reply.err = &mysql.ServerError{Code: uint16(code), Message: "no"}
		case "gone":
			reply.err = snapshot.ErrNoTable
		case "unfit":
			reply.err = snapshot.ErrKey
		default:
			return fmt.Errorf("unknown argument %s", arg.Key)
		}
	}
	reply.chunk.High.GTIDs = r.position(high).GTIDs // MySQL tells no file
	if d.HasArg("pass") {
		reply.chunk.Low = r.position(high)
	}
	for line := range strings.Lines(d.Input) {
		fields := parseRow(line)
		if reply.chunk.Rows.Len() == 0 {
			reply.chunk.Rows.Reset(len(fields))
		}
		if err := reply.chunk.Rows.Add(fields); err != nil {
			return err
		}
		if !d.HasArg("pass") {
			reply.chunk.Last = snapshot.Key{string(fields[0])}
		}
	}
	r.s.chunks.answers <- reply
	return nil
}

func parseRow(line string) [][]byte {
	var fields [][]byte
	for f := range strings.FieldsSeq(line) {
		if f == "NULL" {
			fields = append(fields, nil)
			continue
		}
		fields = append(fields, []byte(f))
	}
	return fields
}

// change is one row change of the stream, in transaction tx: for an update the
// line holds both images with -> between.
func (r *rig) change(op debezium.Op, name, line string, tx int) error {
	id := debezium.TableID{Database: rigDatabase, Table: name}
	t, err := r.s.knownTable(id)
	if err != nil {
		return err
	}
	s := r.s
	s.event.Source = debezium.Source{Connector: s.connector, Name: rigPrefix, DB: id.Database, Table: id.Table}
	before, after, _ := strings.Cut(line, "->")
	switch op {
	case debezium.Create:
		after = before
	case debezium.Update, debezium.Delete:
		s.before = binlogRow(before)
	default:
		return fmt.Errorf("operation %c", op)
	}
	s.after = binlogRow(after)
	if s.inPass(t) {
		return nil
	}
	if err := s.change(t, op); err != nil {
		return err
	}
	t.plan.Reset()
	s.progress.Within(fmt.Sprintf("%s:%d", rigServer, tx), 1, 1, 0, 0)
	return nil
}

// binlogRow makes integers of what looks so, else text.
func binlogRow(line string) mysql.Row {
	var row mysql.Row
	for _, f := range parseRow(line) {
		if n, err := strconv.ParseInt(string(f), 10, 64); err == nil {
			row = append(row, mysql.Value{Kind: mysql.Int, I: n})
		} else if f == nil {
			row = append(row, mysql.Value{})
		} else {
			row = append(row, mysql.Value{Kind: mysql.Text, B: f})
		}
	}
	return row
}

// saidToWait prints what the log has said since the last time of snapshots that wait, and
// what the status page says now.
func (r *rig) saidToWait() string {
	var lines []string
	for line := range strings.Lines(r.log.String()) {
		var said struct{ Msg, Table, Reason string }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			r.t.Fatal(err)
		}
		if said.Msg == "table snapshot waits" {
			lines = append(lines, "log "+said.Table+": "+said.Reason)
		}
	}
	r.log.Reset()
	page := r.s.cfg.Status.Page()
	for _, table := range page.Tables {
		if table.Waits != "" {
			reason, _, _ := strings.Cut(table.Waits, ":")
			lines = append(lines, "status "+table.Table+": "+reason)
		}
	}
	return strings.Join(lines, "\n")
}

// asks prints the chunks that were asked for since the last time.
func (r *rig) asks() string {
	var lines []string
	for _, w := range r.workers {
		select {
		case a := <-w.asks:
			r.asked[a.table.id.Table] = a
			line := "ask " + a.table.id.Table
			if a.after != nil {
				line += " after " + strings.Join(a.after, ",")
			}
			line += " not before " + short(a.since)
			if a.spec == nil {
				line += " described anew, selecting " + a.list
			}
			lines = append(lines, line)
		default:
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func short(p debezium.Position) string {
	if p.GTIDs.IsEmpty() {
		return "0"
	}
	return p.GTIDs.String()[len(rigServer)+1:]
}

// published ends the span and prints the records of it, topic by topic.
func (r *rig) published() (string, error) {
	if err := r.s.endSpan(r.t.Context()); err != nil {
		return "", err
	}
	topics, err := r.s.cfg.Kafka.Topics(r.t.Context())
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, topic := range topics {
		if strings.HasPrefix(topic, "__") {
			continue
		}
		n := 0
		err := r.s.cfg.Kafka.ReadAll(r.t.Context(), topic, 0, 0, func(record *kafka.Record) error {
			if n++; n > r.seen[topic] {
				out.WriteString(printRecord(record) + "\n")
			}
			return nil
		})
		if err != nil {
			return "", err
		}
		r.seen[topic] = n
	}
	return strings.TrimSpace(out.String()), nil
}

// printRecord prints what a test is about: topic, key, operation, images, the
// snapshot's marker, and the headers that link a changed key's records.
func printRecord(r *kafka.Record) string {
	out := strings.TrimPrefix(r.Topic, rigPrefix+"."+rigDatabase+".") + " " + string(r.Key)
	if r.Value == nil {
		return out + " tombstone"
	}
	var v struct {
		Before, After map[string]any
		Op, DDL       string
		Source        struct{ Snapshot string }
	}
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return err.Error()
	}
	if v.DDL != "" {
		return out + " " + v.DDL
	}
	out += " " + v.Op
	if v.Before != nil {
		out += " before=" + compact(v.Before)
	}
	if v.After != nil {
		out += " after=" + compact(v.After)
	}
	if v.Source.Snapshot != "" && v.Source.Snapshot != "false" {
		out += " snapshot=" + v.Source.Snapshot
	}
	for _, h := range r.Headers {
		if h.Key == debezium.HeaderNewKey || h.Key == debezium.HeaderOldKey {
			out += " " + h.Key + "=" + string(h.Value)
		}
	}
	return out
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// state prints what is saved of tables' snapshots.
func (r *rig) state() string {
	var lines []string
	for id, p := range r.s.saved.Snapshot {
		line := fmt.Sprintf("%s %s", id.Table, p.State)
		if p.After != nil {
			line += " after " + strings.Join(p.After, ",")
		}
		if p.Unlogged != "" {
			line += " unlogged: " + p.Unlogged
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	if r.s.saved.Snapshotting {
		lines = append(lines, "snapshot not finished")
	}
	return strings.Join(lines, "\n")
}

// query is a statement of transaction tx, whose end follows.
func (r *rig) query(sql string, tx int) error {
	return r.s.handle(&binlog.Query{Database: rigDatabase, SQL: sql, File: "b.000001", Pos: uint64(100 * tx)})
}

func (r *rig) commit(tx int) error {
	return r.s.handle(&binlog.Commit{Position: r.position(tx)})
}
