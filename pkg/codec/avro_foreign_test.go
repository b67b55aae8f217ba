package codec_test

import (
	"encoding/binary"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/firn-cdc/firn/pkg/codec"
)

// What we write is read by a library that others wrote, under the schema that
// we registered.
func TestAvro_IsReadByAnotherLibrary(t *testing.T) {
	registry := &memoryRegistry{}
	e := sbtest()
	value, err := codec.NewAvro(t.Context(), registry, codec.AvroOptions{}).AppendValue(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	if value[0] != 0 {
		t.Fatalf("got magic byte %d, want 0", value[0])
	}
	schema, err := avro.ParseWithCache(registry.schemas[binary.BigEndian.Uint32(value[1:])], "", &avro.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		After *struct {
			ID  int64  `avro:"id"`
			K   int32  `avro:"k"`
			C   string `avro:"c"`
			Pad string `avro:"pad"`
		} `avro:"after"`
		Op     string `avro:"op"`
		Source struct {
			File string `avro:"file"`
			Pos  int64  `avro:"pos"`
		} `avro:"source"`
	}
	if err := avro.Unmarshal(schema, value[5:], &event); err != nil {
		t.Fatal(err)
	}
	if event.After == nil || event.After.ID != e.After[0].I || event.After.K != int32(e.After[1].I) || event.After.C != string(e.After[2].B) ||
		event.After.Pad != string(e.After[3].B) || event.Op != "c" || event.Source.File != e.Source.File || event.Source.Pos != e.Source.Pos {
		t.Errorf("got %+v, row %+v", event, event.After)
	}
}
