package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

const (
	fetchWait     = 250 * time.Millisecond
	fetchBytes    = 1 << 20
	brokerAbsence = time.Minute // how long a broker may be away
)

// ReadAll calls fn with the committed records of a partition from offset from
// up to the high watermark at the time of the call. It waits for transactions
// that are open below it, until ctx ends. The record is fn's to keep.
func (c *Client) ReadAll(ctx context.Context, topic string, partition int32, from int64, fn func(*Record) error) error {
	end, err := c.listOffset(ctx, topic, partition, sarama.OffsetNewest)
	if err != nil {
		return err
	}
	if from >= end {
		return nil
	}
	s, err := newSession(ctx, &c.cfg, readTimeout)
	if err != nil {
		return err
	}
	intern := make(map[string]string)
	var waits held
	for from < end {
		var block *sarama.FetchResponseBlock
		err := s.do(ctx, request{
			broker: func() (*sarama.Broker, error) { return s.Leader(topic, partition) },
			send: func(b *sarama.Broker) (err error) {
				req := fetchRequest(fetchWait, 8*fetchBytes, "")
				req.AddBlock(topic, partition, from, 8*fetchBytes, -1)
				block, err = fetchBlock(b, req, topic, partition)
				return err
			},
			refresh: func() error { return s.RefreshMetadata(topic) },
			timeout: brokerAbsence,
		})
		if errors.Is(err, ErrOffsetOutOfRange) {
			err = c.outOfRange(ctx, topic, partition, from)
		}
		if err == nil {
			if waits.see(block.LastStableOffset, block.HighWaterMarkOffset); waits.due(openFor) {
				c.sayHeld(ctx, TopicPartition{Topic: topic, Partition: partition}, waits)
			}
			from, err = deliverUpTo(end, topic, partition, from, block, intern, fn)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("read %s/%d: %w", topic, partition, err), s.close())
		}
	}
	return s.close()
}

func deliverUpTo(end int64, topic string, partition int32, from int64, block *sarama.FetchResponseBlock,
	intern map[string]string, fn func(*Record) error,
) (int64, error) {
	records, next, err := committed(nil, topic, partition, from, block, intern)
	if err != nil {
		return from, err
	}
	for i := range records {
		if records[i].Offset >= end {
			return end, nil
		}
		if err := fn(&records[i]); err != nil {
			return from, err
		}
	}
	return next, nil
}

// fetchBlock fetches one partition.
func fetchBlock(b *sarama.Broker, req *sarama.FetchRequest, topic string, partition int32) (*sarama.FetchResponseBlock, error) {
	answer, err := b.Fetch(req)
	if err != nil {
		return nil, err
	}
	if code := sarama.KError(answer.ErrorCode); code != sarama.ErrNoError {
		return nil, code
	}
	block := answer.GetBlock(topic, partition)
	if block == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	if block.Err != sarama.ErrNoError {
		return nil, block.Err
	}
	return block, nil
}

// outOfRange says which way an offset is out of the log.
func (c *Client) outOfRange(ctx context.Context, topic string, partition int32, asked int64) error {
	e := &OffsetOutOfRangeError{Topic: topic, Partition: partition, Asked: asked}
	var err error
	if e.Earliest, err = c.listOffset(ctx, topic, partition, sarama.OffsetOldest); err != nil {
		return err
	}
	if e.Latest, err = c.listOffset(ctx, topic, partition, sarama.OffsetNewest); err != nil {
		return err
	}
	return e
}
