package binlog

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// TestTables_NamesThatNobodyWants: a server may make and drop tables for ever.
func TestTables_NamesThatNobodyWants(t *testing.T) {
	tables := newTables(Config{Captures: func(id debezium.TableID) bool { return id.Table == "kept" }})
	define := func(id uint64, name string) *tableEntry {
		body := binary.LittleEndian.AppendUint64(nil, id)[:6]
		body = append(append(body, 1, 0, 1, 'd', 0, byte(len(name))), name...)
		e, err := tables.define(append(body, 0, 1, byte(TypeLong), 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	kept := define(1, "kept")
	for file := range 3 {
		for i := range 2 * maxIdleNames {
			define(uint64(2+i), fmt.Sprintf("t%d_%d", file, i))
		}
		tables.forgetIDs()
		if n := len(tables.byName); n > maxIdleNames {
			t.Errorf("file %d: %d names are kept", file, n)
		}
	}
	if define(9, "kept") != kept {
		t.Error("a captured table got another definition")
	}
}
