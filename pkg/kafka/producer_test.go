package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// readAll returns the committed values of a topic's partitions, in order each.
func readAll(t testing.TB, c *kafka.Client, topic string, partitions int32) [][]string {
	t.Helper()
	got := make([][]string, partitions)
	for p := range partitions {
		err := c.ReadAll(t.Context(), topic, p, 0, func(r *kafka.Record) error {
			got[p] = append(got[p], string(r.Value))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// sendAll sends each value as a record of its own to partition 0.
func sendAll(t testing.TB, p *kafka.Producer, topic string, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := p.Send(&kafka.Record{Topic: topic, Value: []byte(v)}); err != nil {
			t.Fatal(err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestProducer_ATransactionIsVisibleWholeOrNotAtAll(t *testing.T) {
	_, c := open(t, kfake.SeedTopics(1, "t"))
	p := producer(t, c, kafka.ProducerConfig{TransactionalID: "x"})
	must(t, p.Begin())
	sendAll(t, p, "t", "1", "2")
	must(t, p.Commit(t.Context()))
	must(t, p.Begin())
	sendAll(t, p, "t", "3")
	must(t, p.Flush(t.Context()))
	must(t, p.Abort(t.Context()))
	must(t, p.Begin())
	sendAll(t, p, "t", "4")
	must(t, p.Commit(t.Context()))
	must(t, p.Begin())
	must(t, p.Commit(t.Context()))
	if diff := cmp.Diff([][]string{{"1", "2", "4"}}, readAll(t, c, "t", 1)); diff != "" {
		t.Error(diff)
	}
}

// A reader that was thought dead must not write behind its successor.
func TestProducer_ASecondOneFencesTheFirst(t *testing.T) {
	_, c := open(t, kfake.SeedTopics(1, "t"))
	first := producer(t, c, kafka.ProducerConfig{TransactionalID: "x"})
	must(t, first.Begin())
	sendAll(t, first, "t", "lost")
	must(t, first.Flush(t.Context()))
	second := producer(t, c, kafka.ProducerConfig{TransactionalID: "x"})
	must(t, second.Begin())
	sendAll(t, second, "t", "kept")
	must(t, second.Commit(t.Context()))
	if err := first.Commit(t.Context()); !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("commit: got %v, want ErrFenced", err)
	}
	if err := first.Abort(t.Context()); !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("abort: got %v, want ErrFenced", err)
	}
	if err := first.Begin(); !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("begin: got %v, want ErrFenced", err)
	}
	if diff := cmp.Diff([][]string{{"kept"}}, readAll(t, c, "t", 1)); diff != "" {
		t.Error(diff)
	}
}

// To the broker both are the same, but what it gave up for its age is begun again,
// and nobody has taken over.
func TestProducer_ATransactionThatTookTooLongIsNoFence(t *testing.T) {
	_, c := open(t, kfake.SeedTopics(1, "t"))
	config := kafka.ProducerConfig{TransactionalID: "x", TransactionTimeout: 200 * time.Millisecond}
	first := producer(t, c, config)
	must(t, first.Begin())
	sendAll(t, first, "t", "lost")
	must(t, first.Flush(t.Context()))
	for open := 1; open > 0; {
		transactions, err := c.OpenTransactions(t.Context(), "t", 0)
		must(t, err)
		open = len(transactions)
	}
	err := first.Commit(t.Context())
	if !errors.Is(err, kafka.ErrTransactionTime) || errors.Is(err, kafka.ErrFenced) || !kafka.Retriable(err) {
		t.Errorf("commit: got %v, want ErrTransactionTime", err)
	}
	if err := first.Abort(t.Context()); !errors.Is(err, kafka.ErrTransactionTime) {
		t.Errorf("abort: got %v, want ErrTransactionTime", err)
	}
	second := producer(t, c, config)
	must(t, second.Begin())
	sendAll(t, second, "t", "kept")
	must(t, second.Commit(t.Context()))
	if diff := cmp.Diff([][]string{{"kept"}}, readAll(t, c, "t", 1)); diff != "" {
		t.Error(diff)
	}
}

func TestProducer_WhatIsSentIsRead(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			_, c := open(t, kfake.SeedTopics(1, "t"))
			p := producer(t, c, kafka.ProducerConfig{Compression: codec})
			at := time.UnixMilli(1_700_000_000_123)
			want := []kafka.Record{
				{Key: []byte("k"), Value: []byte("v"), Timestamp: at},
				{Key: []byte{}, Value: []byte{}, Timestamp: at.Add(-time.Hour)},
				{Timestamp: at.Add(time.Hour)},
				{Value: bytes.Repeat([]byte("x"), 70_000), Timestamp: at},
				{
					Key: []byte("h"), Timestamp: at,
					Headers: []kafka.Header{{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "", Value: []byte{}}},
				},
			}
			for i := range want {
				sent := want[i]
				sent.Topic = "t"
				sent.Key, sent.Value = slices.Clone(sent.Key), slices.Clone(sent.Value)
				must(t, p.Send(&sent))
				clear(sent.Key) // Send has copied it
				clear(sent.Value)
				want[i].Topic, want[i].Offset = "t", int64(i)
			}
			must(t, p.Flush(t.Context()))
			var got []kafka.Record
			must(t, c.ReadAll(t.Context(), "t", 0, 0, func(r *kafka.Record) error {
				got = append(got, *r)
				return nil
			}))
			if !reflect.DeepEqual(want, got) { // cmp takes long over a large value
				t.Error(cmp.Diff(want, got))
			}
		})
	}
}

// Small batches, a small buffer and failing brokers: nothing lost, nothing
// twice, all in order.
func TestProducer_RetriesKeepOrder(t *testing.T) {
	const seed, partitions, records = 1, 3, 5000
	rng := rand.New(rand.NewPCG(seed, 0))
	cluster, c := open(t, kfake.NumBrokers(3), kfake.SeedTopics(partitions, "t"))
	failures := 0
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if failures == 30 || rng.IntN(3) > 0 {
			return nil, nil, false
		}
		failures++
		if rng.IntN(2) == 0 {
			return nil, errors.New("connection lost"), true
		}
		return produceError(req.(*kmsg.ProduceRequest), kerr.NotLeaderForPartition.Code), nil, true
	})
	p := producer(t, c, kafka.ProducerConfig{
		TransactionalID: "x", BatchBytes: 2000, BufferBytes: 20_000, Linger: time.Microsecond,
	})
	want := make([][]string, partitions)
	must(t, p.Begin())
	for i := range records {
		if i%1000 == 999 {
			must(t, p.Commit(t.Context()))
			must(t, p.Begin())
		}
		to := i % partitions
		v := fmt.Sprint(i)
		want[to] = append(want[to], v)
		must(t, p.Send(&kafka.Record{Topic: "t", Partition: int32(to), Value: []byte(v)}))
	}
	must(t, p.Commit(t.Context()))
	if diff := cmp.Diff(want, readAll(t, c, "t", partitions)); diff != "" {
		t.Error(diff)
	}
	if failures == 0 {
		t.Error("no request failed")
	}
}

