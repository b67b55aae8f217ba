package codec

import (
	"context"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// AvroDecoder reads records as Confluent's AvroConverter writes them: in the
// registry's framing the schema's id, then Avro's binary form. It may read many
// topics.
//
// Decode returns an error that wraps a [FormatError] for bytes that are no
// change event; other errors are the registry's.
type AvroDecoder struct {
	ctx      context.Context // bounds what Decode asks of the registry
	registry Registry
	blocks   map[SchemaID]*avroBlock
	keys     avroSide
	values   avroSide

	s           avroScanner
	key         []debezium.Value
	before      []debezium.Value
	after       []debezium.Value
	scratch     debezium.Value
	texts       sourceTexts
	transaction debezium.Transaction
}

// avroBlock is a schema of the registry.
type avroBlock struct {
	id      SchemaID
	root    *avroReader
	row     *debezium.Schema // of before and after; nil: no whole envelope
	flat    *flat            // of a row without an envelope; else nil
	members []avroMember     // of the envelope
	source  []avroMember
}

// avroMember is a field of the envelope or of the source block, with its index
// in the list of members that are known, or -1.
type avroMember struct {
	*avroReader
	index int
}

// NewAvroDecoder returns a decoder that asks registry for schemas, until ctx ends.
func NewAvroDecoder(ctx context.Context, registry Registry) *AvroDecoder {
	return &AvroDecoder{ctx: ctx, registry: registry, blocks: make(map[SchemaID]*avroBlock)}
}

// Decode implements [Decoder].
func (d *AvroDecoder) Decode(key, value []byte, headers []debezium.Header, e *debezium.Event) error {
	*e = debezium.Event{Headers: headers}
	if err := d.DecodeKey(key, e); err != nil {
		return err
	}
	if value == nil {
		e.Tombstone = true
		return nil
	}
	if err := d.decodeValue(value, e); err != nil {
		return fmt.Errorf("decode value: %w", err)
	}
	return nil
}

// DecodeKey reads the key alone into e and leaves the rest of e as it is.
func (d *AvroDecoder) DecodeKey(key []byte, e *debezium.Event) error {
	e.KeySchema, e.Key = nil, nil
	if key == nil {
		return nil
	}
	if err := d.decodeKey(key, e); err != nil {
		return fmt.Errorf("decode key: %w", err)
	}
	return nil
}

func (d *AvroDecoder) decodeKey(key []byte, e *debezium.Event) error {
	block, err := d.open(key, &d.keys)
	if err != nil {
		return err
	}
	if block.root.schema.Type != debezium.Struct || block.root.union {
		return &FormatError{Reason: "the key's schema is not a record"}
	}
	if d.key, err = d.s.structure(block.root, d.key); err != nil {
		return err
	}
	e.KeySchema, e.Key = block.root.schema, d.key
	return d.finish()
}

// open begins to read a key or value and returns its schema.
func (d *AvroDecoder) open(b []byte, side *avroSide) (*avroBlock, error) {
	id, scanner, err := side.begin(d.registry.Framing(), b)
	if err != nil {
		return nil, err
	}
	d.s = scanner
	if side.last != nil && side.last.id == SchemaID(id) {
		return side.last, nil
	}
	block := d.blocks[SchemaID(id)]
	if block == nil {
		own := SchemaID(id)
		text, err := d.registry.Schema(d.ctx, own)
		if err != nil {
			return nil, err
		}
		if block, err = newAvroBlock(own, text); err != nil {
			return nil, err
		}
		if len(d.blocks) >= maxPlans {
			clear(d.blocks)
		}
		d.blocks[own] = block
	}
	side.last = block
	return block, nil
}

func (d *AvroDecoder) finish() error {
	if d.s.i < len(d.s.b) {
		return d.s.fail("more follows the event")
	}
	return nil
}

func newAvroBlock(id SchemaID, text string) (*avroBlock, error) {
	root, err := parseAvro(text)
	if err != nil {
		return nil, &SchemaError{ID: id, Reason: "cannot be used", Err: err, Remedy: "have the topic written by Connect's converters or by firn, or leave it out"}
	}
	b := &avroBlock{id: id, root: root, members: avroMembers(root, &envelopeMembers)}
	var rows [2]*avroReader
	complete := 0
	for _, m := range b.members {
		switch m.index {
		case memberBefore, memberAfter:
			rows[m.index] = m.avroReader
		case memberSource:
			if m.schema.Type != debezium.Struct {
				continue
			}
			b.source = avroMembers(m.avroReader, &sourceMembers)
			complete++
		case memberOp:
			complete++
		}
	}
	if complete == 2 && rows[0] != nil && rows[1] != nil && rows[0].schema.Type == debezium.Struct && rows[0].schema.Equal(rows[1].schema) {
		b.row = rows[1].schema
	}
	if root.schema.Type == debezium.Struct && !root.union && !enveloped(root.schema) {
		b.flat = newFlat(root.schema)
	}
	return b, nil
}

// avroMembers returns a record's fields with their indexes in the list. A
// field that is not of the type that is known is as good as unknown.
func avroMembers(r *avroReader, list *keyList) []avroMember {
	members := make([]avroMember, len(r.fields))
	for i := range r.fields {
		f := &r.fields[i]
		members[i] = avroMember{f, -1}
		for k, name := range list.names {
			if name == r.schema.Fields[i].Name {
				members[i].index = k
			}
		}
	}
	return members
}
