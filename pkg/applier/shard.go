package applier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/retry"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

type shardID struct {
	topic     string
	index, of int32
}

func idOf(s kafka.Shard) shardID { return shardID{s.Topic, s.Index, s.Of} }

// shard applies some partitions of one topic, which is all of them unless a
// table has several owners. Its goroutine owns everything but the mailbox.
type shard struct {
	a          *Applier
	cfg        *Config
	id         shardID
	topic      Topic
	partitions []int32
	name       string // of the set of partitions, in table properties and file names
	mail       *mailbox
	log        *slog.Logger
	metrics    *telemetry.ApplierTable // nil: none

	assigned map[int32]int64 // the present assignment of each partition to the consumer

	bytes    atomic.Int64  // of the batch
	wake     chan struct{} // memory is short
	caughtUp atomic.Bool
	ended    chan struct{} // closed when run has returned

	mu      sync.Mutex
	leave   chan struct{} // closed when the group takes the shard away
	left    bool
	lost    bool
	abandon context.CancelFunc
	boarded string // the name on the status board
}

func newShard(a *Applier, g kafka.Shard) *shard {
	topic, _ := a.cfg.ParseTopic(g.Topic)
	topic.Name = g.Topic
	s := &shard{
		a: a, cfg: &a.cfg, id: idOf(g), topic: topic, partitions: slices.Clone(g.Partitions),
		name: shardName(g), mail: newMailbox(a.consumer, mailBytes, &a.mail), log: a.cfg.Logger.With("topic", g.Topic),
		wake: make(chan struct{}, 1), ended: make(chan struct{}), leave: make(chan struct{}),
	}
	if g.Of > 1 {
		s.log = s.log.With("shard", s.name)
	}
	return s
}

const mailBytes = 4 << 20 // records that wait for one shard

// shardName names the set of partitions {p : p % of == index} of those there are.
func shardName(g kafka.Shard) string {
	return fmt.Sprintf("%d%s%d", g.Index, shardOf, g.Of)
}

func (s *shard) has(partition int32) bool { return slices.Contains(s.partitions, partition) }

// stop ends the shard: what it has gathered is committed if drain, else dropped.
func (s *shard) stop(drain bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.left {
		s.left, s.lost = true, !drain
		close(s.leave)
	}
	if !drain && s.abandon != nil {
		s.abandon()
	}
}

// run applies until the shard is taken away, or its table stops for good.
func (s *shard) run(ctx context.Context) error {
	defer close(s.ended)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.abandon = cancel
	if s.lost {
		cancel()
	}
	s.mu.Unlock()
	policy := retry.Policy{Max: 10 * time.Second, Logger: s.log, Retryable: func(err error) bool {
		again := !permanent(err) && !s.leaving()
		if again {
			s.say("retrying", err)
		}
		return again
	}}
	err := policy.Run(ctx, "apply topic", s.session)
	s.unassign()
	switch {
	case err == nil, ctx.Err() != nil:
		return nil
	case s.leaving() && !permanent(err):
		// What was not committed is read again by the next owner.
		s.log.Warn("shard was let go without its last batch", "error", err)
		return nil
	default:
		err = fmt.Errorf("apply topic %s: %w", s.topic.Name, advise(err))
		s.log.Error("table has stopped, others go on", "error", err)
		s.say("stopped", err)
		s.a.fail(err)
		s.caughtUp.Store(true) // nothing more comes of it
		return nil
	}
}

func (s *shard) leaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

// assign begins to read at the offsets.
func (s *shard) assign(offsets map[int32]int64, topicID string) {
	s.unassign()
	s.mail.open(true)
	s.a.consumer.ExpectTopicID(s.topic.Name, topicID)
	s.assigned = make(map[int32]int64, len(offsets))
	for p, offset := range offsets {
		s.assigned[p] = s.a.consumer.Assign(s.topic.Name, p, offset)
	}
}

func (s *shard) unassign() {
	for _, p := range s.partitions {
		s.a.consumer.Unassign(s.topic.Name, p)
	}
	s.mail.open(false)
}

// drainTime is how long the last batch may take once the shard is to be let go.
const drainTime = time.Minute

// session opens the table and applies until the shard is to be let go or
// something goes wrong. It works once the table is open. Whatever it leaves, the
// next session starts from what the table says.
func (s *shard) session(ctx context.Context, works func()) error {
	w := newWork(s)
	err := w.open(ctx)
	if err == nil {
		works()
		err = w.loop(ctx)
	}
	return errors.Join(err, w.close(ctx))
}

// signal is a wake-up that one waiter needs once.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
