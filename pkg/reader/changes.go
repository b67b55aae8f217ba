package reader

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// publishes reports which of a statement's schema changes are published, by
// Debezium's rules: of which tables and databases it is also decides about the rest.
func (s *session) publishes(parts []schemahistory.Part) []bool {
	publish := make([]bool, len(parts))
	matched := false
	for i := range parts {
		part := &parts[i]
		listed := part.Database == "" || s.cfg.ListedDatabase(part.Database)
		if s.cfg.OtherTables {
			publish[i] = listed || s.cfg.OtherDatabases
			continue
		}
		concerned := s.concerns(part)
		matched = matched || concerned
		publish[i] = listed && (concerned || len(part.Changes) == 0)
	}
	if !s.cfg.OtherTables && !matched {
		clear(publish)
	}
	return publish
}

// concerns reports whether a schema change is of what is captured: a table, under
// the name that it has then, a listed database, or the server.
func (s *session) concerns(part *schemahistory.Part) bool {
	switch {
	case part.Other:
		return false
	case len(part.Changes) > 0:
		return slices.ContainsFunc(part.Changes, func(c debezium.TableChange) bool {
			return s.cfg.Captured(c.ID) || !s.cfg.Convert.DebeziumExact && c.Previous != nil && s.cfg.Captured(*c.Previous)
		})
	case len(part.Tables) > 0:
		return slices.ContainsFunc(part.Tables, s.cfg.Captured)
	default:
		return part.Database == "" || s.cfg.ListedDatabase(part.Database)
	}
}

// showsDefinition reports whether the definition that a table has at the first
// start is published.
func (s *session) showsDefinition(id debezium.TableID) bool {
	switch {
	case !s.cfg.OtherTables:
		return s.cfg.Captured(id)
	case !s.cfg.OtherDatabases:
		return s.cfg.CapturedDatabase(id.Database)
	default:
		return true
	}
}

// inOrder is the order in which Debezium reads captured tables.
func (s *session) inOrder(a, b debezium.TableID) int {
	return cmp.Or(cmp.Compare(s.cfg.Rank(a), s.cfg.Rank(b)), strings.Compare(a.String(), b.String()))
}

// initialChange is a schema change of the first start.
type initialChange struct {
	schemahistory.Part
	publish bool
}

// initialChanges are the schema changes that Debezium publishes for tables that
// are there at the first start, in its order, and those that the history keeps
// beside them.
func (s *session) initialChanges(definitions []definition) []initialChange {
	definitions = slices.SortedStableFunc(slices.Values(definitions), func(a, b definition) int {
		if s.cfg.OtherTables {
			return strings.Compare(a.id.String(), b.id.String())
		}
		return s.inOrder(a.id, b.id)
	})
	changes := []initialChange{{publish: true, Part: schemahistory.Part{
		DDL: "SET character_set_server=" + s.server.Charset + ", collation_server=" + s.server.Collation,
	}}}
	databases := make(map[string]int) // in the order of their first tables
	shown := make(map[string]bool)
	for _, d := range definitions {
		show := s.showsDefinition(d.id)
		if _, ok := databases[d.id.Database]; !ok {
			databases[d.id.Database] = len(databases)
		}
		shown[d.id.Database] = shown[d.id.Database] || show
		changes = append(changes, initialChange{publish: show, Part: schemahistory.Part{
			Database: d.id.Database, DDL: "DROP TABLE IF EXISTS " + mysql.QuoteTable(d.id), Tables: []debezium.TableID{d.id},
			Changes: []debezium.TableChange{{Type: "DROP", ID: d.id}},
		}})
	}
	slices.SortStableFunc(definitions, func(a, b definition) int { return cmp.Compare(databases[a.id.Database], databases[b.id.Database]) })
	for i, d := range definitions {
		if i == 0 || definitions[i-1].id.Database != d.id.Database {
			name := mysql.QuoteName(d.id.Database)
			for _, ddl := range []string{"DROP DATABASE IF EXISTS " + name, createDatabase(d.id.Database, d.databaseCharset, d.collat), "USE " + name} {
				changes = append(changes, initialChange{publish: shown[d.id.Database], Part: schemahistory.Part{Database: d.id.Database, DDL: ddl}})
			}
		}
		part := schemahistory.Part{Database: d.id.Database, DDL: d.ddl, Tables: []debezium.TableID{d.id}}
		if d.table != nil {
			part.Changes = []debezium.TableChange{{Type: "CREATE", ID: d.id, Table: d.table}}
		}
		changes = append(changes, initialChange{publish: s.showsDefinition(d.id), Part: part})
	}
	return changes
}

func createDatabase(name, charset, collation string) string {
	return "CREATE DATABASE " + mysql.QuoteName(name) + " CHARSET " + charset + " COLLATE " + collation
}

// keepEmptyDatabases has the history know the character sets of captured
// databases that hold no table yet. Debezium knows of none, and takes the
// server's for tables that are made there.
func (s *session) keepEmptyDatabases(ctx context.Context, conn *mysql.Conn, source *debezium.Source, definitions []definition) error {
	databases, err := conn.Databases(ctx)
	if err != nil {
		return err
	}
	for _, db := range databases {
		if !s.cfg.CapturedDatabase(db.Name) || slices.ContainsFunc(definitions, func(d definition) bool { return d.id.Database == db.Name }) {
			continue
		}
		s.history.SetDatabaseCharset(db.Name, db.Charset)
		part := schemahistory.Part{Database: db.Name, DDL: createDatabase(db.Name, db.Charset, db.Collation)}
		if err := s.publishChange(*source, restart{pos: uint64(source.Pos)}, part, false); err != nil {
			return err
		}
	}
	return nil
}

// publishDefinitions publishes the schema changes of the first start. The last
// one is marked so if no row will be.
func (s *session) publishDefinitions(ctx context.Context, conn *mysql.Conn, source *debezium.Source, definitions []definition) error {
	rows, err := s.anyRow(ctx, conn, definitions)
	if err != nil {
		return err
	}
	changes := s.initialChanges(definitions)
	last := -1
	for i := range changes {
		if changes[i].publish && !rows {
			last = i
		}
	}
	for i := range changes {
		at := *source
		if i == last {
			at.Snapshot = "last"
		}
		if err := s.publishChange(at, restart{pos: uint64(at.Pos)}, changes[i].Part, changes[i].publish); err != nil {
			return err
		}
	}
	return nil
}

// anyRow reports whether the snapshot will have a row.
func (s *session) anyRow(ctx context.Context, conn *mysql.Conn, definitions []definition) (bool, error) {
	if s.cfg.Snapshot == SnapshotNoData {
		return false, nil
	}
	if s.cfg.SchemaChanges == nil { // nobody asks
		return true, nil
	}
	for _, d := range definitions {
		if !s.cfg.Captured(d.id) || s.unread(d.id) {
			continue
		}
		if found, err := conn.HasRow(ctx, d.id); found || err != nil {
			return found, err
		}
	}
	return false, nil
}
