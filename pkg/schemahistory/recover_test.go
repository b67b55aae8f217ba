package schemahistory_test

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// The history is ahead of the offset: a statement that comes again must not be
// in the definitions yet.
func TestRecordPosition_Before(t *testing.T) {
	const uuid = "8e5d5922-e5bd-11f1-96cb-02fc00000001"
	gtids := func(s string) debezium.GTIDSet {
		set, err := debezium.ParseGTIDSet(debezium.FlavorMySQL, s)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	at := debezium.Position{GTIDs: gtids(uuid + ":1-10"), File: "b.000002", Pos: 500}
	byFile := debezium.Position{File: "b.000002", Pos: 500}
	for _, tt := range []struct {
		name   string
		at     debezium.Position
		events int
		record schemahistory.RecordPosition
		want   bool
	}{
		{"a statement of before", at, 0, schemahistory.RecordPosition{GTIDs: uuid + ":1-9", File: "b.000002", Pos: 499}, true},
		{"the next transaction's", at, 0, schemahistory.RecordPosition{GTIDs: uuid + ":1-10", File: "b.000002", Pos: 600}, false},
		{"a later one", at, 0, schemahistory.RecordPosition{GTIDs: uuid + ":1-11", File: "b.000002", Pos: 700}, false},
		{"definitions that were read", at, 0, schemahistory.RecordPosition{GTIDs: uuid + ":1-10", File: "b.000002", Pos: 500, Snapshot: "INITIAL"}, true},
		{"from before there were GTIDs", at, 0, schemahistory.RecordPosition{File: "b.000009", Pos: 4}, true},
		{"inside the transaction, behind the place", at, 1, schemahistory.RecordPosition{GTIDs: uuid + ":1-10", Event: 1}, false},
		{"inside the transaction, before it", at, 5, schemahistory.RecordPosition{GTIDs: uuid + ":1-10", Event: 1}, true},
		{"by file: before", byFile, 0, schemahistory.RecordPosition{File: "b.000001", Pos: 9000}, true},
		{"by file: ended here", byFile, 0, schemahistory.RecordPosition{File: "b.000002", Pos: 500}, true},
		{"by file: later", byFile, 0, schemahistory.RecordPosition{File: "b.000002", Pos: 501}, false},
		{"by file: inside the transaction, behind the place", byFile, 0, schemahistory.RecordPosition{File: "b.000002", Pos: 500, Event: 1}, false},
		{"by file: inside the transaction, before it", byFile, 3, schemahistory.RecordPosition{File: "b.000002", Pos: 500, Event: 1}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.record.Before(tt.at, debezium.FlavorMySQL, tt.events)
			if err != nil || got != tt.want {
				t.Errorf("got %t, %v; want %t", got, err, tt.want)
			}
		})
	}
	if _, err := (&schemahistory.RecordPosition{GTIDs: "x"}).Before(at, debezium.FlavorMySQL, 0); err == nil {
		t.Error("a GTID set that is none was taken")
	}
}
