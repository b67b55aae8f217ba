package codec_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/codec/codectest"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// avroGolden is the records of a folder of goldens with its registry.
type avroGolden struct {
	schemas  map[int32]string
	subjects map[int32][]string
	records  []avroRecord
}

type avroRecord struct {
	name, topic string
	key, value  []byte
}

// Schema implements [codec.Registry].
func (g *avroGolden) Schema(_ context.Context, id codec.SchemaID) (string, error) {
	if s, ok := g.schemas[number(id)]; ok {
		return s, nil
	}
	return "", fmt.Errorf("no schema %s", id)
}

// Framing implements [codec.Registry].
func (*avroGolden) Framing() codec.Framing { return codec.ConfluentFraming }

// Check implements [codec.Registry].
func (*avroGolden) Check(context.Context) error { return nil }

// Register implements [codec.Registry]: it knows only what Debezium registered.
func (g *avroGolden) Register(_ context.Context, subject, schema string) (codec.SchemaID, error) {
	var closest string
	for id, s := range g.schemas {
		if slices.Contains(g.subjects[id], subject) {
			if s == schema {
				return codec.ConfluentID(id), nil
			}
			closest = s
		}
	}
	return "", fmt.Errorf("subject %s (-Debezium +ours):\n%s", subject, cmp.Diff(strings.Split(closest, ",\""), strings.Split(schema, ",\"")))
}

func avroGoldens(tb testing.TB, file string) *avroGolden {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	g := &avroGolden{schemas: make(map[int32]string), subjects: make(map[int32][]string)}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			ID          int32
			Subjects    []string
			Schema      string
			Case, Topic string
			Key, Value  *string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			tb.Fatal(err)
		}
		if line.ID != 0 {
			g.schemas[line.ID], g.subjects[line.ID] = line.Schema, line.Subjects
			continue
		}
		g.records = append(g.records, avroRecord{line.Case, line.Topic, decode64(tb, line.Key), decode64(tb, line.Value)})
	}
	if err := lines.Err(); err != nil || len(g.records) == 0 {
		tb.Fatalf("%s: %d records, %v", file, len(g.records), err)
	}
	return g
}

