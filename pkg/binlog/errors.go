package binlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// Errors that a caller acts on. They are found with errors.Is; the text says
// what to do.
var (
	// ErrPurged: the server no longer has the binlog that the position needs.
	ErrPurged = errors.New("the server has purged the binary log that the position needs")
	// ErrServerIDInUse: another replica uses our server id.
	ErrServerIDInUse = errors.New("another replica uses the same server id")
	// ErrDisconnected: the connection broke or could not be made, which may heal. Open again at the last position.
	ErrDisconnected = errors.New("disconnected from the server")
	// ErrClosed: the stream was closed.
	ErrClosed = errors.New("binlog stream is closed")
)

// RowImageError reports a row event that lacks columns, or parts of values.
type RowImageError struct {
	Table   string
	Event   string
	Setting string // what to change on the server
	File    string
	Pos     uint64
}

// Error names the table and the setting to change.
func (e *RowImageError) Error() string {
	return fmt.Sprintf("%s of %s at %s:%d: %s; changes since the setting was made cannot be read: then take a new snapshot of the table",
		e.Event, e.Table, e.File, e.Pos, e.Setting)
}

// StatementError reports a change of rows that was logged as a statement.
type StatementError struct {
	Verb   string // INSERT, UPDATE …
	Target string // the table, if the statement is plain, else where it was run
	Thread int64
	File   string
	Pos    uint64
}

// Error names the table and the setting to change.
func (e *StatementError) Error() string {
	return fmt.Sprintf("%s of %s by thread %d at %s:%d was logged as a statement, without its rows: "+
		"SET GLOBAL binlog_format=ROW and end the sessions that began before (or set binlog_format themselves), then take a new snapshot of the tables it changed",
		e.Verb, e.Target, e.Thread, e.File, e.Pos)
}

// IncidentError reports that the server lost events and says so in its log.
type IncidentError struct {
	Message string
	File    string
	Pos     uint64
}

// Error says what the server said.
func (e *IncidentError) Error() string {
	return fmt.Sprintf("the server reports lost events at %s:%d (%s): take a new snapshot", e.File, e.Pos, e.Message)
}

// UnknownXAError reports the commit of an XA transaction that was prepared
// before the position that reading began at.
type UnknownXAError struct {
	XID  string
	File string
	Pos  uint64
}

// Error says what to do, and how to keep it from happening again.
func (e *UnknownXAError) Error() string {
	return fmt.Sprintf("XA COMMIT %s at %s:%d of a transaction that was prepared before reading began, so that its rows were not read: "+
		"take a new snapshot; with the privilege XA_RECOVER_ADMIN the first start waits for such transactions", e.XID, e.File, e.Pos)
}

// serverErrors maps texts of error 1236, which covers all, to what they mean.
var serverErrors = [...]struct {
	part string
	err  error
	do   string
}{
	{"purged", ErrPurged, purgedRemedy},
	{"could not find first log file name", ErrPurged, purgedRemedy},
	{"could not find gtid state", ErrPurged, purgedRemedy},
	{"not in the master's binlog", ErrPurged, purgedRemedy},
	{"same server_uuid/server_id", ErrServerIDInUse, "choose another --database-server-id"},
	{"has more gtids than the", nil, "this server lacks transactions that were read before: it is not the one the position is from, or it lost its last transactions; take a new snapshot"},
	{"position > file size", nil, "this server lost its last transactions, or is not the one the position is from; take a new snapshot"},
	{"max_allowed_packet", nil, "SET GLOBAL max_allowed_packet=1073741824"},
}

// What go-mysql has no names for: MySQL's ER_SOURCE_HAS_PURGED_REQUIRED_GTIDS and MariaDB's ER_SLAVE_SAME_ID.
const (
	sourceHasPurgedGTIDs = 1789
	slaveSameID          = 4052
)

const purgedRemedy = "take a new snapshot: delete the topics __firn-offsets.<prefix> and __firn-schema-history.<prefix>, so that the next start reads the tables again; and keep the binary log longer (binlog_expire_logs_seconds; on RDS: CALL mysql.rds_set_configuration('binlog retention hours', 168))"

// classify gives an error of the connection its meaning. A deadline is never the
// caller's, who gets what its own context says: go-mysql dials for 10 s.
func classify(err error) error {
	if server, ok := errors.AsType[*gomysql.MyError](err); ok {
		return classifyServer(server)
	}
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, gomysql.ErrBadConn), strings.Contains(err.Error(), gomysql.ErrBadConn.Error()):
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	default:
		return err
	}
}

func classifyServer(err *gomysql.MyError) error {
	if mysql.Heals(err.Code) {
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	switch err.Code {
	case gomysql.ER_MASTER_FATAL_ERROR_READING_BINLOG, sourceHasPurgedGTIDs, slaveSameID:
	default:
		return err
	}
	text := strings.ToLower(err.Message)
	for _, e := range serverErrors {
		switch {
		case !strings.Contains(text, e.part):
		case e.err == nil:
			return fmt.Errorf("%w: %s", err, e.do)
		default:
			return fmt.Errorf("%w: %s: %w", e.err, e.do, err)
		}
	}
	return err
}
