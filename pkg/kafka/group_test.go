package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// registry knows who owns what, and fails the test when two do.
type registry struct {
	t       *testing.T
	mu      sync.Mutex
	owner   map[kafka.TopicPartition]string
	moves   int
	changed chan struct{}
}

func newRegistry(t *testing.T) *registry {
	return &registry{t: t, owner: make(map[kafka.TopicPartition]string), changed: make(chan struct{})}
}

func (r *registry) set(member string, shards []kafka.Shard, gained bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range shards {
		for _, p := range s.Partitions {
			key := kafka.TopicPartition{Topic: s.Topic, Partition: p}
			switch has := r.owner[key]; {
			case gained && has != "":
				r.t.Errorf("%s gets %v, which %s has", member, key, has)
			case !gained && has != member:
				r.t.Errorf("%s lets go of %v, which %q has", member, key, has)
			}
			if r.moves++; gained {
				r.owner[key] = member
			} else {
				delete(r.owner, key)
			}
		}
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// forget is the death of a member.
func (r *registry) forget(member string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.owner, func(_ kafka.TopicPartition, m string) bool { return m == member })
}

// await waits until every partition has an owner and each member's share of
// partitions is as wanted.
func (r *registry) await(partitions int, shares ...int) map[string][]kafka.TopicPartition {
	r.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		by := make(map[string][]kafka.TopicPartition)
		for p, m := range r.owner {
			by[m] = append(by[m], p)
		}
		n, changed := len(r.owner), r.changed
		r.mu.Unlock()
		got := make([]int, 0, len(by))
		for _, of := range by {
			got = append(got, len(of))
		}
		slices.Sort(got)
		if n == partitions && slices.Equal(got, shares) {
			return by
		}
		select {
		case <-changed:
		case <-deadline:
			r.t.Fatalf("%d of %d partitions are owned, shares %v, want %v", n, partitions, got, shares)
		}
	}
}

// member is a process of the group.
type member struct {
	name  string
	group *kafka.Group
	stop  context.CancelFunc
	dead  chan struct{} // closed before the process is killed
	ended chan error
}

func startMember(t *testing.T, c *kafka.Client, r *registry, name string, shards int, topics ...string) *member {
	t.Helper()
	m := &member{name: name, dead: make(chan struct{}), ended: make(chan error, 1)}
	alive := func() bool {
		select {
		case <-m.dead:
			return false
		default:
			return true
		}
	}
	g, err := kafka.JoinGroup(t.Context(), c, kafka.GroupConfig{
		GroupID: "g-" + topics[0], Shards: shards,
		Topics: func(context.Context) ([]string, error) { return slices.Clone(topics), nil },
		Assigned: func(_ context.Context, s []kafka.Shard) error {
			if alive() {
				r.set(name, s, true)
			}
			return nil
		},
		Revoked: func(_ context.Context, s []kafka.Shard, lost bool) error {
			if alive() {
				r.set(name, s, false)
			}
			return nil
		},
		SessionTimeout: time.Second, HeartbeatInterval: 20 * time.Millisecond, TopicRefresh: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	m.group = g
	ctx, cancel := context.WithCancel(t.Context())
	m.stop = cancel
	go func() { m.ended <- g.Run(ctx) }()
	t.Cleanup(func() { m.end(t) })
	return m
}

func (m *member) end(t *testing.T) {
	m.stop()
	if err := <-m.ended; err != nil {
		t.Errorf("%s: %v", m.name, err)
	}
	m.ended <- nil
}

func (m *member) kill(t *testing.T, r *registry) {
	close(m.dead)
	if err := kafka.Kill(m.group); err != nil {
		t.Error(err)
	}
	r.forget(m.name)
	m.stop()
	if err := <-m.ended; err != nil {
		t.Logf("killed: %v", err)
	}
	m.ended <- nil
}

// Two owners of a shard at one time would write the same rows twice.
func TestGroup_AShardHasOneOwner(t *testing.T) {
	topics := []string{"a", "b", "c"}
	_, c := open(t, kfake.NumBrokers(2), kfake.SeedTopics(6, topics...), kfake.GroupMinSessionTimeout(time.Millisecond))
	r := newRegistry(t)
	one := startMember(t, c, r, "one", 2, topics...)
	r.await(18, 18)
	two := startMember(t, c, r, "two", 2, topics...)
	by := r.await(18, 9, 9)
	for m, of := range by {
		if whole(of, 2) != 3 {
			t.Errorf("%s owns parts of shards: %v", m, of)
		}
	}
	startMember(t, c, r, "three", 2, topics...)
	startMember(t, c, r, "four", 2, topics...)
	r.await(18, 3, 3, 6, 6)
	one.end(t)
	r.await(18, 6, 6, 6)
	two.kill(t, r)
	r.await(18, 9, 9)
}

// whole counts the shards of n per topic that are in partitions as a whole.
func whole(partitions []kafka.TopicPartition, n int32) int {
	counts := make(map[string]int)
	for _, p := range partitions {
		counts[fmt.Sprint(p.Topic, p.Partition%n)]++
	}
	complete := 0
	for _, c := range counts {
		if c == 6/int(n) {
			complete++
		}
	}
	return complete
}

// A member that stays keeps its shards through every rebalance: what it would
// have to read again is up to a commit interval of work.
func TestGroup_WhatStaysIsNotInterrupted(t *testing.T) {
	topics := []string{"a", "b", "c", "d"}
	_, c := open(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topics...), kfake.GroupMinSessionTimeout(time.Millisecond))
	r := newRegistry(t)
	startMember(t, c, r, "one", 1, topics...)
	r.await(4, 4)
	startMember(t, c, r, "two", 1, topics...)
	r.await(4, 2, 2)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.moves != 8 { // 4 gained, 2 let go, 2 gained
		t.Errorf("%d moves, want 8", r.moves)
	}
}

func TestGroup_NewTopicsAndPartitionsAreShared(t *testing.T) {
	_, c := open(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "a"), kfake.GroupMinSessionTimeout(time.Millisecond))
	r := newRegistry(t)
	startMember(t, c, r, "one", 1, "a", "b")
	r.await(2, 2)
	if _, err := c.EnsureTopic(t.Context(), kafka.TopicSpec{Name: "b", Partitions: 3, Replication: 1}); err != nil {
		t.Fatal(err)
	}
	r.await(5, 5)
}

