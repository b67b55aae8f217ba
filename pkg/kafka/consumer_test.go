package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// pollUntil polls until done says so and returns the values by partition.
func pollUntil(t testing.TB, r *kafka.Consumer, done func(kafka.Fetched, map[int32][]string) bool) map[int32][]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := make(map[int32][]string)
	for {
		fetched, err := r.Poll(ctx)
		if err != nil {
			t.Fatalf("%v with %v", err, got)
		}
		end := false
		for _, f := range fetched {
			for _, rec := range f.Records {
				got[f.Partition] = append(got[f.Partition], string(rec.Value))
			}
			end = done(f, got) || end
		}
		if end {
			return got
		}
	}
}

// pollError polls until a partition has stopped.
func pollError(t testing.TB, r *kafka.Consumer) error {
	t.Helper()
	var err error
	pollUntil(t, r, func(f kafka.Fetched, _ map[int32][]string) bool {
		if f.Err != nil {
			err = f.Err
		}
		return err != nil
	})
	return err
}

func produce(t testing.TB, c *kafka.Client, topic string, partition int32, from, to int) (values []string) {
	t.Helper()
	p, err := kafka.NewProducer(t.Context(), c, kafka.ProducerConfig{BatchBytes: 2000})
	must(t, err)
	for i := from; i < to; i++ {
		v := fmt.Sprint(i)
		values = append(values, v)
		must(t, p.Send(&kafka.Record{Topic: topic, Partition: partition, Value: []byte(v)}))
	}
	must(t, p.Flush(t.Context()))
	must(t, p.Close())
	return values
}

