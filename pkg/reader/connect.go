package reader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// connectOffset is the record of a Connect worker that Debezium starts from.
type connectOffset struct {
	key   []byte
	given checkpoint.Checkpoint // the last one that was written
	at    time.Time
	taken bool // the session starts from what Debezium left
	anew  bool // which is its first snapshot, unfinished: that is taken again
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
		s.connect.anew, tables = true, nil
	}
	s.saved.Snapshot, s.saved.Connect, s.connect.taken = tables, o.At, true
	return nil
}

// takeTables makes the tables that the history knows those that are captured:
// Debezium keeps no list of them. Where its snapshot is taken again, the stream
// begins where that one was: what it had published of rows that are gone by now
// is deleted by the stream.
func (s *session) takeTables() error {
	if !s.connect.taken {
		return nil
	}
	known := make(map[debezium.TableID]bool)
	var read []debezium.TableID
	for _, id := range s.history.Tables() {
		known[id] = true
		if _, ok := s.progress.Snapshot[id]; ok || !s.cfg.Captured(id) {
			continue
		}
		if !s.connect.anew || !s.reads(id) {
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
		s.progress.Begin(id, debezium.Position{})
	}
	for id := range s.progress.Snapshot {
		if !known[id] {
			s.progress.Forget(id)
		}
	}
	return nil
}

// beginAnew has a snapshot that the connector did not finish begin where the
// server is by now, if the stream from where it was is gone.
func (s *session) beginAnew(ctx context.Context, conn *mysql.Conn) error {
	if !s.connect.anew {
		return nil
	}
	problems, err := conn.CheckPosition(ctx, s.server, s.saved.Position)
	if err != nil || len(problems) == 0 {
		return err
	}
	s.log.Warn("rows that the connector has published and that were deleted since stay in its topics, as they do with Debezium", "reason", problems[0].Message)
	s.saved.Position, s.connect.anew = debezium.Position{}, false
	s.progress = s.saved.Clone()
	return nil
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
	err := s.plain.SendContext(ctx, &kafka.Record{Topic: s.cfg.ConnectOffsetTopic, Partition: kafka.Unassigned, Key: c.key, Value: s.format().ConnectValue(&s.saved)})
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
