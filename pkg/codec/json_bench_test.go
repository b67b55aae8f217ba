package codec_test

import (
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// sbtest is an update of a row of sysbench's table.
func sbtest() *debezium.Event {
	field := func(name string, t debezium.Type) debezium.Field {
		return debezium.Field{Name: name, Schema: &debezium.Schema{Type: t}}
	}
	const topic = "bench.bench.sbtest1"
	c := strings.Repeat("83868641912-", 10)
	row := []debezium.Value{
		debezium.Int(debezium.Int64, 1234567), debezium.Int(debezium.Int32, 499284), debezium.Text(c), debezium.Text(c[:60]),
	}
	return &debezium.Event{
		KeySchema: debezium.KeySchema(topic, []debezium.Field{field("id", debezium.Int64)}),
		Key:       row[:1],
		Row: debezium.RowSchema(topic, []debezium.Field{
			field("id", debezium.Int64), field("k", debezium.Int32), field("c", debezium.String), field("pad", debezium.String),
		}),
		After: row,
		Op:    debezium.Create,
		TsNs:  1795241751216123456,
		Source: debezium.Source{
			Version: "3.6.1.Final", Connector: "mysql", Name: "bench", TsNs: 1795241750123456000, DB: "bench", Table: "sbtest1",
			ServerID: 1, GTID: "f679453b-e572-11f1-ad1b-02fc00000001:1484", File: "binlog.000001", Pos: 4511598, Row: 3, Thread: 17,
		},
	}
}

var forms = []struct {
	name    string
	options codec.JSONOptions
}{
	{"schemas=off", codec.JSONOptions{}},
	{"schemas=on", codec.JSONOptions{Schemas: true}},
}

func BenchmarkJSON_AppendValue(b *testing.B) {
	for _, f := range forms {
		b.Run(f.name, func(b *testing.B) { benchmarkEncode(b, codec.NewJSON(f.options).AppendValue) })
	}
}

func BenchmarkJSON_AppendKey(b *testing.B) {
	for _, f := range forms {
		b.Run(f.name, func(b *testing.B) { benchmarkEncode(b, codec.NewJSON(f.options).AppendKey) })
	}
}

func benchmarkEncode(b *testing.B, encode func([]byte, *debezium.Event) ([]byte, error)) {
	e := sbtest()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = encode(buf[:0], e); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkJSONDecoder_Decode(b *testing.B) {
	for _, f := range forms {
		b.Run(f.name, func(b *testing.B) {
			d, key, value := encoded(b, f.options, sbtest())
			var e debezium.Event
			b.ReportAllocs()
			b.SetBytes(int64(len(value)))
			for b.Loop() {
				if err := d.Decode(key, value, nil, &e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func encoded(tb testing.TB, o codec.JSONOptions, e *debezium.Event) (d *codec.JSONDecoder, key, value []byte) {
	tb.Helper()
	j := codec.NewJSON(o)
	key, err := j.AppendKey(nil, e)
	if err != nil {
		tb.Fatal(err)
	}
	if value, err = j.AppendValue(nil, e); err != nil {
		tb.Fatal(err)
	}
	return codec.NewJSONDecoder(codec.JSONDecoderOptions{
		Schemas: func(string) (row, key *debezium.Schema) { return e.Row, e.KeySchema },
	}), key, value
}

// TestJSON_Allocations: a row event is encoded and decoded without allocating.
func TestJSON_Allocations(t *testing.T) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			in := sbtest()
			d, key, value := encoded(t, f.options, in)
			j := codec.NewJSON(f.options)
			buf := make([]byte, 0, 1<<16)
			encode := func() {
				in.Source.Pos++
				var err error
				if buf, err = j.AppendKey(buf[:0], in); err != nil {
					t.Fatal(err)
				}
				if buf, err = j.AppendValue(buf, in); err != nil {
					t.Fatal(err)
				}
			}
			if n := testing.AllocsPerRun(1000, encode); n != 0 {
				t.Errorf("encode: %v allocations per event", n)
			}
			var out debezium.Event
			decode := func() {
				if err := d.Decode(key, value, nil, &out); err != nil {
					t.Fatal(err)
				}
			}
			if n := testing.AllocsPerRun(1000, decode); n != 0 {
				t.Errorf("decode: %v allocations per event", n)
			}
		})
	}
}