func TestConsumer_ReadsEveryRecordInOrder(t *testing.T) {
	cluster, c := open(t, kfake.NumBrokers(3), kfake.SeedTopics(4, "t"))
	want := make(map[int32][]string)
	for p := range int32(4) {
		want[p] = produce(t, c, "t", p, 0, 3000)
	}
	r := consumer(t, c, kafka.ConsumerConfig{BufferBytes: 50_000, FetchBytes: 4000})
	for p := range int32(4) {
		r.Assign("t", p, 0)
	}
	total := 0
	got := pollUntil(t, r, func(f kafka.Fetched, _ map[int32][]string) bool {
		if total += len(f.Records); total%7 == 0 {
			must(t, cluster.MoveTopicPartition("t", int32(total%4), int32(total%3)))
		}
		return total == 12_000
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A tail of aborted data and control records has no record, and yet the reader
// must learn that it has passed it: the applier waits for such positions.
func TestConsumer_PassesWhatHasNoRecord(t *testing.T) {
	_, c := open(t, kfake.SeedTopics(1, "t"))
	p := producer(t, c, kafka.ProducerConfig{TransactionalID: "x"})
	for i, abort := range []bool{true, false, true, true} {
		must(t, p.Begin())
		sendAll(t, p, "t", fmt.Sprint(i, "a"), fmt.Sprint(i, "b"))
		must(t, p.Flush(t.Context()))
		if abort {
			must(t, p.Abort(t.Context()))
		} else {
			must(t, p.Commit(t.Context()))
		}
	}
	if diff := cmp.Diff([][]string{{"1a", "1b"}}, readAll(t, c, "t", 1)); diff != "" {
		t.Error(diff)
	}
	r := consumer(t, c, kafka.ConsumerConfig{})
	r.Assign("t", 0, 0)
	got := pollUntil(t, r, func(f kafka.Fetched, _ map[int32][]string) bool { return f.Next == 12 })
	if diff := cmp.Diff(map[int32][]string{0: {"1a", "1b"}}, got); diff != "" {
		t.Error(diff)
	}
	next, high, stable, ok := r.Position("t", 0)
	if next != 12 || high != 12 || stable != 12 || !ok {
		t.Errorf("position %d, high watermark %d, last stable %d, %t; want 12, 12, 12", next, high, stable, ok)
	}
}

func TestConsumer_OpenTransactionsHoldItBack(t *testing.T) {
	_, c := open(t, kfake.SeedTopics(1, "t"))
	produce(t, c, "t", 0, 0, 1)
	p := producer(t, c, kafka.ProducerConfig{TransactionalID: "hanging"})
	must(t, p.Begin())
	sendAll(t, p, "t", "later")
	must(t, p.Flush(t.Context()))
	r := consumer(t, c, kafka.ConsumerConfig{})
	r.Assign("t", 0, 0)
	pollUntil(t, r, func(f kafka.Fetched, _ map[int32][]string) bool {
		if f.Next != 1 || f.HighWatermark != 2 || f.LastStable != 1 {
			t.Errorf("next %d, high watermark %d, last stable %d; want 1, 2, 1", f.Next, f.HighWatermark, f.LastStable)
		}
		return true
	})
	offsets, err := c.Offsets(t.Context(), "t")
	must(t, err)
	if diff := cmp.Diff([]kafka.PartitionOffsets{{HighWatermark: 2, LastStable: 1}}, offsets); diff != "" {
		t.Error(diff)
	}
	transactions, err := c.OpenTransactions(t.Context(), "t", 0)
	must(t, err)
	if len(transactions) != 1 || transactions[0].FirstOffset != 1 || transactions[0].TransactionalID != "hanging" {
		t.Errorf("open transactions %+v, want that of hanging from offset 1", transactions)
	}
	if since := r.HeldSince("t", 0); since.IsZero() || time.Since(since) > time.Minute {
		t.Errorf("held since %s", since)
	}
	must(t, p.Commit(t.Context()))
	pollUntil(t, r, func(f kafka.Fetched, got map[int32][]string) bool { return len(got[0]) == 1 && got[0][0] == "later" })
	if since := r.HeldSince("t", 0); !since.IsZero() {
		t.Errorf("held since %s after the transaction has ended", since)
	}
}

func TestConsumer_NamesTheTransactionThatHoldsItBack(t *testing.T) {
	cluster, c := open(t, kfake.SeedTopics(1, "t"))
	p := producer(t, c, kafka.ProducerConfig{TransactionalID: "hanging"})
	must(t, p.Begin())
	sendAll(t, p, "t", "later")
	must(t, p.Flush(t.Context()))
	said := make(chan struct{})
	log := &untilSaid{times: 1, then: func() { close(said) }}
	watched := dial(t, kafka.Config{Brokers: cluster.ListenAddrs(), Logger: slog.New(slog.NewTextHandler(log, nil))})
	r := consumer(t, watched, kafka.ConsumerConfig{OpenFor: 100 * time.Millisecond})
	r.Assign("t", 0, 0)
	<-said
	for _, part := range []string{"an open transaction holds back all records", "topic=t partition=0 offset=0", "transactional_id=hanging producer_id="} {
		if text := log.text.String(); !strings.Contains(text, part) {
			t.Errorf("it does not say %q:\n%s", part, text)
		}
	}
	must(t, p.Commit(t.Context()))
	pollUntil(t, r, func(_ kafka.Fetched, got map[int32][]string) bool { return len(got[0]) == 1 })
	if text := log.text.String(); strings.Count(text, "\n") != 1 {
		t.Errorf("it says more than once, or of what has ended:\n%s", text)
	}
}

func TestConsumer_PausedPartitionsAreHeldBack(t *testing.T) {
	_, c := open(t, kfake.SeedTopics(2, "t"))
	produce(t, c, "t", 0, 0, 100)
	produce(t, c, "t", 1, 0, 100)
	r := consumer(t, c, kafka.ConsumerConfig{})
	r.Assign("t", 0, 0)
	r.Assign("t", 1, 0)
	r.Pause("t", 0)
	got := pollUntil(t, r, func(_ kafka.Fetched, got map[int32][]string) bool { return len(got[1]) == 100 })
	if len(got[0]) > 0 {
		t.Errorf("%d records of the paused partition", len(got[0]))
	}
	r.Resume("t", 0)
	pollUntil(t, r, func(_ kafka.Fetched, got map[int32][]string) bool { return len(got[0]) == 100 })
}

// What was read ahead of a partition that waits for another one must not keep
// that one from being read.
func TestConsumer_AHeldPartitionTakesNoRoom(t *testing.T) {
	cluster, c := open(t, kfake.SeedTopics(2, "t"))
	want := produce(t, c, "t", 0, 0, 2000)
	others := produce(t, c, "t", 1, 0, 2000)
	fetched := make(chan struct{}, 1000)
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		fetched <- struct{}{}
		return nil, nil, false
	})
	r := consumer(t, c, kafka.ConsumerConfig{BufferBytes: 10_000, FetchBytes: 6000, MaxWait: 10 * time.Millisecond})
	r.Assign("t", 0, 0)
	first := pollUntil(t, r, func(_ kafka.Fetched, got map[int32][]string) bool { return len(got[0]) > 0 })[0]
	for full := false; !full; {
		select {
		case <-fetched:
		case <-time.After(300 * time.Millisecond):
			full = true
		}
	}
	r.Hold("t", 0)
	r.Assign("t", 1, 0)
	got := pollUntil(t, r, func(_ kafka.Fetched, got map[int32][]string) bool { return len(got[1]) == len(others) })
	if len(got[0]) > 0 {
		t.Errorf("%d records of the held partition", len(got[0]))
	}
	r.Resume("t", 0)
	rest := pollUntil(t, r, func(f kafka.Fetched, _ map[int32][]string) bool { return f.Partition == 0 && f.Next == 2000 })[0]
	if diff := cmp.Diff(want, append(first, rest...)); diff != "" {
		t.Error(diff)
	}
}

// A broker may leave out partitions for which an answer has no room. That is no
// reason to pause before they are asked for again.
func TestConsumer_AnswersLeaveOutPartitions(t *testing.T) {
	cluster, c := open(t, kfake.SeedTopics(12, "t"))
	p := producer(t, c, kafka.ProducerConfig{BatchBytes: 20_000})
	const each = 100
	for i := range 12 * each {
		must(t, p.Send(&kafka.Record{Topic: "t", Partition: int32(i % 12), Value: make([]byte, 10_000)}))
	}
	must(t, p.Flush(t.Context()))
	var log bytes.Buffer
	c = dial(t, kafka.Config{Brokers: cluster.ListenAddrs(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := consumer(t, c, kafka.ConsumerConfig{BufferBytes: 100_000})
	for p := range int32(12) {
		r.Assign("t", p, 0)
	}
	total := 0
	pollUntil(t, r, func(f kafka.Fetched, _ map[int32][]string) bool { total += len(f.Records); return total == 12*each })
	must(t, r.Close()) // nobody writes to the log any more
	if log.Len() > 0 {
		t.Error(log.String())
	}
}

func TestConsumer_AssignStartsAgain(t *testing.T) {
	_, c := open(t, kfake.SeedTopics(1, "t"))
	want := produce(t, c, "t", 0, 0, 1000)
	r := consumer(t, c, kafka.ConsumerConfig{})
	for _, from := range []int{500, 3, 999} {
		r.Assign("t", 0, int64(from))
		got := pollUntil(t, r, func(f kafka.Fetched, _ map[int32][]string) bool { return f.Next == 1000 })
		if diff := cmp.Diff(want[from:], got[0]); diff != "" {
			t.Errorf("from %d: %s", from, diff)
		}
	}
	r.Unassign("t", 0)
	if _, _, _, ok := r.Position("t", 0); ok {
		t.Error("an unassigned partition has a position")
	}
}

// A buffer that nobody empties must stop the reading, whatever the topic holds.
func TestConsumer_TheBufferIsBounded(t *testing.T) {
	cluster, c := open(t, kfake.SeedTopics(1, "t"))
	p := producer(t, c, kafka.ProducerConfig{BatchBytes: 10_000})
	for range 500 {
		must(t, p.Send(&kafka.Record{Topic: "t", Value: make([]byte, 10_000)}))
	}
	must(t, p.Flush(t.Context()))
	fetched := make(chan struct{}, 1000)
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		fetched <- struct{}{}
		return nil, nil, false
	})
	r := consumer(t, c, kafka.ConsumerConfig{BufferBytes: 100_000, FetchBytes: 20_000, MaxWait: 10 * time.Millisecond})
	r.Assign("t", 0, 0)
	for range 2 {
		<-fetched
	}
	quiet := time.NewTimer(300 * time.Millisecond)
	for n := 0; ; n++ {
		select {
		case <-fetched:
			if n > 20 {
				t.Fatal("the consumer reads on though nobody polls")
			}
			continue
		case <-quiet.C:
		}
		break
	}
	total := 0
	pollUntil(t, r, func(f kafka.Fetched, _ map[int32][]string) bool { total += len(f.Records); return total == 500 })
}

func TestConsumer_OffsetsOutOfTheLog(t *testing.T) {
	_, c := open(t)
	_, err := c.EnsureTopic(t.Context(), kafka.TopicSpec{Name: "t", Partitions: 2, Replication: 1})
	must(t, err)
	produce(t, c, "t", 0, 0, 10)
	produce(t, c, "t", 1, 0, 10)
	deleteBefore(t, c, "t", 4)

	for _, tt := range []struct {
		asked int64
		want  kafka.OffsetOutOfRangeError
		text  string
	}{
		{
			3,
			kafka.OffsetOutOfRangeError{Topic: "t", Asked: 3, Earliest: 4, Latest: 10},
			"read t/0 at offset 3: offset 3 of t/0 is gone: retention has removed the records before 4",
		},
		{
			11,
			kafka.OffsetOutOfRangeError{Topic: "t", Asked: 11, Earliest: 4, Latest: 10},
			"read t/0 at offset 11: offset 11 of t/0 is beyond the end 10: the topic was created anew or has lost records",
		},
	} {
		t.Run(fmt.Sprint(tt.asked), func(t *testing.T) {
			r := consumer(t, c, kafka.ConsumerConfig{})
			r.Assign("t", 0, tt.asked)
			err := pollError(t, r)
			var out *kafka.OffsetOutOfRangeError
			if !errors.Is(err, kafka.ErrOffsetOutOfRange) || !errors.As(err, &out) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(tt.want, *out); diff != "" {
				t.Error(diff)
			}
			if err.Error() != tt.text {
				t.Errorf("got %q, want %q", err, tt.text)
			}
			// The others go on.
			r.Assign("t", 1, 0)
			pollUntil(t, r, func(_ kafka.Fetched, got map[int32][]string) bool { return len(got[1]) == 10 })
			if err := c.ReadAll(t.Context(), "t", 0, 3, func(*kafka.Record) error { return nil }); tt.asked == 3 && !errors.Is(err, kafka.ErrOffsetOutOfRange) {
				t.Errorf("ReadAll: got %v, want ErrOffsetOutOfRange", err)
			}
		})
	}
}

// admin opens sarama's own administration client.
func admin(t testing.TB, cluster []string) sarama.ClusterAdmin {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_6_0_0
	a, err := sarama.NewClusterAdmin(cluster, cfg)
	must(t, err)
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func deleteBefore(t testing.TB, c *kafka.Client, topic string, offset int64) {
	t.Helper()
	must(t, admin(t, kafka.Brokers(c)).DeleteRecords(topic, map[int32]int64{0: offset}))
}

func TestConsumer_ATopicCreatedAnewIsNotTheSame(t *testing.T) {
	_, c := open(t)
	create := func() string {
		_, err := c.EnsureTopic(t.Context(), kafka.TopicSpec{Name: "t", Partitions: 1, Replication: 1})
		must(t, err)
		info, err := c.Topic(t.Context(), "t")
		must(t, err)
		return info.ID
	}
	id := create()
	produce(t, c, "t", 0, 0, 10)
	r := consumer(t, c, kafka.ConsumerConfig{MaxWait: 10 * time.Millisecond})
	r.ExpectTopicID("t", id)
	r.Assign("t", 0, 0)
	pollUntil(t, r, func(_ kafka.Fetched, got map[int32][]string) bool { return len(got[0]) == 10 })

	must(t, admin(t, kafka.Brokers(c)).DeleteTopic("t"))
	other := create()
	err := pollError(t, r)
	var recreated *kafka.TopicRecreatedError
	if !errors.Is(err, kafka.ErrTopicRecreated) || !errors.As(err, &recreated) || recreated.Want != id || recreated.Got != other {
		t.Errorf("got %v, want id %s and not %s", err, other, id)
	}
}

// Thousands of topics must not be asked about one after the other while nothing is read.
func TestConsumer_AsksAboutAllTopicsAtOnce(t *testing.T) {
	var topics []string
	for i := range 50 {
		topics = append(topics, fmt.Sprint("t", i))
	}
	cluster, c := open(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	r := consumer(t, c, kafka.ConsumerConfig{MaxWait: 10 * time.Millisecond})
	for _, topic := range topics {
		info, err := c.Topic(t.Context(), topic)
		must(t, err)
		r.ExpectTopicID(topic, info.ID)
		r.Assign(topic, 0, 0)
	}
	begun := 0
	pollUntil(t, r, func(kafka.Fetched, map[int32][]string) bool { begun++; return begun == len(topics) })

	failing, requests, asked := true, 0, make(map[string]bool)
	cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if !failing {
			return nil, nil, false
		}
		failing = false
		return fetchError(req.(*kmsg.FetchRequest), kerr.NotLeaderForPartition.Code), nil, true
	})
	done := make(chan int, 1)
	cluster.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		m := req.(*kmsg.MetadataRequest)
		requests++
		for _, topic := range m.Topics {
			if topic.Topic != nil && m.Version == 11 { // of topics' ids
				asked[*topic.Topic] = true
			}
		}
		if len(asked) == len(topics) {
			select {
			case done <- requests:
			default:
			}
		}
		return nil, nil, false
	})
	select {
	case n := <-done:
		if n > 5 {
			t.Errorf("%d requests about %d topics", n, len(topics))
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the topics' ids are not asked for")
	}
}

func TestConsumer_ErrorsThatStopAPartition(t *testing.T) {
	fail := func(code int16, times int) func(*kfake.Cluster) {
		return func(cluster *kfake.Cluster) {
			cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				if times--; times < 0 {
					return nil, nil, false
				}
				return fetchError(req.(*kmsg.FetchRequest), code), nil, true
			})
		}
	}
	t.Run("not authorised", func(t *testing.T) {
		cluster, c := open(t, kfake.SeedTopics(1, "t"))
		fail(kerr.TopicAuthorizationFailed.Code, 1)(cluster)
		r := consumer(t, c, kafka.ConsumerConfig{})
		r.Assign("t", 0, 0)
		if err := pollError(t, r); !errors.Is(err, kafka.ErrTopicDenied) {
			t.Errorf("got %v, want ErrTopicDenied", err)
		}
	})
	t.Run("a leader that moved is looked up", func(t *testing.T) {
		cluster, c := open(t, kfake.SeedTopics(1, "t"))
		produce(t, c, "t", 0, 0, 3)
		fail(kerr.NotLeaderForPartition.Code, 3)(cluster)
		r := consumer(t, c, kafka.ConsumerConfig{})
		r.Assign("t", 0, 0)
		pollUntil(t, r, func(_ kafka.Fetched, got map[int32][]string) bool { return len(got[0]) == 3 })
	})
	t.Run("closed", func(t *testing.T) {
		_, c := open(t, kfake.SeedTopics(1, "t"))
		r := consumer(t, c, kafka.ConsumerConfig{})
		must(t, r.Close())
		if _, err := r.Poll(t.Context()); !errors.Is(err, kafka.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}

func fetchError(req *kmsg.FetchRequest, code int16) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	for _, topic := range req.Topics {
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic, rt.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			rp := kmsg.NewFetchResponseTopicPartition()
			rp.Partition, rp.ErrorCode, rp.RecordBatches = partition.Partition, code, []byte{}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
