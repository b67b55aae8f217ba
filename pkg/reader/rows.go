package reader

import (
	"errors"
	"fmt"
	"time"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// rows publishes the row changes of one binlog event.
func (s *session) rows(rows *binlog.Rows) error {
	if s.undone[s.transaction] || s.passesOver(rows.Table.Table) {
		return rows.SkipAll()
	}
	t, err := s.tableOf(rows.Table)
	if errors.Is(err, schemahistory.ErrSequence) {
		return rows.SkipAll()
	}
	if err != nil {
		return err
	}
	if s.inPass(t) {
		return rows.SkipAll()
	}
	s.source(rows)
	skipped := s.cfg.Skipped[rows.Op]
	for {
		more, err := rows.Next(&s.before, &s.after)
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
		s.event.Source.Row = int32(rows.Row)
		if s.takeover != nil {
			s.takeover.atRow(rows)
		}
		if !skipped {
			s.lastRow = int32(rows.Row)
		}
		if err := s.change(t, rows.Op); err != nil {
			return fmt.Errorf("%s at %s:%d: %w", t.id, rows.File, rows.Pos, err)
		}
		t.plan.Reset()
	}
}

// source fills in what all rows of a binlog event share.
func (s *session) source(rows *binlog.Rows) {
	s.event.Source = debezium.Source{
		Version: version, Connector: s.connector, Name: s.cfg.Prefix, TsNs: rows.TsNs, DB: rows.Table.Table.Database,
		Table: rows.Table.Table.Table, ServerID: int64(rows.ServerID), GTID: rows.GTID, File: rows.File, Pos: int64(rows.Pos),
		Thread: rows.Thread,
	}
	if s.cfg.IncludeQuery {
		s.event.Source.Query = rows.Query
	}
}

// change publishes one row change: one record, or the three of a changed key.
// What a change of the key consists of is no operation of its own: the update is
// skipped or it is not.
func (s *session) change(t *table, op debezium.Op) (err error) {
	e := &s.event
	e.Row, e.KeySchema, e.Tombstone, e.Before, e.After = t.plan.Row, t.plan.Key, false, nil, nil
	if op != debezium.Create {
		if t.before, err = t.plan.Streamed(t.before, s.before); err != nil {
			return err
		}
		e.Before = t.plan.Values(t.before)
	}
	if op != debezium.Delete {
		if t.after, err = t.plan.Streamed(t.after, s.after); err != nil {
			return err
		}
		e.After = t.plan.Values(t.after)
	}
	if err := s.dropChangedRow(t, op); err != nil {
		return err
	}
	if t.plan.Key != nil {
		row := t.after
		if op == debezium.Delete {
			row = t.before
		}
		t.key = t.plan.KeyValues(t.key, row)
		e.Key = t.key
		if op == debezium.Update {
			t.oldKey = t.plan.KeyValues(t.oldKey, t.before)
			if !equalValues(t.key, t.oldKey) {
				return s.keyChange(t)
			}
		}
	}
	if s.cfg.SkipUnchanged && op == debezium.Update && equalValues(e.Before, e.After) {
		return nil
	}
	e.Op = op
	return s.publish(t, op, op == debezium.Delete)
}

// keyChange publishes an update that changed the key, as Debezium does: a
// delete of the old key and a create of the new, each naming the other.
func (s *session) keyChange(t *table) error {
	e := &s.event
	before, after := e.Before, e.After
	newKey, err := codec.AppendHeaderStruct(nil, t.plan.Key, t.key)
	if err != nil {
		return err
	}
	oldKey, err := codec.AppendHeaderStruct(nil, t.plan.Key, t.oldKey)
	if err != nil {
		return err
	}
	headers := s.headers
	defer func() { s.headers = headers }()

	e.Op, e.Key, e.Before, e.After = debezium.Delete, t.oldKey, before, nil
	s.headers = append([]kafka.Header{{Key: debezium.HeaderNewKey, Value: newKey}}, headers...)
	if err := s.publish(t, debezium.Update, true); err != nil {
		return err
	}
	e.Op, e.Key, e.Before, e.After = debezium.Create, t.key, nil, after
	s.headers = append([]kafka.Header{{Key: debezium.HeaderOldKey, Value: oldKey}}, headers...)
	return s.publish(t, debezium.Update, false)
}

// publish sends the event, with a tombstone behind it if wanted, unless the
// operation that made it is skipped.
func (s *session) publish(t *table, op debezium.Op, tombstone bool) error {
	e := &s.event
	t.read(e.Op)
	if s.cfg.Skipped[op] {
		return nil
	}
	key, err := s.encodeKey()
	if err != nil {
		return err
	}
	e.Transaction = nil
	if s.metadata != nil {
		e.Transaction = s.place(t.id)
	}
	if err := s.sendEvent(t, key); err != nil {
		return err
	}
	if tombstone && s.cfg.Tombstones {
		if t.unwrapped != nil {
			return s.sendUnwrappedTombstone(t, key)
		}
		return s.send(&kafka.Record{Topic: t.topic, Partition: kafka.Unassigned, Key: key, Headers: s.headers})
	}
	return nil
}

// encodeKey returns the event's key, valid until the next call; nil if it has none.
func (s *session) encodeKey() (key []byte, err error) {
	if s.event.KeySchema == nil {
		return nil, nil
	}
	if s.key, err = s.cfg.Encoder.AppendKey(s.key[:0], &s.event); err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return s.key, nil
}

// sendEvent encodes the event's value and sends it under key.
func (s *session) sendEvent(t *table, key []byte) (err error) {
	s.event.TsNs = time.Now().UnixNano()
	if t.unwrapped != nil {
		return s.sendUnwrapped(t, key)
	}
	if s.value, err = s.cfg.Encoder.AppendValue(s.value[:0], &s.event); err != nil {
		return fmt.Errorf("encode value: %w", err)
	}
	return s.send(&kafka.Record{Topic: t.topic, Partition: kafka.Unassigned, Key: key, Value: s.value, Headers: s.headers})
}

func equalValues(a, b []debezium.Value) bool {
	for i := range a {
		if !a[i].Equal(&b[i]) {
			return false
		}
	}
	return true
}
