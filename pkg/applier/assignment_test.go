package applier

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// What was read for an earlier assignment may arrive after the partition was
// assigned anew at the same offset: nothing is applied twice, and the partition
// goes on.
func TestShard_DeliveryOfAnEarlierAssignment(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const topic = "src.db.t"
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	fatal(t, err)
	defer cluster.Close()
	producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	fatal(t, err)
	defer producer.Close()
	tombstones := func(n int) {
		for range n {
			key := []byte(`{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"}],"optional":false},"payload":{"id":1}}`)
			fatal(t, producer.ProduceSync(ctx, &kgo.Record{Topic: topic, Key: key}).FirstErr())
		}
	}
	client, err := kafka.Open(ctx, kafka.Config{Brokers: cluster.ListenAddrs()})
	fatal(t, err)
	a := New(Config{Kafka: client, Prefix: "src", Logger: slog.New(slog.DiscardHandler)})
	a.consumer, err = kafka.OpenConsumer(ctx, client, kafka.ConsumerConfig{MaxWait: 10 * time.Millisecond})
	fatal(t, err)
	defer func() {
		fatal(t, a.consumer.Close())
		fatal(t, client.Close())
	}()
	s := newShard(a, kafka.Shard{Topic: topic, Of: 1, Partitions: []int32{0}})
	w := &work{shard: s, next: map[int32]int64{0: 0}, decoder: newDecoder(topic, &a.cfg, nil)}
	pollUpTo := func(next int64) (got []kafka.Fetched) {
		for {
			polled, err := a.consumer.Poll(ctx)
			fatal(t, err)
			for _, f := range polled {
				f.Records = append([]kafka.Record(nil), f.Records...)
				got = append(got, f)
				if f.Next == next {
					return got
				}
			}
		}
	}

	tombstones(5)
	s.assign(w.next, "")
	onTheWay := pollUpTo(5)
	tombstones(3)
	s.assign(w.next, "") // of a new session, which begins where the table ends
	for _, f := range append(onTheWay, pollUpTo(8)...) {
		s.mail.deliver(&f)
	}
	fatal(t, w.applyMail(ctx))
	if w.next[0] != 8 {
		t.Errorf("the partition stands at offset %d, of 8", w.next[0])
	}
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
