//go:build integration

// Package takeover has the real Debezium and firn-reader publish the same
// topics in turn. Each goes on where the other one was killed or stopped; what
// is in Kafka in the end is what one reader publishes that nobody disturbed.
package takeover_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/pkg/kafka"
)

var (
	kills = flag.Int("kills", 10, "how many times Debezium is killed")
	seed  = flag.Uint64("seed", 0, "of the workload and the moments; 0: by the clock")
)

const (
	connector  = "shop-connector"
	prefix     = "shop"
	history    = "history.shop"
	partitions = 3
	looking    = "looking in Kafka for what was published behind the saved place"
	takenOver  = "what is published from here on is not in Kafka yet"
)

// world is one MySQL, the Kafka that Debezium and firn-reader share, and the
// one that the undisturbed reader has to itself.
type world struct {
	*testing.T
	dir    string
	db     *server.Database
	kafka  *server.Kafka
	calm   *server.Broker
	worker *server.Connect
	client *kafka.Client
	config string // file of the connector's configuration
	rand   *rand.Rand
	load   *load

	registry *registry // nil: there is none
	of       surroundings
}

// surroundings are what the tests differ in.
type surroundings struct {
	name       string
	kind       server.Kind
	kills      int
	long       bool              // thousands of rows in each transaction
	avro       bool              // through Confluent's converter and a registry
	flags      []string          // of the database server
	properties map[string]string // of the connector
}

// Debezium killed at random rows, and firn-reader now and then, lose nothing and
// publish nothing twice, in whatever order they come.
func TestTakeover_DebeziumAndFirnInTurn(t *testing.T) {
	for _, of := range []surroundings{
		{name: "GTIDs", kind: server.MySQL9, kills: *kills, properties: map[string]string{
			"provide.transaction.metadata": "true", "key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false",
		}},
		{
			name: "compressed transactions by file", kind: server.MySQL9, kills: min(*kills, 3),
			flags: []string{"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF", "--binlog-transaction-compression=ON"},
			// Of compressed rows without a key nobody can tell which of those at a place were published.
			properties: map[string]string{"table.exclude.list": database + `\.keyless`},
		},
		{name: "long transactions", kind: server.MySQL9, kills: min(*kills, 3), long: true, properties: map[string]string{
			"provide.transaction.metadata": "true", "key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false",
		}},
		{name: "Avro", kind: server.MySQL9, kills: min(*kills, 2), long: true, avro: true, properties: map[string]string{
			"provide.transaction.metadata": "true", "schema.name.adjustment.mode": "avro",
		}},
		{name: "MariaDB", kind: server.MariaDB, kills: min(*kills, 3)},
	} {
		t.Run(of.name, func(t *testing.T) { inTurn(t, of) })
	}
}

func inTurn(t *testing.T, of surroundings) {
	w := newWorld(t, of)
	w.streaming()
	for round := range of.kills {
		w.publish(100 + w.rand.IntN(4000))
		if of.long {
			w.until("Debezium is in a transaction", w.within)
		}
		w.must(w.worker.Kill())
		w.Logf("round %d: Debezium killed, topics have %d records, in a transaction: %t", round, w.records(), w.within())
		w.firn(round)
		if round+1 < of.kills {
			w.must(w.worker.Start(w.Context()))
			w.must(w.worker.Streaming(w.Context(), connector))
		}
	}
	w.judge()
}

// judge brings both to the end of the binlog and compares them.
func (w *world) judge() {
	w.must(w.load.stop())
	w.toEnd(w.kafka.Addr, "--connect-offset-topic="+server.ConnectOffsets)
	w.toEnd(w.calm.Addr, "--database-server-id=4711")
	w.compare()
	if w.Failed() {
		log, err := os.ReadFile(filepath.Join(w.dir, "firn-reader.log"))
		w.must(err)
		w.Logf("firn-reader said:\n%s", log)
	}
}

