package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// beginning is where a first start begins to read the binlog.
type beginning struct {
	position debezium.Position
	prepared debezium.Position // of the oldest XA transaction that is prepared there
}

// statement is what was logged other than row changes while definitions were read.
type statement struct {
	at  debezium.Position
	sql string // upper case
}

// concerns reports whether the statement may have changed a table's definition.
func (q *statement) concerns(id debezium.TableID) bool {
	name := strings.ToUpper(id.Table)
	switch {
	case strings.Contains(q.sql, "DATABASE"), strings.Contains(q.sql, "SCHEMA"): // its default character set
		return true
	case !ascii(id.Table) && !ascii(q.sql): // in the client's character set
		return true
	default:
		return strings.Contains(q.sql, name) || strings.Contains(q.sql, strings.ReplaceAll(name, "`", "``"))
	}
}

// names reports whether the statement may have made or named a table.
func (q *statement) names() bool {
	return strings.Contains(q.sql, "CREATE") || strings.Contains(q.sql, "RENAME")
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// statementsBetween returns the statements other than row changes that were
// logged between two positions, and what reading from the second one on takes:
// XA transactions may have been prepared between them.
func (s *session) statementsBetween(ctx context.Context, before, after debezium.Position) (at beginning, statements []statement, err error) {
	if before.AtOrAfter(after) {
		return beginning{position: after}, nil, nil
	}
	config := s.streamConfig()
	config.Captures = func(debezium.TableID) bool { return false }
	config.IgnoreUnknownXA = true // what was prepared before has ended, and the tables are read after it
	stream, err := binlog.Open(ctx, config, binlog.Resume{Position: before})
	if err != nil {
		return at, nil, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	for {
		event, err := stream.Next(ctx)
		if err != nil {
			return at, nil, err
		}
		switch e := event.(type) {
		case *binlog.Query:
			statements = append(statements, statement{at: debezium.Position{File: e.File, Pos: e.Pos}, sql: strings.ToUpper(e.SQL)})
		case *binlog.Commit:
			at = beginning{position: e.Position, prepared: e.Prepared}
		case *binlog.Heartbeat:
			at = beginning{position: e.Position, prepared: e.Prepared}
		}
		// By file: a GTID set lacks what is prepared.
		if at.position.File != "" && at.position.CompareFile(after) >= 0 {
			return at, statements, nil
		}
	}
}

const (
	preparedPatience = 15 * time.Second
	preparedPause    = 100 * time.Millisecond
)

// awaitPrepared waits for the end of the XA transactions that are prepared: their
// rows are in the binlog before the position that reading begins at.
func (s *session) awaitPrepared(ctx context.Context, conn *mysql.Conn) error {
	patience := time.NewTimer(preparedPatience)
	defer patience.Stop()
	pause := time.NewTicker(preparedPause)
	defer pause.Stop()
	open, err := conn.PreparedXA(ctx)
	for said := false; err == nil && len(open) > 0; said = true {
		if !said {
			s.log.Warn("XA transactions are prepared: waiting for their end", "xids", open)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return fmt.Errorf("XA transactions that were prepared before the first start are still open, and their rows would be missed: "+
				"end each with XA COMMIT or XA ROLLBACK and start again: %s", strings.Join(open, "; "))
		case <-pause.C:
		}
		var now []string
		now, err = conn.PreparedXA(ctx)
		open = slices.DeleteFunc(open, func(xid string) bool { return !slices.Contains(now, xid) })
	}
	return err
}
