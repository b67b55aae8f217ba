package schemahistory_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// FuzzDecodeRecord: whatever the topic of the history holds, there is a record
// or an error, and a record that is written is the same when read again.
func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(`{"source":{"server":"p"},"position":{"file":"b.1","pos":4,"snapshot":true},"ts_ms":1,"databaseName":"d","ddl":"DROP TABLE t","tableChanges":[{"type":"DROP","id":"\"d\".\"t\""}]}`))
	f.Add([]byte(`{"source":{"server":"p"},"position":{"snapshot":"INITIAL","gtids":"a"},"tableChanges":[{"type":"CREATE","id":"\"d\".\"t\"","table":{"defaultCharsetName":"utf8mb4","primaryKeyColumnNames":["a"],"columns":[{"name":"a","jdbcType":4,"typeName":"INT","typeExpression":"INT","length":1,"position":1,"hasDefaultValue":true,"defaultValueExpression":"1","enumValues":["'x'"]}]}}]}`))
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if i%20 == 0 {
				f.Add(line)
			}
		}
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := schemahistory.DecodeRecord(value)
		if err != nil {
			return
		}
		first := schemahistory.EncodeRecord(&r)
		again, err := schemahistory.DecodeRecord(first)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, first)
		}
		if second := schemahistory.EncodeRecord(&again); !bytes.Equal(first, second) {
			t.Errorf("not the same again:\n%s\n%s", first, second)
		}
	})
}
