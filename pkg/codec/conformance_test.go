package codec_test

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/codec/codectest"
	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestJSON_Conformance(t *testing.T) {
	for _, c := range []struct {
		name    string
		options codec.JSONOptions
	}{
		{"plain", codec.JSONOptions{}},
		{"schemas", codec.JSONOptions{Schemas: true}},
		{"decimals as numbers", codec.JSONOptions{DecimalNumeric: true}},
		{"nulls replaced", codec.JSONOptions{ReplaceNullWithDefault: true}},
		{"Debezium's default", codec.JSONOptions{Schemas: true, ReplaceNullWithDefault: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			codectest.Run(t, func() codectest.Format {
				return codectest.Format{
					Encoder:      codec.NewJSON(c.options),
					ReplacesNull: c.options.ReplaceNullWithDefault,
					Decoder: func(topic string, row, key *debezium.Schema) codec.Decoder {
						o := codec.JSONDecoderOptions{Topic: topic}
						if !c.options.Schemas {
							o.Schemas = func(string) (*debezium.Schema, *debezium.Schema) { return row, key }
						}
						return codec.NewJSONDecoder(o)
					},
				}
			})
		})
	}
}

func TestKeyValue_EncodesKeysAndValuesApart(t *testing.T) {
	e := sbtest()
	kv := codec.KeyValue{Keys: codec.NewJSON(codec.JSONOptions{Schemas: true}), Values: codec.NewJSON(codec.JSONOptions{})}
	key, err := kv.AppendKey(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	value, err := kv.AppendValue(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	if key[2] != 's' || value[2] != 'b' {
		t.Errorf("got key %.20s, value %.20s", key, value)
	}
	c := &debezium.SchemaChange{Source: e.Source, DDL: "CREATE DATABASE d"}
	if key, err = kv.AppendSchemaChangeKey(nil, c); err != nil {
		t.Fatal(err)
	}
	if value, err = kv.AppendSchemaChangeValue(nil, c); err != nil {
		t.Fatal(err)
	}
	if string(key[2:8]) != "schema" || string(value[2:8]) != "source" {
		t.Errorf("schema change: got key %.20s, value %.20s", key, value)
	}
}
