//go:build integration

package takeover_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// record is what must be equal of a record, whoever published it.
type record struct{ place, key, value string }

func (r record) String() string { return r.place + " " + r.key + " " + r.value }

// compare holds what is in Kafka against what the undisturbed reader published:
// record by record in each partition; of rows without a key, whose partition
// nobody can know, of the whole topic.
func (w *world) compare() {
	calm, err := kafka.Open(w.Context(), kafka.Config{Brokers: []string{w.calm.Addr}})
	w.must(err)
	defer calm.Close()
	got, want := w.topics(w.client), w.topics(calm)
	if !slices.Equal(got, want) {
		w.Errorf("topics %v, want %v", got, want)
	}
	for _, topic := range want {
		if topic == prefix+"."+database+".keyless" {
			w.same(topic, sorted(w.read(w.client, topic)), sorted(w.read(calm, topic)))
			continue
		}
		a, b := w.read(w.client, topic), w.read(calm, topic)
		for p := range b {
			w.same(fmt.Sprintf("%s/%d", topic, p), a[p], b[p])
		}
	}
}

func sorted(partitions [][]record) []record {
	all := slices.Concat(partitions...)
	slices.SortFunc(all, func(a, b record) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// same reports the first difference, and how many records are there twice or not at all.
func (w *world) same(name string, got, want []record) {
	count := make(map[record]int)
	for _, r := range want {
		count[r]++
	}
	for _, r := range got {
		count[r]--
	}
	lost, twice := 0, 0
	for _, n := range count {
		lost += max(n, 0)
		twice += max(-n, 0)
	}
	w.Logf("%s: %d records, %d lost, %d twice", name, len(got), lost, twice)
	if lost == 0 && twice == 0 && slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			w.Errorf("%s: record %d:\n got %s\nwant %s", name, i, window(got, i), window(want, i))
			return
		}
	}
}

func window(records []record, at int) string {
	var text strings.Builder
	for i := max(0, at-1); i < min(len(records), at+2); i++ {
		fmt.Fprintf(&text, "\n  %.1000s", records[i])
	}
	return text.String()
}

func (w *world) read(client *kafka.Client, topic string) [][]record {
	offsets, err := client.Offsets(w.Context(), topic)
	w.must(err)
	all := make([][]record, len(offsets))
	for _, o := range offsets {
		w.must(client.ReadAll(w.Context(), topic, o.Partition, o.Earliest, func(r *kafka.Record) error {
			got, skip, err := w.recordOf(topic, r)
			if !skip {
				all[o.Partition] = append(all[o.Partition], got)
			}
			return err
		}))
	}
	return all
}

// recordOf leaves out of a record what depends on who published it and when.
func (w *world) recordOf(topic string, r *kafka.Record) (out record, skip bool, err error) {
	out.key = string(r.Key)
	if r.Value == nil {
		return out, false, nil
	}
	var value map[string]any
	if w.registry != nil {
		value, err = w.registry.decode(r.Value)
	} else {
		err = json.Unmarshal(r.Value, &value)
	}
	if err != nil {
		return out, false, fmt.Errorf("%s offset %d: %w", topic, r.Offset, err)
	}
	whole := value
	if payload, ok := value["payload"].(map[string]any); ok { // with schemas, which are compared, too
		value = payload
	}
	for _, name := range []string{"ts_ms", "ts_us", "ts_ns"} {
		delete(value, name)
	}
	if source, ok := value["source"].(map[string]any); ok {
		if snapshot := source["snapshot"]; snapshot != nil && snapshot != "false" {
			return out, true, nil // schema changes of the beginning
		}
		delete(source, "version") // of MariaDB's connector, an older one
		if topic == prefix {
			delete(source, "row") // of the row event before, if the reader has met one
		}
		out.place = fmt.Sprintf("%v %v:%v:%v", source["gtid"], source["file"], source["pos"], source["row"])
	}
	text, err := json.Marshal(whole)
	out.value = string(text)
	return out, false, err
}
