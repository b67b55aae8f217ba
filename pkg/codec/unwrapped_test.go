package codec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// What ExtractNewRecordState adds to rows is told apart from their columns.
func TestJSONDecoder_UnwrappedFields(t *testing.T) {
	row, key := tableT()
	fields, err := debezium.ParseFieldReferences("m_", "op,source.ts_ms:ts,before.v")
	if err != nil {
		t.Fatal(err)
	}
	unwrap := debezium.Unwrap{Fields: fields}
	d := codec.NewJSONDecoder(codec.JSONDecoderOptions{
		Schemas: func(string) (*debezium.Schema, *debezium.Schema) { return row, key }, Complete: true,
		Added: func(row *debezium.Schema) (*debezium.Schema, error) {
			r, err := unwrap.Row(row, debezium.ConnectorMySQL)
			return r.Schema, err
		},
	})
	for _, c := range []struct {
		name, value   string
		op            debezium.Op
		before, after string
		marked        bool
	}{
		{"a row", `{"id":1,"v":"x","n":2}`, debezium.Upsert, "", `{"id":1,"v":"x","n":2,"m_op":null,"m_ts":null,"m_before_v":null}`, false},
		{"a row that was created", `{"id":1,"v":"x","n":2,"__op":"c"}`, debezium.Create, "", `{"id":1,"v":"x","n":2,"m_op":null,"m_ts":null,"m_before_v":null}`, false},
		{"a row that is there", `{"__deleted":"false","id":1,"v":"x","n":2}`, debezium.Upsert, "", `{"id":1,"v":"x","n":2,"m_op":null,"m_ts":null,"m_before_v":null}`, true},
		{"a row that was deleted", `{"id":1,"v":"x","n":2,"__deleted":"true","__op":"d"}`, debezium.Delete, `{"id":1,"v":"x","n":2,"m_op":null,"m_ts":null,"m_before_v":null}`, "", true},
		{"a row with fields under another prefix", `{"id":1,"v":"x","n":2,"m_op":"u","m_ts":5,"m_before_v":"w"}`, debezium.Upsert, "", `{"id":1,"v":"x","n":2,"m_op":"u","m_ts":5,"m_before_v":"w"}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e debezium.Event
			if err := d.Decode([]byte(`{"id":1}`), []byte(c.value), nil, &e); err != nil {
				t.Fatal(err)
			}
			text := func(values []debezium.Value) string {
				if values == nil {
					return ""
				}
				b, err := codec.NewJSON(codec.JSONOptions{}).AppendStruct(nil, e.Row, values)
				if err != nil {
					t.Fatal(err)
				}
				return string(b)
			}
			got := []any{e.Op, text(e.Before), text(e.After), e.Unwrapped, e.Marked}
			if diff := cmp.Diff([]any{c.op, c.before, c.after, true, c.marked}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Columns that are called as parts of an envelope do not make one.
func TestJSONDecoder_UnwrappedColumnsCalledAsTheEnvelope(t *testing.T) {
	text := &debezium.Schema{Type: debezium.String, Optional: true}
	row := debezium.RowSchema("s.d.t", []debezium.Field{{Name: "op", Schema: text}, {Name: "source", Schema: text}, {Name: "after", Schema: text}, {Name: "ts_ms", Schema: text}})
	block, err := codec.NewJSON(codec.JSONOptions{Schemas: true}).AppendRow(nil, "s.d.t", row, []debezium.Value{debezium.Text("c"), debezium.Text("x"), debezium.Text("y"), debezium.Text("z")})
	if err != nil {
		t.Fatal(err)
	}
	payload := string(block[strings.Index(string(block), `,"payload":`)+len(`,"payload":`) : len(block)-1])
	d := codec.NewJSONDecoder(codec.JSONDecoderOptions{Schemas: func(string) (*debezium.Schema, *debezium.Schema) { return row, nil }})
	for _, value := range []string{string(block), payload} {
		var e debezium.Event
		if err := d.Decode(nil, []byte(value), nil, &e); err != nil || !e.Unwrapped || string(e.After[3].B) != "z" {
			t.Errorf("%s: unwrapped %v, error %v", value, e.Unwrapped, err)
		}
	}
}
