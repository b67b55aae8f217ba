package datafile_test

import (
	"bytes"
	"testing"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

const (
	connect = "org.apache.kafka.connect.data."
	times   = "io.debezium.time."
)

func named(t debezium.Type, name string, params ...debezium.Param) *debezium.Schema {
	return &debezium.Schema{Type: t, Name: name, Params: params}
}

func raw(b ...byte) debezium.Value { return debezium.Value{Type: debezium.Bytes, B: b} }

// TestScanKeys_Bytes says that a key read back from a data file has the bytes
// that the index has for the key of the record.
func TestScanKeys_Bytes(t *testing.T) {
	precision := func(n string) debezium.Param { return debezium.Param{Key: "connect.decimal.precision", Value: n} }
	scale := func(n string) debezium.Param { return debezium.Param{Key: "scale", Value: n} }
	length := func(n string) debezium.Param { return debezium.Param{Key: "length", Value: n} }
	tests := []struct {
		name   string
		schema *debezium.Schema
		value  debezium.Value
	}{
		{"tinyint", named(debezium.Int16, ""), debezium.Int(debezium.Int16, -7)},
		{"int", named(debezium.Int32, ""), debezium.Int(debezium.Int32, -1<<31)},
		{"bigint", named(debezium.Int64, ""), debezium.Int(debezium.Int64, 1<<62)},
		{"bigint unsigned", named(debezium.Bytes, connect+"Decimal", scale("0"), precision("20")), raw(0, 255, 255, 255, 255, 255, 255, 255, 255)},
		{"decimal", named(debezium.Bytes, connect+"Decimal", scale("2"), precision("10")), raw(0xff, 0x85)},
		{"wide decimal", named(debezium.Bytes, connect+"Decimal", scale("2"), precision("65")), raw(0xff, 0x7f)},
		{"wide decimal, 128", named(debezium.Bytes, connect+"Decimal", scale("2"), precision("65")), raw(0, 0x80)},
		{"bit(10)", named(debezium.Bytes, "io.debezium.data.Bits", length("10")), raw(1, 2)},
		{"bit(64)", named(debezium.Bytes, "io.debezium.data.Bits", length("64")), raw(1, 0, 0, 0, 0, 0, 0, 0xff)},
		{"boolean", named(debezium.Boolean, ""), debezium.Bool(true)},
		{"varchar", named(debezium.String, ""), debezium.Text("a\x00ż")},
		{"enum", named(debezium.String, "io.debezium.data.Enum"), debezium.Text("b")},
		{"varbinary", named(debezium.Bytes, ""), raw(0, 1, 255)},
		{"date", named(debezium.Int32, times+"Date"), debezium.Int(debezium.Int32, -400)},
		{"iso date", named(debezium.String, times+"IsoDate"), debezium.Text("2017-09-15Z")},
		{"iso timestamp", named(debezium.String, times+"IsoTimestamp"), debezium.Text("2017-09-15T01:02:03.04Z")},
		{"time", named(debezium.Int64, times+"MicroTime"), debezium.Int(debezium.Int64, -3020399_000001)},
		{"connect time", named(debezium.Int32, connect+"Time"), debezium.Int(debezium.Int32, 1500)},
		{"datetime", named(debezium.Int64, times+"Timestamp"), debezium.Int(debezium.Int64, -1)},
		{"datetime(6)", named(debezium.Int64, times+"MicroTimestamp"), debezium.Int(debezium.Int64, 1529501823123456)},
		{"datetime in nanoseconds", named(debezium.Int64, times+"NanoTimestamp"), debezium.Int(debezium.Int64, 1529501823123456000)},
		{"timestamp", named(debezium.String, times+"ZonedTimestamp"), debezium.Text("2018-06-20T13:37:03.780Z")},
		{"double", named(debezium.Float64, ""), debezium.Float(debezium.Float64, -1.25)},
		{"float", named(debezium.Float32, ""), debezium.Float(debezium.Float32, float64(float32(0.1)))},
		{"year", named(debezium.Int32, times+"Year"), debezium.Int(debezium.Int32, 1901)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			row := &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{
				{Name: "n", Schema: named(debezium.Int64, "")}, {Name: "a key", Schema: tt.schema},
			}}
			key := &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{row.Fields[1], row.Fields[0]}}
			c, err := lake.OpenCatalog(t.Context(), lake.Config{Type: lake.SQL, Warehouse: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}()
			tbl, err := c.LoadOrCreate(t.Context(), lake.Name{Namespace: "d.b", Table: "t ü"}, row, []string{"n", "a key"}, lake.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			n := debezium.Int(debezium.Int64, 5)
			w, err := datafile.Write(t.Context(), tbl, func(yield func(*debezium.Schema, []debezium.Value) bool) {
				yield(row, []debezium.Value{n, tt.value})
			}, datafile.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if err := open(t, tbl).commit(t.Context(), w.Files, nil); err != nil {
				t.Fatal(err)
			}
			want, err := batch.AppendKey(nil, key, []debezium.Value{tt.value, n})
			if err != nil {
				t.Fatal(err)
			}
			files, err := datafile.List(t.Context(), tbl, 0)
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			err = datafile.ScanKeys(t.Context(), tbl, key, files, func(_ datafile.File, _ uint32, values []debezium.Value) error {
				found++
				got, err := batch.AppendKey(nil, key, values)
				if !bytes.Equal(got, want) {
					t.Errorf("got key %x (%v), want %x", got, values, want)
				}
				return err
			})
			if err != nil || found != 1 {
				t.Errorf("%d keys, %v", found, err)
			}
		})
	}
}
