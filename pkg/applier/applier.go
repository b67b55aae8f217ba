// Package applier moves change events from Kafka topics to Iceberg tables, each
// change once: what a table says about itself decides where reading goes on,
// and a batch, the offsets that it covers and its position in the source become
// one table snapshot.
//
// A consumer group shares the tables out, one goroutine applies each owned
// shard. A table that cannot go on stops alone and says why; the process keeps
// the others running and returns the error when it ends.
package applier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/keyindex"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// Config is what an Applier works with.
type Config struct {
	Kafka   *kafka.Client
	Catalog *lake.Catalog

	GroupID string
	Shards  int            // owners that one table may have; 0: 1
	Prefix  string         // whose topics to read; or
	Topics  *regexp.Regexp // those whose whole names match
	// Delimiter stands between the parts of topics' names; "" is a dot.
	Delimiter string
	Start     Start // where nothing is committed
	Naming    Naming
	Tables    func(debezium.TableID) TableConfig // nil: the zero value for all

	Modes      debezium.Modes            // of the source, for JSON without schemas and for columns that schema changes add
	FieldNames debezium.NameAdjustment   // of the source; where schema changes come in Avro, NamesAsTheyAre counts as NamesAvro
	Added      []debezium.FieldReference // that the source adds to rows without envelopes, for JSON without schemas
	Registry   codec.Registry            // nil: JSON only

	Interval       time.Duration // a batch is committed at this age,
	Rows           int           // or with so many rows,
	Bytes          int64         // or at this size
	TargetFileSize int64
	Memory         int64 // for batches and records that wait; a quarter is read-ahead
	IndexDir       string
	IndexMemory    int64

	Maintenance    maintenance.Config // its policy, ages and intervals
	IgnoreTruncate bool
	DropColumns    bool          // a dropped column is dropped; else it stays
	SessionTimeout time.Duration // after which the group gives a silent process up; 0: 15 s
	StopAtEnd      bool          // Run returns once all that was there at its start is committed

	Status  *status.Board      // nil: none
	Metrics *telemetry.Applier // nil: none
	Logger  *slog.Logger

	// At is told of the points at which crash tests stop the process. It may be nil.
	At func(Point)
}

// TableConfig is the settings of one table.
type TableConfig struct {
	Append     bool // every change is a row, with its operation in __op
	Partition  []lake.PartitionField
	Properties map[string]string
}

// Start is where reading begins: at a time, at the latest record, at the earliest
// that retention has left, or at the topic's first record, its zero value.
type Start struct {
	Time      time.Time
	Latest    bool
	Available bool
}

// Applier applies the topics of a group's share. Run it once.
type Applier struct {
	cfg       Config
	clusterID string
	consumer  *kafka.Consumer
	group     *kafka.Group
	names     *names
	memory    *keyindex.Memory
	pool      *batch.Pool
	batches   budget
	mail      mailroom

	mu     sync.Mutex
	shards map[shardID]*shard
	owners map[kafka.TopicPartition]*shard
	feeds  map[string]*feed
	failed []error // of tables that have stopped

	spawn func(func(context.Context) error) // what runs until the group has let go of all
}

// New returns an Applier.
func New(cfg Config) *Applier {
	cfg.Shards = max(cfg.Shards, 1)
	if cfg.Interval <= 0 {
		cfg.Interval = 30 * time.Second
	}
	if cfg.Memory <= 0 {
		cfg.Memory = 1 << 30
	}
	if cfg.IndexMemory <= 0 {
		cfg.IndexMemory = 128 << 20
	}
	if cfg.SessionTimeout <= 0 {
		cfg.SessionTimeout = 15 * time.Second // fencing makes a wrong guess harmless
	}
	if cfg.Tables == nil {
		cfg.Tables = func(debezium.TableID) TableConfig { return TableConfig{} }
	}
	if cfg.At == nil {
		cfg.At = func(Point) {}
	}
	return &Applier{
		cfg: cfg, names: newNames(&cfg), pool: batch.NewPool(cfg.Memory / 8),
		batches: budget{limit: cfg.Memory / 2}, mail: mailroom{budget: budget{limit: cfg.Memory / 8}},
		shards: make(map[shardID]*shard), owners: make(map[kafka.TopicPartition]*shard), feeds: make(map[string]*feed),
	}
}

// Run applies until ctx ends, or with StopAtEnd until the end. It then commits
// what it has gathered, within a minute, and returns the errors of all tables
// that have stopped.
func (a *Applier) Run(ctx context.Context) (err error) {
	if a.clusterID, err = a.cfg.Kafka.ClusterID(ctx); err != nil {
		return err
	}
	if a.cfg.Status != nil && a.cfg.Metrics != nil {
		a.cfg.Status.SetLag(a.cfg.Metrics.LagSeconds)
	}
	a.memory = keyindex.NewMemory(a.cfg.IndexMemory)
	defer a.memory.Close()
	if a.consumer, err = kafka.OpenConsumer(ctx, a.cfg.Kafka, kafka.ConsumerConfig{BufferBytes: int(a.cfg.Memory / 8)}); err != nil {
		return err
	}
	a.group, err = kafka.JoinGroup(ctx, a.cfg.Kafka, kafka.GroupConfig{
		GroupID: a.cfg.GroupID, Shards: a.cfg.Shards, Topics: a.topics, TopicRefresh: topicRefresh,
		Assigned: a.assigned, Revoked: a.revoked, SessionTimeout: a.cfg.SessionTimeout, HeartbeatInterval: a.cfg.SessionTimeout / 5,
	})
	if err != nil {
		return errors.Join(err, a.consumer.Close())
	}
	// Shards, feeds and the consumer outlive the group, which lets go of the shards first.
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	tasks, working := errgroup.WithContext(working)
	a.spawn = func(task func(context.Context) error) { tasks.Go(func() error { return task(working) }) }
	a.spawn(a.dispatch)
	grouping, leave := context.WithCancel(ctx)
	a.spawn(func(working context.Context) error {
		defer leave()
		return a.watch(working, grouping)
	})
	err = a.group.Run(grouping)
	leave()
	end()
	err = errors.Join(err, tasks.Wait(), a.consumer.Close())
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(append([]error{err}, a.failed...)...)
}

