package checkpoint_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// cluster starts Kafka in this process.
func cluster(t *testing.T, opts ...kfake.Opt) *kafka.Client {
	t.Helper()
	fake, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	c, err := kafka.Open(t.Context(), kafka.Config{Brokers: fake.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The position of a transaction that was not committed is not one.
func TestLoad_TakesTheLastCommittedCheckpoint(t *testing.T) {
	c := cluster(t)
	f := checkpoint.Format{Prefix: "shop"}
	_, err := c.EnsureTopic(t.Context(), kafka.TopicSpec{Name: checkpoint.Topic("shop"), Partitions: 1})
	must(t, err)
	if _, ok, err := checkpoint.Load(t.Context(), c, checkpoint.Topic("shop"), f); ok || err != nil {
		t.Fatalf("an empty topic: %t, %v", ok, err)
	}
	p, err := kafka.NewProducer(t.Context(), c, kafka.ProducerConfig{TransactionalID: "firn-reader.shop"})
	must(t, err)
	defer p.Close()
	var progress, saved checkpoint.Checkpoint
	for i := range 5 {
		progress.At(debezium.Position{File: "b.1", Pos: uint64(i + 1)}, debezium.Position{}, 0, 0)
		progress.Read(debezium.TableID{Database: "shop", Table: "t"}, []string{"id"}, []string{fmt.Sprint(i)}, int64(i))
		records, err := f.Records(&progress, saved)
		must(t, err)
		must(t, p.Begin())
		for _, r := range records {
			must(t, p.Send(&kafka.Record{Topic: checkpoint.Topic("shop"), Key: r.Key, Value: r.Value}))
		}
		if i == 4 {
			must(t, p.Flush(t.Context()))
			must(t, p.Abort(t.Context()))
			break
		}
		must(t, p.Commit(t.Context()))
		saved = progress.Clone()
	}
	got, ok, err := checkpoint.Load(t.Context(), c, checkpoint.Topic("shop"), f)
	if err != nil || !ok {
		t.Fatalf("%t, %v", ok, err)
	}
	if diff := cmp.Diff(saved, got, sets()); diff != "" {
		t.Error(diff)
	}
}

// A Connect worker's topic has 25 partitions.
func TestLoad_LooksInEveryPartition(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(25, "connect-offsets"))
	p, err := kafka.NewProducer(t.Context(), c, kafka.ProducerConfig{})
	must(t, err)
	defer p.Close()
	for i := range 40 {
		must(t, p.Send(&kafka.Record{
			Topic: "connect-offsets", Partition: kafka.Unassigned,
			Key: fmt.Appendf(nil, `["c%d",{"server":"p"}]`, i), Value: fmt.Appendf(nil, `{"ts_sec":1,"file":"b.1","pos":%d}`, i),
		}))
	}
	must(t, p.Flush(t.Context()))
	got, ok, err := checkpoint.Load(t.Context(), c, "connect-offsets", checkpoint.Format{Name: "c17", Prefix: "p"})
	if err != nil || !ok || got.Position.Pos != 17 {
		t.Errorf("got %+v, %t, %v; want pos 17", got, ok, err)
	}
}
