package binlog

import (
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// Event is one of *Begin, *Rows, *Query, *Commit, *Rollback, *Heartbeat and
// *Rotate. It is valid until the next call of Stream.Next.
type Event interface{ event() }

// Begin starts a transaction of row changes.
type Begin struct {
	GTID     string            // "" without GTIDs
	Position debezium.Position // before the transaction: reading may resume here
	File     string
	Pos      uint64 // where the transaction starts
	At       uint64 // where its BEGIN stands, which may follow
	TsNs     int64  // when it was committed at its origin; the second of its start if the server does not say
	Thread   int64  // of the client that made it; 0 if the server does not say (MariaDB)
	ServerID uint32 // where it was made
}

// Query is a statement outside row changes: DDL, or administration. It is not
// BEGIN, COMMIT, SAVEPOINT, XA. Unless InTransaction, a Commit follows.
type Query struct {
	Database string // default database of the session
	SQL      string
	GTID     string
	File     string
	Pos, End uint64
	TsNs     int64 // when it was committed at its origin
	Thread   int64
	ServerID uint32
	Event    int // events of the transaction before this one, as Debezium counts

	// InTransaction marks CREATE TABLE … SELECT, whose rows follow.
	InTransaction bool

	// Began is the statement's own time, which CURRENT_TIMESTAMP gives in it, in microseconds since 1970; in
	// whole seconds if the statement asked for no more.
	Began    int64
	TimeZone string // time_zone of the session; "" if nothing in the statement depends on it

	SQLMode       mysql.SQLMode
	Charset       string // character_set_client, which SQL is in unless the server wrote it anew, in UTF-8; "": unknown
	ServerCharset string // character_set_server of the session; "": unknown
}

// Commit ends a transaction, or follows a Query outside one. Reading may
// resume at its position.
type Commit struct {
	GTID string
	// Position is after the transaction. Without the XA transactions that are prepared and not yet ended:
	// MySQL sends those again, see Prepared for the others.
	Position debezium.Position
	// Executed is Position's GTID set with the prepared transactions.
	Executed debezium.GTIDSet
	// Prepared is where the oldest XA transaction starts that is prepared and not yet ended; zero if
	// there is none. Store it with Position: it belongs into Resume.
	Prepared debezium.Position
	TsNs     int64
	ServerID uint32
}

// Rollback ends a transaction whose rows must not stand: a logged ROLLBACK, or
// a server that died while it wrote the transaction.
type Rollback struct {
	GTID     string
	Position debezium.Position // after it
}

// Heartbeat says that the server has nothing more at the moment. Reading may
// resume at its position.
type Heartbeat struct {
	Position debezium.Position
	Prepared debezium.Position // as in Commit
}

// Rotate says that the next event comes from File.
type Rotate struct {
	File string
	Pos  uint64
}

func (*Begin) event()     {}
func (*Rows) event()      {}
func (*Query) event()     {}
func (*Commit) event()    {}
func (*Rollback) event()  {}
func (*Heartbeat) event() {}
func (*Rotate) event()    {}
