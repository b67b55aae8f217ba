package codec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// tableT is a table t(id INT NOT NULL, v VARCHAR NULL, n INT NOT NULL DEFAULT 5).
func tableT() (row, key *debezium.Schema) {
	five := debezium.Int(debezium.Int32, 5)
	id := debezium.Field{Name: "id", Schema: &debezium.Schema{Type: debezium.Int32}}
	return debezium.RowSchema("s.d.t", []debezium.Field{
		id,
		{Name: "v", Schema: &debezium.Schema{Type: debezium.String, Optional: true}},
		{Name: "n", Schema: &debezium.Schema{Type: debezium.Int32, Default: &five}},
	}), debezium.KeySchema("s.d.t", []debezium.Field{id})
}

func decoderOfT() *codec.JSONDecoder {
	row, key := tableT()
	return codec.NewJSONDecoder(codec.JSONDecoderOptions{
		Topic: "s.d.t", Schemas: func(string) (*debezium.Schema, *debezium.Schema) { return row, key },
	})
}

func TestJSONDecoder_Accepts(t *testing.T) {
	const source = `"source":{"version":"3.6.1.Final","connector":"mysql","name":"s","ts_ms":1,"db":"d","table":"t","server_id":1,"file":"f","pos":4,"row":0}`
	source1 := debezium.Source{Version: "3.6.1.Final", Connector: "mysql", Name: "s", TsNs: 1e6, DB: "d", Table: "t", ServerID: 1, File: "f", Pos: 4}
	i32 := func(i int64) debezium.Value { return debezium.Int(debezium.Int32, i) }
	after := func(values ...debezium.Value) *debezium.Event {
		return &debezium.Event{After: values, Op: debezium.Create, Source: source1, TsNs: 2e6}
	}
	for _, c := range []struct {
		name  string
		value string
		want  *debezium.Event
	}{
		{"an event of an early version", `{"before":null,"after":{"id":1,"v":"x","n":2},` + source + `,"op":"c","ts_ms":2,"transaction":null}`, after(i32(1), debezium.Text("x"), i32(2))},
		{"white space anywhere", " {\n\"before\" :\tnull , \"after\" : { \"id\" : 1 , \"v\" : null , \"n\" : 2 } ,\r\n" + source + ` , "op" : "c" , "ts_ms" : 2 } `, after(i32(1), debezium.Value{}, i32(2))},
		{"fields in another order", `{"op":"c",` + source + `,"after":{"n":2,"id":1,"v":"x"},"ts_ms":2}`, after(i32(1), debezium.Text("x"), i32(2))},
		{"absent fields with a default or nullable", `{"after":{"id":1},` + source + `,"op":"c","ts_ms":2}`, after(i32(1), debezium.Value{}, i32(5))},
		{"absent fields in another order", `{"after":{"v":"x","id":1},` + source + `,"op":"c","ts_ms":2}`, after(i32(1), debezium.Text("x"), i32(5))},
		{"null in a required field with a default", `{"after":{"id":1,"v":null,"n":null},` + source + `,"op":"c","ts_ms":2}`, after(i32(1), debezium.Value{}, i32(5))},
		{"escaped names", `{"\u0061fter":{"\u0069d":1,"v":"\ud83d\ude00\u00e9\/","n":2},` + source + `,"op":"c","ts_ms":2}`, after(i32(1), debezium.Text("😀é/"), i32(2))},
		{"unknown members of the envelope", `{"x":{"a":[1,2.5e3,{"b":"\"}"}],"c":true},"after":{"id":1,"v":"x","n":2},` + source + `,"op":"c","ts_ms":2,"y":[]}`, after(i32(1), debezium.Text("x"), i32(2))},
		{"unknown members of the source", `{"after":{"id":1,"v":"x","n":2},` + strings.Replace(source, `"db"`, `"lsn":[1,{"a":null}],"sequence":null,"db"`, 1) + `,"op":"c","ts_ms":2}`, after(i32(1), debezium.Text("x"), i32(2))},
		{"a null schema", `{"schema":null,"payload":{"after":{"id":1,"v":"x","n":2},` + source + `,"op":"c","ts_ms":2}}`, after(i32(1), debezium.Text("x"), i32(2))},
		{"the payload first", `{"payload":{"after":{"id":1,"v":"x","n":2},` + source + `,"op":"c","ts_ms":2}, "schema":null}`, after(i32(1), debezium.Text("x"), i32(2))},
		{"the finest time", `{"after":{"id":1,"v":"x","n":2},` + source + `,"op":"c","ts_ns":2000000,"ts_us":9,"ts_ms":9}`, after(i32(1), debezium.Text("x"), i32(2))},
	} {
		t.Run(c.name, func(t *testing.T) {
			row, key := tableT()
			c.want.Row, c.want.KeySchema, c.want.Key = row, key, []debezium.Value{i32(1)}
			var got debezium.Event
			if err := decoderOfT().Decode([]byte(`{"id":1}`), []byte(c.value), nil, &got); err != nil {
				t.Fatal(err)
			}
			diff := cmp.Diff(c.want, &got,
				cmp.Comparer(func(a, b *debezium.Schema) bool { return a.Equal(b) }),
				cmp.Comparer(func(a, b debezium.Value) bool { return a.Equal(&b) }))
			if diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSONDecoder_Refuses(t *testing.T) {
	event := func(after string) string {
		return `{"after":` + after + `,"source":{"ts_ms":1},"op":"c","ts_ms":2}`
	}
	for _, c := range []struct {
		name  string
		value string
		want  string
	}{
		{"nothing", ``, "decode value: not a Debezium change event: an object was expected, at byte 0"},
		{"no object", `[]`, "decode value: not a Debezium change event: an object was expected, at byte 0"},
		{"an envelope without source", `{"before":null,"after":{"id":1},"op":"c"}`, "decode value: not a Debezium change event: " + codec.ErrEnvelope.Error() + ", at byte 0"},
		{"an envelope without op", `{"after":{"id":1},"source":{"ts_ms":1}}`, "decode value: not a Debezium change event: " + codec.ErrEnvelope.Error() + ", at byte 0"},
		{"an envelope's schema without op", `{"schema":{"type":"struct","fields":[],"name":"s.d.t.Envelope"},"payload":{}}`, "decode value: not a Debezium change event: " + codec.ErrEnvelope.Error() + ", at byte 0"},
		{"a schema that is no struct", `{"schema":{"type":"string"},"payload":"secret"}`, "decode value: not a Debezium change event: its schema is not a struct, at byte 0"},
		{"a row without envelope and key column", `{"v":"secret"}`, `decode value: field "id" is missing, at byte 14`},
		{"a row without envelope with a field more", `{"id":1,"secret":2}`, `decode value: field "secret" is not in the schema, at byte 8`},
		{"a row without envelope of an unknown operation", `{"id":1,"__op":"m"}`, "decode value: not a Debezium change event: an unknown operation, at byte 0"},
		{"a truncated event", event(`{"id":1`)[:15], "decode value: not a Debezium change event: a value was expected, at byte 15"},
		{"an event cut between fields", event(`{"id":1`)[:16], "decode value: not a Debezium change event: a comma or the end of an object or array was expected, at byte 16"},
		{"no value", event(`{"id":?}`), "decode value: not a Debezium change event: a value was expected, at byte 15"},
		{"an open string", `{"after":{"id":1,"v":"secret`, "decode value: not a Debezium change event: a string does not end, at byte 28"},
		{"an unknown field", event(`{"id":1,"added":"secret"}`), `decode value: field "added" is not in the schema, at byte 17`},
		{"a missing field", event(`{"v":"secret"}`), `decode value: field "id" is missing, at byte 23`},
		{"null for a required field", event(`{"id":null}`), `decode value: field "id" is null but required, at byte 15`},
		{"a string for a number", event(`{"id":"secret"}`), `decode value: field "id" does not fit the schema's type int32, at byte 15`},
		{"a number for a string", event(`{"id":1,"v":12}`), `decode value: field "v" does not fit the schema's type string, at byte 21`},
		{"a number too large", event(`{"id":2147483648}`), `decode value: field "id" does not fit the schema's type int32, at byte 15`},
		{"an unsigned 64-bit number", event(`{"id":18446744073709551615}`), `decode value: field "id" does not fit the schema's type int32, at byte 15`},
		{"a fraction", event(`{"id":1.5}`), `decode value: field "id" does not fit the schema's type int32, at byte 15`},
		{"a leading zero", event(`{"id":01}`), "decode value: not a Debezium change event: a number was expected, at byte 15"},
		{"a minus alone", event(`{"id":-}`), "decode value: not a Debezium change event: a number was expected, at byte 15"},
		{"a raw control character", event("{\"id\":1,\"v\":\"a\nb\"}"), "decode value: not a Debezium change event: a control character in a string, at byte 23"},
		{"bytes that are not UTF-8", event("{\"id\":1,\"v\":\"a\xff\"}"), "decode value: not a Debezium change event: a string is not UTF-8, at byte 23"},
		{"half of a surrogate pair", event(`{"id":1,"v":"\ud83d"}`), "decode value: not a Debezium change event: half of a surrogate pair in a string, at byte 22"},
		{"an unknown escape", event(`{"id":1,"v":"\x"}`), "decode value: not a Debezium change event: an unknown escape in a string, at byte 22"},
		{"an unknown operation", strings.Replace(event(`null`), `"c"`, `"m"`, 1), "decode value: not a Debezium change event: an unknown operation, at byte 43"},
		{"a create without row", event(`null`), "decode value: not a Debezium change event: the row that the operation needs is null, at byte 54"},
		{"more after the event", event(`{"id":1,"v":"x"}`) + `{`, "decode value: not a Debezium change event: more follows the event, at byte 66"},
		{"a schema without payload", `{"schema":{"type":"string"}}`, "decode value: not a Debezium change event: a schema without a payload, at byte 28"},
		{"a schema of unknown type", `{"schema":{"type":"secret"},"payload":1}`, "decode value: not a Debezium change event: a schema of unknown type, at byte 18"},
		{"a schema without its fields", `{"schema":{"type":"struct"},"payload":1}`, "decode value: not a Debezium change event: a schema without those of its elements, at byte 27"},
		{"a time out of range", strings.Replace(event(`{"id":1}`), `"ts_ms":2`, `"ts_ms":9223372036854775807`, 1), "decode value: not a Debezium change event: a time is out of range, at byte 76"},
		{"deep nesting", `{"x":` + strings.Repeat("[", 200), "decode value: not a Debezium change event: nested too deep, at byte 133"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e debezium.Event
			err := decoderOfT().Decode([]byte(`{"id":1}`), []byte(c.value), nil, &e)
			if err == nil {
				t.Fatal("got no error")
			}
			if err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			var format *codec.FormatError
			var field *codec.FieldError
			if !errors.As(err, &format) && !errors.As(err, &field) {
				t.Errorf("got an error of type %T", err)
			}
		})
	}
}

func TestJSONDecoder_NamesNestedFields(t *testing.T) {
	location := &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{
		{Name: "srid", Schema: &debezium.Schema{Type: debezium.Int32}},
	}}
	row := debezium.RowSchema("s.d.t", []debezium.Field{{Name: "where", Schema: location}})
	d := codec.NewJSONDecoder(codec.JSONDecoderOptions{
		Schemas: func(string) (*debezium.Schema, *debezium.Schema) { return row, nil },
	})
	var e debezium.Event
	err := d.Decode(nil, []byte(`{"after":{"where":{"srid":"x"}},"source":{}}`), nil, &e)
	var field *codec.FieldError
	if !errors.As(err, &field) || field.Field != "where.srid" || field.Problem != codec.WrongType {
		t.Errorf("got %v", err)
	}
}

func TestJSONDecoder_WithoutKnownSchema(t *testing.T) {
	d := codec.NewJSONDecoder(codec.JSONDecoderOptions{})
	var e debezium.Event
	if err := d.Decode([]byte(`{"id":1}`), nil, nil, &e); !errors.Is(err, codec.ErrNoSchema) {
		t.Errorf("key: got %v", err)
	}
	if err := d.Decode(nil, []byte(`{"after":{"id":1}}`), nil, &e); !errors.Is(err, codec.ErrNoSchema) {
		t.Errorf("value: got %v", err)
	}
	truncate := []byte(`{"before":null,"after":null,"source":{"ts_ms":1},"op":"t","ts_ms":1}`)
	if err := d.Decode(nil, truncate, nil, &e); err != nil {
		t.Errorf("an event without rows needs no schema: got %v", err)
	}
}

// TestJSONDecoder_SchemaIdentity: equal schema blocks give one schema, so that
// callers can compare pointers.
func TestJSONDecoder_SchemaIdentity(t *testing.T) {
	records := goldens(t, "testdata/golden/mysql9_ints.jsonl")
	decoders := make(map[string]*codec.JSONDecoder)
	rows := make(map[string]*debezium.Schema)
	same := 0
	for range 2 {
		for _, r := range records {
			if !r.isEvent("") || r.valuePayload == nil {
				continue
			}
			d := decoders[r.topic]
			if d == nil {
				d = codec.NewJSONDecoder(codec.JSONDecoderOptions{})
				decoders[r.topic] = d
			}
			var e debezium.Event
			if err := d.Decode(r.key(), r.value(), nil, &e); err != nil {
				t.Fatal(err)
			}
			id := string(r.valueSchema)
			if rows[id] == nil {
				rows[id] = e.Row
				continue
			}
			same++
			if rows[id] != e.Row {
				t.Errorf("%s: another schema for the same block", r.topic)
			}
		}
	}
	if same == 0 {
		t.Error("no block came twice")
	}
}

func TestJSONDecoder_ColumnsCalledSchemaAndPayload(t *testing.T) {
	field := func(name string) debezium.Field {
		return debezium.Field{Name: name, Schema: &debezium.Schema{Type: debezium.String}}
	}
	key := debezium.KeySchema("s.d.t", []debezium.Field{field("schema"), field("payload")})
	d := codec.NewJSONDecoder(codec.JSONDecoderOptions{
		Schemas: func(string) (*debezium.Schema, *debezium.Schema) { return nil, key },
	})
	for _, text := range []string{`{"schema":"a","payload":"b"}`, `{"payload":"b","schema":"a"}`} {
		var e debezium.Event
		if err := d.DecodeKey([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if len(e.Key) != 2 || string(e.Key[0].B) != "a" || string(e.Key[1].B) != "b" {
			t.Errorf("%s: got %+v", text, e.Key)
		}
	}
}

func TestJSONDecoder_DecimalNumbers(t *testing.T) {
	schema := &debezium.Schema{
		Type: debezium.Bytes, Name: "org.apache.kafka.connect.data.Decimal", Params: []debezium.Param{{Key: "scale", Value: "2"}},
	}
	key := debezium.KeySchema("s.d.t", []debezium.Field{{Name: "d", Schema: schema}})
	d := codec.NewJSONDecoder(codec.JSONDecoderOptions{
		Schemas: func(string) (*debezium.Schema, *debezium.Schema) { return nil, key },
	})
	for text, want := range map[string]string{
		"123.45": "\x30\x39", "-1.00": "\x9c", "0": "\x00", "0E-8": "\x00", "1.28": "\x00\x80", "-1.28": "\x80",
		"1E2": "\x27\x10", "1.230": "\x7b", "1.234": "error", "1e-3": "error", "1e9999": "error", "1e99999999999999999999": "error",
		"999999999999999999999999999999999999999999999999999999999999999.99": "" +
			"\x09\xb8\x13\xf3\xf9\x78\xf8\x94\x09\x84\x40\x1c\x24\xc4\xdb\x1f\x9f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		var e debezium.Event
		err := d.DecodeKey([]byte(`{"d":`+text+`}`), &e)
		got := "error"
		if err == nil {
			got = string(e.Key[0].B)
		}
		if len(want) > 20 { // its text must come back
			back, err := codec.NewJSON(codec.JSONOptions{DecimalNumeric: true}).AppendStruct(nil, key, e.Key)
			if err != nil {
				t.Fatal(err)
			}
			got, want = string(back), `{"d":`+text+`}`
		}
		if got != want {
			t.Errorf("%s: got %x, want %x (%v)", text, got, want, err)
		}
	}
}

func TestDecodeSchemaChange_Refuses(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"an event", `{"before":null,"after":null,"op":"t"}`, "decode schema change: not a Debezium change event: it is no schema change: it has no ddl, at byte 37"},
		{"nothing", ``, "decode schema change: not a Debezium change event: an object was expected, at byte 0"},
		{"a change without table", `{"ddl":"x","tableChanges":[{"type":"DROP","id":"x"}]}`, "decode schema change: not a Debezium change event: a table change without a table's id, at byte 52"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := codec.DecodeSchemaChange(nil, []byte(c.value))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
