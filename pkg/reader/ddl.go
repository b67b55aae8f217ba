package reader

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// statement follows a statement of the binlog: what it does to the tables'
// definitions is published, and kept in the history, before the first row of
// the new shape and in the same span.
func (s *session) statement(q *binlog.Query) error {
	s.stated = !q.InTransaction
	sql, err := textOf(q)
	if err != nil {
		return err
	}
	_, effect, err := s.history.Apply(q.Database, sql, schemahistory.StatementContext{
		SQLMode: q.SQLMode, ServerCharset: q.ServerCharset,
	})
	if unknown, ok := errors.AsType[*schemahistory.UnknownDDLError](err); ok && s.server.RowMetadataFull {
		s.notUnderstood(unknown)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("at %s:%d: %w", q.File, q.Pos, err)
	}
	s.passOver(&effect)
	publish := s.publishes(effect.Parts)
	if effect.Ignored && !slices.Contains(publish, true) {
		return nil
	}
	if effect.Unread != nil && s.cfg.OtherTables && s.cfg.OtherDatabases {
		s.log.Warn("a statement on a table that is not captured is not understood: it is published without the table's definition",
			"gtid", q.GTID, "file", q.File, "pos", q.Pos, "error", effect.Unread)
	}
	source := debezium.Source{ // Debezium has milliseconds for statements, microseconds for rows
		Version: version, Connector: s.connector, Name: s.cfg.Prefix, TsNs: q.TsNs - q.TsNs%int64(time.Millisecond), ServerID: int64(q.ServerID), GTID: q.GTID,
		File: q.File, Pos: int64(q.Pos), Row: s.lastRow,
	}
	if q.InTransaction && s.connector != debezium.FlavorMariaDB { // otherwise Debezium knows of none
		source.Thread = q.Thread
	}
	headers, err := s.statementTime(s.life, q, &effect)
	if err != nil {
		return err
	}
	if s.takeover != nil {
		s.takeover.atStatement(q)
	}
	at := restart{pos: q.End}
	switch {
	case !q.InTransaction:
	case s.cfg.SharedHistory:
		at = restart{pos: s.beginning, event: q.Event}
	default: // by the place that is saved inside the transaction
		at = restart{file: s.position.File, pos: s.position.Pos, event: q.Event}
	}
	for i, part := range effect.Parts {
		if err := s.publishChange(source, at, part, publish[i], headers...); err != nil {
			return err
		}
	}
	for i := range effect.Touched {
		if err := s.touched(&effect.Touched[i], &source); err != nil {
			return err
		}
	}
	return nil
}

// statementWithin follows a statement that rows follow in its transaction. The place
// behind it is one of the transaction's, so that a span may end there.
func (s *session) statementWithin(q *binlog.Query) error {
	if s.undone[s.transaction] || q.Event < s.resumed { // or published before the session
		return nil
	}
	if err := s.statement(q); err != nil {
		return err
	}
	if s.takeover == nil {
		s.progress.Within(q.GTID, q.Event+1, s.progress.Ordinal, q.TsNs, q.ServerID)
	}
	return nil
}

// textOf returns a statement's text, which is in its client's character set
// unless the server wrote it anew.
func textOf(q *binlog.Query) (string, error) {
	if utf8.ValidString(q.SQL) {
		return q.SQL, nil
	}
	sql, err := convert.Text(q.Charset, []byte(q.SQL))
	if err != nil {
		return "", fmt.Errorf("read the statement at %s:%d: %w", q.File, q.Pos, err)
	}
	return sql, nil
}

// restart is where Debezium would resume behind a statement: its end, or within
// a transaction its BEGIN and how many of its events are to be passed over.
type restart struct {
	file  string // empty: that of the statement
	pos   uint64
	event int
}

// keptForEver is the configuration of topics that are small, and read whole.
func keptForEver() map[string]string {
	return map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
}

