package datafile_test

import (
	"math/rand/v2"
	"testing"

	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

const benchRows = 200_000

// benchValues are rows as sysbench makes them: digits in groups.
func benchValues() [][]debezium.Value {
	r := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) debezium.Value {
		b := make([]byte, n)
		for i := range b {
			b[i] = '0' + byte(r.IntN(10))
			if i%12 == 11 {
				b[i] = '-'
			}
		}
		return debezium.Value{Type: debezium.String, B: b}
	}
	out := make([][]debezium.Value, benchRows)
	for i := range out {
		out[i] = []debezium.Value{
			debezium.Int(debezium.Int64, int64(i)), debezium.Int(debezium.Int32, int64(r.IntN(1_000_000))), digits(120), digits(60),
		}
	}
	return out
}

func BenchmarkWrite(b *testing.B) {
	tbl := newTable(b, lake.CreateOptions{})
	all := benchValues()
	b.ReportAllocs()
	var bytes int64
	for b.Loop() {
		w, err := datafile.Write(b.Context(), tbl, func(yield func(*debezium.Schema, []debezium.Value) bool) {
			for _, v := range all {
				if !yield(benchRow, v) {
					return
				}
			}
		}, datafile.Config{})
		if err != nil {
			b.Fatal(err)
		}
		bytes = w.Files[0].Bytes()
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(bytes)/benchRows, "bytes/row")
}

func BenchmarkWriteDeletes(b *testing.B) {
	tbl := newTable(b, lake.CreateOptions{})
	w, err := datafile.Write(b.Context(), tbl, rows(ids(0, 10_000)...), datafile.Config{})
	if err != nil {
		b.Fatal(err)
	}
	del := []datafile.Deletes{{File: w.Files[0], Rows: []uint32{1, 5, 700, 9000}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := datafile.WriteDeletes(b.Context(), tbl, del, datafile.Config{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScanKeys(b *testing.B) {
	tbl := newTable(b, lake.CreateOptions{})
	w, err := datafile.Write(b.Context(), tbl, rows(ids(0, benchRows)...), datafile.Config{})
	if err != nil {
		b.Fatal(err)
	}
	if err := open(b, tbl).commit(b.Context(), w.Files, nil); err != nil {
		b.Fatal(err)
	}
	files, err := datafile.List(b.Context(), tbl, 0)
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		if err := datafile.ScanKeys(b.Context(), tbl, keySchema, files, func(datafile.File, uint32, []debezium.Value) error {
			n++
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "keys/s")
}
