package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if err := s.load(ctx, conn); err != nil {
		return err
	}
	if err := s.beginAnew(ctx, conn); err != nil {
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
	s.openTransactions()
	s.openHeartbeats()
	from := s.resumption()
	s.resumed = from.Event
	if s.stream, err = binlog.Open(ctx, s.streamConfig(), from); err != nil {
		return err
	}
	s.settled()
	s.metrics.Connected.Store(true)
	return nil
}

// resumption is where the stream begins. A takeover begins with the transaction
// that the saved place is in.
func (s *session) resumption() binlog.Resume {
	p := &s.progress
	r := binlog.Resume{Position: p.Position, Prepared: p.Prepared}
	if s.takeover == nil {
		r.GTID, r.Ordinal, r.Event, r.Row = p.GTID, p.Ordinal, p.Event, p.Row
	}
	return r
}

// check refuses a server whose changes cannot be captured whole.
func (s *session) check(ctx context.Context, conn *mysql.Conn) error {
	tables, err := s.capturedTables(ctx, conn)
	if err != nil {
		return err
	}
	s.observe(len(tables))
	if err := CheckTopics(s.cfg.Naming, s.cfg.Prefix, tables); err != nil {
		return err
	}
	if err := s.awaitServerID(ctx, conn); err != nil {
		return err
	}
	problems, err := conn.Check(ctx, tables, mysql.CheckOptions{From: s.saved.Position, AllowFKCascade: s.cfg.AllowFKCascade, Replica: s.cfg.Replica})
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

const (
	serverIDPatience = 15 * time.Second // three heartbeats: a server lists clients that are gone for up to two
	serverIDPause    = 250 * time.Millisecond
)

// awaitServerID gives another client of our server id time to go.
func (s *session) awaitServerID(ctx context.Context, conn *mysql.Conn) error {
	if !s.server.LogBin {
		return nil
	}
	patience := time.NewTimer(serverIDPatience)
	defer patience.Stop()
	pause := time.NewTicker(serverIDPause)
	defer pause.Stop()
	for said := false; ; said = true {
		host, err := s.cfg.Replica.Other(ctx, conn)
		if err != nil || host == "" {
			return err
		}
		if !said {
			s.log.Warn("another replica uses the server id: waiting for it to go", "server_id", s.cfg.Replica.ServerID, "host", host)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return nil // the check says it
		case <-pause.C:
		}
	}
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
		{Name: s.cfg.HistoryTopic, Partitions: 1, Config: keptForEver()},
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
	if s.producer, err = kafka.NewProducer(ctx, s.cfg.Kafka, config); err != nil {
		return err
	}
	s.metrics.SetQueue(s.cfg.BufferBytes, s.producer.Queued)
	if s.cfg.SharedHistory || s.cfg.ConnectOffsetTopic != "" {
		config.TransactionalID = ""
		s.plain, err = kafka.NewProducer(ctx, s.cfg.Kafka, config)
	}
	return err
}

// load reads the saved place, when Debezium is gone.
func (s *session) load(ctx context.Context, conn *mysql.Conn) error {
	var err error
	var found bool
	if s.saved, found, err = checkpoint.Load(ctx, s.cfg.Kafka, s.cfg.OffsetTopic, s.format()); err != nil {
		return err
	}
	if s.cfg.ConnectOffsetTopic != "" {
		if err := s.awaitServerID(ctx, conn); err != nil {
			return err
		}
		if err := s.loadConnect(ctx, found); err != nil {
			return err
		}
	}
	if s.progress = s.saved.Clone(); s.saved.Position.IsZero() {
		s.progress.Snapshot = nil // of before a snapshot that begins anew
	}
	return nil
}

func (s *session) openHistory() {
	s.history = schemahistory.New(s.historyOptions())
}

func (s *session) historyOptions() schemahistory.Options {
	return schemahistory.Options{
		Charset: s.server.Charset, LowerCaseTableNames: s.server.LowerCaseTableNames,
		MariaDB: s.server.Flavor == debezium.FlavorMariaDB, Comments: s.cfg.SchemaComments, DebeziumExact: s.cfg.Convert.DebeziumExact, Captured: s.follows,
	}
}

// firstStart reads every definition at one position of the binlog, saves both,
// and queues the tables that are to be read.
func (s *session) firstStart(ctx context.Context, conn *mysql.Conn) error {
	definitions, at, err := s.definitionsAt(ctx, conn)
	if err != nil {
		return err
	}
	s.progress.At(at.position, at.prepared, time.Now().UnixNano(), 0)
	s.position = at.position
	source := s.sourceAt(s.position, "true")
	for _, d := range definitions {
		s.history.SetDatabaseCharset(d.id.Database, d.databaseCharset)
		if d.table != nil {
			s.history.SetTable(d.id, d.table)
		}
	}
	var read []debezium.TableID
	for i := range definitions {
		if id := definitions[i].id; s.cfg.Captured(id) && s.reads(id) {
			read = append(read, id)
		}
	}
	left, err := s.leftovers(read)
	if err != nil {
		return err
	}
	if err := s.publishDefinitions(ctx, conn, source, definitions); err != nil {
		return err
	}
	if err := s.keepEmptyDatabases(ctx, conn, source, definitions); err != nil {
		return err
	}
	slices.SortFunc(definitions, func(a, b definition) int { return s.inOrder(a.id, b.id) })
	for _, d := range definitions {
		if !s.cfg.Captured(d.id) {
			continue
		}
		if s.reads(d.id) {
			if left[d.id] {
				if err := s.truncate(d.id, s.here()); err != nil {
					return err
				}
			}
			s.beginSnapshot(d.id, debezium.Position{}, true)
		} else {
			s.progress.Captured(d.id)
		}
	}
	s.progress.Snapshotting = !s.chunks.done()
	s.log.Info("first start", "gtid", s.position.GTIDs.String(), "file", s.position.File, "pos", s.position.Pos, "tables", len(s.chunks.queue))
	if err := s.openSpan(); err != nil {
		return err
	}
	return s.endSpan(ctx)
}

// resume rebuilds the definitions from the history, and queues the tables whose
// snapshot is not finished or that are captured for the first time.
func (s *session) resume(ctx context.Context, conn *mysql.Conn) error {
	if err := s.beginTakeover(ctx, conn); err != nil {
		return err
	}
	if err := s.replayHistory(ctx); err != nil {
		return err
	}
	s.position = s.progress.Position
	s.recount()
	if err := s.takeTables(); err != nil {
		return err
	}
	s.log.Info("resume", "gtid", s.position.GTIDs.String(), "file", s.position.File, "pos", s.position.Pos)
	s.resumeSnapshots()
	if s.connect.anew {
		s.progress.Snapshotting = !s.chunks.done()
	}
	if err := s.findIncluded(ctx, conn); err != nil {
		return err
	}
	return s.heal()
}

// replayHistory brings the definitions to where they were at the saved place.
// The history may be ahead of it: statements behind it come again.
func (s *session) replayHistory(ctx context.Context) error {
	n, at := 0, s.resumption()
	s.metrics.History.RecoveryStartedNs.Store(time.Now().UnixNano())
	err := s.cfg.Kafka.ReadAll(ctx, s.cfg.HistoryTopic, 0, 0, func(r *kafka.Record) error {
		record, err := schemahistory.DecodeRecord(r.Value)
		if err != nil {
			return fmt.Errorf("offset %d: %w", r.Offset, err)
		}
		if record.Server != s.cfg.Prefix {
			return nil
		}
		n++
		s.recovered()
		before, err := record.Position.Before(at.Position, s.server.Flavor, at.Event)
		if err != nil {
			return fmt.Errorf("offset %d: %w", r.Offset, err)
		}
		if before {
			s.history.Load(&record)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the schema history in %s: %w", s.cfg.HistoryTopic, err)
	}
	if n == 0 && s.connect.taken {
		return fmt.Errorf("the schema history in %s has no record of %s: give the topic that the connector has in schema.history.internal.kafka.topic",
			s.cfg.HistoryTopic, s.cfg.Prefix)
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
		Flavor: s.server.Flavor, ServerID: s.cfg.Replica.ServerID, ListedAs: s.cfg.Replica.Host(), GTIDMode: s.server.GTIDMode,
		Captures: s.cfg.Captured, CapturesDatabase: s.cfg.CapturedDatabase, Query: s.cfg.IncludeQuery, Logger: s.log,
	}
}