func decode64(tb testing.TB, s *string) []byte {
	tb.Helper()
	if s == nil {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(*s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestAvro_Golden decodes what Debezium wrote through Confluent's converter
// and encodes it again: schemas and bytes must be the same.
func TestAvro_Golden(t *testing.T) {
	for _, folder := range []string{"default", "nometa", "opts"} {
		t.Run(folder, func(t *testing.T) {
			g := avroGoldens(t, filepath.Join("testdata/avro", folder+".jsonl"))
			d := codec.NewAvroDecoder(t.Context(), g)
			for i, r := range g.records {
				topic := func(*debezium.Event) string { return r.topic }
				a := codec.NewAvro(t.Context(), g, codec.AvroOptions{
					ReplaceNullWithDefault: true, WithoutConnectMeta: folder == "nometa", Topic: topic,
				})
				var e debezium.Event
				switch {
				case strings.HasPrefix(r.topic, "__"):
					continue
				case strings.Contains(r.name, "unwrap") && strings.Contains(r.topic, ".") && r.value != nil:
					if err := d.Decode(r.key, r.value, nil, &e); err != nil || !e.Unwrapped || e.After == nil || e.Op != debezium.Upsert {
						t.Errorf("record %d: got op %c, unwrapped %v, error %v", i, e.Op, e.Unwrapped, err)
					}
					if err := d.Decode(r.value, nil, nil, &e); err != nil { // a key may be any struct
						t.Fatalf("record %d of %s: %v", i, r.topic, err)
					}
					sameBytes(t, "row", r, r.value, func() ([]byte, error) { return a.AppendRow(nil, r.topic, e.KeySchema, e.Key) })
					continue
				case !strings.Contains(r.topic, "."):
					sameSchemaChange(t, d, a, r)
					continue
				}
				if err := d.Decode(r.key, r.value, nil, &e); err != nil {
					t.Fatalf("record %d of %s: %v", i, r.topic, err)
				}
				sameBytes(t, "key", r, r.key, func() ([]byte, error) { return a.AppendKey(nil, &e) })
				sameBytes(t, "value", r, r.value, func() ([]byte, error) { return a.AppendValue(nil, &e) })
			}
		})
	}
}

func sameSchemaChange(t *testing.T, d *codec.AvroDecoder, a *codec.Avro, r avroRecord) {
	t.Helper()
	c, err := d.DecodeSchemaChange(r.value)
	if err != nil {
		t.Fatalf("%s: %v", r.topic, err)
	}
	sameBytes(t, "key", r, r.key, func() ([]byte, error) { return a.AppendSchemaChangeKey(nil, c) })
	sameBytes(t, "value", r, r.value, func() ([]byte, error) { return a.AppendSchemaChangeValue(nil, c) })
}

func sameBytes(t *testing.T, what string, r avroRecord, want []byte, encode func() ([]byte, error)) {
	t.Helper()
	got, err := encode()
	if err != nil {
		t.Fatalf("%s of %s: %v", what, r.topic, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s of %s (-Debezium +ours):\n%s", what, r.topic, diff)
	}
}

// TestAvro_SchemasOfJSON: the schemas that the JSON converter printed give the
// texts that the Avro converter registered for the same tables.
func TestAvro_SchemasOfJSON(t *testing.T) {
	g := avroGoldens(t, "testdata/avro/default.jsonl")
	topics := make(map[string]bool)
	for _, r := range g.records {
		topics[r.topic] = true
	}
	seen := 0
	for _, name := range []string{"ints", "decimals", "temporal", "strings", "binary", "bits", "json", "floats", "defaults", "keys"} {
		decoders := make(map[string]*codec.JSONDecoder)
		a := codec.NewAvro(t.Context(), g, codec.AvroOptions{})
		for _, r := range goldens(t, "testdata/golden/mysql9_"+name+".jsonl") {
			if !topics[r.topic] || !strings.Contains(r.topic, ".") || r.valuePayload == nil {
				continue
			}
			if decoders[r.topic] == nil {
				decoders[r.topic] = codec.NewJSONDecoder(codec.JSONDecoderOptions{})
			}
			var e debezium.Event
			if err := decoders[r.topic].Decode(r.key(), r.value(), nil, &e); err != nil {
				t.Fatal(err)
			}
			seen++
			if _, err := a.AppendKey(nil, &e); err != nil {
				t.Errorf("%s: %v", r.topic, err)
			}
			if _, err := a.AppendValue(nil, &e); err != nil {
				t.Errorf("%s: %v", r.topic, err)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d events compared", seen)
	}
}

// memoryRegistry gives ids in order.
type memoryRegistry struct {
	schemas []string
	framing codec.Framing
}

func (m *memoryRegistry) Register(_ context.Context, _, schema string) (codec.SchemaID, error) {
	i := slices.Index(m.schemas, schema)
	if i < 0 {
		i = len(m.schemas)
		m.schemas = append(m.schemas, schema)
	}
	if m.framing == codec.GlueFraming {
		return codec.GlueID(fmt.Sprintf("00000000-0000-4000-8000-%012x", i))
	}
	return codec.ConfluentID(int32(i)), nil
}

func (m *memoryRegistry) Schema(_ context.Context, id codec.SchemaID) (string, error) {
	i := number(id)
	if m.framing == codec.GlueFraming {
		i = int32(id[len(id)-1])
	}
	if int(i) >= len(m.schemas) || i < 0 {
		return "", fmt.Errorf("no schema %s", id)
	}
	return m.schemas[i], nil
}

func (m *memoryRegistry) Framing() codec.Framing { return m.framing }

func (*memoryRegistry) Check(context.Context) error { return nil }

// number is what Confluent's registry calls an id.
func number(id codec.SchemaID) int32 {
	n, _ := strconv.ParseInt(id.String(), 10, 32)
	return int32(n)
}

func TestAvro_Conformance(t *testing.T) {
	for i := range 4 {
		replaced, framing := i%2 > 0, codec.Framing(i/2)
		t.Run(fmt.Sprintf("nulls replaced %v, framing %s", replaced, framing), func(t *testing.T) {
			codectest.Run(t, func() codectest.Format {
				registry := &memoryRegistry{framing: framing}
				return codectest.Format{
					Encoder:      codec.NewAvro(t.Context(), registry, codec.AvroOptions{ReplaceNullWithDefault: replaced}),
					ReplacesNull: replaced,
					Decoder: func(string, *debezium.Schema, *debezium.Schema) codec.Decoder {
						return codec.NewAvroDecoder(t.Context(), registry)
					},
				}
			})
		})
	}
}

func TestAvroDecoder_Refuses(t *testing.T) {
	registry := &memoryRegistry{}
	value, err := codec.NewAvro(t.Context(), registry, codec.AvroOptions{}).AppendValue(nil, sbtest())
	if err != nil {
		t.Fatal(err)
	}
	change := func(i int, b byte) []byte {
		c := slices.Clone(value)
		c[i] = b
		return c
	}
	for _, c := range []struct {
		name  string
		value []byte
		want  string
	}{
		{"nothing", []byte{}, "decode value: not a Debezium change event: it does not begin with a zero byte and a schema's id, at byte 0"},
		{"JSON", []byte(`{"before":null}`), "decode value: not a Debezium change event: it does not begin with a zero byte and a schema's id, at byte 0"},
		{"an unknown schema", change(4, 9), "decode value: no schema 9"},
		{"an unknown branch", change(5, 8), "decode value: not a Debezium change event: a union has no such branch, at byte 6"},
		{"a cut value", value[:40], "decode value: not a Debezium change event: a length beyond the end, at byte 16"},
		{"more after the event", append(slices.Clone(value), 0), fmt.Sprintf("decode value: not a Debezium change event: more follows the event, at byte %d", len(value))},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e debezium.Event
			err := codec.NewAvroDecoder(t.Context(), registry).Decode(nil, c.value, nil, &e)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// FuzzAvroSchema: whatever the registry answers, there is an event or an error.
func FuzzAvroSchema(f *testing.F) {
	g := avroGoldens(f, "testdata/avro/default.jsonl")
	for _, s := range g.schemas {
		f.Add(s, []byte{0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2})
	}
	f.Fuzz(func(t *testing.T, schema string, v []byte) {
		d := codec.NewAvroDecoder(t.Context(), &memoryRegistry{schemas: []string{schema}})
		var e debezium.Event
		if err := d.Decode(v, v, nil, &e); err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
	})
}

func BenchmarkAvro_AppendValue(b *testing.B) {
	benchmarkEncode(b, codec.NewAvro(b.Context(), &memoryRegistry{}, codec.AvroOptions{}).AppendValue)
}

func BenchmarkAvroDecoder_Decode(b *testing.B) {
	d, key, value := avroEncoded(b)
	var e debezium.Event
	b.ReportAllocs()
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		if err := d.Decode(key, value, nil, &e); err != nil {
			b.Fatal(err)
		}
	}
}

func avroEncoded(tb testing.TB) (d *codec.AvroDecoder, key, value []byte) {
	tb.Helper()
	registry := &memoryRegistry{}
	a := codec.NewAvro(tb.Context(), registry, codec.AvroOptions{})
	key, err := a.AppendKey(nil, sbtest())
	if err != nil {
		tb.Fatal(err)
	}
	if value, err = a.AppendValue(nil, sbtest()); err != nil {
		tb.Fatal(err)
	}
	return codec.NewAvroDecoder(tb.Context(), registry), key, value
}

func TestAvro_Allocations(t *testing.T) {
	e := sbtest()
	a := codec.NewAvro(t.Context(), &memoryRegistry{}, codec.AvroOptions{})
	buf := make([]byte, 0, 4096)
	encode := func() {
		var err error
		if buf, err = a.AppendKey(buf[:0], e); err != nil {
			t.Fatal(err)
		}
		if buf, err = a.AppendValue(buf, e); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(1000, encode); n != 0 {
		t.Errorf("encode: %v allocations per event", n)
	}
	d, key, value := avroEncoded(t)
	var out debezium.Event
	decode := func() {
		if err := d.Decode(key, value, nil, &out); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(1000, decode); n != 0 {
		t.Errorf("decode: %v allocations per event", n)
	}
}
