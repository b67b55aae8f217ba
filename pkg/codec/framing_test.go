package codec_test

import (
	"bytes"
	"compress/zlib"
	"slices"
	"testing"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// deflated is a key or value of Glue's framing with its body compressed, as the
// serializers of AWS write it with compression=ZLIB.
func deflated(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	out.Write([]byte{3, 5})
	out.Write(b[2:18])
	w := zlib.NewWriter(&out)
	if _, err := w.Write(b[18:]); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestFraming_Glue(t *testing.T) {
	registry := &memoryRegistry{framing: codec.GlueFraming}
	a := codec.NewAvro(t.Context(), registry, codec.AvroOptions{})
	key, err := a.AppendKey(nil, sbtest())
	if err != nil {
		t.Fatal(err)
	}
	value, err := a.AppendValue(nil, sbtest())
	if err != nil {
		t.Fatal(err)
	}
	head := []byte{3, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0}
	if !bytes.HasPrefix(key, append(slices.Clone(head), 0)) || !bytes.HasPrefix(value, append(slices.Clone(head), 1)) {
		t.Errorf("key begins %x, value begins %x", key[:18], value[:18])
	}
	d := codec.NewAvroDecoder(t.Context(), registry)
	for range 2 { // the second time with what was kept of the first
		var plain, inflated debezium.Event
		if err := d.Decode(deflated(t, key), deflated(t, value), nil, &inflated); err != nil {
			t.Fatal(err)
		}
		if err := codec.NewAvroDecoder(t.Context(), registry).Decode(key, value, nil, &plain); err != nil {
			t.Fatal(err)
		}
		sameEvent(t, &plain, &inflated)
	}
}

// sameEvent compares events by what the encoders make of them.
func sameEvent(t *testing.T, a, b *debezium.Event) {
	t.Helper()
	texts := [2][]byte{}
	for i, e := range []*debezium.Event{a, b} {
		j := codec.NewJSON(codec.JSONOptions{Schemas: true})
		var err error
		if texts[i], err = j.AppendKey(nil, e); err == nil && !e.Tombstone {
			texts[i], err = j.AppendValue(texts[i], e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Errorf("not the same event:\n%s\n%s", texts[0], texts[1])
	}
}

func TestFraming_GlueRefuses(t *testing.T) {
	registry := &memoryRegistry{framing: codec.GlueFraming}
	value, err := codec.NewAvro(t.Context(), registry, codec.AvroOptions{}).AppendValue(nil, sbtest())
	if err != nil {
		t.Fatal(err)
	}
	const noEvent = "decode value: not a Debezium change event: "
	const noHead = noEvent + "it does not begin with a 3, a compression and a schema version's id, at byte 0"
	for _, tt := range []struct {
		name  string
		value []byte
		want  string
	}{
		{"nothing", []byte{}, noHead},
		{"a cut head", value[:17], noHead},
		{"Confluent's framing", []byte{0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, noHead},
		{"an unknown compression", append([]byte{3, 1}, value[2:]...), noEvent + "an unknown compression, at byte 1"},
		{"bytes that were never compressed", append([]byte{3, 5}, value[2:]...), noEvent + "it cannot be inflated: zlib: invalid header, at byte 18"},
		{"a cut body", deflated(t, value)[:40], noEvent + "it cannot be inflated: unexpected EOF, at byte 18"},
		{"an unknown version", slices.Concat(value[:17], []byte{9}, value[18:]), "decode value: no schema 00000000-0000-4000-8000-000000000009"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e debezium.Event
			if err := codec.NewAvroDecoder(t.Context(), registry).Decode(nil, tt.value, nil, &e); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