// produceError answers every partition of a request with one code.
func produceError(req *kmsg.ProduceRequest, code int16) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range req.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.ErrorCode = partition.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// The span that a permanent error hits is lost whole, and the next one works.
func TestProducer_APermanentErrorEndsTheSpan(t *testing.T) {
	cluster, c := open(t, kfake.SeedTopics(1, "t"))
	p := producer(t, c, kafka.ProducerConfig{TransactionalID: "x"})
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		return produceError(req.(*kmsg.ProduceRequest), kerr.TopicAuthorizationFailed.Code), nil, true
	})
	must(t, p.Begin())
	sendAll(t, p, "t", "lost")
	err := p.Commit(t.Context())
	var produce *kafka.ProduceError
	if !errors.Is(err, kafka.ErrTopicDenied) || !errors.As(err, &produce) || produce.Topic != "t" || produce.Records != 1 {
		t.Errorf("commit: got %v, want a ProduceError of t with ErrTopicDenied", err)
	}
	if err := p.Send(&kafka.Record{Topic: "t"}); !errors.Is(err, kafka.ErrTopicDenied) {
		t.Errorf("send: got %v, want ErrTopicDenied", err)
	}
	if err := p.Begin(); err == nil {
		t.Error("begin before abort: got no error")
	}
	must(t, p.Abort(t.Context()))
	must(t, p.Begin())
	sendAll(t, p, "t", "kept")
	must(t, p.Commit(t.Context()))
	if diff := cmp.Diff([][]string{{"kept"}}, readAll(t, c, "t", 1)); diff != "" {
		t.Error(diff)
	}
}

