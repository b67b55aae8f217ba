package batch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// benchEvents makes updates of scattered keys: bigint, int, char(120), char(60).
func benchEvents(n int) []debezium.Event {
	r := rand.New(rand.NewPCG(1, 2))
	keySchema := structOf(named(debezium.Int64, ""))
	row := structOf(named(debezium.Int64, ""), named(debezium.Int32, ""), named(debezium.String, ""), named(debezium.String, ""))
	events := make([]debezium.Event, n)
	for i := range events {
		id := debezium.Int(debezium.Int64, r.Int64N(10_000_000))
		events[i] = debezium.Event{
			KeySchema: keySchema, Key: []debezium.Value{id}, Row: row, Op: debezium.Update,
			After: []debezium.Value{
				id, debezium.Int(debezium.Int32, int64(i)),
				debezium.Text(fmt.Sprintf("%0120d", i)), debezium.Text(fmt.Sprintf("%060d", i)),
			},
			Source: debezium.Source{File: "binlog.000003", GTID: "3e11fa47-71ca-11e1-9e33-c80aa9429562:23", Pos: int64(i), TsNs: int64(i)},
		}
	}
	return events
}

func BenchmarkBatch_Add(b *testing.B) {
	events := benchEvents(200_000)
	x := batch.New(batch.Config{Pool: batch.NewPool(256 << 20)})
	b.ReportAllocs()
	var offset int64
	for b.Loop() {
		if x.Add(&events[offset%int64(len(events))], 0, offset) != nil {
			b.Fatal("not added")
		}
		if offset++; x.Rows() == 100_000 {
			x.Reset()
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "adds/s")
}

func BenchmarkBatch_Sorted(b *testing.B) {
	x := batch.New(batch.Config{})
	for i, e := range benchEvents(500_000) {
		if err := x.Add(&e, 0, int64(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	var rows int
	for b.Loop() {
		x.Resort()
		for range x.Sorted() {
			rows++
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
