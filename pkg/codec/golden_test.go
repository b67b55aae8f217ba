package codec_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// goldenRecord is a record of the real Debezium: the payloads, and the schema
// blocks, which are nil where it wrote none.
type goldenRecord struct {
	topic                  string
	keySchema, valueSchema []byte
	keyPayload             []byte
	valuePayload           []byte
	headers                [][2]string
}

func (r *goldenRecord) key() []byte   { return wrapped(r.keySchema, r.keyPayload) }
func (r *goldenRecord) value() []byte { return wrapped(r.valueSchema, r.valuePayload) }

// wrapped returns the bytes as they were in Kafka.
func wrapped(schema, payload []byte) []byte {
	if schema == nil {
		return payload
	}
	return bytes.Join([][]byte{[]byte(`{"schema":`), schema, []byte(`,"payload":`), payload, []byte(`}`)}, nil)
}

// goldens returns the records of a file, whose lines are schema blocks, each
// with an id, and records that name them.
func goldens(tb testing.TB, file string) []goldenRecord {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	schemas := make(map[string][]byte)
	var records []goldenRecord
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			ID, Schema  string
			Topic       string
			KeySchema   string `json:"key_schema"`
			ValueSchema string `json:"value_schema"`
			Key, Value  *string
			Headers     [][2]string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			tb.Fatal(err)
		}
		if line.ID != "" {
			schemas[line.ID] = []byte(line.Schema)
			continue
		}
		records = append(records, goldenRecord{
			topic: line.Topic, keySchema: schemas[line.KeySchema], valueSchema: schemas[line.ValueSchema],
			keyPayload: optional(line.Key), valuePayload: optional(line.Value), headers: line.Headers,
		})
	}
	if err := lines.Err(); err != nil || len(records) == 0 {
		tb.Fatalf("%s: %d records, %v", file, len(records), err)
	}
	return records
}

func optional(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}

