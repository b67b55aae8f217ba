package reader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
	"github.com/firn-cdc/firn/pkg/snapshot"
)

// open readies a session: the server is fit, the previous reader is fenced,
// and only then is the saved place read and the binlog opened there.
func (s *session) open(ctx context.Context) (err error) {
	conn, err := mysql.Connect(ctx, s.cfg.MySQL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if s.server, err = conn.Server(ctx); err != nil {
		return err
	}
	s.connector = s.server.Flavor
	s.headers = s.contextHeaders()
	s.observe(0)
	if err := s.openProducer(ctx); err != nil {
		return err
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	if err := s.check(ctx, conn); err != nil {
		return err
	}
	s.openHistory()
	if conn.Encrypted() { // a server without TLS may do where it is only preferred
		if s.tls, err = s.cfg.MySQL.TLSConfig(); err != nil {
			return err
		}
	}
	s.chunks, s.joinChunks = newChunks(s.life, s.cfg.MySQL, s.server, s.cfg.SnapshotParallelism,
		snapshot.Limits{Rows: s.cfg.SnapshotChunkRows, Bytes: s.cfg.SnapshotChunkBytes})
	if s.saved.Position.IsZero() {
		err = s.firstStart(ctx, conn)
	} else {
		err = s.resume(ctx, conn)
	}
	if err != nil {
		return err
	}
	if s.end, err = conn.Position(ctx); err != nil {
		return err
	}
	s.position = s.progress.Position
	s.settled()
	s.metrics.Connected.Store(true)
	s.resumed = s.progress.Event
	p := &s.progress
	s.stream, err = binlog.Open(ctx, s.streamConfig(), binlog.Resume{
		Position: p.Position, GTID: p.GTID, Ordinal: p.Ordinal, Event: p.Event, Row: p.Row, Prepared: p.Prepared,
	})
	return err
}

// check refuses a server whose changes cannot be captured whole.
func (s *session) check(ctx context.Context, conn *mysql.Conn) error {
	tables, err := s.capturedTables(ctx, conn)
	if err != nil {
		return err
	}
	s.observe(len(tables))
	problems, err := conn.Check(ctx, tables, mysql.CheckOptions{From: s.saved.Position, AllowFKCascade: s.cfg.AllowFKCascade})
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range problems {
		if p.Notice {
			s.log.Warn("about the server", "name", p.Name, "problem", p.Message, "fix", p.Fix)
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %s; %s", p.Name, p.Message, p.Fix))
	}
	return errors.Join(errs...)
}

func (s *session) capturedTables(ctx context.Context, conn *mysql.Conn) ([]debezium.TableID, error) {
	all, err := conn.Tables(ctx)
	if err != nil {
		return nil, err
	}
	captured := all[:0]
	for _, id := range all {
		if s.cfg.Captured(id) {
			captured = append(captured, id)
		}
	}
	return captured, nil
}

// openProducer makes the internal topics and the producer. In exactly-once
// mode that fences whoever held the prefix before and ends what it left open.
func (s *session) openProducer(ctx context.Context) error {
	for _, topic := range []kafka.TopicSpec{
		{Name: s.cfg.OffsetTopic, Partitions: 1, Config: map[string]string{"cleanup.policy": "compact"}},
		{Name: s.cfg.HistoryTopic, Partitions: 1, Config: map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}},
	} {
		topic.Replication = s.cfg.TopicReplicas
		if _, err := s.cfg.Kafka.EnsureTopic(ctx, topic); err != nil {
			return err
		}
	}
	config := kafka.ProducerConfig{Compression: s.cfg.Compression, BufferBytes: s.cfg.BufferBytes}
	if s.cfg.Delivery == ExactlyOnce {
		config.TransactionalID = "firn-reader." + s.cfg.Prefix
	}
	var err error
	s.producer, err = kafka.NewProducer(ctx, s.cfg.Kafka, config)
	return err
}

// load reads the saved place.
func (s *session) load(ctx context.Context) error {
	var err error
	if s.saved, _, err = checkpoint.Load(ctx, s.cfg.Kafka, s.cfg.OffsetTopic, s.format()); err != nil {
		return err
	}
	s.progress = s.saved.Clone()
	return nil
}

func (s *session) openHistory() {
	s.history = schemahistory.New(s.historyOptions())
}

func (s *session) historyOptions() schemahistory.Options {
	return schemahistory.Options{
		Charset: s.server.Charset, LowerCaseTableNames: s.server.LowerCaseTableNames,
		MariaDB: s.server.Flavor == debezium.FlavorMariaDB, Comments: s.cfg.SchemaComments, Captured: s.follows,
	}
}

// firstStart reads every definition at one position of the binlog, saves both,
// and queues the tables that are to be read.
func (s *session) firstStart(ctx context.Context, conn *mysql.Conn) error {
	definitions, at, err := s.definitionsAt(ctx, conn)
	if err != nil {
		return err
	}
	s.progress.At(at, debezium.Position{}, time.Now().UnixNano(), 0)
	s.position = at
	source := debezium.Source{
		Version: version, Connector: s.connector, Name: s.cfg.Prefix, TsNs: time.Now().UnixNano(), Snapshot: "true", File: at.File, Pos: int64(at.Pos),
	}
	for _, part := range initialChanges(s.server, definitions) {
		if err := s.publishChange(source, part); err != nil {
			return err
		}
	}
	read := s.cfg.Snapshot != SnapshotNoData
	for _, d := range definitions {
		s.history.SetDatabaseCharset(d.id.Database, d.databaseCharset)
		s.history.SetTable(d.id, d.table)
		if !s.cfg.Captured(d.id) {
			continue
		}
		if read {
			if err := s.empty(d.id, s.here()); err != nil {
				return err
			}
			s.beginSnapshot(d.id, debezium.Position{}, true)
		} else {
			s.progress.Captured(d.id)
		}
	}
	s.progress.Snapshotting = !s.chunks.done()
	s.log.Info("first start", "gtid", at.GTIDs.String(), "file", at.File, "pos", at.Pos, "tables", len(s.chunks.queue))
	if err := s.openSpan(); err != nil {
		return err
	}
	return s.endSpan(ctx)
}

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

// resume rebuilds the definitions from the history, and queues the tables whose
// snapshot is not finished or that are captured for the first time.
func (s *session) resume(ctx context.Context, conn *mysql.Conn) error {
	if err := s.replayHistory(ctx); err != nil {
		return err
	}
	s.position = s.progress.Position
	s.log.Info("resume", "gtid", s.position.GTIDs.String(), "file", s.position.File, "pos", s.position.Pos)
	s.resumeSnapshots()
	return s.findIncluded(ctx, conn)
}

// replayHistory brings the definitions to where they were at the saved place:
// records of the history are durable together with it.
func (s *session) replayHistory(ctx context.Context) error {
	n := 0
	err := s.cfg.Kafka.ReadAll(ctx, s.cfg.HistoryTopic, 0, 0, func(r *kafka.Record) error {
		record, err := schemahistory.DecodeRecord(r.Value)
		if err != nil {
			return fmt.Errorf("offset %d: %w", r.Offset, err)
		}
		n++
		s.history.Load(&record)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the schema history in %s: %w", s.cfg.HistoryTopic, err)
	}
	if n == 0 {
		return fmt.Errorf("the schema history in %s is empty though a position is saved: it was deleted; delete %s too and take a new snapshot",
			s.cfg.HistoryTopic, s.cfg.OffsetTopic)
	}
	return nil
}

func (s *session) streamConfig() binlog.Config {
	return binlog.Config{
		Host: s.cfg.MySQL.Host, Port: s.cfg.MySQL.Port, User: s.cfg.MySQL.User, Password: s.cfg.MySQL.Password, TLS: s.tls,
		Flavor: s.server.Flavor, ServerID: s.cfg.ServerID, GTIDMode: s.server.GTIDMode,
		Captures: s.cfg.Captured, CapturesDatabase: s.cfg.CapturedDatabase, Query: s.cfg.IncludeQuery, Logger: s.log,
	}
}