// publishChange writes one schema change to the history and, if it is to be
// published, to the schema-change topic, with headers beside those of every record.
func (s *session) publishChange(source debezium.Source, at restart, part schemahistory.Part, publish bool, headers ...kafka.Header) error {
	now := time.Now().UnixMilli()
	record := schemahistory.Record{
		Server: s.cfg.Prefix, Position: s.recordPosition(&source, at), TsMs: now, Database: part.Database, DDL: part.DDL, Changes: part.Changes,
	}
	if err := s.sendHistory(&record); err != nil {
		return err
	}
	if s.cfg.SchemaChanges == nil || !publish {
		return nil
	}
	topic := s.cfg.Naming.SchemaChanges(s.cfg.Prefix)
	spec := kafka.TopicSpec{Name: topic, Partitions: 1, Replication: s.cfg.TopicReplicas, Config: keptForEver()}
	if err := s.ensureTopic(spec); err != nil { // who applies rows needs every statement there was
		return err
	}
	source.DB = part.Database
	source.Table = strings.Join(debezium.SetOrder(part.Tables), ",")
	change := debezium.SchemaChange{
		Source: source, TsMs: now, Database: part.Database, DDL: part.DDL, Changes: part.Changes,
		OfDatabase: part.OfDatabase(),
	}
	key, err := s.cfg.SchemaChanges.AppendSchemaChangeKey(nil, &change)
	if err != nil {
		return err
	}
	value, err := s.cfg.SchemaChanges.AppendSchemaChangeValue(nil, &change)
	if err != nil {
		return err
	}
	return s.send(&kafka.Record{Topic: topic, Partition: 0, Key: key, Value: value, Headers: slices.Concat(s.headers, headers)})
}

// touched follows what a statement did to one table.
func (s *session) touched(t *schemahistory.Touched, source *debezium.Source) error {
	if !t.Captured {
		return nil
	}
	if err := s.capturable(t); err != nil {
		return err
	}
	s.metrics.Table(t.Table.String()).SchemaChange()
	s.log.Info("schema change", "table", t.Table.String(), "change", t.Kind.String(), "gtid", source.GTID, "file", source.File, "pos", source.Pos)
	for _, id := range []debezium.TableID{t.Table, t.From} {
		if id.Table != "" {
			s.chunks.discard(id, t.Kind == schemahistory.Dropped || id == t.From)
			s.rekey(id)
			s.dropTable(id)
		}
	}
	if len(t.Unlogged) > 0 && t.Kind != schemahistory.Renamed { // all of its rows are read
		if err := s.unlogged(t, source); err != nil {
			return err
		}
	}
	if t.Kind == schemahistory.Created || t.Kind == schemahistory.Renamed {
		if err := s.checkTopics(); err != nil {
			return err
		}
	}
	switch t.Kind {
	case schemahistory.Truncated:
		s.mark(t.Table, "")
		return s.truncate(t.Table, source)
	case schemahistory.Created: // its rows are in the stream, from its first one on
		s.progress.Captured(t.Table)
		return s.empty(t.Table, source)
	case schemahistory.Renamed:
		return s.renamed(t, source)
	case schemahistory.Dropped:
		s.forget(t.Table)
		return nil
	case schemahistory.Altered:
		if _, known := s.history.Table(t.Table); !known && s.cfg.Captured(t.Table) {
			s.awaitTable(t.Table)
		}
		return nil
	default:
		return fmt.Errorf("unexpected effect %s on %s", t.Kind, t.Table)
	}
}

// capturable refuses a table of which not all changes are in the binlog from
// here on, as the check of the server does at the start.
func (s *session) capturable(t *schemahistory.Touched) error {
	var p mysql.Problem
	switch {
	case t.Versioned:
		p = mysql.VersionedProblem(t.Table)
	case len(t.Cascades) > 0 && !s.cfg.AllowFKCascade && !s.server.CascadesInBinlog:
		p = s.server.CascadeProblem(t.Table, t.Cascades)
		p.Fix += "; the statement that made it is read again until a reader with --allow-fk-cascade has passed it"
	default:
		return nil
	}
	return fmt.Errorf("%s: %s; %s", p.Name, p.Message, p.Fix)
}

// rekey begins the snapshot of a table again whose key may be ordered in another
// way: the place where it stopped is in the old order.
func (s *session) rekey(id debezium.TableID) {
	old, known := s.tables[id]
	model, is := s.history.Table(id)
	if known && is && slices.EqualFunc(keyColumns(old.model), keyColumns(model), sameOrder) {
		return
	}
	if s.chunks.restart(id) {
		old := s.progress.Snapshot[id]
		s.progress.Begin(id, old.From)
		s.progress.Mark(id, old.Unlogged) // what was published stays
	}
}

func keyColumns(t *debezium.Table) []*debezium.Column {
	columns := make([]*debezium.Column, len(t.PrimaryKey))
	for i, name := range t.PrimaryKey {
		columns[i] = t.Column(name)
	}
	return columns
}

// sameOrder reports whether a column's values are surely ordered alike in both
// definitions. They do not tell the collation of text.
func sameOrder(a, b *debezium.Column) bool {
	return a != nil && b != nil && a.Name == b.Name && a.TypeName == b.TypeName && a.Charset == "" && b.Charset == "" &&
		slices.Equal(a.EnumValues, b.EnumValues)
}