func newWorld(t *testing.T, of surroundings) *world {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	w := &world{T: t, dir: t.TempDir(), rand: rand.New(rand.NewPCG(*seed, 1)), of: of}
	ctx := t.Context()
	var err error
	w.db, err = server.StartDatabase(ctx, of.kind, filepath.Join(w.dir, "database"), of.flags...)
	w.must(err)
	t.Cleanup(func() { w.must(w.db.Stop()) })
	w.kafka, err = server.StartKafka(ctx, filepath.Join(w.dir, "kafka"), partitions)
	w.must(err)
	t.Cleanup(func() { w.must(w.kafka.Stop()) })
	w.calm, err = server.StartBroker(partitions)
	w.must(err)
	t.Cleanup(w.calm.Stop)
	w.load = newLoad(t, w.db, *seed, of.long)
	w.client, err = kafka.Open(ctx, kafka.Config{Brokers: []string{w.kafka.Addr}})
	w.must(err)
	t.Cleanup(func() { w.must(w.client.Close()) })
	settings := []string{"offset.flush.interval.ms=3000"}
	if of.avro {
		plugins, err := server.Script(ctx, "avroconverter")
		w.must(err)
		settings = append(settings, "plugin.path="+plugins, "plugin.discovery=hybrid_warn") // it names no services
		w.startRegistry()
	}
	w.worker, err = server.StartConnect(ctx, filepath.Join(w.dir, "connect"), w.kafka.Addr, w.db.Kind, server.StartsFast, settings...)
	w.must(err)
	t.Cleanup(func() { w.must(w.worker.Stop()) })
	text, err := json.Marshal(map[string]any{"name": connector, "config": w.properties()})
	w.must(err)
	w.config = filepath.Join(w.dir, "connector.json")
	w.must(os.WriteFile(w.config, text, 0o600))
	return w
}

// create creates the connector.
func (w *world) create() {
	properties := w.properties()
	properties["name"] = connector
	w.must(w.worker.Create(w.Context(), properties))
}

// streaming has Debezium stream changes, and save an offset among them.
func (w *world) streaming() {
	w.toEnd(w.calm.Addr, "--database-server-id=4711") // where nothing has happened
	w.create()
	w.must(w.worker.Streaming(w.Context(), connector))
	w.load.start()
	w.until("Debezium has saved an offset of the stream", func() bool {
		offset := w.offset()
		return offset != "" && !strings.Contains(offset, "snapshot")
	})
}

// offset is what the worker has saved of the connector, or empty.
func (w *world) offset() string {
	offset, err := w.worker.Offset(w.Context(), connector)
	if err != nil { // it is starting
		return ""
	}
	return string(offset)
}

func (w *world) properties() map[string]string {
	host, port, err := net.SplitHostPort(w.db.Addr)
	w.must(err)
	class := "io.debezium.connector.mysql.MySqlConnector"
	if w.of.kind == server.MariaDB {
		class = "io.debezium.connector.mariadb.MariaDbConnector"
	}
	properties := map[string]string{
		"connector.class": class, "topic.prefix": prefix, "tasks.max": "1",
		"database.hostname": host, "database.port": port, "database.user": server.DebeziumUser, "database.password": server.Password,
		"database.server.id": "77", "database.include.list": database,
		"schema.history.internal.kafka.bootstrap.servers": w.kafka.Addr, "schema.history.internal.kafka.topic": history,
		"topic.creation.default.partitions": fmt.Sprint(partitions), "topic.creation.default.replication.factor": "1",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
	}
	if w.of.avro {
		maps.Copy(properties, w.registry.properties())
	}
	maps.Copy(properties, w.of.properties)
	return properties
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		if w.worker != nil {
			w.Logf("the end of the worker's log:\n%s", w.worker.Log())
		}
		w.Fatal(err)
	}
}