func TestProducer_RecordTooLarge(t *testing.T) {
	_, c := open(t)
	_, err := c.EnsureTopic(t.Context(), kafka.TopicSpec{
		Name: "t", Partitions: 1, Replication: 1, Config: map[string]string{"max.message.bytes": "1000"},
	})
	must(t, err)
	p := producer(t, c, kafka.ProducerConfig{})

	t.Run("a batch that is too large is split", func(t *testing.T) {
		var want []kafka.Record
		for i := range 50 {
			want = append(want, kafka.Record{
				Topic: "t", Offset: int64(i), Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i*i*100)),
				Key: fmt.Appendf(nil, "%d", i), Value: fmt.Appendf(nil, "%0100d", i), Headers: []kafka.Header{{Key: "n", Value: fmt.Append(nil, i)}},
			})
			must(t, p.Send(&want[i]))
		}
		must(t, p.Flush(t.Context()))
		var got []kafka.Record
		must(t, c.ReadAll(t.Context(), "t", 0, 0, func(r *kafka.Record) error {
			got = append(got, *r)
			return nil
		}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a record that is too large is an error with its size and the setting", func(t *testing.T) {
		must(t, p.Send(&kafka.Record{Topic: "t", Key: []byte("secret"), Value: bytes.Repeat([]byte("x"), 2000)}))
		err := p.Flush(t.Context())
		var large *kafka.RecordTooLargeError
		if !errors.As(err, &large) || large.Topic != "t" || large.Size < 2000 || large.KeySize != 6 {
			t.Fatalf("got %v, want a RecordTooLargeError", err)
		}
		if !strings.Contains(err.Error(), "max.message.bytes") || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %q", err)
		}
	})
}

