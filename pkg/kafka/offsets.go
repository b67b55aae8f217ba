package kafka

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// PartitionOffsets are the ends of a partition.
type PartitionOffsets struct {
	Partition     int32
	Earliest      int64 // the oldest record that retention has left
	HighWatermark int64 // one past the newest replicated record
	LastStable    int64 // no open transaction starts before; read_committed stops here
}

// Offsets returns the ends of topic's partitions, by partition.
func (c *Client) Offsets(ctx context.Context, topic string) ([]PartitionOffsets, error) {
	infos, err := c.describe(ctx, []string{topic})
	if err != nil {
		return nil, fmt.Errorf("read offsets: %w", err)
	}
	out := make([]PartitionOffsets, infos[topic].Partitions)
	partitions := make([]int32, len(out))
	for p := range out {
		out[p].Partition = int32(p)
		partitions[p] = int32(p)
	}
	// The last stable offset is asked for first: it must not pass the high
	// watermark that is reported with it.
	for _, q := range []struct {
		isolation sarama.IsolationLevel
		time      int64
		set       func(*PartitionOffsets, int64)
	}{
		{sarama.ReadUncommitted, sarama.OffsetOldest, func(o *PartitionOffsets, v int64) { o.Earliest = v }},
		{sarama.ReadCommitted, sarama.OffsetNewest, func(o *PartitionOffsets, v int64) { o.LastStable = v }},
		{sarama.ReadUncommitted, sarama.OffsetNewest, func(o *PartitionOffsets, v int64) { o.HighWatermark = v }},
	} {
		found, err := c.listOffsets(ctx, topic, partitions, q.isolation, q.time)
		if err != nil {
			return nil, err
		}
		for p := range out {
			q.set(&out[p], found[int32(p)])
		}
	}
	return out, nil
}

// OffsetForTime returns the offset of the first record whose timestamp is t or
// later, and the high watermark where there is none.
func (c *Client) OffsetForTime(ctx context.Context, topic string, partition int32, t time.Time) (int64, error) {
	at, err := c.listOffset(ctx, topic, partition, t.UnixMilli())
	if err != nil || at >= 0 {
		return at, err
	}
	return c.listOffset(ctx, topic, partition, sarama.OffsetNewest)
}

func (c *Client) listOffset(ctx context.Context, topic string, partition int32, at int64) (int64, error) {
	found, err := c.listOffsets(ctx, topic, []int32{partition}, sarama.ReadUncommitted, at)
	return found[partition], err
}

// listOffsets asks each partition's leader.
func (c *Client) listOffsets(ctx context.Context, topic string, partitions []int32, isolation sarama.IsolationLevel, at int64) (map[int32]int64, error) {
	found := make(map[int32]int64, len(partitions))
	for len(found) < len(partitions) {
		missing := slices.DeleteFunc(slices.Clone(partitions), func(p int32) bool { _, ok := found[p]; return ok })
		var asked []int32 // those that the first missing one's leader leads
		err := c.session.do(ctx, request{
			broker: func() (*sarama.Broker, error) {
				leader, err := c.session.Leader(topic, missing[0])
				if err != nil {
					return nil, err
				}
				asked = append(asked[:0], missing[0])
				for _, p := range missing[1:] {
					if l, err := c.session.Leader(topic, p); err == nil && l.ID() == leader.ID() {
						asked = append(asked, p)
					}
				}
				return leader, nil
			},
			send: func(b *sarama.Broker) error {
				req := sarama.NewOffsetRequest(sarama.V3_6_0_0)
				req.IsolationLevel = isolation
				for _, p := range asked {
					req.AddBlock(topic, p, at, 1)
				}
				answer, err := b.GetAvailableOffsets(req)
				if err != nil {
					return err
				}
				for _, p := range asked {
					block := answer.GetBlock(topic, p)
					if block == nil {
						return sarama.ErrIncompleteResponse
					}
					if block.Err != sarama.ErrNoError {
						return block.Err
					}
					found[p] = block.Offset
				}
				return nil
			},
			refresh: func() error { return c.session.RefreshMetadata(topic) },
		})
		if err != nil {
			return nil, fmt.Errorf("read offsets of %s: %w", topic, err)
		}
	}
	return found, nil
}

// OpenTransaction is a transaction that holds back a partition's last stable
// offset.
type OpenTransaction struct {
	ProducerID      int64
	Epoch           int32
	TransactionalID string // empty where listing transactions is not allowed
	FirstOffset     int64
	LastWrite       time.Time
}

// OpenTransactions returns the transactions that are open in a partition, the
// one that began first in front.
func (c *Client) OpenTransactions(ctx context.Context, topic string, partition int32) ([]OpenTransaction, error) {
	var answer *sarama.DescribeProducersResponse
	err := c.session.do(ctx, request{
		broker: func() (*sarama.Broker, error) { return c.session.Leader(topic, partition) },
		send: func(b *sarama.Broker) (err error) {
			answer, err = b.DescribeProducers(&sarama.DescribeProducersRequest{
				Topics: []sarama.DescribeProducersRequestTopic{{Name: topic, PartitionIndexes: []int32{partition}}},
			})
			return err
		},
		refresh: func() error { return c.session.RefreshMetadata(topic) },
	})
	if err != nil {
		return nil, fmt.Errorf("list the producers of %s/%d: %w", topic, partition, err)
	}
	names := c.transactionNames(ctx)
	var open []OpenTransaction
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != sarama.ErrNoError {
				return nil, fmt.Errorf("list the producers of %s/%d: %w", topic, partition, explain(p.ErrorCode))
			}
			for _, a := range p.ActiveProducers {
				if a.CurrentTxnStartOffset < 0 {
					continue
				}
				open = append(open, OpenTransaction{
					ProducerID: a.ProducerID, Epoch: a.ProducerEpoch, TransactionalID: names[a.ProducerID],
					FirstOffset: a.CurrentTxnStartOffset, LastWrite: time.UnixMilli(a.LastTimestamp),
				})
			}
		}
	}
	slices.SortFunc(open, func(a, b OpenTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	return open, nil
}

// transactionNames maps producer ids to transactional ids, as far as the
// brokers tell.
func (c *Client) transactionNames(ctx context.Context) map[int64]string {
	names := make(map[int64]string)
	for _, b := range c.session.Brokers() {
		if ctx.Err() != nil {
			break
		}
		_ = b.Open(c.session.Config()) // it may be open
		answer, err := b.ListTransactions(&sarama.ListTransactionsRequest{DurationFilter: -1})
		if err != nil {
			continue // a name less in an error message
		}
		for _, t := range answer.TransactionStates {
			names[t.ProducerID] = t.TransactionalID
		}
	}
	return names
}
