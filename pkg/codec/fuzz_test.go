package codec_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// addGoldens seeds a fuzz target with one record of each golden schema.
func addGoldens(f *testing.F, keep func(r *goldenRecord) bool) {
	f.Helper()
	seen := make(map[string]bool)
	for _, file := range goldenFiles(f) {
		for _, r := range goldens(f, file) {
			if id := r.topic + string(r.valueSchema); keep(&r) && !seen[id] {
				seen[id] = true
				f.Add(r.key(), r.value())
				f.Add(r.keyPayload, r.valuePayload)
			}
		}
	}
}

// FuzzJSONDecoder: whatever the bytes, there is an event or a typed error, and
// what was decoded can be encoded and is the same when decoded again.
func FuzzJSONDecoder(f *testing.F) {
	addGoldens(f, func(r *goldenRecord) bool { return r.isEvent("") })
	row, key := tableT()
	d := codec.NewJSONDecoder(codec.JSONDecoderOptions{
		Schemas: func(string) (*debezium.Schema, *debezium.Schema) { return row, key },
	})
	f.Fuzz(func(t *testing.T, k, v []byte) {
		var e debezium.Event
		if err := d.Decode(k, v, nil, &e); err != nil {
			known(t, err)
			return
		}
		if v != nil && !json.Valid(v) || k != nil && !json.Valid(k) {
			t.Errorf("accepted what is no JSON: %q %q", k, v)
		}
		if e.Tombstone || e.Row == nil {
			return
		}
		j := codec.NewJSON(codec.JSONOptions{Schemas: true})
		again, err := appendEvent(j, &e)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		var e2 debezium.Event
		if err := codec.NewJSONDecoder(codec.JSONDecoderOptions{}).Decode(nil, again, nil, &e2); err != nil {
			t.Fatalf("decode %s: %v", again, err)
		}
		if e.Unwrapped && e.Op == debezium.Delete { // what said so is not in the row
			e2.Op, e2.Before, e2.After = e.Op, e2.After, nil
		}
		third, err := appendEvent(j, &e2)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if string(third) != string(again) {
			t.Errorf("not the same again:\n%s\n%s", again, third)
		}
	})
}

// appendEvent encodes an event with or without its envelope.
func appendEvent(enc codec.RecordEncoder, e *debezium.Event) ([]byte, error) {
	if !e.Unwrapped {
		return enc.AppendValue(nil, e)
	}
	row := e.After
	if e.Op == debezium.Delete {
		row = e.Before
	}
	return enc.AppendRow(nil, "s.d.t", e.Row, row)
}

func known(t *testing.T, err error) {
	t.Helper()
	var format *codec.FormatError
	var field *codec.FieldError
	if !errors.As(err, &format) && !errors.As(err, &field) && !errors.Is(err, codec.ErrNoSchema) {
		t.Errorf("error of type %T: %v", err, err)
	}
}

func FuzzDecodeSchemaChange(f *testing.F) {
	addGoldens(f, func(r *goldenRecord) bool { return !r.isEvent("") })
	f.Fuzz(func(t *testing.T, k, v []byte) {
		c, err := codec.DecodeSchemaChange(k, v)
		if err != nil {
			known(t, err)
			return
		}
		j := codec.NewJSON(codec.JSONOptions{})
		if _, err := j.AppendSchemaChangeValue(nil, c); err != nil {
			t.Errorf("encode: %v", err)
		}
	})
}
