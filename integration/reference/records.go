package reference

import (
	"context"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/integration/pipeline"
)

// Records returns all records of the topics that a case's connector publishes
// to, by topic and partition.
func (l *Lab) Records(ctx context.Context, c *Case) ([]Record, error) {
	return Records(ctx, l.Broker, c.Publishes)
}

// Publishes reports whether a topic is one that the case's connector publishes to.
func (c *Case) Publishes(topic string) bool {
	return topic == c.Name || strings.HasPrefix(topic, c.Name+c.delimiter()) || topic == "__debezium-heartbeat."+c.Name
}

// Writes reports whether a topic is one that the case's connector writes,
// the schema history that it keeps for itself included.
func (c *Case) Writes(topic string) bool { return c.Publishes(topic) || topic == c.history() }

// Foreign reports whether a record of the schema history is about a database
// that the case's connector leaves out: firn-reader keeps those, too.
func (c *Case) Foreign(r Record) bool {
	if r.Topic != c.history() || c.property("schema.history.internal.store.only.captured.databases.ddl") == "false" {
		return false
	}
	listed := []string{c.database()}
	for _, p := range c.Properties {
		if list, ok := strings.CutPrefix(p, "database.include.list="); ok {
			listed = strings.Split(list, ",")
		}
	}
	database := gjson.GetBytes(r.Value, "databaseName").String()
	return database != "" && listed[0] != "" && !slices.Contains(listed, database)
}

// Records returns all records of some topics of a broker, by topic and partition.
func Records(ctx context.Context, broker string, of func(topic string) bool) ([]Record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	var records []Record
	for _, topic := range topics.Names() {
		if !of(topic) {
			continue
		}
		read, err := pipeline.ReadTopic(ctx, broker, topic)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(read, func(a, b *kgo.Record) int { return int(a.Partition - b.Partition) })
		for _, r := range read {
			record := Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
			for _, h := range r.Headers {
				record.Headers = append(record.Headers, Header{Key: h.Key, Value: string(h.Value)})
			}
			records = append(records, record)
		}
	}
	return records, nil
}
