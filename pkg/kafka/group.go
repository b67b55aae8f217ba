package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// GroupConfig says what a group shares out.
type GroupConfig struct {
	GroupID string
	Shards  int // owners that one topic may have; 0: 1
	// Topics returns the topics to read. It is asked again every TopicRefresh.
	Topics func(ctx context.Context) ([]string, error)
	// Assigned is called with shards that this process owns from now on, and nobody else.
	Assigned func(ctx context.Context, shards []Shard) error
	// Revoked is called with shards that go to another owner, who waits until it returns. If they are
	// lost, the group has given this process up and somebody may own them already.
	Revoked func(ctx context.Context, shards []Shard, lost bool) error

	SessionTimeout    time.Duration // without a heartbeat a member is given up; 0: 45 s
	RebalanceTimeout  time.Duration // that Revoked may take; 0: 5 min
	HeartbeatInterval time.Duration // 0: 3 s
	TopicRefresh      time.Duration // 0: 30 s
}

func (c *GroupConfig) defaults() error {
	if c.GroupID == "" {
		return errors.New("--group-id: empty")
	}
	if c.Topics == nil || c.Assigned == nil || c.Revoked == nil {
		return errors.New("group: Topics, Assigned and Revoked are needed")
	}
	if c.Shards < 0 {
		return errors.New("--shards: negative")
	}
	c.Shards = max(c.Shards, 1)
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&c.SessionTimeout, 45 * time.Second},
		{&c.RebalanceTimeout, 5 * time.Minute},
		{&c.HeartbeatInterval, 3 * time.Second},
		{&c.TopicRefresh, 30 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
		if *d.value < 0 {
			return errors.New("group: a time is negative")
		}
	}
	return nil
}

// Group is a process's membership of a consumer group, which shares out tables
// and nothing else: records are read by a Consumer. Rebalancing is cooperative:
// a shard that stays is not interrupted, and one that moves is given to its new
// owner after the old one has let go.
type Group struct {
	cfg    GroupConfig
	client *Client
	logger *slog.Logger
	joins  *session // whose requests the coordinator holds back
	beats  *session

	owned  []Shard       // of Run's goroutine
	topics []string      // joined with
	counts []int32       // partitions of them, where this member is the leader
	wake   chan struct{} // something for Run to look at

	mu         sync.Mutex
	member     string
	generation int32
	joining    bool
	contact    time.Time // the coordinator's last sign of life
	rejoin     bool
	lost       error
}

// JoinGroup prepares a membership; Run joins.
func JoinGroup(ctx context.Context, c *Client, cfg GroupConfig) (*Group, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	g := &Group{cfg: cfg, client: c, logger: c.logger, generation: -1, wake: make(chan struct{}, 1)}
	var err error
	if g.joins, err = newSession(ctx, &c.cfg, cfg.RebalanceTimeout+readTimeout); err != nil {
		return nil, err
	}
	if g.beats, err = newSession(ctx, &c.cfg, min(readTimeout, cfg.SessionTimeout/2)); err != nil {
		return nil, errors.Join(err, g.joins.close())
	}
	return g, nil
}

// Generation returns the group's generation and this member's id in it; -1
// while it has none.
func (g *Group) Generation() (generation int32, member string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.generation, g.member
}

