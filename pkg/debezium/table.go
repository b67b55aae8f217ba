package debezium

import "strings"

// TableID names a MySQL table.
type TableID struct{ Database, Table string }

// String returns database.table, the form that Debezium's filters match.
func (t TableID) String() string { return t.Database + "." + t.Table }

// ParseTableID reads the form that Debezium's table changes carry: "db"."table".
func ParseTableID(id string) (TableID, bool) {
	db, table, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(id, `"`), `"`), `"."`)
	if !ok {
		return TableID{}, false
	}
	return TableID{Database: strings.ReplaceAll(db, `""`, `"`), Table: strings.ReplaceAll(table, `""`, `"`)}, true
}

// Quoted returns "db"."table", the id of a table change.
func (t TableID) Quoted() string {
	q := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	return q(t.Database) + "." + q(t.Table)
}

// Table is Debezium's model of a MySQL table
// (io.debezium.connector.schema.Table, version 1).
type Table struct {
	DefaultCharset string   // "" is null
	PrimaryKey     []string // the key's columns in key order; a promoted unique key counts as one
	Columns        []Column // in table order
	Comment        string   // "" is null
}

// Column is Debezium's model of a MySQL column
// (io.debezium.connector.schema.Column, version 1).
type Column struct {
	Name            string
	JDBCType        int    // java.sql.Types
	NativeType      int    // 0 is null
	TypeName        string // upper case, e.g. INT, INT UNSIGNED, VARCHAR
	TypeExpression  string
	Charset         string // "" is null; also of ENUM and SET
	Length          int    // -1 is null
	Scale           int    // -1 is null
	Position        int    // from 1
	Optional        bool
	AutoIncremented bool
	Generated       bool
	Comment         string // "" is null
	HasDefault      bool
	Default         *string  // the default's expression as Debezium prints it; nil is null
	EnumValues      []string // labels of ENUM and SET as Debezium prints them, quoted
}

// Column returns the column called name, or nil.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, name) {
			return &t.Columns[i]
		}
	}
	return nil
}

// TableChange is one element of a schema change's tableChanges
// (io.debezium.connector.schema.Change, version 1).
type TableChange struct {
	Type     string // CREATE, ALTER or DROP
	ID       TableID
	Previous *TableID // the name before a rename, in the history topic only
	Table    *Table   // nil for DROP
}

// SchemaChange is one record of the schema-change topic
// (io.debezium.connector.mysql.SchemaChangeValue, version 1).
type SchemaChange struct {
	Source   Source
	TsMs     int64
	Database string
	DDL      string
	Changes  []TableChange
	// OfDatabase is set if the statement makes or drops a database: Debezium says so by a source.table that is null.
	OfDatabase bool
}
