package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// beat keeps the membership alive until ctx ends.
func (g *Group) beat(ctx context.Context) {
	tick := time.NewTicker(g.cfg.HeartbeatInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		g.mu.Lock()
		member, generation, contact := g.member, g.generation, g.contact
		g.mu.Unlock()
		if member == "" || generation < 0 {
			continue
		}
		err := g.sendBeat(member, generation)
		g.mu.Lock()
		// While joining, the generation that the beat is of may have ended.
		stale := g.generation != generation || g.member != member || g.joining
		g.mu.Unlock()
		switch {
		case err == nil, stale && errors.Is(err, sarama.ErrIllegalGeneration):
			g.alive(false)
		case errors.Is(err, sarama.ErrRebalanceInProgress):
			g.alive(!stale)
		case errors.Is(err, sarama.ErrUnknownMemberId), errors.Is(err, sarama.ErrIllegalGeneration),
			errors.Is(err, sarama.ErrFencedInstancedId):
			g.give(err)
		default:
			_ = g.beats.RefreshCoordinator(g.cfg.GroupID) // the next beat tells
			if time.Since(contact) > g.cfg.SessionTimeout {
				g.give(fmt.Errorf("no heartbeat for %s: %w", g.cfg.SessionTimeout, err))
			}
		}
	}
}

func (g *Group) sendBeat(member string, generation int32) error {
	b, err := g.beats.Coordinator(g.cfg.GroupID)
	if err != nil {
		return err
	}
	answer, err := b.Heartbeat(&sarama.HeartbeatRequest{Version: 3, GroupId: g.cfg.GroupID, MemberId: member, GenerationId: generation})
	switch {
	case err != nil:
		if broken(err) {
			_ = b.Close()
		}
		return err
	case answer.Err != sarama.ErrNoError:
		return answer.Err
	default:
		return nil
	}
}

func (g *Group) alive(rejoin bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.contact = time.Now()
	if rejoin {
		g.rejoin = true
		signal(g.wake)
	}
}

// give notes that the group has given this member up, and breaks a join that
// waits.
func (g *Group) give(cause error) {
	g.mu.Lock()
	g.lost = cmp.Or(g.lost, cause)
	g.mu.Unlock()
	signal(g.wake)
	g.joins.dialer.interrupt()
}

func (g *Group) isLost() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lost != nil
}

// sendLeave has the group rebalance at once instead of after the session
// timeout.
func (g *Group) sendLeave(ctx context.Context) {
	g.mu.Lock()
	member := g.member
	g.member, g.generation = "", -1
	g.mu.Unlock()
	if member == "" {
		return
	}
	err := g.beats.do(ctx, request{
		broker: func() (*sarama.Broker, error) { return g.beats.Coordinator(g.cfg.GroupID) },
		send: func(b *sarama.Broker) error {
			answer, err := b.LeaveGroup(&sarama.LeaveGroupRequest{
				Version: 3, GroupId: g.cfg.GroupID, Members: []sarama.MemberIdentity{{MemberId: member}},
			})
			switch {
			case err != nil:
				return err
			case answer.Err != sarama.ErrNoError && answer.Err != sarama.ErrUnknownMemberId:
				return answer.Err
			default:
				return nil
			}
		},
		refresh: func() error { return g.beats.RefreshCoordinator(g.cfg.GroupID) },
		timeout: g.cfg.HeartbeatInterval,
	})
	if err != nil {
		g.logger.Warn("group was not told that this member leaves", "group", g.cfg.GroupID, "error", err)
	}
}