// firn takes over from Debezium, is killed a few times in some rounds, and stops.
func (w *world) firn(round int) {
	for kill := w.rand.IntN(3); kill > 0; kill-- {
		p := w.start()
		w.publish(w.rand.IntN(3000))
		w.must(p.Kill())
		w.Logf("round %d: firn-reader killed, topics have %d records", round, w.records())
	}
	looked, before := w.said(looking), w.said(takenOver)
	p := w.start()
	w.must(p.Ready(w.Context()))
	if w.said(looking) > looked { // else the one before has come to the end of the binlog
		w.until("firn-reader has taken over", func() bool { return w.said(takenOver) > before || w.ended(p) })
	}
	w.publish(w.rand.IntN(2000))
	w.must(p.Stop())
	log := p.Tail()
	w.Logf("round %d: firn-reader stopped, topics have %d records; %s", round, w.records(), log[max(0, strings.LastIndex(log, "msg=")):])
}

func (w *world) start() *pipeline.Process {
	p, err := pipeline.Start(w.Context(), w.dir, "firn-reader", nil,
		"run", "--debezium-config="+w.config, "--connect-offset-topic="+server.ConnectOffsets, "--bootstrap-servers="+w.kafka.Addr, "--log-format=text")
	w.must(err)
	return p
}

func (w *world) ended(p *pipeline.Process) bool {
	select {
	case <-p.Exited():
		w.Fatalf("firn-reader ended:\n%s", p.Tail())
		return true
	default:
		return false
	}
}

// said counts how many times firn-reader has said something.
func (w *world) said(text string) int {
	log, err := os.ReadFile(filepath.Join(w.dir, "firn-reader.log"))
	w.must(err)
	return strings.Count(string(log), text)
}

// toEnd runs firn-reader up to the end of the binlog.
func (w *world) toEnd(broker string, args ...string) {
	p, err := pipeline.Start(w.Context(), w.dir, "firn-reader", nil, append([]string{
		"run", "--stop-at-end", "--debezium-config=" + w.config, "--bootstrap-servers=" + broker,
	}, args...)...)
	w.must(err)
	<-p.Exited()
	if p.ExitCode() != 0 {
		w.Fatalf("firn-reader to the end:\n%s", p.Tail())
	}
}

// publish waits until so many more records are published.
func (w *world) publish(n int) {
	target := w.records() + int64(n)
	w.until(fmt.Sprintf("%d records are published", target), func() bool { return w.records() >= target })
}

func (w *world) records() (n int64) {
	for _, topic := range w.topics(w.client) {
		offsets, err := w.client.Offsets(w.Context(), topic)
		w.must(err)
		for _, o := range offsets {
			n += o.HighWatermark
		}
	}
	return n
}

// within reports whether the last transaction in Kafka has begun and not ended.
func (w *world) within() bool {
	offsets, err := w.client.Offsets(w.Context(), prefix+".transaction")
	if errors.Is(err, kafka.ErrTopicNotFound) { // there are no records of them
		return false
	}
	w.must(err)
	n := int64(0)
	for _, o := range offsets {
		w.must(w.client.ReadAll(w.Context(), prefix+".transaction", o.Partition, o.Earliest, func(*kafka.Record) error { n++; return nil }))
	}
	return n%2 == 1
}

// topics are those of the tables, of transactions and of schema changes.
func (w *world) topics(client *kafka.Client) []string {
	all, err := client.Topics(w.Context())
	w.must(err)
	var topics []string
	for _, topic := range all {
		if topic == prefix || strings.HasPrefix(topic, prefix+".") {
			topics = append(topics, topic)
		}
	}
	return topics
}

func (w *world) until(what string, done func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 2*time.Minute)
	defer cancel()
	if err := pipeline.Wait(ctx, 20*time.Millisecond, func() (bool, error) { return done(), w.load.err() }); err != nil {
		w.must(fmt.Errorf("wait until %s: %w", what, err))
	}
}
