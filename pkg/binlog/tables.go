package binlog

import (
	"bytes"
	"maps"
	"slices"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// tables keeps the definitions of tables, so that one that stands is parsed
// once and keeps its address.
type tables struct {
	captures func(debezium.TableID) bool
	mariadb  bool
	byID     map[uint64]*tableEntry
	byName   map[string]*tableEntry // database, a NUL, table
	versions uint64
}

type tableEntry struct {
	name     string // database.table
	raw      []byte // the table map's body after id and flags
	captured bool
	table    *TableMap // nil unless captured
}

// dummyTableID marks the row event that ends a statement without rows.
const dummyTableID = 0xffffff

func newTables(cfg Config) tables {
	return tables{
		captures: cfg.Captures,
		mariadb:  cfg.Flavor == debezium.FlavorMariaDB,
		byID:     make(map[uint64]*tableEntry),
		byName:   make(map[string]*tableEntry),
	}
}

// maxIdleNames is how many names are kept over the end of a file that nobody wants the rows of.
const maxIdleNames = 4096

// forgetIDs must be called at a new file: a server gives out its ids anew when it
// starts. Names go too if they are many: some servers make and drop tables for ever.
func (t *tables) forgetIDs() {
	clear(t.byID)
	if len(t.byName) > maxIdleNames {
		maps.DeleteFunc(t.byName, func(_ string, e *tableEntry) bool { return !e.captured })
	}
}

// define takes the body of a TABLE_MAP event.
func (t *tables) define(body []byte) (*tableEntry, error) {
	d := buffer{data: body}
	id := d.uint(6)
	d.uint16() // flags
	raw := d.rest()
	if d.failed {
		return nil, errTruncated
	}
	if e := t.byID[id]; e != nil && bytes.Equal(e.raw, raw) {
		return e, nil
	}
	n := nameLength(raw)
	if n < 0 {
		return nil, errTruncated
	}
	e := t.byName[string(raw[:n])]
	if e == nil || !bytes.Equal(e.raw, raw) {
		var err error
		if e, err = t.parse(raw); err != nil {
			return nil, err
		}
		t.byName[string(raw[:n])] = e
	}
	t.byID[id] = e
	return e, nil
}

// nameLength returns how many bytes the names at the front of a table map take, or -1.
func nameLength(raw []byte) int {
	d := buffer{data: raw}
	d.bytes(int(d.uint8()) + 1)
	d.bytes(int(d.uint8()) + 1)
	if d.failed {
		return -1
	}
	return len(raw) - len(d.data)
}

func (t *tables) parse(raw []byte) (*tableEntry, error) {
	d := buffer{data: raw}
	database := string(d.bytes(int(d.uint8())))
	d.uint8()
	id := debezium.TableID{Database: database, Table: string(d.bytes(int(d.uint8())))}
	e := &tableEntry{name: id.String(), raw: slices.Clone(raw)}
	if e.captured = t.captures(id); !e.captured {
		return e, nil
	}
	var err error
	if e.table, err = parseTableMap(e.raw, t.mariadb); err != nil {
		return nil, err
	}
	t.versions++
	e.table.Version = t.versions
	return e, nil
}
