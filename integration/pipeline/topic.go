package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ReadTopic returns all records of a topic that a read_committed consumer
// sees, per partition in order of offset. It uses a client that firn does not.
func ReadTopic(ctx context.Context, broker, topic string) ([]*kgo.Record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, err)
	}
	open := make(map[int32]int64)
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			open[o.Partition] = o.Offset
		}
	})
	var records []*kgo.Record
	for len(open) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if end, ok := open[r.Partition]; ok && r.Offset >= end-1 {
				delete(open, r.Partition)
			}
		})
	}
	return records, nil
}

// Operations counts the operations of a topic's change events; tombstones
// count as "tombstone".
func Operations(records []*kgo.Record) (map[string]int, error) {
	count := make(map[string]int)
	for _, r := range records {
		if r.Value == nil {
			count["tombstone"]++
			continue
		}
		var event struct {
			Op      string `json:"op"`
			Payload struct {
				Op string `json:"op"`
			} `json:"payload"`
		}
		if err := json.Unmarshal(r.Value, &event); err != nil {
			return nil, fmt.Errorf("record at offset %d of %s: %w", r.Offset, r.Topic, err)
		}
		count[event.Op+event.Payload.Op]++
	}
	return count, nil
}
