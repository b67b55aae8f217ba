package debezium

import "unsafe"

// The connectors whose events are imitated.
const (
	ConnectorMySQL   = "mysql"
	ConnectorMariaDB = "mariadb"
)

// notSnapshot is what source.snapshot reads while streaming.
const notSnapshot = "false"

var (
	mysqlSource   = newSourceSchema(ConnectorMySQL)
	mariadbSource = newSourceSchema(ConnectorMariaDB)
)

// SourceSchema returns the schema of the source block of a connector, mysql or
// mariadb, version 1.
func SourceSchema(connector string) *Schema {
	switch connector {
	case ConnectorMySQL:
		return mysqlSource
	case ConnectorMariaDB:
		return mariadbSource
	default:
		return newSourceSchema(connector)
	}
}

func newSourceSchema(connector string) *Schema {
	streaming := Text(notSnapshot)
	snapshot := &Schema{
		Type: String, Optional: true, Name: enumName, Version: 1,
		Params:  []Param{{"allowed", "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"}},
		Default: &streaming,
	}
	return &Schema{
		Type: Struct, Name: "io.debezium.connector." + connector + ".Source", Version: 1,
		Fields: []Field{
			{"version", requiredString},
			{"connector", requiredString},
			{"name", requiredString},
			{"ts_ms", requiredInt64},
			{"snapshot", snapshot},
			{"db", requiredString},
			{"sequence", optionalString},
			{"ts_us", optionalInt64},
			{"ts_ns", optionalInt64},
			{"table", optionalString},
			{"server_id", requiredInt64},
			{"gtid", optionalString},
			{"file", requiredString},
			{"pos", requiredInt64},
			{"row", requiredInt32},
			{"thread", optionalInt64},
			{"query", optionalString},
		},
	}
}

// AppendValues appends the values of the source block in the order of
// [SourceSchema]. They share memory with s and allocate nothing.
func (s *Source) AppendValues(dst []Value) []Value {
	return append(dst,
		borrow(s.Version),
		borrow(s.Connector),
		borrow(s.Name),
		Int(Int64, floorDiv(s.TsNs, 1e6)),
		textOrNull(s.Snapshot),
		borrow(s.DB),
		Value{},
		Int(Int64, floorDiv(s.TsNs, 1e3)),
		Int(Int64, s.TsNs),
		textOrNull(s.Table),
		Int(Int64, s.ServerID),
		textOrNull(s.GTID),
		borrow(s.File),
		Int(Int64, s.Pos),
		Int(Int32, int64(s.Row)),
		intOrNull(Int64, s.Thread, 0),
		bytesOrNull(s.Query),
	)
}

func textOrNull(s string) Value {
	if s == "" {
		return Value{}
	}
	return borrow(s)
}

// borrow returns a string value that shares the memory of s; like every B it is never written to.
func borrow(s string) Value {
	return Value{Type: String, B: unsafe.Slice(unsafe.StringData(s), len(s))}
}

func bytesOrNull(b []byte) Value {
	if b == nil {
		return Value{}
	}
	return Value{Type: String, B: b}
}

func intOrNull(t Type, i, null int64) Value {
	if i == null {
		return Value{}
	}
	return Int(t, i)
}

// floorDiv divides rounding down, as Java's Math.floorDiv does.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
