package reader

import (
	"context"
	"fmt"
	"slices"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// definition is a table as SHOW CREATE TABLE tells it.
type definition struct {
	id                      debezium.TableID
	ddl                     string
	table                   *debezium.Table
	databaseCharset, collat string
	since                   debezium.Position // a statement that was logged before is in it
}

// definitionsAt returns all tables of captured databases, and those whose
// definition is published, and a place at which they were so. What a statement concerns that was logged since it was read is
// read again.
func (s *session) definitionsAt(ctx context.Context, conn *mysql.Conn) ([]definition, beginning, error) {
	const tries = 100
	first, err := conn.Position(ctx)
	if err != nil {
		return nil, beginning{}, err
	}
	if err := s.awaitPrepared(ctx, conn); err != nil {
		return nil, beginning{}, err
	}
	known := make(map[debezium.TableID]definition)
	for range tries {
		listed, err := conn.Position(ctx)
		if err != nil {
			return nil, beginning{}, err
		}
		definitions, err := s.definitions(ctx, conn, known)
		if err != nil {
			return nil, beginning{}, err
		}
		after, err := conn.Position(ctx)
		if err != nil {
			return nil, beginning{}, err
		}
		at, statements, err := s.statementsBetween(ctx, first, after)
		if err != nil {
			return nil, beginning{}, err
		}
		for _, d := range definitions {
			known[d.id] = d
			if slices.ContainsFunc(statements, func(q statement) bool { return q.at.CompareFile(d.since) >= 0 && q.concerns(d.id) }) {
				delete(known, d.id)
			}
		}
		relisted := slices.ContainsFunc(statements, func(q statement) bool { return q.at.CompareFile(listed) >= 0 && q.names() })
		if len(known) == len(definitions) && !relisted {
			return definitions, at, nil
		}
	}
	return nil, beginning{}, fmt.Errorf("read table definitions: tables were altered during each of %d tries", tries)
}

// definitions reads all tables of the databases that hold a captured one, for a
// rename may bring any of them in, and those whose definition is published. It
// takes those that are known as they are.
func (s *session) definitions(ctx context.Context, conn *mysql.Conn, known map[debezium.TableID]definition) ([]definition, error) {
	begun, err := conn.Position(ctx)
	if err != nil {
		return nil, err
	}
	tables, err := conn.Tables(ctx)
	if err != nil {
		return nil, err
	}
	captured := make(map[string]bool)
	for _, id := range tables {
		captured[id.Database] = captured[id.Database] || s.cfg.Captured(id)
	}
	var definitions []definition
	for _, id := range tables {
		if !captured[id.Database] && !s.showsDefinition(id) {
			continue
		}
		if d, ok := known[id]; ok {
			definitions = append(definitions, d)
			continue
		}
		since := begun // of thousands of others: not a question each
		if s.cfg.Captured(id) {
			if since, err = conn.Position(ctx); err != nil {
				return nil, err
			}
		}
		d, err := s.define(ctx, conn, id)
		switch {
		case mysql.IsServerError(err, mysql.CodeNoSuchTable, mysql.CodeUnknownDatabase): // dropped meanwhile
			continue
		case err != nil && !s.cfg.Captured(id):
			s.log.Warn("definition of a table that is not captured is not understood", "table", id.String(), "error", err)
			if d.ddl == "" {
				continue
			}
		case err != nil:
			return nil, err
		}
		d.since = since
		definitions = append(definitions, d)
	}
	clear(known)
	return definitions, nil
}

// showCreate returns the statement that makes a table, as Debezium reads it if its
// values are copied: on MySQL it takes defaults of the server's time zone for UTC's,
// as it does those of statements in the binlog. MariaDB's driver asks in UTC.
func (s *session) showCreate(ctx context.Context, conn *mysql.Conn, id debezium.TableID) (string, error) {
	return conn.ShowCreate(ctx, id, s.cfg.Convert.DebeziumExact && s.connector == debezium.FlavorMySQL)
}

func (s *session) define(ctx context.Context, conn *mysql.Conn, id debezium.TableID) (d definition, err error) {
	d.id = id
	if d.databaseCharset, d.collat, err = conn.DatabaseCharset(ctx, id.Database); err != nil {
		return d, err
	}
	if d.ddl, err = s.showCreate(ctx, conn, id); err != nil {
		return d, err
	}
	options := s.historyOptions()
	options.Charset = d.databaseCharset
	if _, d.table, err = schemahistory.ParseCreateTable(id.Database, d.ddl, options); err != nil {
		return d, fmt.Errorf("read the definition of %s: %w", id, err)
	}
	return d, nil
}
