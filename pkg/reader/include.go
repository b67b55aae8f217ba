package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// included are captured tables of which the stream brings more than is wanted.
type included struct {
	// unknown are tables that the history does not know, with where the server was when that was seen. If the
	// stream brings their creation before, all of them is in the stream; if not, they are older than it.
	unknown map[debezium.TableID]debezium.Position
	// ahead are the definitions of tables whose snapshot holds what the stream is yet to bring: until it has
	// come to where their stream begins, their rows and statements are passed over.
	ahead map[debezium.TableID]*debezium.Table
}

// follows reports whether a table's rows and statements are wanted where the stream is.
func (s *session) follows(id debezium.TableID) bool {
	if !s.cfg.Captured(id) {
		return false
	}
	return !s.passesOver(id)
}

// reads reports whether a snapshot reads the rows that are in a captured table.
func (s *session) reads(id debezium.TableID) bool {
	return s.cfg.Snapshot != SnapshotNoData && !s.unread(id)
}

func (s *session) unread(id debezium.TableID) bool { return s.cfg.Unread != nil && s.cfg.Unread(id) }

// passesOver reports whether the stream has not caught up with a captured table.
func (s *session) passesOver(id debezium.TableID) bool {
	_, unknown := s.unknown[id]
	_, ahead := s.ahead[id]
	return unknown || ahead
}

// findIncluded looks for tables that are captured for the first time.
func (s *session) findIncluded(ctx context.Context, conn *mysql.Conn) error {
	for id, p := range s.progress.Snapshot {
		if !p.From.IsZero() && !s.position.AtOrAfter(p.From) {
			model, ok := s.history.Table(id)
			if !ok {
				return fmt.Errorf("the definition of %s is not known", id)
			}
			s.ahead[id] = model
		}
	}
	tables, err := s.capturedTables(ctx, conn)
	if err != nil {
		return err
	}
	now, err := conn.Position(ctx)
	if err != nil {
		return err
	}
	var read []debezium.TableID
	for _, id := range tables {
		if _, ok := s.progress.Snapshot[id]; ok {
			continue
		}
		if _, ok := s.history.Table(id); !ok {
			s.unknown[id] = now
			continue
		}
		s.log.Info("table is captured from here on", "table", id.String())
		if !s.reads(id) {
			s.progress.Captured(id)
			continue
		}
		read = append(read, id)
	}
	left, err := s.leftovers(read)
	if err != nil {
		return err
	}
	for _, id := range read {
		if left[id] {
			if err := s.truncate(id, s.here()); err != nil {
				return err
			}
		}
		s.beginSnapshot(id, debezium.Position{}, false)
	}
	return nil
}

// recount has a transaction of which rows are published go on by its events if other
// tables are captured than when that was saved: its rows are those of captured tables.
func (s *session) recount() {
	if s.progress.Ordinal == 0 || !s.relisted() {
		return
	}
	s.log.Info("other tables are captured since the last run, which stopped inside a transaction: it goes on by the number of its events", "events", s.progress.Event)
	s.progress.Ordinal = 0
	if s.takeover != nil {
		s.takeover.from.Ordinal = 0
	}
}

// relisted reports whether other tables are captured than those that were when the
// place was saved, as far as the history knows them.
func (s *session) relisted() bool {
	for id := range s.saved.Snapshot {
		if !s.cfg.Captured(id) {
			return true
		}
	}
	return slices.ContainsFunc(s.history.Tables(), func(id debezium.TableID) bool {
		_, was := s.saved.Snapshot[id]
		return !was && s.cfg.Captured(id)
	})
}

// here is the source block of what is published where the stream is, and not in the binlog.
func (s *session) here() *debezium.Source { return s.sourceAt(s.position, "") }

// sourceAt is the source block of what is published now, at a place that the stream need not have come to.
func (s *session) sourceAt(p debezium.Position, snapshot string) *debezium.Source {
	return &debezium.Source{
		Version: version, Connector: s.connector, Name: s.cfg.Prefix, TsNs: time.Now().UnixNano(), Snapshot: snapshot, File: p.File, Pos: int64(p.Pos),
	}
}

