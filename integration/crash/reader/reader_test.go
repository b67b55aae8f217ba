package crash

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/validate"
	"github.com/firn-cdc/firn/integration/workload"
	"github.com/firn-cdc/firn/pkg/reader"
)

// scene is a table under recorded changes, and a broker.
type scene struct {
	t      *testing.T
	db     *sql.DB
	work   *workload.Recorded
	broker *lossy
	job    job
	table  string

	enough context.CancelFunc
	done   chan error
}

// serverIDs keeps readers that run at the same time apart.
var serverIDs atomic.Uint32

const (
	seed     = 1
	rowCount = 400
)

func newScene(t *testing.T, kind server.Kind, delivery reader.Delivery) *scene {
	t.Helper()
	database := strings.ToLower(strings.NewReplacer("/", "_", "-", "_").Replace(t.Name()))
	s := &scene{t: t, table: database + ".t"}
	d := shared.servers[kind]
	s.db = connect(t, d, database)
	var err error
	if s.work, err = workload.NewRecorded(t.Context(), s.db, s.table, seed, rowCount, 20); err != nil {
		t.Fatal(err)
	}
	s.broker = new(lossy)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(3), kfake.ListenFn(s.broker.listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	s.job = job{
		MySQL: d.Addr, Broker: s.broker.Addr().String(), Prefix: database, Database: database, Delivery: delivery,
		ServerID: 7000 + serverIDs.Add(1),
	}
	return s
}

// begin starts a reader that is to be killed, and changes once it has its first
// position. The table is in its snapshot then.
func (s *scene) begin(point reader.Point, nth int) *process {
	p := s.start(point, nth)
	p.wait(s.t, "a position is saved", p.saved)
	var ctx context.Context
	ctx, s.enough = context.WithCancel(s.t.Context())
	s.done = make(chan error, 1)
	go func() { s.done <- s.change(ctx) }()
	return p
}

func (s *scene) start(point reader.Point, nth int) *process {
	j := s.job
	j.Point, j.Nth = point, nth
	return start(s.t, j)
}

// change runs transactions until ctx ends, with pauses in which the reader
// catches up, so that spans are of all sizes.
func (s *scene) change(ctx context.Context) error {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := s.work.Step(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		if s.work.Rows()%7 == 0 {
			<-tick.C
		}
	}
	return nil
}

// events ends the changes, has a reader publish the rest, and returns what a
// read_committed consumer finds.
func (s *scene) events() []validate.Event {
	s.t.Helper()
	s.enough()
	if err := <-s.done; err != nil {
		s.t.Fatal(err)
	}
	j := s.job
	j.StopAtEnd = true
	start(s.t, j).ended(s.t)
	records, err := pipeline.ReadTopic(s.t.Context(), s.job.Broker, s.job.Prefix+"."+s.table)
	if err != nil {
		s.t.Fatal(err)
	}
	events, err := validate.Events(records)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("%d changes, %d records", len(s.work.Changes()), len(events))
	return events
}

func (s *scene) report(guarantee string, problems []string) {
	s.t.Helper()
	if len(problems) > 0 {
		s.t.Errorf("%s:\n%s", guarantee, strings.Join(problems, "\n"))
	}
}

// judge applies every guarantee of the delivery.
func (s *scene) judge(events []validate.Event) {
	s.t.Helper()
	if len(s.work.Changes()) < 100 {
		s.t.Errorf("only %d changes were made", len(s.work.Changes()))
	}
	s.report("complete", validate.Complete(s.work.Changes(), events, workload.Version))
	s.report("order", validate.Order(s.work.Changes(), events, workload.Version))
	if s.job.Delivery == reader.ExactlyOnce {
		s.report("once", validate.Once(events))
		s.report("chain", validate.Chain(events))
	}
	final, err := validate.Final(s.t.Context(), s.db, s.table, events)
	if err != nil {
		s.t.Fatal(err)
	}
	s.report("final", final)
}

// Killed at each point, in its snapshot and in the stream, and again after
// every restart, the reader publishes every change: once in exactly-once mode.
func TestReader_KilledAtEachPoint(t *testing.T) {
	for _, kind := range server.Kinds() {
		for _, delivery := range []reader.Delivery{reader.ExactlyOnce, reader.AtLeastOnce} {
			t.Run(string(kind)+"/"+string(delivery), func(t *testing.T) {
				t.Parallel()
				s := newScene(t, kind, delivery)
				s.begin(reader.AfterPublish, 3).diedAt(t, reader.AfterPublish)
				for _, point := range reader.Points() {
					for _, nth := range []int{1, 2, 9} {
						s.start(point, nth).diedAt(t, point)
					}
				}
				s.judge(s.events())
			})
		}
	}
}

var rounds = flag.Int("rounds", 12, "how many times a reader is killed at a random moment")

// Killed at random moments under load, the reader publishes every change once.
func TestReader_KilledAtRandomMoments(t *testing.T) {
	for _, kind := range server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, kind, reader.ExactlyOnce)
			dice := rand.New(rand.NewPCG(newSeed(t), 1))
			p := s.begin("", 0)
			for range *rounds {
				select {
				case <-p.done:
					t.Fatalf("the reader ended by itself: %v\n%s", p.err, p.tail())
				case <-time.After(time.Duration(dice.IntN(1000)) * time.Millisecond): // the moment is what is tested
				}
				p.kill()
				p = s.start("", 0)
			}
			p.wait(t, "a position is saved", p.saved)
			p.stop(t)
			s.judge(s.events())
		})
	}
}

// newSeed returns a seed and says which.
func newSeed(t *testing.T) uint64 {
	t.Helper()
	s := rand.Uint64()
	if text := os.Getenv("FIRN_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &s); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d (FIRN_SEED)", s)
	return s
}

// A reader that saves its position before it publishes loses what it was to
// publish when it is killed: the guarantees above would say so.
func TestReader_OffsetSavedFirstIsFound(t *testing.T) {
	s := newScene(t, server.Kinds()[0], reader.ExactlyOnce)
	s.job.OffsetFirst = true
	s.begin(reader.AfterPublish, 5).diedAt(t, reader.AfterPublish)
	for range 3 {
		s.start(reader.InsideKafkaCommit, 3).diedAt(t, reader.InsideKafkaCommit)
	}
	s.job.OffsetFirst = false
	events := s.events()
	if len(validate.Complete(s.work.Changes(), events, workload.Version)) == 0 {
		t.Error("nothing is missing")
	}
	if len(validate.Chain(events)) == 0 {
		t.Error("no gap in any key's history")
	}
}

// A commit whose answer is lost has happened. The reader asks again, and so
// does the one that comes after it was killed while it waited.
func TestReader_AnswerToACommitIsLost(t *testing.T) {
	s := newScene(t, server.Kinds()[0], reader.ExactlyOnce)
	p := s.begin("", 0)
	const several = 5
	s.broker.lose(several)
	for range several {
		p.wait(t, "an answer is lost", s.broker.lost)
	}
	for range 3 {
		s.broker.lose(1)
		p.wait(t, "an answer is lost", s.broker.lost)
		p.kill()
		p = s.start("", 0)
	}
	p.wait(t, "a position is saved", p.saved)
	p.stop(t)
	s.judge(s.events())
}