// Run takes part until ctx ends, a hook fails or the group refuses. Before it
// returns, Revoked has been called for all that was owned and the group left.
func (g *Group) Run(ctx context.Context) (err error) {
	// The membership outlives ctx: others wait until all is let go.
	beating, stopBeating := context.WithCancel(context.WithoutCancel(ctx))
	var heart sync.WaitGroup
	heart.Go(func() { g.beat(beating) })
	defer func() {
		err = errors.Join(err, g.leave(ctx))
		stopBeating()
		err = errors.Join(err, g.joins.close(), g.beats.close())
		heart.Wait()
	}()
	for {
		if err := g.dropLost(ctx); err != nil {
			return err
		}
		assigned, err := g.join(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errLost):
			continue
		case err != nil:
			return fmt.Errorf("join group %s: %w", g.cfg.GroupID, err)
		}
		if err := g.adopt(ctx, assigned); err != nil {
			return err
		}
		if err := g.await(ctx); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// adopt makes assigned what this process owns. What is to be let go comes
// first, and joining again afterwards gives it to its new owner.
func (g *Group) adopt(ctx context.Context, assigned []Shard) error {
	revoked, gained := without(g.owned, assigned), without(assigned, g.owned)
	if len(revoked) > 0 {
		g.logger.Info("shards go to another member", "group", g.cfg.GroupID, "shards", len(revoked))
		if err := g.letGo(ctx, revoked, false); err != nil {
			return err
		}
		g.owned = without(g.owned, revoked)
		g.mu.Lock()
		g.rejoin = true
		g.mu.Unlock()
	}
	if len(gained) > 0 {
		g.logger.Info("shards assigned", "group", g.cfg.GroupID, "shards", len(gained))
		g.owned = append(g.owned, gained...)
		if err := g.cfg.Assigned(ctx, slices.Clone(gained)); err != nil {
			return fmt.Errorf("take %d shards: %w", len(gained), err)
		}
	}
	return nil
}

// await returns when there is reason to join again.
func (g *Group) await(ctx context.Context) error {
	refresh := time.NewTicker(g.cfg.TopicRefresh)
	defer refresh.Stop()
	for {
		g.mu.Lock()
		leave := g.rejoin || g.lost != nil
		g.rejoin = false
		g.mu.Unlock()
		if leave {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-g.wake:
		case <-refresh.C:
			changed, err := g.changed(ctx)
			if err != nil && !Retriable(err) && ctx.Err() == nil {
				return fmt.Errorf("list the topics of group %s: %w", g.cfg.GroupID, err)
			}
			if changed {
				return nil
			}
		}
	}
}

// changed reports whether the topics, or as the leader their partitions, are
// others than at the last join.
func (g *Group) changed(ctx context.Context) (bool, error) {
	topics, err := g.cfg.Topics(ctx)
	if err != nil {
		return false, err
	}
	slices.Sort(topics)
	if !slices.Equal(topics, g.topics) || g.counts == nil {
		return !slices.Equal(topics, g.topics), nil
	}
	counts, err := g.partitions(ctx, topics)
	return err == nil && !slices.Equal(counts, g.counts), err
}

// dropLost lets go of everything once the group has given this member up.
func (g *Group) dropLost(ctx context.Context) error {
	g.mu.Lock()
	cause := g.lost
	if cause == nil {
		g.mu.Unlock()
		return nil
	}
	g.lost, g.rejoin = nil, false
	g.member, g.generation = "", -1
	g.mu.Unlock()
	owned := g.owned
	g.owned = nil
	if len(owned) == 0 {
		return nil
	}
	g.logger.Warn("group has given this member up", "group", g.cfg.GroupID, "shards", len(owned), "error", cause)
	return g.letGo(ctx, owned, true)
}

// letGo returns once nothing is done to the shards any more. The end of ctx does
// not cut it short: as long as this takes others wait, and no longer.
func (g *Group) letGo(ctx context.Context, shards []Shard, lost bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.RebalanceTimeout)
	defer cancel()
	if err := g.cfg.Revoked(ctx, shards, lost); err != nil {
		return fmt.Errorf("let go of %d shards: %w", len(shards), err)
	}
	return nil
}

// leave lets go of everything and leaves the group, though ctx has ended.
func (g *Group) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.RebalanceTimeout)
	defer cancel()
	if err := g.dropLost(ctx); err != nil {
		return err
	}
	owned := g.owned
	g.owned = nil
	if len(owned) > 0 {
		if err := g.letGo(ctx, owned, false); err != nil {
			return err
		}
	}
	g.sendLeave(ctx)
	return nil
}
