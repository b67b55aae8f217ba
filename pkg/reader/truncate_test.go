package reader

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// At a first start thousands of topics may have records of before. Kafka is asked
// about them before its transaction begins, which would not last so long.
func TestLeftovers_AreLookedUpBeforeASpan(t *testing.T) {
	r := newRig(t, 1)
	s := r.s
	var tables []debezium.TableID
	for _, name := range []string{"a", "b"} {
		r.define("CREATE TABLE " + name + " (id INT PRIMARY KEY)")
		tables = append(tables, debezium.TableID{Database: rigDatabase, Table: name})
	}
	topic := kafka.TopicSpec{Name: "p.d.a", Partitions: 1}
	if _, err := s.cfg.Kafka.EnsureTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if err := s.send(&kafka.Record{Topic: topic.Name, Value: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := s.endSpan(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := s.leftovers(tables)
	if err != nil || s.span.open {
		t.Fatalf("the span is open: %t (%v)", s.span.open, err)
	}
	if a, b := left[tables[0]], left[tables[1]]; !a || b {
		t.Errorf("left are a: %t, b: %t", a, b)
	}
	var asked atomic.Int64
	for _, key := range []kmsg.Key{kmsg.ListOffsets, kmsg.DescribeConfigs, kmsg.CreateTopics} {
		r.cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			r.cluster.KeepControl()
			asked.Add(1)
			return nil, nil, false
		})
	}
	if err := s.truncate(tables[0], s.here()); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d questions in the span", n)
	}
	if got, err := r.published(); err != nil || !strings.Contains(got, "a  t") {
		t.Errorf("published %q (%v)", got, err)
	}
}
