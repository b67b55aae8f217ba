// Package codec turns change events into the bytes of Kafka records and back,
// byte for byte as Kafka Connect's converters do: JSON with and without the
// schema block, and Avro in Confluent's framing.
//
// Encoders and decoders keep what they compiled from a schema by the schema's
// address, and reuse their buffers. One belongs to one goroutine. A decoded
// event borrows from the record and from its decoder until the next call.
//
// Topics, partitions and what an event means are left to callers.
package codec

import "github.com/firn-cdc/firn/pkg/debezium"

// Encoder writes events as the keys and values of records.
type Encoder interface {
	// AppendKey appends the record key. An event without a key schema has no key: dst is returned as it is.
	AppendKey(dst []byte, e *debezium.Event) ([]byte, error)
	// AppendValue appends the record value. A tombstone has no value: dst is returned as it is.
	AppendValue(dst []byte, e *debezium.Event) ([]byte, error)
}

// SchemaChangeEncoder writes the records of the schema-change topic.
type SchemaChangeEncoder interface {
	AppendSchemaChangeKey(dst []byte, c *debezium.SchemaChange) ([]byte, error)
	AppendSchemaChangeValue(dst []byte, c *debezium.SchemaChange) ([]byte, error)
}

// StructEncoder writes records that are one struct, given by its fields' values
// in the order of the schema: of transactions and heartbeats. The topic is where
// they go.
type StructEncoder interface {
	AppendStructKey(dst []byte, topic string, schema *debezium.Schema, values []debezium.Value) ([]byte, error)
	AppendStructValue(dst []byte, topic string, schema *debezium.Schema, values []debezium.Value) ([]byte, error)
}

// Decoder reads the records of one topic.
type Decoder interface {
	// Decode reads a record into e, whose slices it reuses. A nil value is a tombstone, a nil key is none.
	Decode(key, value []byte, headers []debezium.Header, e *debezium.Event) error
}

// RowEncoder writes rows without an envelope, as the transform
// ExtractNewRecordState makes them of events.
type RowEncoder interface {
	// AppendRow appends the value of a record of the topic: a row, or null where row is nil, for which the
	// schema is optional. An Avro null has no bytes: dst is returned as it is.
	AppendRow(dst []byte, topic string, schema *debezium.Schema, row []debezium.Value) ([]byte, error)
}

// RecordEncoder is all encoders. [JSON] and [Avro] are.
type RecordEncoder interface {
	Encoder
	RowEncoder
	SchemaChangeEncoder
	StructEncoder
}

// KeyValue encodes keys in one way and values in another, as Connect's
// key.converter and value.converter may.
type KeyValue struct {
	Keys, Values RecordEncoder
}

// AppendKey implements [Encoder].
func (kv KeyValue) AppendKey(dst []byte, e *debezium.Event) ([]byte, error) {
	return kv.Keys.AppendKey(dst, e)
}

// AppendValue implements [Encoder].
func (kv KeyValue) AppendValue(dst []byte, e *debezium.Event) ([]byte, error) {
	return kv.Values.AppendValue(dst, e)
}

// AppendRow implements [RowEncoder].
func (kv KeyValue) AppendRow(dst []byte, topic string, schema *debezium.Schema, row []debezium.Value) ([]byte, error) {
	return kv.Values.AppendRow(dst, topic, schema, row)
}

// AppendSchemaChangeKey implements [SchemaChangeEncoder].
func (kv KeyValue) AppendSchemaChangeKey(dst []byte, c *debezium.SchemaChange) ([]byte, error) {
	return kv.Keys.AppendSchemaChangeKey(dst, c)
}

// AppendSchemaChangeValue implements [SchemaChangeEncoder].
func (kv KeyValue) AppendSchemaChangeValue(dst []byte, c *debezium.SchemaChange) ([]byte, error) {
	return kv.Values.AppendSchemaChangeValue(dst, c)
}

// AppendStructKey implements [StructEncoder].
func (kv KeyValue) AppendStructKey(dst []byte, topic string, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	return kv.Keys.AppendStructKey(dst, topic, schema, values)
}

// AppendStructValue implements [StructEncoder].
func (kv KeyValue) AppendStructValue(dst []byte, topic string, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	return kv.Values.AppendStructValue(dst, topic, schema, values)
}
