// Package source stands for MySQL and a Debezium connector: it changes tables
// that exist nowhere else, writes the changes to Kafka as Debezium does, and
// knows which rows they amount to. It uses no part of firn.
package source

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Table is a made-up table, and the changes to it that have not been published.
type Table struct {
	Prefix, Database, Name string
	Columns                []Column
	Schemas                bool // each record carries its schema

	rand    *rand.Rand
	rows    map[string][]any // by the key's text
	keys    []string         // of rows, in no order
	pos     int64
	pending []*kgo.Record
	counts  map[string]int
}

// New returns an empty table with a key of two columns and three others, whose
// random changes a seed decides.
func New(prefix, database, name string, seed uint64) *Table {
	return &Table{
		Prefix: prefix, Database: database, Name: name, Schemas: true,
		Columns: []Column{
			{Name: "id", Kind: Int32, Key: true},
			{Name: "code", Kind: String, Key: true},
			{Name: "v", Kind: Int64, Optional: true},
			{Name: "note", Kind: String, Optional: true},
			{Name: "amount", Kind: Decimal, Optional: true},
		},
		rand: rand.New(rand.NewPCG(seed, 2)), rows: make(map[string][]any), counts: make(map[string]int),
	}
}

// Topic returns the name of the table's topic.
func (t *Table) Topic() string { return t.Prefix + "." + t.Database + "." + t.Name }

// Names returns the names of the columns, the key's alone if key.
func (t *Table) Names(key bool) []string {
	var names []string
	for _, c := range t.Columns {
		if c.Key || !key {
			names = append(names, c.Name)
		}
	}
	return names
}

// Rows returns the rows that all changes so far amount to, as an engine prints
// them, joined by commas and sorted.
func (t *Table) Rows() []string {
	rows := make([]string, 0, len(t.rows))
	for _, values := range t.rows {
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = t.Columns[i].text(v)
		}
		rows = append(rows, strings.Join(texts, ","))
	}
	slices.Sort(rows)
	return rows
}

// Counts returns how many records of each operation were made; tombstones are
// "tombstone", changes of a key "key".
func (t *Table) Counts() map[string]int { return t.counts }

// Put inserts a row, or updates the one of its key. Values are as Kind says.
func (t *Table) Put(values ...any) {
	key := t.keyText(values)
	before, there := t.rows[key]
	op := "c"
	if there {
		op = "u"
	} else {
		t.keys = append(t.keys, key)
	}
	t.rows[key] = values
	t.Event(op, before, values)
}

// Delete deletes the row of a key, with its tombstone.
func (t *Table) Delete(key ...any) {
	text := fmt.Sprint(key...)
	before, there := t.rows[text]
	if !there {
		panic("no such row: " + text)
	}
	delete(t.rows, text)
	i := slices.Index(t.keys, text)
	t.keys[i] = t.keys[len(t.keys)-1]
	t.keys = t.keys[:len(t.keys)-1]
	t.Event("d", before, nil)
	t.counts["tombstone"]++
	t.pending = append(t.pending, &kgo.Record{Topic: t.Topic(), Key: t.key(before)})
}

// Snapshot publishes all rows as a snapshot reads them.
func (t *Table) Snapshot() {
	for _, key := range slices.Sorted(maps.Keys(t.rows)) {
		t.Event("r", nil, t.rows[key])
	}
}

// ChangeKey moves a row to another key: a delete and a create, as Debezium says it.
func (t *Table) ChangeKey(old []any, values ...any) {
	t.counts["key"]++
	t.Delete(old...)
	t.Put(values...)
}

// Random makes n random changes to at most so many keys.
func (t *Table) Random(n, keys int) {
	for range n {
		switch dice := t.rand.IntN(100); {
		case len(t.keys) == 0 || dice < 40:
			t.Put(t.random(keys)...)
		case dice < 70:
			old := t.someRow()
			values := t.random(keys)
			values[0], values[1] = old[0], old[1]
			t.Put(values...)
		case dice < 90:
			old := t.someRow()
			t.Delete(old[0], old[1])
		default:
			old, values := t.someRow(), t.random(keys)
			if old[0] != values[0] || old[1] != values[1] {
				t.ChangeKey(old[:2], values...)
			}
		}
	}
}

func (t *Table) someRow() []any { return t.rows[t.keys[t.rand.IntN(len(t.keys))]] }

// random returns the values of a row.
func (t *Table) random(keys int) []any {
	n := t.rand.IntN(keys)
	values := []any{int64(n), []string{"a", "B", "ü"}[n%3], nil, nil, nil}
	if t.rand.IntN(8) > 0 {
		values[2] = t.rand.Int64() - t.rand.Int64()
	}
	if t.rand.IntN(8) > 0 {
		values[3] = strings.Repeat([]string{"snow", "firn", "\"ice\"", "雪", ""}[t.rand.IntN(5)], t.rand.IntN(12))
	}
	if t.rand.IntN(8) > 0 {
		values[4] = t.rand.Int64N(2e9) - 1e9
	}
	return values
}

// Publish writes the changes that have not been published, and waits until the
// broker has them.
func (t *Table) Publish(ctx context.Context, client *kgo.Client) error {
	records := t.Take()
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("publish changes of %s: %w", t.Topic(), err)
	}
	return nil
}

// Convert changes the values of a column in all rows, as a change of its type
// does: without an event.
func (t *Table) Convert(column int, to func(any) any) {
	for key, row := range t.rows {
		row = slices.Clone(row)
		row[column] = to(row[column])
		t.rows[key] = row
	}
}

// Truncate empties the table. Its event has no key, and is written to each of the
// topic's partitions in one transaction of the client, which needs a
// transactional id and Partitioner.
func (t *Table) Truncate(ctx context.Context, client *kgo.Client, partitions int32) error {
	clear(t.rows)
	t.keys = nil
	t.counts["t"]++
	value := t.Value("t", nil, nil)
	if err := client.BeginTransaction(); err != nil {
		return fmt.Errorf("publish truncate of %s: %w", t.Topic(), err)
	}
	var records []*kgo.Record
	for p := range partitions {
		records = append(records, &kgo.Record{Topic: t.Topic(), Partition: p, Value: value})
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("publish truncate of %s: %w", t.Topic(), err)
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("publish truncate of %s: %w", t.Topic(), err)
	}
	return nil
}

// Partitioner takes the partition that a record says.
func Partitioner() kgo.Opt { return kgo.RecordPartitioner(kgo.ManualPartitioner()) }

// Take returns the changes that have not been published, as records.
func (t *Table) Take() []*kgo.Record {
	records := t.pending
	t.pending = nil
	return records
}

func (t *Table) keyText(values []any) string {
	var key []any
	for i, c := range t.Columns {
		if c.Key {
			key = append(key, values[i])
		}
	}
	return fmt.Sprint(key...)
}