// renamed reads the rows that a table brings along: those that the stream had
// of them are in the topic of the name before. What the topic of its new name has
// is another table's.
func (s *session) renamed(t *schemahistory.Touched, source *debezium.Source) error {
	_, known := s.history.Table(t.Table)
	switch {
	case !s.cfg.Captured(t.Table):
	case known && (s.cfg.Convert.DebeziumExact || s.unread(t.Table)): // Debezium leaves them there
		s.progress.Captured(t.Table)
	case known:
		s.log.Info("table came by a rename: its rows are read by a snapshot", "table", t.Table.String())
		if err := s.empty(t.Table, source); err != nil {
			return err
		}
		s.beginSnapshot(t.Table, debezium.Position{}, false)
	default: // from a database that is not followed, or a view
		s.awaitTable(t.Table)
	}
	if t.From.Table != "" {
		s.forget(t.From)
	}
	return nil
}

// awaitTable has a table that the history does not know read by the server's definition
// when the stream has passed the statement, if there is such a table.
func (s *session) awaitTable(id debezium.TableID) {
	if _, ok := s.unknown[id]; !ok {
		s.unknown[id] = s.position
	}
}

// forget drops the progress of a table that is no more.
func (s *session) forget(id debezium.TableID) {
	reading := s.progress.Snapshot[id].State != checkpoint.Captured
	s.mark(id, "")
	s.progress.Forget(id)
	if reading {
		s.snapshotDone()
	}
}

// notUnderstood goes on behind a statement that nobody understands: the binlog's
// own metadata says what the rows are from there on. What it does not say is
// whether stored rows changed, so they are read again, by the server's definition.
func (s *session) notUnderstood(e *schemahistory.UnknownDDLError) {
	s.log.Warn("a statement is not understood: the table is read again", "table", e.Table.String(), "error", e.Err)
	s.chunks.discard(e.Table, true)
	s.dropTable(e.Table)
	s.progress.Forget(e.Table)
	s.history.Drop(e.Table)
	s.unknown[e.Table] = s.position
}

// UnloggedChangeError stops the reader at a statement that changed stored rows
// without logging them: what was published no longer equals the table.
type UnloggedChangeError struct {
	Table   debezium.TableID
	Reasons []string
}

// Error says what happened and what to do.
func (e *UnloggedChangeError) Error() string {
	return fmt.Sprintf("%s was changed without row events: %s; start once with --on-unlogged-change=resnapshot to take a new snapshot of the table, or =mark to go on without",
		e.Table, strings.Join(e.Reasons, "; "))
}

// unlogged follows a statement that changed rows without row events. A new
// snapshot begins with an empty table: rows may be gone.
func (s *session) unlogged(t *schemahistory.Touched, source *debezium.Source) error {
	switch s.cfg.Unlogged {
	case UnloggedResnapshot:
		s.log.Warn("a statement changed a table without row events: its rows are read again", "table", t.Table.String(), "reason", strings.Join(t.Unlogged, "; "))
		return s.again(t.Table, source)
	case UnloggedMark:
		s.log.Warn("table needs a new snapshot: a statement changed its rows without row events", "table", t.Table.String(), "reason", strings.Join(t.Unlogged, "; "))
		s.mark(t.Table, strings.Join(t.Unlogged, "; "))
		return nil
	default:
		return &UnloggedChangeError{Table: t.Table, Reasons: t.Unlogged}
	}
}

// sendHistory adds a record to the history. One that Debezium reads too must not
// hold transactions: to find its end, Debezium counts records.
func (s *session) sendHistory(record *schemahistory.Record) error {
	r := kafka.Record{Topic: s.cfg.HistoryTopic, Partition: 0, Value: schemahistory.EncodeRecord(record)}
	if !s.cfg.SharedHistory {
		return s.send(&r)
	}
	if err := s.openSpan(); err != nil {
		return err
	}
	return s.plain.SendContext(s.patience, &r)
}

// recordPosition is where a statement stands, as the history notes it.
func (s *session) recordPosition(source *debezium.Source, at restart) schemahistory.RecordPosition {
	p := schemahistory.RecordPosition{
		TsSec: source.TsNs / int64(time.Second), File: cmp.Or(at.file, source.File), Pos: at.pos, GTIDs: s.position.GTIDs.String(),
		ServerID: source.ServerID, Event: int64(at.event),
	}
	if source.Snapshot != "" {
		p.Snapshot = "INITIAL"
	}
	return p
}