func goldenFiles(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/golden/*.jsonl")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no goldens: %v", err)
	}
	return files
}

// isEvent reports whether the record is a change event with an envelope.
func (r *goldenRecord) isEvent(file string) bool {
	return strings.Contains(r.topic, ".") && !strings.HasPrefix(r.topic, "__") && !strings.Contains(file, "unwrap")
}

// TestJSON_Golden decodes the records of the real Debezium and encodes the
// events again: the bytes must be the same, with schemas and without.
func TestJSON_Golden(t *testing.T) {
	for _, file := range goldenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			replace := !strings.Contains(file, "null_default_off")
			with := codec.NewJSON(codec.JSONOptions{Schemas: true, ReplaceNullWithDefault: replace})
			without := codec.NewJSON(codec.JSONOptions{ReplaceNullWithDefault: replace})
			decoders := make(map[string]*codec.JSONDecoder)
			for i, r := range goldens(t, file) {
				if !r.isEvent(file) || r.keySchema == nil && r.valueSchema == nil {
					continue
				}
				d := decoders[r.topic]
				if d == nil {
					d = codec.NewJSONDecoder(codec.JSONDecoderOptions{Topic: r.topic})
					decoders[r.topic] = d
				}
				var e debezium.Event
				if err := d.Decode(r.key(), r.value(), nil, &e); err != nil {
					t.Fatalf("record %d: %v", i, err)
				}
				sameEncoding(t, with, &e, r.key(), r.value())
				sameEncoding(t, without, &e, r.keyPayload, r.valuePayload)

				plain := codec.NewJSONDecoder(codec.JSONDecoderOptions{
					Topic:   r.topic,
					Schemas: func(string) (row, key *debezium.Schema) { return e.Row, e.KeySchema },
				})
				var again debezium.Event
				if err := plain.Decode(r.keyPayload, r.valuePayload, nil, &again); err != nil {
					t.Fatalf("record %d without schemas: %v", i, err)
				}
				sameEncoding(t, without, &again, r.keyPayload, r.valuePayload)
			}
		})
	}
}

func sameEncoding(t *testing.T, enc codec.Encoder, e *debezium.Event, key, value []byte) {
	t.Helper()
	got, err := enc.AppendKey(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(key), string(got)); diff != "" {
		t.Errorf("key (-Debezium +ours):\n%s", diff)
	}
	if got, err = enc.AppendValue(nil, e); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(value), string(got)); diff != "" {
		t.Errorf("value (-Debezium +ours):\n%s", diff)
	}
}

func TestJSON_GoldenSchemaChanges(t *testing.T) {
	seen := 0
	for _, file := range goldenFiles(t) {
		for _, r := range goldens(t, file) {
			if strings.Contains(r.topic, ".") {
				continue
			}
			seen++
			c, err := codec.DecodeSchemaChange(r.key(), r.value())
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			j := codec.NewJSON(codec.JSONOptions{
				Schemas: r.valueSchema != nil, ReplaceNullWithDefault: !strings.Contains(file, "null_default_off"),
			})
			key, err := j.AppendSchemaChangeKey(nil, c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(r.key()), string(key)); diff != "" {
				t.Errorf("%s: key (-Debezium +ours):\n%s", file, diff)
			}
			value, err := j.AppendSchemaChangeValue(nil, c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(r.value()), string(value)); diff != "" {
				t.Errorf("%s: value (-Debezium +ours):\n%s", file, diff)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d schema changes in the goldens", seen)
	}
}

// TestAppendHeaderStruct_Golden: the old and the new key of a changed key
// travel as text in headers. These texts are JSON, so they are read as keys.
func TestAppendHeaderStruct_Golden(t *testing.T) {
	seen := 0
	for i, r := range goldens(t, "testdata/golden/mysql9_keys.jsonl") {
		for _, h := range r.headers {
			seen++
			var e debezium.Event
			if err := codec.NewJSONDecoder(codec.JSONDecoderOptions{}).DecodeKey(wrapped(r.keySchema, []byte(h[1])), &e); err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
			got, err := codec.AppendHeaderStruct(nil, e.KeySchema, e.Key)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != h[1] {
				t.Errorf("record %d: got %s, want %s", i, got, h[1])
			}
		}
	}
	if seen == 0 {
		t.Error("no changed key in the goldens")
	}
}

func TestJSONDecoder_Unwrapped(t *testing.T) {
	seen := 0
	without := codec.NewJSON(codec.JSONOptions{})
	for i, r := range goldens(t, "testdata/golden/mysql8_opt_unwrap.jsonl") {
		if !strings.Contains(r.topic, ".") || r.valueSchema == nil {
			continue
		}
		var e, bare debezium.Event
		if err := codec.NewJSONDecoder(codec.JSONDecoderOptions{}).Decode(r.key(), r.value(), nil, &e); err != nil || !e.Unwrapped {
			t.Fatalf("record %d: unwrapped %v, error %v", i, e.Unwrapped, err)
		}
		d := codec.NewJSONDecoder(codec.JSONDecoderOptions{
			Schemas: func(string) (row, key *debezium.Schema) { return e.Row, e.KeySchema }, Complete: true,
		})
		if err := d.Decode(r.keyPayload, r.valuePayload, nil, &bare); err != nil || !bare.Unwrapped {
			t.Fatalf("record %d without schemas: unwrapped %v, error %v", i, bare.Unwrapped, err)
		}
		for _, e := range []*debezium.Event{&e, &bare} {
			if string(r.valuePayload) == "null" {
				if !e.Tombstone {
					t.Errorf("record %d: a null is no tombstone", i)
				}
				continue
			}
			seen++
			got, err := without.AppendStruct(nil, e.Row, e.After)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(r.valuePayload), string(got)); diff != "" || e.Op != debezium.Upsert || e.Marked {
				t.Errorf("record %d, operation %c (-Debezium +ours):\n%s", i, e.Op, diff)
			}
		}
	}
	if seen == 0 {
		t.Error("no unwrapped record in the goldens")
	}
}

// TestJSON_Converter: one struct of every encoding, made by Connect's converter.
func TestJSON_Converter(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata/converter", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// A key may be any struct, so it serves to read the schema and the values.
	var e debezium.Event
	d := codec.NewJSONDecoder(codec.JSONDecoderOptions{})
	block := read("encodings.schema.json")
	payload := block[bytes.Index(block, []byte(`,"payload":`))+len(`,"payload":`) : len(block)-1]
	if err := d.DecodeKey(bytes.Replace(block, payload, read("encodings.nodefault.json"), 1), &e); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file    string
		options codec.JSONOptions
	}{
		{"encodings.json", codec.JSONOptions{ReplaceNullWithDefault: true}},
		{"encodings.nodefault.json", codec.JSONOptions{}},
		{"encodings.numeric.json", codec.JSONOptions{ReplaceNullWithDefault: true, DecimalNumeric: true}},
		{"encodings.schema.json", codec.JSONOptions{ReplaceNullWithDefault: true, Schemas: true}},
	} {
		t.Run(c.file, func(t *testing.T) {
			got, err := codec.NewJSON(c.options).AppendStruct(nil, e.KeySchema, e.Key)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(read(c.file)), string(got)); diff != "" {
				t.Errorf("(-Connect +ours):\n%s", diff)
			}
		})
	}
	t.Run("numbers are read as decimals", func(t *testing.T) {
		var n debezium.Event
		if err := d.DecodeKey(bytes.Replace(block, payload, read("encodings.numeric.json"), 1), &n); err != nil {
			t.Fatal(err)
		}
		got, err := codec.NewJSON(codec.JSONOptions{ReplaceNullWithDefault: true}).AppendStruct(nil, n.KeySchema, n.Key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(read("encodings.json")), string(got)); diff != "" {
			t.Errorf("(-Connect +ours):\n%s", diff)
		}
	})
}

func TestJSON_ConverterEvents(t *testing.T) {
	for _, op := range []string{"c", "u", "d"} {
		for _, form := range []struct {
			suffix  string
			options codec.JSONOptions
		}{
			{".schema.json", codec.JSONOptions{Schemas: true, ReplaceNullWithDefault: true}},
			{".json", codec.JSONOptions{ReplaceNullWithDefault: true}},
			{".nodefault.json", codec.JSONOptions{}},
		} {
			t.Run(op+form.suffix, func(t *testing.T) {
				want, err := os.ReadFile("testdata/converter/customers." + op + form.suffix)
				if err != nil {
					t.Fatal(err)
				}
				full, err := os.ReadFile("testdata/converter/customers." + op + ".schema.json")
				if err != nil {
					t.Fatal(err)
				}
				var e debezium.Event
				if err := codec.NewJSONDecoder(codec.JSONDecoderOptions{}).Decode(nil, full, nil, &e); err != nil {
					t.Fatal(err)
				}
				got, err := codec.NewJSON(form.options).AppendValue(nil, &e)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("(-Connect +ours):\n%s", diff)
				}
			})
		}
	}
}
