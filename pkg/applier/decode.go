package applier

import (
	"bytes"
	"context"
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
	unwrap   debezium.Unwrap
	feed     *feed

	json *codec.JSONDecoder
	avro *codec.AvroDecoder

	// For JSON without schemas: those of the table's versions, the one that fits at present first.
	shapes []shape
	read   int64 // of the feed
}

// shape is a table's schemas at some time.
type shape struct{ row, key *debezium.Schema }

func newDecoder(topic string, cfg *Config, f *feed) *decoder {
	d := &decoder{topic: topic, registry: cfg.Registry, modes: cfg.Modes, unwrap: debezium.Unwrap{Fields: cfg.Added}, feed: f}
	d.json = codec.NewJSONDecoder(codec.JSONDecoderOptions{Topic: topic, Schemas: d.schemas, Complete: true, Added: d.added})
	return d
}

// added returns a row schema with the fields that the connector adds to rows
// without envelopes.
func (d *decoder) added(row *debezium.Schema) (*debezium.Schema, error) {
	unwrapped, err := d.unwrap.Row(row, debezium.ConnectorMySQL)
	if err != nil {
		return nil, err
	}
	return unwrapped.Schema, nil
}

func (d *decoder) schemas(string) (row, key *debezium.Schema) {
	if len(d.shapes) == 0 {
		return nil, nil
	}
	return d.shapes[0].row, d.shapes[0].key
}

func (d *decoder) decode(ctx context.Context, r *kafka.Record, e *debezium.Event) error {
	keys, err := isAvro(d.registry, d.topic, r.Key)
	if err != nil {
		return err
	}
	values, err := isAvro(d.registry, d.topic, r.Value)
	if err != nil {
		return err
	}
	if (keys || values) && d.avro == nil {
		d.avro = codec.NewAvroDecoder(ctx, d.registry)
	}
	attempt := func() error { return d.parse(r, e, keys, values) }
	err = attempt()
	if err == nil || !errors.Is(err, codec.ErrNoSchema) && !is[*codec.FieldError](err) {
		return err
	}
	return d.reshape(ctx, r, attempt, err)
}

// parse decodes keys and values each by its own converter.
func (d *decoder) parse(r *kafka.Record, e *debezium.Event, keys, values bool) error {
	switch {
	case !keys && !values:
		return d.json.Decode(r.Key, r.Value, nil, e)
	case values && (keys || r.Key == nil), keys && r.Value == nil:
		return d.avro.Decode(r.Key, r.Value, nil, e)
	case values:
		if err := d.avro.Decode(nil, r.Value, nil, e); err != nil {
			return err
		}
		return d.json.DecodeKey(r.Key, e)
	default:
		if err := d.json.Decode(nil, r.Value, nil, e); err != nil {
			return err
		}
		return d.avro.DecodeKey(r.Key, e)
	}
}

// isAvro reports whether a key or value of a topic is of the schema registry, and
// refuses one that is of another, or of any where there is none.
func isAvro(registry codec.Registry, topic string, b []byte) (bool, error) {
	avro, err := codec.InAvro(registry, b)
	if foreign, ok := errors.AsType[*codec.FramingError](err); ok {
		return false, &StopError{Reason: "records of topic " + topic + " are framed for a schema registry of " + foreign.Framing.String() + "'s kind", Remedy: foreign.Remedy()}
	}
	return avro, err
}

// reshape reads a record that has no schema block and does not fit the schema
// in use with the table's other ones, newest first.
func (d *decoder) reshape(ctx context.Context, r *kafka.Record, attempt func() error, cause error) error {
	if err := d.feed.catchUp(ctx); err != nil && !errors.Is(err, errNoSchemaTopic) {
		return err
	}
	versions, next, _ := d.feed.table(d.topic)
	if next != d.read {
		d.read, d.shapes = next, nil
		for _, v := range slices.Backward(versions) {
			if v.Table == nil {
				continue
			}
			s, err := newShape(d.topic, v.Table, d.modes, v.Names)
			if err != nil {
				return err
			}
			d.shapes = append(d.shapes, s)
		}
	}
	for i := range d.shapes {
		d.shapes[0], d.shapes[i] = d.shapes[i], d.shapes[0]
		err := attempt()
		if err == nil || !is[*codec.FieldError](err) && !errors.Is(err, codec.ErrNoSchema) { // a key, of a table that had none
			return err
		}
		cause = err
	}
	switch {
	case len(d.shapes) == 0 && errors.Is(cause, codec.ErrNoSchema):
		if text := bytes.TrimSpace(r.Value); r.Value != nil && !bytes.HasPrefix(text, []byte("{")) && string(text) != "null" {
			return &codec.FormatError{Reason: "an object was expected"} // and not a schema
		}
		return &StopError{
			Reason: "records of topic " + d.topic + " carry no schema, and the schema-change topic " + d.feed.prefix + " does not have the table",
			Remedy: "have the connector publish schemas (value.converter.schemas.enable) or schema changes (include.schema.changes), or leave the topic out with --topics in place of --topic-prefix",
		}
	case len(d.shapes) > 0:
		return &StopError{
			Reason: "a record without a schema does not fit the columns that the schema-change topic " + d.feed.prefix + " has for it", Err: cause,
			Remedy: "give --decimal-handling-mode, --time-precision-mode, --bigint-unsigned-handling-mode, --binary-handling-mode, " +
				"--field-name-adjustment-mode and --unwrap-add-fields as the connector has them; or, if they are, " + remedyAnew,
		}
	default:
		return cause
	}
}

// newShape returns the schemas that Debezium gives a table's records.
func newShape(topic string, t *debezium.Table, modes debezium.Modes, names debezium.NameAdjustment) (shape, error) {
	var fields, key []debezium.Field
	for i := range t.Columns {
		s, err := t.Columns[i].Schema(modes)
		if err != nil {
			return shape{}, fmt.Errorf("schema of topic %s: %w", topic, err)
		}
		fields = append(fields, debezium.Field{Name: names.FieldName(t.Columns[i].Name), Schema: s})
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
		key = append(key, debezium.Field{Name: names.FieldName(column.Name), Schema: s})
	}
	s := shape{row: debezium.RowSchema(topic, fields)}
	if len(key) > 0 {
		s.key = debezium.KeySchema(topic, key)
	}
	return s, nil
}
