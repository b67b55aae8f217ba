package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// checkPosition finds out whether the server still has what follows the position, and has what precedes it.
func checkPosition(ctx context.Context, q querier, s *Server, from debezium.Position) ([]Problem, error) {
	switch {
	case from.GTIDs.IsEmpty() && from.File == "":
		return nil, nil
	case from.GTIDs.IsEmpty():
		found, err := checkFile(ctx, q, s, from)
		if err != nil || len(found) > 0 || s.Flavor == debezium.FlavorMariaDB || !s.GTIDMode {
			return found, err
		}
		return checkWithoutSet(ctx, q, from)
	case s.Flavor == debezium.FlavorMariaDB:
		return checkMariaDBSet(ctx, q, s, from)
	case !s.GTIDMode:
		return []Problem{s.foreignPosition("the position to resume at is a GTID set, but gtid_mode is not ON")}, nil
	}
	return checkSet(ctx, q, s, from.GTIDs.String())
}

// A transaction is in the binlog, and so may be in the set to resume at, before it is in gtid_executed: with
// semi-synchronous replication by up to its timeout, which is 10 s by default.
const (
	executedTries = 60
	executedPause = 250 * time.Millisecond
)

// checkSet compares a GTID set with what MySQL has executed, and with what of it is gone.
func checkSet(ctx context.Context, q querier, s *Server, set string) ([]Problem, error) {
	for try := 1; ; try++ {
		rows, err := q.Strings(ctx, "SELECT GTID_SUBSET(@@GLOBAL.gtid_purged, ?), GTID_SUBSET(?, @@GLOBAL.gtid_executed)", set, set)
		switch {
		case err != nil:
			return nil, fmt.Errorf("check the GTID position: %w", err)
		case rows[0][1] == "1" && rows[0][0] == "1":
			return nil, nil
		case rows[0][1] == "1":
			return []Problem{s.purged("the server has deleted transactions that follow the GTID set to resume at: " + set)}, nil
		case try == executedTries:
			return []Problem{s.foreignPosition("the server lacks transactions of the GTID set to resume at: " + set)}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(executedPause):
		}
	}
}

// checkWithoutSet finds a position that was saved while the server gave no GTIDs, though it does now: which
// transactions it has is not known, unless nothing precedes it.
func checkWithoutSet(ctx context.Context, q querier, from debezium.Position) ([]Problem, error) {
	rows, err := q.Strings(ctx, "SHOW BINLOG EVENTS IN "+QuoteString(from.File)+" LIMIT 3")
	if err != nil {
		return nil, fmt.Errorf("read the start of %s: %w", from.File, err)
	}
	for _, row := range rows { // Log_name, Pos, Event_type, Server_id, End_log_pos, Info
		pos, err := strconv.ParseUint(row[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the start of %s: %w", from.File, err)
		}
		switch row[2] {
		case "Format_desc", "Stop", "Rotate":
			continue
		case "Previous_gtids":
			if row[5] == "" {
				continue
			}
		default:
			if pos >= from.Pos {
				continue
			}
		}
		return []Problem{{
			Name:    "position-without-gtids",
			Message: fmt.Sprintf("the position to resume at, %s:%d, was saved while gtid_mode was not ON, and does not say which transactions precede it", from.File, from.Pos),
			Fix: "SET GLOBAL gtid_mode = ON_PERMISSIVE, with which the reader goes on by file and position; " +
				"or delete the topics __firn-offsets.<prefix> and __firn-schema-history.<prefix>: the next start reads the tables again",
		}}, nil
	}
	return nil, nil
}

func checkFile(ctx context.Context, q querier, s *Server, from debezium.Position) ([]Problem, error) {
	rows, err := q.Strings(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, fmt.Errorf("list binlog files: %w", err)
	}
	for _, row := range rows {
		if row[0] != from.File {
			continue
		}
		size, err := strconv.ParseUint(row[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("list binlog files: size of %s: %w", row[0], err)
		}
		if from.Pos > size {
			return []Problem{s.foreignPosition(fmt.Sprintf("the position to resume at, %s:%d, lies beyond the end of that file", from.File, from.Pos))}, nil
		}
		return nil, nil
	}
	return []Problem{s.purged("the server no longer has the binlog file to resume at: " + from.File)}, nil
}

// checkMariaDBSet compares with the state that the oldest file starts with, and with the end.
func checkMariaDBSet(ctx context.Context, q querier, s *Server, from debezium.Position) ([]Problem, error) {
	files, err := q.Strings(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, fmt.Errorf("list binlog files: %w", err)
	}
	if len(files) == 0 {
		return nil, ErrNoBinlog
	}
	end, err := q.Strings(ctx, "SELECT @@GLOBAL.gtid_binlog_pos")
	if err != nil {
		return nil, fmt.Errorf("check the GTID position: %w", err)
	}
	last, err := debezium.ParseGTIDSet(debezium.FlavorMariaDB, end[0][0])
	if err != nil {
		return nil, err
	}
	if !last.Contains(from.GTIDs) {
		return []Problem{s.foreignPosition("the server lacks transactions of the GTID position to resume at: " + from.GTIDs.String())}, nil
	}
	events, err := q.Strings(ctx, "SHOW BINLOG EVENTS IN "+QuoteString(files[0][0])+" LIMIT 4")
	if err != nil {
		return nil, fmt.Errorf("read the start of %s: %w", files[0][0], err)
	}
	for _, row := range events { // Log_name, Pos, Event_type, Server_id, End_log_pos, Info
		if row[2] != "Gtid_list" {
			continue
		}
		first, err := debezium.ParseGTIDSet(debezium.FlavorMariaDB, strings.Trim(row[5], "[]"))
		if err != nil {
			return nil, err
		}
		if !from.GTIDs.Contains(first) {
			return []Problem{s.purged("the server has deleted transactions that follow the GTID position to resume at: " + from.GTIDs.String())}, nil
		}
	}
	return nil, nil
}

func (s *Server) purged(message string) Problem {
	keep := s.set("binlog_expire_logs_seconds", "604800")
	if s.RDS {
		keep = "CALL mysql.rds_set_configuration('binlog retention hours', 168);"
	}
	return Problem{
		Name:    "position-purged",
		Message: message,
		Fix:     "delete the topics __firn-offsets.<prefix> and __firn-schema-history.<prefix>: the next start reads the tables again; to keep binlogs for a week: " + keep,
	}
}

func (*Server) foreignPosition(message string) Problem {
	return Problem{
		Name:    "position-unknown",
		Message: message,
		Fix: "connect to the server that the position came from, or to one that has replicated as far; " +
			"if it is gone, delete the topics __firn-offsets.<prefix> and __firn-schema-history.<prefix>: the next start reads the tables again",
	}
}
