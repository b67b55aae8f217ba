package reader

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// unwrapping is what the records of unwrapped events are made in, reused for every row.
type unwrapping struct {
	headers []kafka.Header
	values  []debezium.Value
	text    []byte // of the headers that were added
}

// sendUnwrapped sends the event as ExtractNewRecordState makes it.
func (s *session) sendUnwrapped(t *table, key []byte) error {
	e, deletes := &s.event, s.cfg.Unwrap.Deletes
	deleted := e.Op == debezium.Delete
	if deleted && deletes == debezium.DeletesDrop {
		return nil
	}
	if err := s.unwrapHeaders(t); err != nil {
		return err
	}
	record := &kafka.Record{Topic: t.topic, Partition: kafka.Unassigned, Key: key, Headers: s.unwrap.headers}
	if deleted && deletes == debezium.DeletesToTombstone {
		return s.send(record)
	}
	schema, row := t.plan.Row, []debezium.Value(nil)
	if !deleted || deletes != debezium.DeletesTombstone {
		t.row = t.unwrapped.AppendValues(t.row[:0], e)
		schema, row = t.unwrapped.Schema, t.row
	}
	var err error
	if s.value, err = s.cfg.Rows.AppendRow(s.value[:0], t.topic, schema, row); err != nil {
		return fmt.Errorf("encode value: %w", err)
	}
	if len(s.value) > 0 { // an Avro null has no bytes
		record.Value = s.value
	}
	return s.send(record)
}

// sendUnwrappedTombstone sends the tombstone behind a delete that was just
// sent, if it is kept. It shares the delete's headers, and has the operation
// once more: Debezium's transform adds it to what it has already added to.
func (s *session) sendUnwrappedTombstone(t *table, key []byte) error {
	if s.cfg.Unwrap.Deletes != debezium.DeletesRewriteWithTombstone {
		return nil
	}
	for _, h := range s.cfg.Unwrap.Headers {
		if h.Field == "op" {
			s.unwrap.headers = append(s.unwrap.headers, kafka.Header{Key: h.Name, Value: []byte{byte(debezium.Delete)}})
		}
	}
	return s.send(&kafka.Record{Topic: t.topic, Partition: kafka.Unassigned, Key: key, Headers: s.unwrap.headers})
}

// unwrapHeaders makes the headers of the event's record.
func (s *session) unwrapHeaders(t *table) error {
	u := &s.unwrap
	u.headers, u.text = append(u.headers[:0], s.headers...), u.text[:0]
	u.values = t.unwrapped.AppendHeaderValues(u.values[:0], &s.event)
	for i := range u.values {
		name, schema := t.unwrapped.Header(i)
		begin := len(u.text)
		var err error
		if u.text, err = codec.AppendHeader(u.text, schema, &u.values[i]); err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		h := kafka.Header{Key: name}
		if !u.values[i].IsNull() {
			h.Value = u.text[begin:len(u.text):len(u.text)]
		}
		u.headers = append(u.headers, h)
	}
	return nil
}
