package debezium

import (
	"cmp"
	"slices"
	"strconv"
	"unicode/utf16"
)

// TransactionBoundary is a record of the transaction topic: the beginning or the
// end of a transaction of the source.
type TransactionBoundary struct {
	ID   string
	TsMs int64 // the server's clock
	// Ended marks the end, which has the counts.
	Ended  bool
	Counts []TableCount
}

// TableCount is how many events of a table a transaction has had.
type TableCount struct {
	Table  string // database.table
	Events int64
}

// TransactionID returns what Debezium calls a transaction: its GTID, or where
// its BEGIN stands.
func TransactionID(gtid, file string, pos uint64) string {
	if gtid != "" {
		return gtid
	}
	return "file=" + file + ",pos=" + strconv.FormatUint(pos, 10)
}

// TransactionKeySchema returns the schema of the transaction topic's keys.
func TransactionKeySchema() *Schema { return transactionKeySchema }

// TransactionValueSchema returns the schema of the transaction topic's values.
func TransactionValueSchema() *Schema { return transactionValueSchema }

// Key returns the values of the record's key in the order of its schema.
func (t *TransactionBoundary) Key() []Value { return []Value{Text(t.ID)} }

// Value returns the values of the record in the order of its schema.
func (t *TransactionBoundary) Value() []Value {
	if !t.Ended {
		return []Value{Text("BEGIN"), Text(t.ID), {}, {}, Int(Int64, t.TsMs)}
	}
	var all int64
	collections := make([]Value, len(t.Counts))
	for i, c := range inHashMap(t.Counts) {
		all += c.Events
		collections[i] = Value{Type: Struct, Elems: []Value{Text(c.Table), Int(Int64, c.Events)}}
	}
	return []Value{Text("END"), Text(t.ID), Int(Int64, all), {Type: Array, Elems: collections}, Int(Int64, t.TsMs)}
}

// inHashMap returns the counts in the order of Java's HashMap, as Debezium lists them.
func inHashMap(counts []TableCount) []TableCount {
	buckets := 16
	for len(counts)*4 > buckets*3 {
		buckets *= 2
	}
	bucket := func(c TableCount) uint32 {
		var h uint32
		for _, unit := range utf16.Encode([]rune(c.Table)) {
			h = 31*h + uint32(unit)
		}
		return (h ^ h>>16) & uint32(buckets-1)
	}
	ordered := slices.Clone(counts)
	slices.SortStableFunc(ordered, func(a, b TableCount) int { return cmp.Compare(bucket(a), bucket(b)) })
	return ordered
}

// HeartbeatKeySchema returns the schema of the heartbeat topic's keys.
func HeartbeatKeySchema() *Schema { return heartbeatKeySchema }

// HeartbeatValueSchema returns the schema of the heartbeat topic's values.
func HeartbeatValueSchema() *Schema { return heartbeatValueSchema }

// Nothing ever changes these.
var (
	transactionKeySchema = &Schema{
		Type: Struct, Name: "io.debezium.connector.common.TransactionMetadataKey", Version: 1,
		Fields: []Field{{"id", requiredString}},
	}
	transactionValueSchema = &Schema{
		Type: Struct, Name: "io.debezium.connector.common.TransactionMetadataValue", Version: 1,
		Fields: []Field{
			{"status", requiredString},
			{"id", requiredString},
			{"event_count", optionalInt64},
			{"data_collections", &Schema{Type: Array, Optional: true, Items: &Schema{
				Type: Struct, Optional: true, Name: "event.collection", Version: 1,
				Fields: []Field{{"data_collection", requiredString}, {"event_count", requiredInt64}},
			}}},
			{"ts_ms", requiredInt64},
		},
	}
	heartbeatKeySchema = &Schema{
		Type: Struct, Name: "io.debezium.connector.common.ServerNameKey", Version: 1,
		Fields: []Field{{"serverName", requiredString}},
	}
	heartbeatValueSchema = &Schema{
		Type: Struct, Name: "io.debezium.connector.common.Heartbeat", Version: 1,
		Fields: []Field{{"ts_ms", requiredInt64}},
	}
)
