package debezium_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// goldenRecord is a record that Debezium 3.6.1 wrote, 3.5.0 for MariaDB.
type goldenRecord struct{ Topic, Key, Value string }

func goldenRecords(t *testing.T) []goldenRecord {
	t.Helper()
	f, err := os.Open("testdata/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var records []goldenRecord
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var r goldenRecord
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if s.Err() != nil || len(records) == 0 {
		t.Fatalf("no records: %v", s.Err())
	}
	return records
}

// TestSchemas_AreDebeziums writes each golden record again from its parts, by
// this package's schemas and values, and compares the bytes.
func TestSchemas_AreDebeziums(t *testing.T) {
	j := codec.NewJSON(codec.JSONOptions{Schemas: true, ReplaceNullWithDefault: true})
	changes, events := 0, 0
	for i, r := range goldenRecords(t) {
		var key, value []byte
		var err error
		if strings.Contains(r.Topic, ".") {
			events++
			key, value, err = eventAgain(j, &r)
		} else {
			changes++
			key, value, err = schemaChangeAgain(j, &r)
		}
		if err != nil {
			t.Errorf("record %d of %s: %v", i, r.Topic, err)
			continue
		}
		if diff := cmp.Diff(r.Key, string(key)); diff != "" {
			t.Errorf("record %d of %s: key differs (-want +got)\n%s", i, r.Topic, diff)
		}
		if diff := cmp.Diff(r.Value, string(value)); diff != "" {
			t.Errorf("record %d of %s: value differs (-want +got)\n%s", i, r.Topic, diff)
		}
	}
	if changes < 10 || events < 8 {
		t.Errorf("compared %d schema changes and %d events, want at least 10 and 8", changes, events)
	}
}

func schemaChangeAgain(j *codec.JSON, r *goldenRecord) (key, value []byte, err error) {
	c, err := codec.DecodeSchemaChange([]byte(r.Key), []byte(r.Value))
	if err != nil {
		return nil, nil, err
	}
	if key, err = j.AppendStruct(nil, debezium.SchemaChangeKeySchema(c.Source.Connector), c.Key()); err != nil {
		return nil, nil, err
	}
	value, err = j.AppendStruct(nil, debezium.SchemaChangeValueSchema(c.Source.Connector), c.Value())
	return key, value, err
}

func eventAgain(j *codec.JSON, r *goldenRecord) (key, value []byte, err error) {
	var e debezium.Event
	if err := codec.NewJSONDecoder(codec.JSONDecoderOptions{}).Decode([]byte(r.Key), []byte(r.Value), nil, &e); err != nil {
		return nil, nil, err
	}
	image := func(row []debezium.Value) debezium.Value {
		if row == nil {
			return debezium.Value{}
		}
		return debezium.Value{Type: debezium.Struct, Elems: row}
	}
	if e.KeySchema != nil {
		if key, err = j.AppendStruct(nil, debezium.KeySchema(r.Topic, e.KeySchema.Fields), e.Key); err != nil {
			return nil, nil, err
		}
	}
	row := debezium.RowSchema(r.Topic, e.Row.Fields)
	value, err = j.AppendStruct(nil, debezium.EnvelopeSchema(r.Topic, e.Source.Connector, row), []debezium.Value{
		image(e.Before), image(e.After),
		{Type: debezium.Struct, Elems: e.Source.AppendValues(nil)},
		{},
		debezium.Text(string(rune(e.Op))),
		debezium.Int(debezium.Int64, e.TsNs/1e6), debezium.Int(debezium.Int64, e.TsNs/1e3), debezium.Int(debezium.Int64, e.TsNs),
	})
	return key, value, err
}

func TestSource_AppendValuesDoesNotAllocate(t *testing.T) {
	s := debezium.Source{Version: "3.6.1.Final", Connector: "mysql", Name: "p", DB: "d", Table: "t", GTID: "g", File: "f"}
	values := s.AppendValues(nil)
	if got, want := len(values), len(debezium.SourceSchema("mysql").Fields); got != want {
		t.Fatalf("got %d values, want %d", got, want)
	}
	if n := testing.AllocsPerRun(10, func() { values = s.AppendValues(values[:0]) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}