// moved follows the stream's position: tables that it has caught up with are followed from here on, and
// those of which it brought no creation are included.
func (s *session) moved(ctx context.Context) error {
	if err := s.endTakeover(); err != nil {
		return err
	}
	for id := range s.ahead {
		if s.position.AtOrAfter(s.progress.Snapshot[id].From) {
			delete(s.ahead, id)
		}
	}
	if s.stated {
		return nil
	}
	for id, at := range s.unknown {
		if !s.position.AtOrAfter(at) {
			continue
		}
		if err := s.include(ctx, id); err != nil {
			return fmt.Errorf("include %s: %w", id, err)
		}
		delete(s.unknown, id)
		s.snapshotDone()
		if err := s.openSpan(); err != nil { // which saves what became of the table
			return err
		}
		if s.full() { // there may be thousands
			if err := s.endSpan(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// include begins to capture a table that is older than the stream. Its stream
// begins where the definition is read; what is before is in its snapshot.
func (s *session) include(ctx context.Context, id debezium.TableID) (err error) {
	conn, err := mysql.Connect(ctx, s.cfg.MySQL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if none, err := conn.HoldsNoRows(ctx, id); err != nil || none {
		return err
	}
	d, from, err := s.defineAt(ctx, conn, id)
	if mysql.IsServerError(err, mysql.CodeNoSuchTable, mysql.CodeUnknownDatabase) {
		return nil // dropped meanwhile
	}
	if err != nil {
		return err
	}
	s.log.Info("table is captured from here on", "table", id.String())
	source := s.sourceAt(from, "true")
	err = s.publishChange(*source, restart{pos: uint64(source.Pos)}, schemahistory.Part{
		Database: id.Database, DDL: d.ddl, Tables: []debezium.TableID{id}, Changes: []debezium.TableChange{{Type: "CREATE", ID: id, Table: d.table}},
	}, true)
	if err != nil {
		return err
	}
	s.history.SetDatabaseCharset(id.Database, d.databaseCharset)
	s.history.SetTable(id, d.table)
	if !s.reads(id) {
		s.progress.Begin(id, from)
		s.progress.Captured(id)
	} else {
		if err := s.empty(id, source); err != nil {
			return err
		}
		s.beginSnapshot(id, from, false)
	}
	if !s.position.AtOrAfter(from) {
		s.ahead[id] = d.table
	}
	return nil
}

// defineAt returns a table's definition, and a position at which it was so.
func (s *session) defineAt(ctx context.Context, conn *mysql.Conn, id debezium.TableID) (definition, debezium.Position, error) {
	const tries = 20
	for range tries {
		d, err := s.define(ctx, conn, id)
		if err != nil {
			return d, debezium.Position{}, err
		}
		at, err := conn.Position(ctx)
		if err != nil {
			return d, at, err
		}
		ddl, err := s.showCreate(ctx, conn, id)
		if err != nil || ddl == d.ddl {
			return d, at, err
		}
	}
	return definition{}, debezium.Position{}, fmt.Errorf("read the definition of %s: it was altered during each of %d tries", id, tries)
}

// passOver takes from a statement's effect what concerns tables that the stream
// has not caught up with. A table whose creation it brings is in the stream whole.
func (s *session) passOver(effect *schemahistory.Effect) {
	if len(s.unknown) == 0 && len(s.ahead) == 0 {
		return
	}
	unknown := len(s.unknown)
	defer func() {
		if len(s.unknown) < unknown { // a table less to wait for
			s.snapshotDone()
		}
	}()
	var touched []schemahistory.Touched
	for _, t := range effect.Touched {
		if _, ahead := s.ahead[t.Table]; ahead {
			continue
		}
		if _, ahead := s.ahead[t.From]; ahead { // that table is another one
			t.From = debezium.TableID{}
		}
		at, unknown := s.unknown[t.From]
		switch {
		case t.Kind == schemahistory.Renamed && unknown: // what it was is not known under either name
			delete(s.unknown, t.From)
			if s.cfg.Captured(t.Table) {
				s.unknown[t.Table] = at
			}
			continue
		case t.Kind == schemahistory.Created, t.Kind == schemahistory.Renamed, t.Kind == schemahistory.Dropped:
			delete(s.unknown, t.Table)
			t.Captured = s.cfg.Captured(t.Table) || t.From.Table != "" && s.cfg.Captured(t.From)
		}
		touched = append(touched, t)
	}
	effect.Touched = touched
	var parts []schemahistory.Part
	for _, p := range effect.Parts {
		if len(p.Tables) == 0 || slices.ContainsFunc(p.Tables, s.caughtUp) {
			parts = append(parts, p)
		}
	}
	effect.Parts = parts
	for id, model := range s.ahead {
		s.history.SetTable(id, model)
	}
}

// caughtUp reports whether the stream is not behind a table's snapshot.
func (s *session) caughtUp(id debezium.TableID) bool {
	_, ahead := s.ahead[id]
	return !ahead
}
