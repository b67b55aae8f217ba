package reference

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Publish makes the topics of recorded records and publishes them as they were
// recorded: in their partitions, in order.
func Publish(ctx context.Context, broker string, records []Record) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	made := make(map[string]bool)
	published := make([]*kgo.Record, len(records))
	for i := range records {
		r := &records[i]
		if !made[r.Topic] {
			made[r.Topic] = true
			if _, err := admin.CreateTopic(ctx, Partitions, 1, nil, r.Topic); err != nil {
				return fmt.Errorf("create topic %s: %w", r.Topic, err)
			}
		}
		published[i] = &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			published[i].Headers = append(published[i].Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)})
		}
	}
	if err := client.ProduceSync(ctx, published...).FirstErr(); err != nil {
		return fmt.Errorf("publish what was recorded: %w", err)
	}
	return nil
}

// WithoutSchemas returns the records as Connect's JSON converters write them with
// schemas.enable=false: the payloads alone. A null payload stays a written null.
func WithoutSchemas(records []Record) []Record {
	bare := make([]Record, len(records))
	for i, r := range records {
		bare[i] = r
		bare[i].Key, bare[i].Value = payload(r.Key), payload(r.Value)
	}
	return bare
}

func payload(b []byte) []byte {
	_, text := unwrap(b)
	if text == nil {
		return nil
	}
	return []byte(*text)
}

// WithoutSchemaChanges returns the records of tables alone, as with
// include.schema.changes=false.
func WithoutSchemaChanges(records []Record) []Record {
	var tables []Record
	for _, r := range records {
		if strings.Contains(r.Topic, ".") {
			tables = append(tables, r)
		}
	}
	return tables
}
