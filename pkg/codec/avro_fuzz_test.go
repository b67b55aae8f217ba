package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// knownAvro fails unless an error is of a kind that the callers know.
func knownAvro(t *testing.T, err error) {
	t.Helper()
	var format *codec.FormatError
	var schema *codec.SchemaError
	if !errors.As(err, &format) && !errors.As(err, &schema) {
		t.Errorf("error of type %T: %v", err, err)
	}
}

// FuzzAvroDecoder: whatever the bytes, there is an event or a typed error, and
// what was decoded can be encoded and is the same when decoded again.
func FuzzAvroDecoder(f *testing.F) {
	g := avroGoldens(f, "testdata/avro/default.jsonl")
	for _, r := range g.records {
		f.Add(r.key, r.value)
	}
	registry := &memoryRegistry{schemas: make([]string, 1, 256)}
	for id := range int32(256) {
		if s, ok := g.schemas[id]; ok {
			for len(registry.schemas) <= int(id) {
				registry.schemas = append(registry.schemas, "")
			}
			registry.schemas[id] = s
		}
	}
	d := codec.NewAvroDecoder(f.Context(), registry)
	f.Fuzz(func(t *testing.T, k, v []byte) {
		var e debezium.Event
		if err := d.Decode(k, v, nil, &e); err != nil || e.Tombstone {
			return
		}
		own := &memoryRegistry{}
		a := codec.NewAvro(t.Context(), own, codec.AvroOptions{})
		encoded := encodeAvro(t, a, &e)
		var again debezium.Event
		if err := codec.NewAvroDecoder(t.Context(), own).Decode(encoded[0], encoded[1], nil, &again); err != nil {
			t.Fatalf("decode what was encoded: %v", err)
		}
		if e.Unwrapped && e.Op == debezium.Delete { // what said so is not in the row
			again.Op, again.Before, again.After = e.Op, again.After, nil
		}
		third := encodeAvro(t, a, &again)
		if !bytes.Equal(encoded[0], third[0]) || !bytes.Equal(encoded[1], third[1]) {
			t.Errorf("not the same again:\n%x %x\n%x %x", encoded[0], encoded[1], third[0], third[1])
		}
	})
}

// encodeAvro returns an event's key and value.
func encodeAvro(t *testing.T, a *codec.Avro, e *debezium.Event) (encoded [2][]byte) {
	t.Helper()
	var err error
	if encoded[0], err = a.AppendKey(nil, e); err == nil {
		encoded[1], err = appendEvent(a, e)
	}
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return encoded
}

// FuzzFraming: whatever bytes come as Glue's framing, there is an event or a
// typed error; and a compressed body is the event that it is plain.
func FuzzFraming(f *testing.F) {
	registry := &memoryRegistry{framing: codec.GlueFraming}
	a := codec.NewAvro(f.Context(), registry, codec.AvroOptions{})
	value, err := a.AppendValue(nil, sbtest())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add(deflated(f, value))
	f.Add(deflated(f, value)[:30])
	d := codec.NewAvroDecoder(f.Context(), registry)
	f.Fuzz(func(t *testing.T, v []byte) {
		if len(v) > 17 && v[17] > 0 {
			return // an id that is not registered
		}
		var e, inflated debezium.Event
		if err := d.Decode(v, v, nil, &e); err != nil && len(v) > 0 {
			knownAvro(t, err)
		}
		if err := d.Decode(nil, v, nil, &e); err != nil || e.Tombstone {
			return
		}
		if v[1] == 0 {
			if err := codec.NewAvroDecoder(t.Context(), registry).Decode(nil, deflated(t, v), nil, &inflated); err != nil {
				t.Fatal(err)
			}
			sameEvent(t, &e, &inflated)
		}
	})
}

// FuzzJSONAndAvro: an event that is written as JSON and as Avro is read as the
// same event from both.
func FuzzJSONAndAvro(f *testing.F) {
	addGoldens(f, func(r *goldenRecord) bool { return r.isEvent("") })
	f.Fuzz(func(t *testing.T, k, v []byte) {
		var e, fromJSON, fromAvro debezium.Event
		d := codec.NewJSONDecoder(codec.JSONDecoderOptions{})
		if err := d.Decode(k, v, nil, &e); err != nil || e.Tombstone || e.Row == nil {
			return
		}
		registry := &memoryRegistry{}
		a := codec.NewAvro(t.Context(), registry, codec.AvroOptions{})
		key, err := a.AppendKey(nil, &e)
		if err != nil {
			return // a schema without a form in Avro
		}
		value, err := appendEvent(a, &e)
		if err != nil {
			return
		}
		if err := codec.NewAvroDecoder(t.Context(), registry).Decode(key, value, nil, &fromAvro); err != nil {
			if _, ok := errors.AsType[*codec.SchemaError](err); ok {
				return // names that are not legal in Avro
			}
			t.Fatalf("decode the Avro: %v", err)
		}
		j := codec.NewJSON(codec.JSONOptions{Schemas: true})
		if key, err = j.AppendKey(nil, &e); err == nil {
			value, err = appendEvent(j, &e)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.NewJSONDecoder(codec.JSONDecoderOptions{}).Decode(key, value, nil, &fromJSON); err != nil {
			t.Fatalf("decode the JSON: %v", err)
		}
		sameEvent(t, &fromJSON, &fromAvro)
	})
}

// FuzzAvroSchemaChange: whatever the bytes, there is a schema change or a typed
// error, and a schema change can be encoded.
func FuzzAvroSchemaChange(f *testing.F) {
	g := avroGoldens(f, "testdata/avro/default.jsonl")
	for _, r := range g.records {
		f.Add(r.value)
	}
	d := codec.NewAvroDecoder(f.Context(), g)
	f.Fuzz(func(t *testing.T, v []byte) {
		c, err := d.DecodeSchemaChange(v)
		if err != nil {
			return
		}
		a := codec.NewAvro(t.Context(), &memoryRegistry{}, codec.AvroOptions{})
		if _, err := a.AppendSchemaChangeValue(nil, c); err != nil {
			t.Errorf("encode: %v", err)
		}
	})
}