// What is being let go when Run is ended is let go of once, and to the end.
func TestGroup_EndedWhileItLetsGo(t *testing.T) {
	_, c := open(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "a", "b"), kfake.GroupMinSessionTimeout(time.Millisecond))
	ctx, stop := context.WithCancel(t.Context())
	assigned, revoked := make(chan struct{}, 1), 0
	g, err := kafka.JoinGroup(t.Context(), c, kafka.GroupConfig{
		GroupID:  "g-a",
		Topics:   func(context.Context) ([]string, error) { return []string{"a", "b"}, nil },
		Assigned: func(context.Context, []kafka.Shard) error { assigned <- struct{}{}; return nil },
		Revoked: func(ctx context.Context, s []kafka.Shard, _ bool) error {
			stop()
			revoked += len(s)
			return ctx.Err()
		},
		SessionTimeout: time.Second, HeartbeatInterval: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	<-assigned
	r := newRegistry(t)
	startMember(t, c, r, "two", 1, "a", "b")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if revoked != 2 {
		t.Errorf("let go of %d shards, want 2", revoked)
	}
	r.await(2, 2)
}

func TestGroup_AFailingHookEndsRun(t *testing.T) {
	_, c := open(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "a"))
	broken := errors.New("broken")
	g, err := kafka.JoinGroup(t.Context(), c, kafka.GroupConfig{
		GroupID:  "g",
		Topics:   func(context.Context) ([]string, error) { return []string{"a"}, nil },
		Assigned: func(context.Context, []kafka.Shard) error { return broken },
		Revoked:  func(context.Context, []kafka.Shard, bool) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// A member that the group has given up is told so, and takes part again.
func TestGroup_ALostMemberLetsGoAndComesBack(t *testing.T) {
	cluster, c := open(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "a"), kfake.GroupMinSessionTimeout(time.Millisecond))
	events := make(chan string, 10)
	g, err := kafka.JoinGroup(t.Context(), c, kafka.GroupConfig{
		GroupID: "g", HeartbeatInterval: 10 * time.Millisecond, SessionTimeout: 300 * time.Millisecond,
		Topics: func(context.Context) ([]string, error) { return []string{"a"}, nil },
		Assigned: func(_ context.Context, s []kafka.Shard) error {
			events <- fmt.Sprint("assigned ", s[0].Partitions)
			return nil
		},
		Revoked: func(_ context.Context, s []kafka.Shard, lost bool) error {
			events <- fmt.Sprint("revoked ", s[0].Partitions, " lost ", lost)
			return nil
		},
	})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	got := []string{<-events}
	must(t, g.Commit(t.Context(), map[kafka.TopicPartition]int64{{Topic: "a"}: 5}))
	cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.UnknownMemberID.Code
		return resp, nil, true
	})
	got = append(got, <-events, <-events)
	cancel()
	got = append(got, <-events)
	must(t, <-ended)
	want := []string{"assigned [0 1]", "revoked [0 1] lost true", "assigned [0 1]", "revoked [0 1] lost false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestGroup_AnotherKindOfConsumerIsNamed(t *testing.T) {
	cluster, c := open(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "a"))
	cluster.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
		resp.ErrorCode = kerr.InconsistentGroupProtocol.Code
		return resp, nil, true
	})
	g, err := kafka.JoinGroup(t.Context(), c, kafka.GroupConfig{
		GroupID:  "taken",
		Topics:   func(context.Context) ([]string, error) { return []string{"a"}, nil },
		Assigned: func(context.Context, []kafka.Shard) error { return nil },
		Revoked:  func(context.Context, []kafka.Shard, bool) error { return nil },
	})
	must(t, err)
	if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--group-id: taken is in use by another kind of consumer") {
		t.Errorf("got %v", err)
	}
}
