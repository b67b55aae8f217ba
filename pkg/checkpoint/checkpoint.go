// Package checkpoint says how far a reader has come and stores that in Kafka
// Connect's offset format, so that Debezium can take over from firn and firn
// from Debezium.
//
// A checkpoint means: every record before it is durable, and a restart from it
// repeats none. The package owns the form on Kafka, per prefix one record for
// the position and one for each table's snapshot. Callers own when a checkpoint
// is true: they write its records behind, or in one transaction with, the
// records it covers.
package checkpoint

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Checkpoint is a place in the binlog and the progress of snapshots.
type Checkpoint struct {
	Position debezium.Position // between two transactions; all before it is durable
	Prepared debezium.Position // where the oldest XA transaction that is prepared and not ended starts; zero: none

	// Of the transaction after Position: its GTID (of a server without, empty), the events of it that are
	// done as Debezium counts them, the rows of the event after those, and the rows of captured tables in
	// all. The last decides where it is known: another server may cut a transaction into other events.
	GTID    string
	Event   int
	Row     int
	Ordinal int64

	// Published is the transaction whose beginning was published and whose end was not, where transaction
	// metadata is provided; zero: none.
	Published Transaction

	TsSec    int64 // when the server made the last change before this place
	ServerID uint32

	// Connect is the record of a Connect worker that was taken over last. TakingOver says that Kafka may
	// hold records from behind this place: they must not be published again.
	Connect    ConnectPlace
	TakingOver bool

	Snapshotting bool // the first snapshot is not finished
	// Snapshot is the progress of each table. The methods change it; copies share it until one does.
	Snapshot map[debezium.TableID]TableProgress
	shared   bool
}

// Transaction is what was published of a transaction, by its id in transaction
// metadata: how many events of each table.
type Transaction struct {
	ID     string
	Counts []debezium.TableCount
}

// ConnectPlace is where a record stands in the offsets topic of a Connect
// worker; zero: there is none.
type ConnectPlace struct {
	Partition int32
	Next      int64 // the offset after it
}

// TableState is what has been done of a table's snapshot.
type TableState string

// The states of a table.
const (
	Pending  TableState = "pending"  // nothing of it is published
	Reading  TableState = "reading"  // published up to and with the row After
	Captured TableState = "captured" // published whole
)

// TableProgress is the snapshot of one table.
type TableProgress struct {
	State TableState
	From  debezium.Position // the stream of the table begins here: changes before are in its snapshot
	After []string          // the key of the last row published, in the snapshot's text form
	Key   []string          // the columns that After is of; nil: not known
	Rows  int64             // published
	// Unlogged says why the table needs a new snapshot: how it was changed without row events. Empty: it does not.
	Unlogged string
}

// At moves to a place between two transactions. A time or a server of 0 is not
// known and leaves the old one.
func (c *Checkpoint) At(p, prepared debezium.Position, tsNs int64, serverID uint32) {
	c.Position, c.Prepared = p, prepared
	c.GTID, c.Event, c.Row, c.Ordinal = "", 0, 0, 0
	c.stamp(tsNs, serverID)
}

// Within moves into the transaction after Position, behind events of its events
// and ordinal rows of captured tables.
func (c *Checkpoint) Within(gtid string, events int, ordinal, tsNs int64, serverID uint32) {
	c.GTID, c.Event, c.Row, c.Ordinal = gtid, events, 0, ordinal
	c.stamp(tsNs, serverID)
}

func (c *Checkpoint) stamp(tsNs int64, serverID uint32) {
	if tsNs != 0 {
		c.TsSec = tsNs / int64(time.Second)
	}
	if serverID != 0 {
		c.ServerID = serverID
	}
}

// Begin notes a table whose snapshot is wanted, and where its stream begins. What
// was published of it before is no more.
func (c *Checkpoint) Begin(id debezium.TableID, from debezium.Position) {
	c.table(id, TableProgress{State: Pending, From: from})
}

// Read notes that rows of a table are published, the last of them after, in the
// order of a key of columns.
func (c *Checkpoint) Read(id debezium.TableID, key, after []string, rows int64) {
	old := c.Snapshot[id]
	c.table(id, TableProgress{State: Reading, From: old.From, After: slices.Clone(after), Key: slices.Clone(key), Rows: rows, Unlogged: old.Unlogged})
}

// Captured notes that a table is published whole.
func (c *Checkpoint) Captured(id debezium.TableID) {
	old := c.Snapshot[id]
	c.table(id, TableProgress{State: Captured, From: old.From, Rows: old.Rows, Unlogged: old.Unlogged})
}

// Mark notes why a table that is captured needs a new snapshot; empty: it needs
// none any more.
func (c *Checkpoint) Mark(id debezium.TableID, unlogged string) {
	if p, ok := c.Snapshot[id]; ok {
		p.Unlogged = unlogged
		c.table(id, p)
	}
}

// Forget drops what is known of a table.
func (c *Checkpoint) Forget(id debezium.TableID) {
	if _, ok := c.Snapshot[id]; ok {
		c.own()
		delete(c.Snapshot, id)
	}
}

// own ends the sharing of Snapshot, before it is changed.
func (c *Checkpoint) own() {
	if c.shared {
		c.Snapshot, c.shared = maps.Clone(c.Snapshot), false
	}
}

func (c *Checkpoint) table(id debezium.TableID, p TableProgress) {
	c.own()
	if c.Snapshot == nil {
		c.Snapshot = make(map[debezium.TableID]TableProgress)
	}
	c.Snapshot[id] = p
}

// SnapshotDone notes that the first snapshot is finished.
func (c *Checkpoint) SnapshotDone() { c.Snapshotting = false }

// Clone returns an independent copy. It takes no longer with thousands of tables.
func (c *Checkpoint) Clone() Checkpoint {
	c.shared = true
	o := *c
	o.Published.Counts = slices.Clone(c.Published.Counts)
	return o
}

// SamePlace reports whether a restart from either reads the same binlog.
func (c *Checkpoint) SamePlace(o Checkpoint) bool {
	return samePosition(c.Position, o.Position) && samePosition(c.Prepared, o.Prepared) &&
		c.GTID == o.GTID && c.Event == o.Event && c.Row == o.Row && c.Ordinal == o.Ordinal
}

// sameTables reports whether two checkpoints share their tables: then none was changed.
func sameTables(a, b map[debezium.TableID]TableProgress) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

func samePosition(a, b debezium.Position) bool {
	return a.File == b.File && a.Pos == b.Pos && a.GTIDs.Equal(b.GTIDs)
}

func sameProgress(a, b TableProgress) bool {
	return a.State == b.State && a.Rows == b.Rows && a.Unlogged == b.Unlogged && slices.Equal(a.After, b.After) && slices.Equal(a.Key, b.Key) && samePosition(a.From, b.From)
}
