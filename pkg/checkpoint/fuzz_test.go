package checkpoint_test

import (
	"bytes"
	"testing"

	"github.com/firn-cdc/firn/pkg/checkpoint"
)

// FuzzLoader: whatever an offset topic holds, there is a checkpoint or an error,
// and a checkpoint that is written is the same when read again.
func FuzzLoader(f *testing.F) {
	format := checkpoint.Format{Name: "c", Prefix: "p"}
	place, table := []byte(`["c",{"server":"p"}]`), []byte(`["c",{"server":"p","snapshot":"\"db\".\"t\""}]`)
	for _, value := range []string{
		`{"file":"binlog.000002","pos":4}`,
		`{"ts_sec":1,"file":"binlog.000002","pos":158,"gtids":"f679453b-e572-11f1-ad1b-02fc00000001:1-7","row":1,"server_id":1,"event":2}`,
		`{"snapshot":"INITIAL","snapshot_completed":true,"file":"b.1","pos":4,"firn_format":1}`,
		`{"firn_format":2}`, `{"firn_format":1,"state":"reading","after":["1"],"rows":3,"from":{"file":"b","pos":4}}`, `null`, ``, `[`,
	} {
		f.Add(place, []byte(value), table, []byte(`{"firn_format":1,"state":"captured"}`))
	}
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 []byte) {
		read := func(records []checkpoint.Record) (checkpoint.Checkpoint, bool, error) {
			l := format.Loader()
			for _, r := range records {
				l.Add(r.Key, r.Value)
			}
			return l.Checkpoint()
		}
		c, ok, err := read([]checkpoint.Record{{Key: k1, Value: v1}, {Key: k2, Value: v2}, {Key: place, Value: v1}, {Key: table, Value: v2}})
		if err != nil || !ok {
			return
		}
		first, err := format.Records(&c, checkpoint.Checkpoint{})
		if err != nil {
			return
		}
		again, ok, err := read(first)
		if err != nil || !ok {
			t.Fatalf("what was written cannot be read: %t, %v\n%s", ok, err, texts(first))
		}
		second, err := format.Records(&again, checkpoint.Checkpoint{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range max(len(first), len(second)) {
			if i >= len(first) || i >= len(second) || !bytes.Equal(first[i].Key, second[i].Key) || !bytes.Equal(first[i].Value, second[i].Value) {
				t.Fatalf("not the same again:\n%s\n%s", texts(first), texts(second))
			}
		}
	})
}
