package codec

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// JSONOptions are the settings of Connect's JsonConverter.
type JSONOptions struct {
	Schemas                bool // schemas.enable
	DecimalNumeric         bool // decimal.format=NUMERIC
	ReplaceNullWithDefault bool // replace.null.with.default
}

// JSON encodes as Connect's JsonConverter does. Keys and values with different
// settings are two of them in a [KeyValue].
type JSON struct {
	options   JSONOptions
	envelopes map[envelopeID]*jsonEnvelope
	structs   map[*debezium.Schema]*jsonRecord
	lastValue *jsonEnvelope
	lastKey   *jsonRecord
	lastRow   *jsonRecord
	changes   changeSchemas
}

// maxPlans bounds what an encoder remembers: with more schemas it starts over.
const maxPlans = 8192

// envelopeID identifies the envelope's schema: the row's, and the connector
// that the source block's schema is named after.
type envelopeID struct {
	row       *debezium.Schema
	connector string
}

// jsonRecord is a struct schema compiled for records that hold one such struct.
type jsonRecord struct {
	schema *debezium.Schema
	head   []byte // all before the struct
	plan   *jsonPlan
}

// NewJSON returns a JSON encoder.
func NewJSON(o JSONOptions) *JSON {
	return &JSON{
		options:   o,
		envelopes: make(map[envelopeID]*jsonEnvelope),
		structs:   make(map[*debezium.Schema]*jsonRecord),
	}
}

// AppendKey implements [Encoder].
func (j *JSON) AppendKey(dst []byte, e *debezium.Event) ([]byte, error) {
	if e.KeySchema == nil {
		return dst, nil
	}
	if j.lastKey == nil || j.lastKey.schema != e.KeySchema {
		r, err := j.record(e.KeySchema)
		if err != nil {
			return dst, fmt.Errorf("encode key: %w", err)
		}
		j.lastKey = r
	}
	dst, err := j.appendRecord(dst, j.lastKey, e.Key)
	if err != nil {
		return dst, fmt.Errorf("encode key of %s: %w", e.KeySchema.Name, err)
	}
	return dst, nil
}

// AppendValue implements [Encoder].
func (j *JSON) AppendValue(dst []byte, e *debezium.Event) ([]byte, error) {
	if e.Tombstone {
		return dst, nil
	}
	p := j.lastValue
	if p == nil || p.row != e.Row || p.connector != e.Source.Connector {
		var err error
		if p, err = j.envelope(e); err != nil {
			return dst, fmt.Errorf("encode event: %w", err)
		}
		j.lastValue = p
	}
	dst, err := p.append(dst, e)
	if err != nil {
		return dst, fmt.Errorf("encode event of %s: %w", e.Row.Name, err)
	}
	return dst, nil
}

// AppendRow implements [RowEncoder].
func (j *JSON) AppendRow(dst []byte, _ string, schema *debezium.Schema, row []debezium.Value) ([]byte, error) {
	if j.lastRow == nil || j.lastRow.schema != schema {
		r, err := j.record(schema)
		if err != nil {
			return dst, fmt.Errorf("encode row of %s: %w", schema.Name, err)
		}
		j.lastRow = r
	}
	if row == nil {
		dst = append(append(dst, j.lastRow.head...), "null"...)
		if j.options.Schemas {
			dst = append(dst, '}')
		}
		return dst, nil
	}
	dst, err := j.appendRecord(dst, j.lastRow, row)
	if err != nil {
		return dst, fmt.Errorf("encode row of %s: %w", schema.Name, err)
	}
	return dst, nil
}

// AppendStruct appends a record that is one struct, given by its fields' values
// in the order of the schema: a transaction's, a heartbeat, a notification.
func (j *JSON) AppendStruct(dst []byte, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	r, err := j.record(schema)
	if err != nil {
		return dst, fmt.Errorf("encode struct: %w", err)
	}
	if dst, err = j.appendRecord(dst, r, values); err != nil {
		return dst, fmt.Errorf("encode %s: %w", schema.Name, err)
	}
	return dst, nil
}

// AppendStructKey implements [StructEncoder].
func (j *JSON) AppendStructKey(dst []byte, _ string, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	return j.AppendStruct(dst, schema, values)
}

// AppendStructValue implements [StructEncoder].
func (j *JSON) AppendStructValue(dst []byte, _ string, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	return j.AppendStruct(dst, schema, values)
}

func (j *JSON) appendRecord(dst []byte, r *jsonRecord, values []debezium.Value) ([]byte, error) {
	dst = append(dst, r.head...)
	dst, err := r.plan.appendStruct(dst, values)
	if err != nil {
		return dst, err
	}
	if j.options.Schemas {
		dst = append(dst, '}')
	}
	return dst, nil
}

func (j *JSON) record(schema *debezium.Schema) (*jsonRecord, error) {
	if r := j.structs[schema]; r != nil {
		return r, nil
	}
	if schema.Type != debezium.Struct {
		return nil, fmt.Errorf("schema %q is a %s, not a struct", schema.Name, schema.Type)
	}
	plan, err := j.compile(schema)
	if err != nil {
		return nil, err
	}
	r := &jsonRecord{schema: schema, plan: plan}
	if r.head, err = j.head(schema); err != nil {
		return nil, err
	}
	if len(j.structs) >= maxPlans {
		clear(j.structs)
	}
	j.structs[schema] = r
	return r, nil
}

// head returns what precedes a payload of the schema.
func (j *JSON) head(schema *debezium.Schema) ([]byte, error) {
	if !j.options.Schemas {
		return nil, nil
	}
	b, err := j.appendSchema([]byte(`{"schema":`), schema, "")
	return append(b, `,"payload":`...), err
}
