// Package schemas_test compares the schemas of this folder with what is written.
package schemas_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// topic is that of the table in avro/*.avsc.
const topic = "keys.keys.pkupd"

// event returns an event of each operation; old and new are its images.
func event(op debezium.Op) *debezium.Event {
	fields := []debezium.Field{
		{Name: "id", Schema: &debezium.Schema{Type: debezium.Int32}},
		{Name: "v", Schema: &debezium.Schema{Type: debezium.String, Optional: true}},
	}
	e := &debezium.Event{
		Row: debezium.RowSchema(topic, fields), KeySchema: debezium.KeySchema(topic, fields[:1]),
		Key: []debezium.Value{debezium.Int(debezium.Int32, 1)},
		Op:  op, TsNs: 1700000000123456789,
		Source: debezium.Source{
			Version: "3.6.1.Final", Connector: debezium.ConnectorMySQL, Name: "keys", DB: "keys", Table: "pkupd",
			TsNs: 1700000000000000000, ServerID: 1, GTID: "a:1", File: "binlog.000001", Pos: 4, Thread: 9,
		},
	}
	image := []debezium.Value{debezium.Int(debezium.Int32, 1), {}}
	switch op {
	case debezium.Create:
		e.After = image
	case debezium.Read:
		e.After, e.Source.Snapshot = image, "first_in_data_collection"
	case debezium.Update:
		e.Before, e.After = image, image
		e.Transaction = &debezium.Transaction{ID: "a:1", TotalOrder: 1, DataCollectionOrder: 1}
	case debezium.Delete:
		e.Before = image
	case debezium.Truncate:
		e.Key, e.KeySchema = nil, nil
	case debezium.Upsert: // of rows without an envelope
	}
	return e
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile("json/" + name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJSON_EventsAreValid(t *testing.T) {
	envelope, keySchema := compile(t, "envelope"), compile(t, "key")
	for _, replaceNull := range []bool{true, false} {
		j := codec.NewJSON(codec.JSONOptions{ReplaceNullWithDefault: replaceNull})
		for _, op := range []debezium.Op{debezium.Create, debezium.Update, debezium.Delete, debezium.Read, debezium.Truncate} {
			e := event(op)
			value, err := j.AppendValue(nil, e)
			if err != nil {
				t.Fatal(err)
			}
			if err := envelope.Validate(parse(t, value)); err != nil {
				t.Errorf("op %c: %v", op, err)
			}
			if e.KeySchema == nil {
				continue
			}
			key, err := j.AppendKey(nil, e)
			if err != nil {
				t.Fatal(err)
			}
			if err := keySchema.Validate(parse(t, key)); err != nil {
				t.Errorf("key of op %c: %v", op, err)
			}
		}
	}
}

func TestJSON_OtherEventsAreNot(t *testing.T) {
	envelope := compile(t, "envelope")
	value, err := codec.NewJSON(codec.JSONOptions{}).AppendValue(nil, event(debezium.Create))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, replacement string }{
		{"an unknown operation", `"op":"c"`, `"op":"x"`},
		{"a delete with an after image", `"op":"c"`, `"op":"d"`},
		{"a missing field", `"pos":4,`, ``},
		{"a further field", `"pos":4,`, `"pos":4,"offset":4,`},
		{"a field of another type", `"pos":4,`, `"pos":"4",`},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := bytes.Replace(value, []byte(c.old), []byte(c.replacement), 1)
			if bytes.Equal(changed, value) {
				t.Fatalf("%s is not in %s", c.old, value)
			}
			if envelope.Validate(parse(t, changed)) == nil {
				t.Error("it is valid, want an error")
			}
		})
	}
}

// TestJSON_FieldsAreTheSchemas holds that the texts name the very fields of the
// Connect schemas, nullable where those are optional.
func TestJSON_FieldsAreTheSchemas(t *testing.T) {
	row := debezium.RowSchema(topic, nil)
	for name, schema := range map[string]*debezium.Schema{
		"source":   debezium.SourceSchema(debezium.ConnectorMySQL),
		"envelope": debezium.EnvelopeSchema(topic, debezium.ConnectorMySQL, row),
	} {
		b, err := os.ReadFile("json/" + name + ".schema.json")
		if err != nil {
			t.Fatal(err)
		}
		var text struct {
			Properties map[string]struct {
				Type, Enum any
			}
			Required []string
		}
		if err := json.Unmarshal(b, &text); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range schema.Fields {
			names = append(names, f.Name)
			p := text.Properties[f.Name]
			types, _ := p.Type.([]any)
			values, _ := p.Enum.([]any)
			if nullable := slices.Contains(types, any("null")) || slices.Contains(values, nil); nullable != f.Schema.Optional {
				t.Errorf("%s: field %s is nullable: %v, want %v", name, f.Name, nullable, f.Schema.Optional)
			}
		}
		if diff := cmp.Diff(names, text.Required); diff != "" {
			t.Errorf("%s: fields differ (-connect +json)\n%s", name, diff)
		}
		if len(text.Properties) != len(names) {
			t.Errorf("%s: got %d properties, want %d", name, len(text.Properties), len(names))
		}
	}
}

func parse(t *testing.T, b []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
