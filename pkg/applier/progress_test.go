package applier_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// abort publishes records in a transaction that is aborted.
func (w *world) abort(records ...*kgo.Record) {
	w.t.Helper()
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("aborts"))
	must(w.t, err)
	defer producer.Close()
	must(w.t, producer.BeginTransaction())
	must(w.t, producer.ProduceSync(w.t.Context(), records...).FirstErr())
	must(w.t, producer.EndTransaction(w.t.Context(), kgo.TryAbort))
}

// recorded returns the offset of partition 0 that the table records.
func (w *world) recorded() int64 {
	w.t.Helper()
	var record struct {
		Offsets map[int32]int64 `json:"offsets"`
	}
	must(w.t, json.Unmarshal([]byte(w.open("t").Properties()["firn.kafka.offsets.0-of-1"]), &record))
	return record.Offsets[0]
}

// end returns the end of partition 0 of a topic.
func (w *world) end(topic string) int64 {
	w.t.Helper()
	ends, err := w.admin.ListEndOffsets(w.t.Context(), topic)
	must(w.t, err)
	end, ok := ends.Lookup(topic, 0)
	if !ok {
		w.t.Fatalf("topic %s has no end", topic)
	}
	return end.Offset
}

// passedOver is a TRUNCATE for an applier that ignores it.
func (s *source) passedOver() *kgo.Record {
	r := s.record(&debezium.Event{Op: debezium.Truncate}, 1)
	r.Key, r.Partition = nil, 0
	return r
}

func TestApplier_ProgressWithoutRows(t *testing.T) {
	for _, c := range []struct {
		name    string
		publish func(w *world, s *source)
		change  func(*applier.Config)
	}{
		{"aborted transactions", func(w *world, s *source) {
			rows := s.rows
			s.rows = map[int64][]string{}
			w.abort(s.put(1, "never"), s.put(2, "was"))
			s.rows = rows
		}, nil},
		{"TRUNCATE that is passed over", func(w *world, s *source) {
			w.send(s.passedOver())
		}, func(c *applier.Config) { c.IgnoreTruncate = true }},
	} {
		t.Run(c.name+": retention may remove what was read", func(t *testing.T) {
			w := newWorld(t)
			s := w.table("t", 1)
			w.send(s.put(1, "a"))
			must(t, w.run())
			c.publish(w, s)
			run := func() { must(t, w.run(func(s *setup) { s.change = c.change })) }
			run()
			if got, want := w.recorded(), w.end(s.topic); got != want {
				t.Errorf("the table records offset %d, the topic ends at %d", got, want)
			}
			w.trim(s.topic, w.end(s.topic))
			run()
			w.send(s.put(2, "b"))
			run()
			s.holds()
		})
	}
	t.Run("of a table whose changes are appended", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		appending := func(s *setup) {
			s.change = func(c *applier.Config) {
				c.Tables = func(debezium.TableID) applier.TableConfig { return applier.TableConfig{Append: true} }
			}
		}
		w.send(s.put(1, "a"))
		must(t, w.run(appending))
		w.abort(s.put(1, "never"))
		must(t, w.run(appending))
		if got, want := w.recorded(), w.end(s.topic); got != want {
			t.Errorf("the table records offset %d, the topic ends at %d", got, want)
		}
	})
	t.Run("it waits for a row to be recorded with", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		registry := prometheus.NewRegistry()
		running := w.setup()
		running.change = func(c *applier.Config) {
			c.IgnoreTruncate, c.Metrics, c.Interval = true, telemetry.NewApplier(registry), time.Millisecond
		}
		commits := func() (n float64) {
			families, err := registry.Gather()
			must(t, err)
			for _, family := range families {
				if family.GetName() == "firn_applier_commits_total" {
					for _, m := range family.GetMetric() {
						n += m.GetCounter().GetValue()
					}
				}
			}
			return n
		}
		read := func() (n float64) {
			families, err := registry.Gather()
			must(t, err)
			for _, family := range families {
				if family.GetName() == "firn_applier_records_total" {
					n = family.GetMetric()[0].GetCounter().GetValue()
				}
			}
			return n
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended := make(chan error)
		go func() { ended <- running.run(ctx, false) }()
		w.send(s.put(1, "a"))
		until(t, "the row is committed", func() bool { return commits() == 1 })
		for i := range 20 {
			w.send(s.passedOver())
			until(t, "the record is read", func() bool { return read() == float64(i+2) })
		}
		w.send(s.put(2, "b"))
		until(t, "the row is there", func() bool { return w.recorded() == 22 })
		cancel()
		must(t, <-ended)
		if n := commits(); n != 2 {
			t.Errorf("%v commits of 2 rows", n)
		}
	})
}
