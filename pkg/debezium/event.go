// Package debezium is the contract between firn's two halves, and with every
// other program that reads or writes Debezium's topics: the change event, the
// Kafka Connect schemas it is made of, the source block, source positions and
// the names of topics and schemas, as Debezium 3.6 for MySQL defines them
// (https://debezium.io/documentation/reference/3.6/connectors/mysql.html).
//
// It holds data and no behaviour of either half. Encoding is package codec's.
package debezium

// Op is the operation that an event reports.
type Op byte

// The operations that Debezium's MySQL connectors emit.
const (
	Create   Op = 'c'
	Update   Op = 'u'
	Delete   Op = 'd'
	Read     Op = 'r' // a row read by a snapshot
	Truncate Op = 't'
)

// Upsert is the operation of a row without an envelope, which does not say whether
// it was read, created or updated.
const Upsert Op = '+'

// Fields that the transform ExtractNewRecordState adds to say what became of a row.
const (
	FieldDeleted = "__deleted" // "true" or "false"
	FieldOp      = "__op"
)

// Event is one change event: a record key, and an envelope or a tombstone.
type Event struct {
	// Key holds one value per field of KeySchema. KeySchema is nil where the table has no key.
	KeySchema *Schema
	Key       []Value

	// Tombstone marks a record without a value, written after a delete. Nothing below it is set.
	Tombstone bool

	// Unwrapped marks a record without an envelope, of which Row, Op and Before or After are known: a row, or a
	// tombstone that a JSON converter has written out. Marked says that such rows tell deletes by themselves.
	Unwrapped, Marked bool

	// Row is the schema of Before and After, which hold one value per field or are nil for null.
	Row           *Schema
	Before, After []Value

	Source      Source
	Op          Op
	TsNs        int64        // the connector's clock, nanoseconds since 1970; ts_ms and ts_us are it, truncated
	Transaction *Transaction // nil if the reader does not provide transaction metadata

	Headers []Header
}

// Transaction is the envelope's transaction block (event.block, version 1).
type Transaction struct {
	ID                  string
	TotalOrder          int64 // from 1
	DataCollectionOrder int64 // from 1
}

// Header is a record header.
type Header struct {
	Key   string
	Value []byte
}

// Headers that Debezium adds to records.
const (
	HeaderNewKey           = "__debezium.newkey"
	HeaderOldKey           = "__debezium.oldkey"
	HeaderContextLogical   = "__debezium.context.connectorLogicalName"
	HeaderContextTask      = "__debezium.context.taskId"
	HeaderContextConnector = "__debezium.context.connectorName"
	HeaderContextRun       = "__debezium.context.runId"
)

// HeaderStatementTime is a header of our own, on a schema change that gives old
// rows CURRENT_TIMESTAMP: the time that the statement had, with microseconds, as
// RFC 3339 writes it, in the time zone of its session. The source block has
// only that of its commit.
const HeaderStatementTime = "firn.statement.time"

// Source is the envelope's source block: where in MySQL a change came from.
type Source struct {
	Version   string // of the connector whose format is imitated, e.g. 3.6.1.Final
	Connector string // mysql or mariadb
	Name      string // the topic prefix
	TsNs      int64  // when the change was made, nanoseconds since 1970; ts_ms and ts_us are it, truncated
	Snapshot  string // "" (null) while streaming, else first, true, last, incremental, …
	DB        string
	Table     string // "" is null
	ServerID  int64
	GTID      string // "" is null
	File      string
	Pos       int64 // start of the row event
	Row       int32 // of the event, from 0
	Thread    int64 // 0 is null
	Query     []byte
}
