package codec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// A row without its envelope is written as Debezium wrote it, and so is the null of a row that was deleted.
func TestJSON_AppendRow(t *testing.T) {
	j := codec.NewJSON(codec.JSONOptions{Schemas: true, ReplaceNullWithDefault: true})
	bare := codec.NewJSON(codec.JSONOptions{ReplaceNullWithDefault: true})
	var e debezium.Event // a key may be any struct, so it serves to read the rows
	d := codec.NewJSONDecoder(codec.JSONDecoderOptions{})
	rows, nulls := 0, 0
	for i, r := range goldens(t, "testdata/golden/mysql8_opt_unwrap.jsonl") {
		if !strings.Contains(r.topic, ".") || r.valueSchema == nil {
			continue
		}
		var row []debezium.Value
		schema := e.KeySchema
		if string(r.valuePayload) == "null" { // of the table before
			nulls++
			of := *schema
			of.Optional = true
			schema = &of
		} else {
			rows++
			if err := d.DecodeKey(r.value(), &e); err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
			schema, row = e.KeySchema, e.Key
		}
		for _, form := range []struct {
			encoder *codec.JSON
			want    []byte
		}{{j, r.value()}, {bare, r.valuePayload}} {
			got, err := form.encoder.AppendRow(nil, r.topic, schema, row)
			if diff := cmp.Diff(string(form.want), string(got)); diff != "" || err != nil {
				t.Errorf("record %d: %v (-Debezium +ours):\n%s", i, err, diff)
			}
		}
	}
	if rows == 0 || nulls == 0 {
		t.Errorf("%d rows and %d nulls in the goldens", rows, nulls)
	}
}

func TestAvro_AppendRow(t *testing.T) {
	registry := &memoryRegistry{}
	a := codec.NewAvro(t.Context(), registry, codec.AvroOptions{})
	schema := &debezium.Schema{Type: debezium.Struct, Name: "s.d.t.Value", Fields: []debezium.Field{{Name: "id", Schema: &debezium.Schema{Type: debezium.Int32}}}}
	row := []debezium.Value{debezium.Int(debezium.Int32, 3)}
	got, err := a.AppendRow(nil, "s.d.t", schema, row)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 6 || got[0] != 0 || got[5] != 6 {
		t.Errorf("got %x, want the framing and 3 as a varint", got)
	}
	if got, err = a.AppendRow(nil, "s.d.t", schema, nil); err != nil || got != nil {
		t.Errorf("a null: got %x, %v, want no bytes", got, err)
	}
	if n := testing.AllocsPerRun(100, func() { got, err = a.AppendRow(got[:0], "s.d.t", schema, row) }); n > 0 || err != nil {
		t.Errorf("%v allocations per row, %v", n, err)
	}
}

func TestAppendHeader(t *testing.T) {
	text := &debezium.Schema{Type: debezium.String, Optional: true}
	bytes := &debezium.Schema{Type: debezium.Bytes}
	price := &debezium.Schema{Type: debezium.Bytes, Name: debezium.NameDecimal, Params: []debezium.Param{{Key: debezium.ParamScale, Value: "2"}}}
	for _, test := range []struct {
		schema *debezium.Schema
		value  debezium.Value
		want   string
	}{
		{text, debezium.Text(`a "b"`), `a "b"`},
		{text, debezium.Value{}, ""},
		{bytes, debezium.Value{Type: debezium.Bytes, B: []byte{1, 2}}, "AQI="},
		{price, debezium.Value{Type: debezium.Bytes, B: []byte{1, 2}}, "2.58"},
		{&debezium.Schema{Type: debezium.Int64}, debezium.Int(debezium.Int64, -5), "-5"},
	} {
		got, err := codec.AppendHeader(nil, test.schema, &test.value)
		if err != nil || string(got) != test.want {
			t.Errorf("got %q, %v, want %q", got, err, test.want)
		}
	}
}
