package reader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// connectOffset is the record of a Connect worker that Debezium starts from.
type connectOffset struct {
	key   []byte
	given checkpoint.Checkpoint // the last one that was written
	at    time.Time
	taken bool // the session starts from what Debezium left
}

// loadConnect puts what Debezium left in the place of what this reader saved, if
// Debezium has run since.
func (s *session) loadConnect(ctx context.Context, saved bool) error {
	f := s.format()
	f.Name = s.cfg.ConnectorName
	o, err := checkpoint.LoadConnect(ctx, s.cfg.Kafka, s.cfg.ConnectOffsetTopic, f)
	if _, none := errors.AsType[*checkpoint.NoOffsetError](err); none && saved {
		s.connect.key = s.format().Key()
		return nil
	}
	if err != nil {
		return err
	}
	s.connect.key = o.Key
	if saved && (o.Ours || o.At == s.saved.Connect) {
		return nil
	}
	at := o.Checkpoint.Position
	s.log.Info("taking over from Debezium", "connector", o.Name, "gtid", at.GTIDs.String(), "file", at.File, "pos", at.Pos,
		"events", o.Checkpoint.Event, "rows", o.Checkpoint.Row)
	tables := s.saved.Snapshot
	if s.saved = o.Checkpoint; o.Checkpoint.Snapshotting {
		s.log.Warn("the connector was stopped in its snapshot, which begins anew: rows that it has published come twice, as they do with Debezium")
		s.saved = checkpoint.Checkpoint{}
	}
	s.saved.Snapshot, s.saved.Connect, s.connect.taken = tables, o.At, true
	return nil
}

// takeTables makes the tables that the history knows those that are captured:
// Debezium keeps no list of them.
func (s *session) takeTables() {
	if !s.connect.taken {
		return
	}
	known := make(map[debezium.TableID]bool)
	for _, id := range s.history.Tables() {
		known[id] = true
		if _, ok := s.progress.Snapshot[id]; !ok && s.cfg.Captured(id) {
			s.progress.Captured(id)
		}
	}
	for id := range s.progress.Snapshot {
		if !known[id] {
			s.progress.Forget(id)
		}
	}
}

// giveBack writes the saved place where Debezium looks for it: now and then,
// behind what it covers, and at the end. Outside transactions, for a Connect
// worker reads what was aborted, too.
func (s *session) giveBack(ctx context.Context, last bool) error {
	c := &s.connect
	if c.key == nil || s.saved.Position.IsZero() {
		return nil
	}
	if s.takeover != nil {
		if last {
			s.log.Warn("stopped before all was read that Debezium had published behind its offset: start this reader again before Debezium, or rows come twice")
		}
		return nil
	}
	if !last && (s.span.open || time.Since(c.at) < s.cfg.SaveInterval ||
		s.saved.SamePlace(c.given) && s.saved.Snapshotting == c.given.Snapshotting) {
		return nil
	}
	err := s.plain.Send(&kafka.Record{Topic: s.cfg.ConnectOffsetTopic, Partition: kafka.Unassigned, Key: c.key, Value: s.format().ConnectValue(&s.saved)})
	if err == nil {
		err = s.plain.Flush(ctx)
	}
	if err != nil {
		return fmt.Errorf("write the place to --connect-offset-topic: %w", err)
	}
	c.given, c.at = s.saved.Clone(), time.Now()
	if last {
		at := s.saved.Position
		s.log.Info("debezium may go on from here", "gtid", at.GTIDs.String(), "file", at.File, "pos", at.Pos, "events", s.saved.Event)
	}
	return nil
}