const (
	topicRefresh = 5 * time.Second
	watchPause   = 100 * time.Millisecond
)

// topics lists what the group shares out.
func (a *Applier) topics(ctx context.Context) ([]string, error) {
	all, err := a.cfg.Kafka.Topics(ctx)
	if err != nil {
		return nil, err
	}
	data := a.cfg.DataTopics(all)
	a.names.set(data)
	return data, nil
}

// assigned starts the shards that this process has been given.
func (a *Applier) assigned(_ context.Context, gained []kafka.Shard) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range gained {
		s := newShard(a, g)
		a.shards[s.id] = s
		for _, p := range g.Partitions {
			a.owners[kafka.TopicPartition{Topic: g.Topic, Partition: p}] = s
		}
		a.spawn(s.run)
	}
	return nil
}

// revoked ends shards. Unless they are lost, what they have gathered is committed.
func (a *Applier) revoked(ctx context.Context, gone []kafka.Shard, lost bool) error {
	var ending []*shard
	a.mu.Lock()
	for _, g := range gone {
		if s := a.shards[idOf(g)]; s != nil {
			ending = append(ending, s)
		}
	}
	a.mu.Unlock()
	for _, s := range ending {
		s.stop(!lost)
	}
	for _, s := range ending {
		select {
		case <-s.ended:
		case <-ctx.Done():
			return fmt.Errorf("wait for table of %s: %w", s.topic.Name, context.Cause(ctx))
		}
		s.gone()
		a.mu.Lock()
		delete(a.shards, s.id)
		for _, p := range s.partitions {
			delete(a.owners, kafka.TopicPartition{Topic: s.topic.Name, Partition: p})
		}
		a.mu.Unlock()
	}
	return nil
}

// dispatch hands what the consumer reads to the shards.
func (a *Applier) dispatch(ctx context.Context) error {
	for {
		got, err := a.consumer.Poll(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is how dispatching ends
		}
		if err != nil {
			return fmt.Errorf("read from kafka: %w", err)
		}
		for i := range got {
			if s := a.owner(got[i].Topic, got[i].Partition); s != nil {
				s.mail.deliver(&got[i])
			}
		}
	}
}

func (a *Applier) owner(topic string, partition int32) *shard {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.owners[kafka.TopicPartition{Topic: topic, Partition: partition}]
}

// watch says when the process is ready, and ends it where it is to stop at the end.
func (a *Applier) watch(working, grouping context.Context) error {
	tick := time.NewTicker(watchPause)
	defer tick.Stop()
	ready := false
	for {
		select {
		case <-working.Done():
			return nil
		case <-grouping.Done():
			return nil
		case <-tick.C:
		}
		reason, err := a.notReady(grouping)
		if err != nil {
			if grouping.Err() == nil {
				a.cfg.Logger.Warn("cannot say whether all is applied", "error", err)
			}
			continue
		}
		if board := a.cfg.Status; board != nil && !ready {
			if reason == "" {
				board.SetReady()
				board.SetState(status.Streaming)
			} else {
				board.SetNotReady(reason)
			}
		}
		if reason == "" && !ready {
			ready = true
			a.cfg.Logger.Info("caught up with where the topics were at start")
		}
		if ready && a.cfg.StopAtEnd {
			return nil
		}
	}
}

// notReady says what is still to be done before the process has caught up.
func (a *Applier) notReady(ctx context.Context) (string, error) {
	if generation, _ := a.group.Generation(); generation < 0 {
		return "joining the consumer group", nil
	}
	a.mu.Lock()
	owned := len(a.shards)
	behind, which := 0, ""
	for _, s := range a.shards {
		if !s.caughtUp.Load() {
			behind++
			which = s.topic.Name
		}
	}
	a.mu.Unlock()
	if behind > 0 {
		return fmt.Sprintf("%d of %d tables are behind, such as that of %s", behind, owned, which), nil
	}
	if owned > 0 {
		return "", nil
	}
	topics, err := a.topics(ctx)
	if err != nil {
		return "", err
	}
	if len(topics) > 0 {
		return "waiting for the group to assign tables", nil
	}
	if a.cfg.StopAtEnd {
		return "", nil
	}
	return "no topics yet", nil
}

// fail remembers that a table has stopped.
func (a *Applier) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = append(a.failed, err)
}

// feed returns the schema changes of a prefix, which are read from the first call on.
func (a *Applier) feed(prefix string) *feed {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.feeds[prefix]
	if f == nil {
		f = newFeed(prefix, &a.cfg)
		a.feeds[prefix] = f
		a.spawn(f.run)
	}
	return f
}

// budget counts the bytes of what all shards have of a kind.
type budget struct {
	limit int64
	used  atomic.Int64
}
