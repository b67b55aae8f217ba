package schemahistory

import (
	"encoding/json"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Record is one record of Debezium's internal schema history.
type Record struct {
	Server   string // the topic prefix
	Position RecordPosition
	TsMs     int64 // when it was written
	Database string
	Schema   string // never set for MySQL
	DDL      string
	Changes  []debezium.TableChange
}

// RecordPosition is where a record's statement stands in the binlog. Fields
// that are zero are left out, but for File and Pos.
type RecordPosition struct {
	TsSec    int64
	File     string
	Pos      uint64
	GTIDs    string
	Snapshot string // INITIAL, true, … during a snapshot
	ServerID int64
	Event    int64
	Row      int64
}

// jsonRecord and what it holds are the form that is read.
type jsonRecord struct {
	Source struct {
		Server string `json:"server"`
	} `json:"source"`
	Position struct {
		TsSec    int64           `json:"ts_sec"`
		File     string          `json:"file"`
		Pos      uint64          `json:"pos"`
		GTIDs    string          `json:"gtids"`
		Snapshot json.RawMessage `json:"snapshot"`
		ServerID int64           `json:"server_id"`
		Event    int64           `json:"event"`
		Row      int64           `json:"row"`
	} `json:"position"`
	TsMs     int64        `json:"ts_ms"`
	Database string       `json:"databaseName"`
	Schema   string       `json:"schemaName"`
	DDL      string       `json:"ddl"`
	Changes  []jsonChange `json:"tableChanges"`
}

type jsonChange struct {
	Type       string     `json:"type"`
	ID         string     `json:"id"`
	PreviousID string     `json:"previousId"`
	Table      *jsonTable `json:"table"`
	Comment    string     `json:"comment"`
}

type jsonTable struct {
	Charset    string       `json:"defaultCharsetName"`
	PrimaryKey []string     `json:"primaryKeyColumnNames"`
	Columns    []jsonColumn `json:"columns"`
}

type jsonColumn struct {
	Name            string   `json:"name"`
	JDBCType        int      `json:"jdbcType"`
	NativeType      int      `json:"nativeType"`
	TypeName        string   `json:"typeName"`
	TypeExpression  string   `json:"typeExpression"`
	Charset         string   `json:"charsetName"`
	Length          *int     `json:"length"`
	Scale           *int     `json:"scale"`
	Position        int      `json:"position"`
	Optional        bool     `json:"optional"`
	AutoIncremented bool     `json:"autoIncremented"`
	Generated       bool     `json:"generated"`
	Comment         string   `json:"comment"`
	HasDefault      bool     `json:"hasDefaultValue"`
	Default         *string  `json:"defaultValueExpression"`
	EnumValues      []string `json:"enumValues"`
}

// DecodeRecord reads the value of a history record.
func DecodeRecord(value []byte) (Record, error) {
	var j jsonRecord
	if err := json.Unmarshal(value, &j); err != nil {
		return Record{}, fmt.Errorf("read schema history record: %w", err)
	}
	r := Record{Server: j.Source.Server, TsMs: j.TsMs, Database: j.Database, Schema: j.Schema, DDL: j.DDL}
	p := &j.Position
	r.Position = RecordPosition{TsSec: p.TsSec, File: p.File, Pos: p.Pos, GTIDs: p.GTIDs, ServerID: p.ServerID, Event: p.Event, Row: p.Row}
	switch {
	case len(p.Snapshot) == 0 || string(p.Snapshot) == "false" || string(p.Snapshot) == "null":
	case p.Snapshot[0] == '"':
		if err := json.Unmarshal(p.Snapshot, &r.Position.Snapshot); err != nil {
			return Record{}, fmt.Errorf("read schema history record: %w", err)
		}
	default:
		r.Position.Snapshot = string(p.Snapshot)
	}
	for i := range j.Changes {
		c, err := j.Changes[i].change()
		if err != nil {
			return Record{}, fmt.Errorf("read schema history record: %w", err)
		}
		r.Changes = append(r.Changes, c)
	}
	return r, nil
}

func (j *jsonChange) change() (debezium.TableChange, error) {
	id, ok := debezium.ParseTableID(j.ID)
	if !ok {
		return debezium.TableChange{}, fmt.Errorf("table id %q", j.ID)
	}
	c := debezium.TableChange{Type: j.Type, ID: id}
	if j.PreviousID != "" {
		previous, ok := debezium.ParseTableID(j.PreviousID)
		if !ok {
			return debezium.TableChange{}, fmt.Errorf("table id %q", j.PreviousID)
		}
		c.Previous = &previous
	}
	if j.Table == nil {
		return c, nil
	}
	c.Table = &debezium.Table{DefaultCharset: j.Table.Charset, PrimaryKey: j.Table.PrimaryKey, Comment: j.Comment}
	for i := range j.Table.Columns {
		c.Table.Columns = append(c.Table.Columns, j.Table.Columns[i].column())
	}
	return c, nil
}

func (j *jsonColumn) column() debezium.Column {
	unset := func(n *int) int {
		if n == nil {
			return -1
		}
		return *n
	}
	labels := j.EnumValues
	if len(labels) == 0 { // of most columns: one form, before a restart and after it
		labels = nil
	}
	return debezium.Column{
		Name: j.Name, JDBCType: j.JDBCType, NativeType: j.NativeType, TypeName: j.TypeName, TypeExpression: j.TypeExpression,
		Charset: j.Charset, Length: unset(j.Length), Scale: unset(j.Scale), Position: j.Position, Optional: j.Optional,
		AutoIncremented: j.AutoIncremented, Generated: j.Generated, Comment: j.Comment,
		HasDefault: j.HasDefault, Default: j.Default, EnumValues: labels,
	}
}

// Load follows a record of the history: its statement, then the definitions it
// carries, which decide. A record never fails: a definition that it leaves
// unknown is reported when it is needed.
func (h *History) Load(r *Record) {
	// The statement tells what the definitions do not: databases' character sets, indexes, old names.
	_, _, _ = h.Apply(r.Database, r.DDL, StatementContext{})
	for _, c := range r.Changes {
		if c.Previous != nil {
			h.Drop(*c.Previous)
		}
	}
	for _, c := range r.Changes {
		switch c.Table {
		case nil:
			h.Drop(c.ID)
		default:
			var e entry
			if old := h.tables[h.key(c.ID)]; old != nil {
				e = *old
			}
			e.id, e.table, e.stale = h.stored(c.ID), c.Table, false
			h.tables[h.key(c.ID)] = &e
		}
	}
}
