package kafka_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// BenchmarkProducer_Transactions measures records in transactions of 50,000,
// the broker's work in this process included.
func BenchmarkProducer_Transactions(b *testing.B) {
	for _, codec := range []string{"none", "lz4", "zstd"} {
		b.Run(codec, func(b *testing.B) {
			_, c := open(b, kfake.NumBrokers(1), kfake.SeedTopics(4, "t"))
			p := producer(b, c, kafka.ProducerConfig{TransactionalID: "x", Compression: codec})
			value := fmt.Appendf(nil, "%300d", 7)
			r := &kafka.Record{Topic: "t", Partition: kafka.Unassigned, Key: []byte("key-00000000"), Value: value}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n%50_000 == 0 {
					if n > 0 {
						if err := p.Commit(b.Context()); err != nil {
							b.Fatal(err)
						}
					}
					if err := p.Begin(); err != nil {
						b.Fatal(err)
					}
				}
				n++
				for i, v := len(r.Key)-1, n; v > 0; i, v = i-1, v/10 {
					r.Key[i] = byte('0' + v%10)
				}
				if err := p.Send(r); err != nil {
					b.Fatal(err)
				}
			}
			if err := p.Commit(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkConsumer reads what was written before, the broker's work in this
// process included.
func BenchmarkConsumer(b *testing.B) {
	for _, codec := range []string{"none", "lz4", "zstd"} {
		b.Run(codec, func(b *testing.B) {
			_, c := open(b, kfake.NumBrokers(1), kfake.SeedTopics(4, "t"))
			p := producer(b, c, kafka.ProducerConfig{Compression: codec})
			value := fmt.Appendf(nil, "%300d", 7)
			for i := range b.N {
				r := &kafka.Record{Topic: "t", Partition: int32(i % 4), Key: fmt.Appendf(nil, "key-%d", i), Value: value}
				if err := p.Send(r); err != nil {
					b.Fatal(err)
				}
			}
			if err := p.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			r := consumer(b, c, kafka.ConsumerConfig{})
			b.ReportAllocs()
			b.ResetTimer()
			for i := range int32(4) {
				r.Assign("t", i, 0)
			}
			for n := 0; n < b.N; {
				got, err := r.Poll(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				for _, f := range got {
					n += len(f.Records)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
