package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/integration/gauge"
	"github.com/firn-cdc/firn/integration/load"
)

// perTransaction is how many changes a transaction of the backlog has.
const perTransaction = 20

// snapshot has the readers read the whole table.
func (b *bench) snapshot(ctx context.Context) error {
	for _, f := range b.forms {
		m, _, err := b.read(ctx, f, b.rows)
		if err != nil {
			return err
		}
		if b.comparable(f) {
			if err := b.peer.snapshot(ctx, b, f); err != nil {
				return err
			}
		}
		b.report.add("reader_snapshot"+f.suffix, m.rate(), "rows/s")
		b.report.add("reader_snapshot_cpu_us"+f.suffix, microseconds(m, b.rows), "us/row")
		b.report.raise("reader_rss_mib", gauge.MiB(m.usage.Peak), "MiB")
	}
	return nil
}

// backlog has the readers read changes that were made while they were down.
func (b *bench) backlog(ctx context.Context) error {
	for made := 0; made < b.options.changes; made += perTransaction {
		if err := b.changes.Transaction(ctx, min(perTransaction, b.options.changes-made)); err != nil {
			return err
		}
	}
	deletes := b.options.changes / 4 // each has a tombstone behind it
	for _, f := range b.forms {
		m, bytes, err := b.read(ctx, f, b.options.changes+deletes)
		if err != nil {
			return err
		}
		if b.comparable(f) {
			if err := b.peer.backlog(ctx, b, f, b.options.changes+deletes); err != nil {
				return err
			}
		}
		changes := float64(b.options.changes) / float64(b.options.changes+deletes)
		b.report.add("reader_backlog"+f.suffix, m.rate()*changes, "changes/s")
		b.report.add("reader_bytes_per_event"+f.suffix, float64(bytes)/float64(b.options.changes), "B, stored by the broker")
		b.report.add("reader_backlog_cpu_us"+f.suffix, microseconds(m, b.options.changes), "us/change")
		b.report.raise("reader_rss_mib", gauge.MiB(m.usage.Peak), "MiB")
	}
	return nil
}

// comparable reports whether Debezium is here, and its connector has records of the form.
func (b *bench) comparable(f *form) bool { return b.peer != nil && f.suffix != "_avro" }

func microseconds(m moved, events int) float64 {
	return float64(m.usage.CPU.Microseconds()) / float64(events)
}

// read runs a reader to the end of what is there, which is so many records, and
// returns how many bytes the broker stores of them.
func (b *bench) read(ctx context.Context, f *form, records int) (m moved, bytes int64, err error) {
	return b.measured(ctx, f.topic, func(t *topic, base int64) (moved, error) {
		plain := f.pipe.ReaderFlags
		f.pipe.ReaderFlags = append(slices.Clip(plain), "--stop-at-end")
		err := f.start(ctx, f.pipe.StartReader)
		f.pipe.ReaderFlags = plain
		if err != nil {
			return moved{}, err
		}
		m, err := toEnd(ctx, f.pipe.Reader, func() (int64, error) { return t.end(ctx) })
		if err != nil {
			return m, err
		}
		end, err := t.end(ctx)
		if err != nil {
			return m, err
		}
		// Marks of committed transactions have offsets too.
		if got := end - base; got < int64(records) || got > int64(records)+int64(records)/20+100 {
			return m, fmt.Errorf("the reader wrote %d records, want %d", got, records)
		}
		return m, nil
	})
}

// latency measures how long after its commit in MySQL a change can be read.
func (b *bench) latency(ctx context.Context) error {
	f := b.forms[0]
	if err := f.start(ctx, f.pipe.StartReader); err != nil {
		return err
	}
	if err := f.pipe.Reader.Ready(ctx); err != nil {
		return err
	}
	times, err := b.delays(ctx, f.topic)
	if err != nil {
		return err
	}
	if err := f.pipe.Reader.Stop(); err != nil {
		return err
	}
	if b.comparable(f) {
		if err := b.peer.latency(ctx, b, f); err != nil {
			return err
		}
	}
	for _, q := range latencies() {
		b.report.add(q.name, milliseconds(times.Quantile(q.share)), "ms")
	}
	return nil
}

// quantile is the share of changes that are no later than a result says.
type quantile struct {
	name  string
	share float64
}

func latencies() []quantile {
	return []quantile{{"reader_latency_p50_ms", 0.5}, {"reader_latency_p99_ms", 0.99}}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// delays makes changes and measures when each can be read from a topic whose
// end they come to.
func (b *bench) delays(ctx context.Context, topic string) (*gauge.Times, error) {
	const rate = 100
	t, err := openTopic(b.broker, topic)
	if err != nil {
		return nil, err
	}
	defer t.close()
	end, err := t.end(ctx)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.broker), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(end)}}))
	if err != nil {
		return nil, err
	}
	defer client.Close()

	var mu sync.Mutex
	var commits []time.Time
	made := make(chan error, 1)
	writing, stop := context.WithTimeout(ctx, time.Duration(b.seconds)*time.Second/3)
	defer stop()
	go func() {
		made <- b.changes.Steadily(writing, rate, 1, func(c load.Commit) {
			mu.Lock()
			defer mu.Unlock()
			commits = append(commits, c.At)
		})
	}()
	var seen []time.Time // of the changes, in order: there is one partition
	collect := func(ctx context.Context) {
		fetches := client.PollFetches(ctx)
		now := time.Now()
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Value != nil {
				seen = append(seen, now)
			}
		})
	}
	for writing.Err() == nil {
		collect(writing)
	}
	if err := <-made; err != nil {
		return nil, err
	}
	rest, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for len(seen) < len(commits) && rest.Err() == nil {
		collect(rest)
	}
	if len(seen) != len(commits) {
		return nil, fmt.Errorf("%d changes were read, %d were made", len(seen), len(commits))
	}
	var times gauge.Times
	for i := range seen {
		times.Add(seen[i].Sub(commits[i]), 1)
	}
	return &times, nil
}
