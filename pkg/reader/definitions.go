package reader

import (
	"context"
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/binlog"
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
}

// definitionsAt returns all tables of captured databases, and a position at
// which they were so. A schema change between the positions before and behind
// the reading makes it read again.
func (s *session) definitionsAt(ctx context.Context, conn *mysql.Conn) ([]definition, debezium.Position, error) {
	const tries = 20
	for range tries {
		before, err := conn.Position(ctx)
		if err != nil {
			return nil, before, err
		}
		definitions, err := s.definitions(ctx, conn)
		if err != nil {
			return nil, before, err
		}
		after, err := conn.Position(ctx)
		if err != nil {
			return nil, before, err
		}
		changed, err := s.definedBetween(ctx, before, after)
		if err != nil {
			return nil, before, err
		}
		if !changed {
			return definitions, after, nil
		}
	}
	return nil, debezium.Position{}, fmt.Errorf("read table definitions: tables were altered during each of %d tries", tries)
}

// definitions reads all tables of the databases that hold a captured one: a
// rename may bring any of them in.
func (s *session) definitions(ctx context.Context, conn *mysql.Conn) ([]definition, error) {
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
		if !captured[id.Database] {
			continue
		}
		d, err := s.define(ctx, conn, id)
		if err != nil && !s.cfg.Captured(id) {
			s.log.Warn("definition of a table that is not captured is not understood", "table", id.String(), "error", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		definitions = append(definitions, d)
	}
	return definitions, nil
}

func (s *session) define(ctx context.Context, conn *mysql.Conn, id debezium.TableID) (d definition, err error) {
	d.id = id
	if d.databaseCharset, d.collat, err = conn.DatabaseCharset(ctx, id.Database); err != nil {
		return d, err
	}
	if d.ddl, err = conn.ShowCreate(ctx, id); err != nil {
		return d, err
	}
	options := s.historyOptions()
	options.Charset = d.databaseCharset
	if _, d.table, err = schemahistory.ParseCreateTable(id.Database, d.ddl, options); err != nil {
		return d, fmt.Errorf("read the definition of %s: %w", id, err)
	}
	return d, nil
}

// definedBetween reports whether a statement other than row changes was logged
// between two positions.
func (s *session) definedBetween(ctx context.Context, before, after debezium.Position) (changed bool, err error) {
	if before.AtOrAfter(after) {
		return false, nil
	}
	config := s.streamConfig()
	config.Captures = func(debezium.TableID) bool { return false }
	stream, err := binlog.Open(ctx, config, binlog.Resume{Position: before})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	for {
		event, err := stream.Next(ctx)
		if err != nil {
			return false, err
		}
		switch e := event.(type) {
		case *binlog.Query:
			return true, nil
		case *binlog.Commit:
			if e.Position.AtOrAfter(after) {
				return false, nil
			}
		case *binlog.Heartbeat:
			if e.Position.AtOrAfter(after) {
				return false, nil
			}
		}
	}
}

// initialChanges are the schema changes that Debezium publishes for tables that
// are there at the first start, in its order.
func initialChanges(server *mysql.Server, definitions []definition) []schemahistory.Part {
	parts := []schemahistory.Part{{DDL: "SET character_set_server=" + server.Charset + ", collation_server=" + server.Collation}}
	for _, d := range definitions {
		parts = append(parts, schemahistory.Part{
			Database: d.id.Database, DDL: "DROP TABLE IF EXISTS " + mysql.QuoteTable(d.id), Tables: []debezium.TableID{d.id},
			Changes: []debezium.TableChange{{Type: "DROP", ID: d.id}},
		})
	}
	for i, d := range definitions {
		if i == 0 || definitions[i-1].id.Database != d.id.Database {
			name := mysql.QuoteName(d.id.Database)
			for _, ddl := range []string{
				"DROP DATABASE IF EXISTS " + name,
				"CREATE DATABASE " + name + " CHARSET " + d.databaseCharset + " COLLATE " + d.collat,
				"USE " + name,
			} {
				parts = append(parts, schemahistory.Part{Database: d.id.Database, DDL: ddl})
			}
		}
		parts = append(parts, schemahistory.Part{
			Database: d.id.Database, DDL: d.ddl, Tables: []debezium.TableID{d.id},
			Changes: []debezium.TableChange{{Type: "CREATE", ID: d.id, Table: d.table}},
		})
	}
	return parts
}
