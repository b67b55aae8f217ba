package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// errNoMember is of an offset that only a member of the group may store.
var errNoMember = errors.New("this process is not a member of the group at present")

// Commit stores offsets in the group for tools that show its lag. Nothing reads
// them back here, so an error during a rebalance does no harm.
func (g *Group) Commit(ctx context.Context, offsets map[TopicPartition]int64) error {
	err := g.store(ctx, offsets, "")
	if errors.Is(err, errNoMember) {
		return nil
	}
	return err
}

// Remember stores offsets in the group with a note, by which Remembered finds
// them until Commit stores others. Once it has returned nil they are durable.
func (g *Group) Remember(ctx context.Context, offsets map[TopicPartition]int64, note string) error {
	return g.store(ctx, offsets, note)
}

func (g *Group) store(ctx context.Context, offsets map[TopicPartition]int64, note string) error {
	generation, member := g.Generation()
	if len(offsets) == 0 {
		return nil
	}
	if generation < 0 {
		return fmt.Errorf("store offsets in group %s: %w", g.cfg.GroupID, errNoMember)
	}
	s := g.client.session
	err := s.do(ctx, request{
		broker: func() (*sarama.Broker, error) { return s.Coordinator(g.cfg.GroupID) },
		send: func(b *sarama.Broker) error {
			req := &sarama.OffsetCommitRequest{
				Version: 7, ConsumerGroup: g.cfg.GroupID, ConsumerGroupGeneration: generation, ConsumerID: member,
			}
			for p, offset := range offsets {
				req.AddBlockWithLeaderEpoch(p.Topic, p.Partition, offset, -1, 0, note)
			}
			answer, err := b.CommitOffset(req)
			if err != nil {
				return err
			}
			for _, partitions := range answer.Errors {
				for _, code := range partitions {
					if code != sarama.ErrNoError {
						return code
					}
				}
			}
			return nil
		},
		refresh: func() error { return s.RefreshCoordinator(g.cfg.GroupID) },
	})
	if err != nil {
		return fmt.Errorf("store offsets in group %s: %w", g.cfg.GroupID, err)
	}
	return nil
}

// Remembered returns what Remember stored with the note of a topic's partitions.
func (g *Group) Remembered(ctx context.Context, topic string, partitions []int32, note string) (map[int32]int64, error) {
	offsets := make(map[int32]int64)
	s := g.client.session
	err := s.do(ctx, request{
		broker: func() (*sarama.Broker, error) { return s.Coordinator(g.cfg.GroupID) },
		send: func(b *sarama.Broker) error {
			answer, err := b.FetchOffset(sarama.NewOffsetFetchRequest(sarama.V2_5_0_0, g.cfg.GroupID, map[string][]int32{topic: partitions}))
			if err != nil {
				return err
			}
			if answer.Err != sarama.ErrNoError {
				return answer.Err
			}
			clear(offsets)
			for _, p := range partitions {
				block := answer.GetBlock(topic, p)
				if block == nil {
					continue
				}
				if block.Err != sarama.ErrNoError {
					return block.Err
				}
				if block.Offset >= 0 && block.Metadata == note {
					offsets[p] = block.Offset
				}
			}
			return nil
		},
		refresh: func() error { return s.RefreshCoordinator(g.cfg.GroupID) },
	})
	if err != nil {
		return nil, fmt.Errorf("read offsets of group %s: %w", g.cfg.GroupID, err)
	}
	return offsets, nil
}
