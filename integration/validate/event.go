package validate

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Event is one record of a table's topic.
type Event struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       string // the record's key, without the schema
	Op        string // c u d r t; "" is a tombstone
	Before    string // the images as JSON, without the schema; "" for none
	After     string
	Snapshot  string // source.snapshot
}

// Change is one row change that the workload committed. Version is a value
// that no other change of the key has: of the row after an insert or an update,
// of the row that a delete removed.
type Change struct{ Key, Op, Version string }

// Events reads the records of a table's topic, per partition in their order.
func Events(records []*kgo.Record) ([]Event, error) {
	events := make([]Event, 0, len(records))
	for _, r := range records {
		e := Event{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
		key, err := payload(r.Key)
		if err != nil {
			return nil, fmt.Errorf("key at %s/%d:%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		e.Key = string(key)
		if r.Value != nil {
			if err := e.read(r.Value); err != nil {
				return nil, fmt.Errorf("value at %s/%d:%d: %w", r.Topic, r.Partition, r.Offset, err)
			}
		}
		events = append(events, e)
	}
	return events, nil
}

func (e *Event) read(value []byte) error {
	body, err := payload(value)
	if err != nil {
		return err
	}
	var envelope struct {
		Before, After json.RawMessage
		Op            string
		Source        struct{ Snapshot string }
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return err
	}
	e.Op, e.Before, e.After = envelope.Op, image(envelope.Before), image(envelope.After)
	if e.Snapshot = envelope.Source.Snapshot; e.Snapshot == "false" {
		e.Snapshot = ""
	}
	return nil
}

func image(raw json.RawMessage) string {
	if bytes.Equal(raw, []byte("null")) {
		return ""
	}
	return string(raw)
}

// payload returns a record's JSON without the schema block, if it has one.
func payload(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var block map[string]json.RawMessage
	if err := json.Unmarshal(b, &block); err != nil {
		return nil, err
	}
	if body, ok := block["payload"]; ok && len(block) == 2 {
		return body, nil
	}
	return b, nil
}

// Version returns the field that tells the versions of a row apart, of the row
// that the event is about.
func (e *Event) Version(field string) string {
	row := e.After
	if row == "" {
		row = e.Before
	}
	return Field(row, field)
}

// Field returns a field of an image as text; "NULL" is null.
func Field(image, name string) string {
	decoder := json.NewDecoder(bytes.NewReader([]byte(image)))
	decoder.UseNumber()
	var row map[string]any
	if err := decoder.Decode(&row); err != nil {
		return err.Error()
	}
	if row[name] == nil {
		return "NULL"
	}
	return fmt.Sprint(row[name])
}
