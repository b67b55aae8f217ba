package applier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// decoder reads the records of one topic, whatever converter wrote them.
type decoder struct {
	topic    string
	registry codec.Registry
	modes    debezium.Modes
	feed     *feed

	json *codec.JSONDecoder
	avro *codec.AvroDecoder

	// For JSON without schemas: those of the table's versions, the one that fits at present first.
	shapes []shape
	read   int64 // of the feed
}

// shape is a table's schemas at some time.
type shape struct{ row, key *debezium.Schema }

func newDecoder(topic string, registry codec.Registry, modes debezium.Modes, f *feed) *decoder {
	d := &decoder{topic: topic, registry: registry, modes: modes, feed: f}
	d.json = codec.NewJSONDecoder(codec.JSONDecoderOptions{Topic: topic, Schemas: d.schemas, Complete: true})
	return d
}

func (d *decoder) schemas(string) (row, key *debezium.Schema) {
	if len(d.shapes) == 0 {
		return nil, nil
	}
	return d.shapes[0].row, d.shapes[0].key
}

func (d *decoder) decode(ctx context.Context, r *kafka.Record, e *debezium.Event) error {
	if d.registry != nil && isAvro(r) {
		if d.avro == nil {
			d.avro = codec.NewAvroDecoder(ctx, d.registry)
		}
		return d.avro.Decode(r.Key, r.Value, nil, e)
	}
	err := d.json.Decode(r.Key, r.Value, nil, e)
	if err == nil || !errors.Is(err, codec.ErrNoSchema) && !is[*codec.FieldError](err) {
		return err
	}
	return d.reshape(ctx, r, e, err)
}

func isAvro(r *kafka.Record) bool {
	b := r.Value
	if b == nil {
		b = r.Key
	}
	return len(b) > 0 && b[0] == 0
}

// reshape reads a record that has no schema block and does not fit the schema
// in use with the table's other ones, newest first.
func (d *decoder) reshape(ctx context.Context, r *kafka.Record, e *debezium.Event, cause error) error {
	if err := d.feed.catchUp(ctx); err != nil {
		return err
	}
	versions, next := d.feed.table(d.topic)
	if next != d.read {
		d.read, d.shapes = next, nil
		for _, v := range slices.Backward(versions) {
			if v.Table == nil {
				continue
			}
			s, err := newShape(d.topic, v.Table, d.modes)
			if err != nil {
				return err
			}
			d.shapes = append(d.shapes, s)
		}
	}
	for i := range d.shapes {
		d.shapes[0], d.shapes[i] = d.shapes[i], d.shapes[0]
		err := d.json.Decode(r.Key, r.Value, nil, e)
		if err == nil || !is[*codec.FieldError](err) {
			return err
		}
		cause = err
	}
	switch {
	case errors.Is(cause, codec.ErrNoSchema):
		if !enveloped(r.Value) {
			return &codec.FormatError{Reason: codec.ErrUnwrapped.Error(), Err: codec.ErrUnwrapped}
		}
		return &StopError{
			Reason: "records of topic " + d.topic + " carry no schema, and the schema-change topic " + d.feed.prefix + " does not have the table",
			Remedy: "have the connector publish schemas (value.converter.schemas.enable) or schema changes (include.schema.changes)",
		}
	case len(d.shapes) > 0:
		return &StopError{
			Reason: "a record without a schema does not fit the columns that the schema-change topic " + d.feed.prefix + " has for it", Err: cause,
			Remedy: "give --decimal-handling-mode, --time-precision-mode, --bigint-unsigned-handling-mode and --binary-handling-mode as the connector has them; " +
				"or, if they are, " + remedyAnew,
		}
	default:
		return cause
	}
}

// enveloped reports whether a record without a schema has what all events have:
// only then is it the schema that it lacks.
func enveloped(value []byte) bool {
	if value == nil { // a tombstone
		return true
	}
	type envelope struct {
		Op     json.RawMessage `json:"op"`
		Source json.RawMessage `json:"source"`
	}
	var v struct {
		envelope
		Payload envelope `json:"payload"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return false
	}
	return v.Op != nil && v.Source != nil || v.Payload.Op != nil && v.Payload.Source != nil
}

// newShape returns the schemas that Debezium gives a table's records.
func newShape(topic string, t *debezium.Table, modes debezium.Modes) (shape, error) {
	var fields, key []debezium.Field
	for i := range t.Columns {
		s, err := t.Columns[i].Schema(modes)
		if err != nil {
			return shape{}, fmt.Errorf("schema of topic %s: %w", topic, err)
		}
		fields = append(fields, debezium.Field{Name: t.Columns[i].Name, Schema: s})
	}
	for _, name := range t.PrimaryKey {
		column := t.Column(name)
		if column == nil {
			return shape{}, fmt.Errorf("schema of topic %s: no key column %s", topic, name)
		}
		s, err := column.Schema(modes)
		if err != nil {
			return shape{}, fmt.Errorf("schema of topic %s: %w", topic, err)
		}
		key = append(key, debezium.Field{Name: column.Name, Schema: s})
	}
	s := shape{row: debezium.RowSchema(topic, fields)}
	if len(key) > 0 {
		s.key = debezium.KeySchema(topic, key)
	}
	return s, nil
}
