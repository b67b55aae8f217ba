package reader

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

const workerTopic = "connect-offsets"

// worker writes what a Connect worker keeps of a connector.
func (r *rig) worker(values ...string) {
	r.t.Helper()
	ctx := r.t.Context()
	if _, err := r.s.cfg.Kafka.EnsureTopic(ctx, kafka.TopicSpec{Name: workerTopic, Partitions: 5}); err != nil {
		r.t.Fatal(err)
	}
	producer, err := kafka.NewProducer(ctx, r.s.cfg.Kafka, kafka.ProducerConfig{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer producer.Close()
	for _, value := range values {
		if err := producer.Send(&kafka.Record{Topic: workerTopic, Partition: kafka.Unassigned, Key: []byte(`["c",{"server":"p"}]`), Value: []byte(value)}); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := producer.Flush(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// beside makes a session that takes over by the worker's topic.
func beside(t *testing.T) *rig {
	r := newRig(t, 1)
	r.s.cfg.ConnectOffsetTopic, r.s.cfg.ConnectorName = workerTopic, "c"
	var err error
	if r.s.plain, err = kafka.NewProducer(t.Context(), r.s.cfg.Kafka, kafka.ProducerConfig{}); err != nil {
		t.Fatal(err)
	}
	r.s.saved, r.s.progress = checkpoint.Checkpoint{}, checkpoint.Checkpoint{}
	return r
}

func (r *rig) load() *session {
	r.t.Helper()
	r.s.connect = connectOffset{}
	if err := r.s.load(r.t.Context(), nil); err != nil {
		r.t.Fatal(err)
	}
	return r.s
}

// save makes a place of this reader's durable, and gives it back.
func (r *rig) save(tx int, last bool) {
	r.t.Helper()
	r.s.progress.At(r.position(tx), debezium.Position{}, 1e9, 1)
	if err := r.s.openSpan(); err != nil {
		r.t.Fatal(err)
	}
	if err := r.s.endSpan(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	if last {
		if err := r.s.giveBack(r.t.Context(), true); err != nil {
			r.t.Fatal(err)
		}
	}
}

const (
	debeziumAt5 = `{"file":"b.000001","pos":504,"gtids":"` + rigServer + `:1-5","event":2,"row":1}`
	debeziumAt8 = `{"file":"b.000001","pos":804,"gtids":"` + rigServer + `:1-8"}`
)

// Whoever wrote last into the worker's topic decides; and Debezium's place is
// taken over once.
func TestLoad_GoesOnWhereTheLastOneStopped(t *testing.T) {
	r := beside(t)
	r.worker(debeziumAt5)
	if s := r.load(); short(s.saved.Position) != "1-5" || s.saved.Event != 2 || s.saved.Row != 1 || !s.connect.taken {
		t.Fatalf("took over at %s, taken %t", short(s.saved.Position), s.connect.taken)
	}
	r.save(6, false)
	if s := r.load(); short(s.saved.Position) != "1-6" || s.connect.taken {
		t.Errorf("after a crash: at %s, taken %t", short(s.saved.Position), s.connect.taken)
	}
	r.save(7, true)
	if s := r.load(); short(s.saved.Position) != "1-7" || s.connect.taken {
		t.Errorf("after a stop: at %s, taken %t", short(s.saved.Position), s.connect.taken)
	}
	o, err := checkpoint.LoadConnect(t.Context(), r.s.cfg.Kafka, workerTopic, checkpoint.Format{Name: "c", Prefix: rigPrefix})
	if err != nil || !o.Ours || short(o.Checkpoint.Position) != "1-7" {
		t.Errorf("Debezium would go on at %s (%v)", short(o.Checkpoint.Position), err)
	}
	r.worker(debeziumAt8)
	if s := r.load(); short(s.saved.Position) != "1-8" || !s.connect.taken {
		t.Errorf("after Debezium: at %s, taken %t", short(s.saved.Position), s.connect.taken)
	}
}

// Debezium's place is behind what it published: it is not given back before that
// is known.
func TestGiveBack_NotInATakeover(t *testing.T) {
	r := beside(t)
	r.worker(debeziumAt5)
	r.load()
	r.s.takeover = &takeover{}
	r.save(6, true)
	o, err := checkpoint.LoadConnect(t.Context(), r.s.cfg.Kafka, workerTopic, checkpoint.Format{Name: "c", Prefix: rigPrefix})
	if err != nil || o.Ours {
		t.Errorf("ours %t (%v)", o.Ours, err)
	}
}

// A stop that comes in the middle of a commit must not leave it in doubt: what
// Debezium goes on from would be behind what is in Kafka.
func TestEndWholeSpan_OutlivesAStop(t *testing.T) {
	r := beside(t)
	r.worker(debeziumAt5)
	r.load()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	r.s.progress.At(r.position(6), debezium.Position{}, 1e9, 1)
	if err := r.s.openSpan(); err != nil {
		t.Fatal(err)
	}
	if err := r.s.endWholeSpan(ctx); err != nil || short(r.s.saved.Position) != "1-6" {
		t.Errorf("saved %s, %v", short(r.s.saved.Position), err)
	}
}

func TestLoad_ASnapshotThatDebeziumHasNotFinishedBeginsAnew(t *testing.T) {
	r := beside(t)
	r.worker(`{"file":"b.000001","pos":504,"gtids":"` + rigServer + `:1-5","snapshot":"INITIAL"}`)
	if s := r.load(); short(s.saved.Position) != "1-5" || s.saved.Connect.Next == 0 {
		t.Errorf("at %s, behind the worker's offset %d", short(s.saved.Position), s.saved.Connect.Next)
	}
	r.define("CREATE TABLE a (id INT PRIMARY KEY)")
	if err := r.s.takeTables(); err != nil {
		t.Fatal(err)
	}
	if p := r.s.progress.Snapshot[debezium.TableID{Database: rigDatabase, Table: "a"}]; p.State != checkpoint.Pending || !r.s.progress.Snapshotting {
		t.Errorf("table %s, snapshotting %t", p.State, r.s.progress.Snapshotting)
	}
}

func TestLoad_NoOffsetIsRefused(t *testing.T) {
	r := beside(t)
	r.s.cfg.ConnectorName = "other"
	r.worker(debeziumAt5)
	err := r.s.load(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), `it has those of c (topic.prefix p)`) || !strings.Contains(err.Error(), "--name") {
		t.Errorf("got %v", err)
	}
}

// Debezium keeps no list of the tables that it captures: its history knows them.
func TestTakeTables_AreThoseOfTheHistory(t *testing.T) {
	r := beside(t)
	r.worker(debeziumAt5)
	r.load()
	r.define("CREATE TABLE a (id INT PRIMARY KEY)")
	r.define("CREATE TABLE other (id INT PRIMARY KEY)")
	r.s.progress.Captured(debezium.TableID{Database: rigDatabase, Table: "dropped"})
	if err := r.s.takeTables(); err != nil {
		t.Fatal(err)
	}
	var tables []string
	for id, p := range r.s.progress.Snapshot {
		tables = append(tables, id.Table+" "+string(p.State))
	}
	slices.Sort(tables)
	if want := []string{"a captured"}; !slices.Equal(tables, want) {
		t.Errorf("got %v, want %v", tables, want)
	}
}

// Thousands of topics may have records of a snapshot that begins anew: Kafka is asked about all of them before
// its transaction begins, which would not last so long.
func TestTakeTables_AsksAboutTopicsBeforeASpan(t *testing.T) {
	r := beside(t)
	r.worker(`{"file":"b.000001","pos":504,"gtids":"` + rigServer + `:1-5","snapshot":"INITIAL"}`)
	s := r.load()
	for _, name := range []string{"a", "b", "c"} {
		r.define("CREATE TABLE " + name + " (id INT PRIMARY KEY)")
		topic := kafka.TopicSpec{Name: "p.d." + name, Partitions: 1}
		if _, err := s.cfg.Kafka.EnsureTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		if err := s.send(&kafka.Record{Topic: topic.Name, Value: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.endSpan(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		if n := len(order); n == 0 || order[n-1] != what {
			order = append(order, what)
		}
	}
	for _, key := range []kmsg.Key{kmsg.ListOffsets, kmsg.DescribeConfigs, kmsg.CreateTopics} {
		r.cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			r.cluster.KeepControl()
			note("questions")
			return nil, nil, false
		})
	}
	s.cfg.At = func(p Point) {
		if p == BeforePublish {
			note("span")
		}
	}
	if err := errors.Join(s.takeTables(), s.endSpan(t.Context())); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"questions", "span"}; !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
}
