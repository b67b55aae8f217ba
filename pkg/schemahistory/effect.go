package schemahistory

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Kind says what a statement did to a table.
type Kind uint8

// The kinds of effect.
const (
	Created   Kind = iota + 1 // with no rows, or with the rows that follow in the binlog
	Altered                   // its definition may have changed
	Renamed                   // it was From before
	Dropped                   // with its rows
	Truncated                 // emptied, the definition stays
)

var kindNames = [...]string{Created: "created", Altered: "altered", Renamed: "renamed", Dropped: "dropped", Truncated: "truncated"}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) && k != 0 {
		return kindNames[k]
	}
	return "unknown"
}

// Effect is what a statement means for those who read its tables.
type Effect struct {
	// Ignored is set if the statement touches no table's definition or rows.
	Ignored bool
	// Touched lists the tables in the order in which the statement reached them.
	Touched []Touched
	// Parts are the schema-change records that Debezium makes of the statement: none, one, or one per table.
	Parts []Part
	// Unfollowed is set if the statement is ignored, but Debezium makes a record of it.
	Unfollowed bool
	// Unread says why a statement on a table that is not captured could not be understood; nil if it could.
	Unread error
}

// Touched is one table that a statement reached.
type Touched struct {
	Table debezium.TableID
	Kind  Kind
	From  debezium.TableID // the name before, of a Renamed table
	// Captured tells whether the table's rows are captured under this name or under From.
	Captured bool
	Added    []Added         // new columns
	Columns  []RenamedColumn // renamed columns
	Dropped  []string        // dropped columns
	Cascades []string        // new foreign keys through which a change of another table changes this one
	// Versioned is set if the table keeps old versions of its rows from here on (MariaDB's system versioning),
	// which the binlog has as if they were new rows.
	Versioned bool
	Unlogged  []string // why stored values changed without row events, one reason per clause; nil if they did not
}

// Added is a column that ALTER TABLE added to rows that exist.
type Added struct {
	Column string
	// Text is the value that MySQL gave the old rows, as a SELECT prints it; CURRENT_TIMESTAMP is the
	// statement's own time. Null is NULL. PerRow says that the value differs between rows or is not known.
	Text   string
	Null   bool
	PerRow bool
}

// RenamedColumn is a column that has a new name.
type RenamedColumn struct{ From, To string }

// Part is one schema-change record.
type Part struct {
	Database string
	DDL      string
	Tables   []debezium.TableID // source.table, joined by commas
	Changes  []debezium.TableChange
	// Other is set if the statement changes neither a table nor a database that Debezium knows of. Database is
	// the default database then.
	Other bool
}

// OfDatabase reports whether the statement makes, drops or chooses a database.
func (p *Part) OfDatabase() bool {
	return !p.Other && len(p.Tables) == 0 && len(p.Changes) == 0 && p.Database != ""
}

// UnknownDDLError is a statement on a captured table that could not be
// understood. The table's definition is unknown from there on.
type UnknownDDLError struct {
	Table     debezium.TableID
	Statement string
	Err       error
}

// Error says what was not understood and what to do.
func (e *UnknownDDLError) Error() string {
	return fmt.Sprintf("read schema change of %s: %v; statement: %s; set binlog_row_metadata=FULL and request a snapshot of the table, or exclude it",
		e.Table, e.Err, e.Statement)
}

// Unwrap returns the cause.
func (e *UnknownDDLError) Unwrap() error { return e.Err }
