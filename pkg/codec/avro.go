package codec

import (
	"context"
	"fmt"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// AvroOptions are the settings of Confluent's AvroConverter.
type AvroOptions struct {
	ReplaceNullWithDefault bool // the reverse of ignore.default.for.nullables
	WithoutConnectMeta     bool // connect.meta.data=false
	// Topic names the topic of an event, for the subject of its schemas. Nil is the topic that Naming gives a table.
	Topic  func(e *debezium.Event) string
	Naming debezium.Naming
}

// Avro encodes as Confluent's AvroConverter does, in the registry's framing. A
// schema is registered when the first record needs it.
type Avro struct {
	ctx      context.Context // bounds what Append asks of the registry
	registry Registry
	options  AvroOptions

	envelopes map[envelopeID]*avroEnvelope
	structs   map[avroSubject]*avroRecord
	lastValue *avroEnvelope
	lastKey   *avroRecord
	lastRow   *avroRecord
	rowTopic  string // of lastRow
	changes   changeSchemas
}

type avroSubject struct {
	schema  *debezium.Schema
	subject string
}

// avroRecord is a struct schema compiled for records that hold one such struct.
type avroRecord struct {
	schema *debezium.Schema
	head   []byte
	plan   *avroPlan
}

type avroEnvelope struct {
	envelopeID
	head      []byte
	rows      *avroPlan
	streaming []byte // source.snapshot while streaming
}

// NewAvro returns an Avro encoder that registers its schemas with registry, until ctx ends.
func NewAvro(ctx context.Context, registry Registry, o AvroOptions) *Avro {
	if o.Topic == nil {
		o.Topic = func(e *debezium.Event) string {
			if e.Source.Name == "" { // a tombstone has no source
				return o.Naming.Routed(strings.TrimSuffix(e.KeySchema.Name, ".Key"))
			}
			return o.Naming.Table(e.Source.Name, debezium.TableID{Database: e.Source.DB, Table: e.Source.Table})
		}
	}
	return &Avro{
		ctx: ctx, registry: registry, options: o,
		envelopes: make(map[envelopeID]*avroEnvelope),
		structs:   make(map[avroSubject]*avroRecord),
	}
}

// AppendKey implements [Encoder].
func (a *Avro) AppendKey(dst []byte, e *debezium.Event) ([]byte, error) {
	if e.KeySchema == nil {
		return dst, nil
	}
	r := a.lastKey
	if r == nil || r.schema != e.KeySchema {
		var err error
		if r, err = a.record(e.KeySchema, a.options.Topic(e)+"-key"); err != nil {
			return dst, fmt.Errorf("encode key of %s: %w", e.KeySchema.Name, err)
		}
		a.lastKey = r
	}
	dst, err := r.plan.appendStruct(append(dst, r.head...), e.Key)
	if err != nil {
		return dst, fmt.Errorf("encode key of %s: %w", e.KeySchema.Name, err)
	}
	return dst, nil
}

// AppendValue implements [Encoder].
func (a *Avro) AppendValue(dst []byte, e *debezium.Event) ([]byte, error) {
	if e.Tombstone {
		return dst, nil
	}
	p := a.lastValue
	if p == nil || p.row != e.Row || p.connector != e.Source.Connector {
		var err error
		if p, err = a.envelope(e); err != nil {
			return dst, fmt.Errorf("encode event: %w", err)
		}
		a.lastValue = p
	}
	dst, err := p.append(dst, e)
	if err != nil {
		return dst, fmt.Errorf("encode event of %s: %w", e.Row.Name, err)
	}
	return dst, nil
}

// AppendRow implements [RowEncoder].
func (a *Avro) AppendRow(dst []byte, topic string, schema *debezium.Schema, row []debezium.Value) ([]byte, error) {
	if row == nil {
		return dst, nil
	}
	r := a.lastRow
	if r == nil || r.schema != schema || a.rowTopic != topic {
		var err error
		if r, err = a.record(schema, topic+"-value"); err != nil {
			return dst, fmt.Errorf("encode row of %s: %w", schema.Name, err)
		}
		a.lastRow, a.rowTopic = r, topic
	}
	dst, err := r.plan.appendStruct(append(dst, r.head...), row)
	if err != nil {
		return dst, fmt.Errorf("encode row of %s: %w", schema.Name, err)
	}
	return dst, nil
}

// AppendStruct appends a record that is one struct. The subject of its schema
// is the topic with -key or -value.
func (a *Avro) AppendStruct(dst []byte, subject string, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	r, err := a.record(schema, subject)
	if err != nil {
		return dst, fmt.Errorf("encode %s: %w", schema.Name, err)
	}
	if dst, err = r.plan.appendStruct(append(dst, r.head...), values); err != nil {
		return dst, fmt.Errorf("encode %s: %w", schema.Name, err)
	}
	return dst, nil
}

// AppendStructKey implements [StructEncoder].
func (a *Avro) AppendStructKey(dst []byte, topic string, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	return a.AppendStruct(dst, topic+"-key", schema, values)
}

// AppendStructValue implements [StructEncoder].
func (a *Avro) AppendStructValue(dst []byte, topic string, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	return a.AppendStruct(dst, topic+"-value", schema, values)
}

// AppendSchemaChangeKey implements [SchemaChangeEncoder].
func (a *Avro) AppendSchemaChangeKey(dst []byte, c *debezium.SchemaChange) ([]byte, error) {
	a.changes.use(c.Source.Connector)
	return a.AppendStruct(dst, a.options.Naming.SchemaChanges(c.Source.Name)+"-key", a.changes.key, c.Key())
}

// AppendSchemaChangeValue implements [SchemaChangeEncoder].
func (a *Avro) AppendSchemaChangeValue(dst []byte, c *debezium.SchemaChange) ([]byte, error) {
	a.changes.use(c.Source.Connector)
	return a.AppendStruct(dst, a.options.Naming.SchemaChanges(c.Source.Name)+"-value", a.changes.value, schemaChangeValues(c))
}

func (a *Avro) record(schema *debezium.Schema, subject string) (*avroRecord, error) {
	id := avroSubject{schema, subject}
	if r := a.structs[id]; r != nil {
		return r, nil
	}
	if schema.Type != debezium.Struct {
		return nil, fmt.Errorf("schema is a %s, not a struct", schema.Type)
	}
	plan, err := compileAvro(schema, a.options.ReplaceNullWithDefault)
	if err != nil {
		return nil, err
	}
	head, err := a.head(schema, subject)
	if err != nil {
		return nil, err
	}
	if len(a.structs) >= maxPlans {
		clear(a.structs)
	}
	r := &avroRecord{schema: schema, head: head, plan: plan}
	a.structs[id] = r
	return r, nil
}

// head returns what stands before each record of the schema.
func (a *Avro) head(schema *debezium.Schema, subject string) ([]byte, error) {
	text, err := avroSchema(schema, !a.options.WithoutConnectMeta)
	if err != nil {
		return nil, err
	}
	id, err := a.registry.Register(a.ctx, subject, text)
	if err != nil {
		return nil, err
	}
	return a.registry.Framing().head(id), nil
}

func (a *Avro) envelope(e *debezium.Event) (*avroEnvelope, error) {
	if e.Row == nil {
		return nil, fmt.Errorf("event has no row schema")
	}
	id := envelopeID{row: e.Row, connector: e.Source.Connector}
	if p := a.envelopes[id]; p != nil {
		return p, nil
	}
	rows, err := compileAvro(e.Row, a.options.ReplaceNullWithDefault)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", e.Row.Name, err)
	}
	schema := debezium.EnvelopeSchema(strings.TrimSuffix(e.Row.Name, ".Value"), id.connector, e.Row)
	head, err := a.head(schema, a.options.Topic(e)+"-value")
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", e.Row.Name, err)
	}
	p := &avroEnvelope{envelopeID: id, head: head, rows: rows, streaming: secondBranch}
	if a.options.ReplaceNullWithDefault {
		p.streaming = appendText(firstBranch[:1:1], streaming)
	}
	if len(a.envelopes) >= maxPlans {
		clear(a.envelopes)
	}
	a.envelopes[id] = p
	return p, nil
}