// A commit whose answer is lost has happened or not: asking again tells, and
// when it does not the caller must know that it is unknown.
func TestProducer_LostCommitAnswers(t *testing.T) {
	lose := func(cluster *kfake.Cluster, times int) {
		cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			if times--; times < 0 {
				return nil, nil, false
			}
			return nil, errors.New("connection lost"), true
		})
	}
	t.Run("a lost answer is asked for again", func(t *testing.T) {
		cluster, c := open(t, kfake.SeedTopics(1, "t"))
		p := producer(t, c, kafka.ProducerConfig{TransactionalID: "x"})
		must(t, p.Begin())
		sendAll(t, p, "t", "1")
		must(t, p.Flush(t.Context()))
		lose(cluster, 2)
		must(t, p.Commit(t.Context()))
		if diff := cmp.Diff([][]string{{"1"}}, readAll(t, c, "t", 1)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("no answer at all leaves it unknown", func(t *testing.T) {
		cluster, c := open(t, kfake.SeedTopics(1, "t"))
		p := producer(t, c, kafka.ProducerConfig{TransactionalID: "x", DeliveryTimeout: 100 * time.Millisecond})
		must(t, p.Begin())
		sendAll(t, p, "t", "1")
		must(t, p.Flush(t.Context()))
		lose(cluster, 1_000_000)
		if err := p.Commit(t.Context()); !errors.Is(err, kafka.ErrCommitUnknown) || !kafka.Retriable(err) {
			t.Errorf("got %v, want ErrCommitUnknown", err)
		}
	})
	t.Run("a caller that gives up does not know either", func(t *testing.T) {
		cluster, c := open(t, kfake.SeedTopics(1, "t"))
		p := producer(t, c, kafka.ProducerConfig{TransactionalID: "x"})
		must(t, p.Begin())
		sendAll(t, p, "t", "1")
		must(t, p.Flush(t.Context()))
		lose(cluster, 1_000_000)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := p.Commit(ctx); !errors.Is(err, kafka.ErrCommitUnknown) {
			t.Errorf("got %v, want ErrCommitUnknown", err)
		}
	})
}

func TestProducer_SendBlocksWhileTheBufferIsFull(t *testing.T) {
	cluster, c := open(t, kfake.SeedTopics(1, "t"))
	p := producer(t, c, kafka.ProducerConfig{BufferBytes: 10_000, BatchBytes: 1000})
	sendAll(t, p, "t", "warm")
	must(t, p.Flush(t.Context()))
	release := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	sent := 0
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for {
		err := p.SendContext(ctx, &kafka.Record{Topic: "t", Value: make([]byte, 500)})
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		must(t, err)
		sent++
	}
	if records, size := p.Queued(); records != sent || size < 500*sent || size > 10_000 {
		t.Errorf("%d records of %d bytes wait, want the %d that were sent", records, size, sent)
	}
	if sent == 0 || sent > 10_000/500 {
		t.Errorf("%d records of 500 bytes fitted into 10,000", sent)
	}
	close(release)
	must(t, p.Flush(t.Context()))
	if records, size := p.Queued(); records != 0 || size != 0 {
		t.Errorf("%d records of %d bytes wait after a flush", records, size)
	}
	if got := len(readAll(t, c, "t", 1)[0]); got != sent+1 {
		t.Errorf("%d records were written, want %d", got, sent+1)
	}
}

func TestProducer_CloseReleasesWhoWaits(t *testing.T) {
	cluster, c := open(t, kfake.SeedTopics(1, "t"))
	p := producer(t, c, kafka.ProducerConfig{BufferBytes: 1000})
	release := make(chan struct{})
	defer close(release)
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	ended := make(chan error)
	go func() {
		for {
			if err := p.Send(&kafka.Record{Topic: "t", Value: make([]byte, 900)}); err != nil {
				ended <- err
				return
			}
		}
	}()
	must(t, p.Close())
	if err := <-ended; !errors.Is(err, kafka.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestProducer_Misuse(t *testing.T) {
	_, c := open(t, kfake.SeedTopics(2, "t"))
	p := producer(t, c, kafka.ProducerConfig{TransactionalID: "x"})
	for _, tt := range []struct {
		name string
		do   func() error
		want string
	}{
		{"send outside", func() error { return p.Send(&kafka.Record{Topic: "t"}) }, "send outside a Kafka transaction"},
		{"commit outside", func() error { return p.Commit(t.Context()) }, "commit a Kafka transaction: none is open"},
		{"begin twice", func() error { return errors.Join(p.Begin(), p.Begin()) }, "begin a Kafka transaction: one is open"},
		{
			"no such partition", func() error { return p.Send(&kafka.Record{Topic: "t", Partition: 2}) },
			"send to t/2: the topic has 2 partitions",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.do(); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// Records without a key fill one partition's batch before the next is begun.
func TestProducer_WithoutKeysPartitionsAreSpread(t *testing.T) {
	_, c := open(t, kfake.SeedTopics(4, "t"))
	p := producer(t, c, kafka.ProducerConfig{BatchBytes: 1000})
	for range 2000 {
		must(t, p.Send(&kafka.Record{Topic: "t", Partition: kafka.Unassigned, Value: make([]byte, 80)}))
	}
	must(t, p.Flush(t.Context()))
	total := 0
	for _, of := range readAll(t, c, "t", 4) {
		if len(of) == 0 {
			t.Error("a partition got nothing")
		}
		total += len(of)
	}
	if total != 2000 {
		t.Errorf("%d records, want 2000", total)
	}
}

// A transaction that touches thousands of tables has a batch open for each: what
// they hold is not a multiple of what was sent.
func TestProducer_ManyPartitionsHoldLittle(t *testing.T) {
	const partitions = 2000
	_, c := open(t, kfake.NumBrokers(1), kfake.SeedTopics(partitions, "t"))
	p := producer(t, c, kafka.ProducerConfig{Linger: time.Hour})
	for i := range int32(partitions) {
		must(t, p.Send(&kafka.Record{Topic: "t", Partition: i, Value: make([]byte, 1000)}))
	}
	if held := kafka.Held(p); held < 1000*partitions || held > 8*1000*partitions {
		t.Errorf("%d batches of 1,000 bytes hold %d bytes", partitions, held)
	}
}
