package kafka_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// open starts a cluster in this process and a client of it.
func open(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, *kafka.Client) {
	t.Helper()
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, dial(t, kafka.Config{Brokers: cluster.ListenAddrs()})
}

func dial(t testing.TB, cfg kafka.Config) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(t.Context(), cfg)
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

func producer(t testing.TB, c *kafka.Client, cfg kafka.ProducerConfig) *kafka.Producer {
	t.Helper()
	p, err := kafka.NewProducer(t.Context(), c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func consumer(t testing.TB, c *kafka.Client, cfg kafka.ConsumerConfig) *kafka.Consumer {
	t.Helper()
	r, err := kafka.OpenConsumer(t.Context(), c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}
