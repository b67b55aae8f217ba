package codec

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// JSONDecoderOptions say what a [JSONDecoder] cannot learn from the records.
type JSONDecoderOptions struct {
	Topic string
	// Schemas returns the row and key schemas of the topic, which records without a schema block are read with;
	// nil where they are not known. It is asked for each such record. It may be nil.
	Schemas func(topic string) (row, key *debezium.Schema)
	// Complete makes a record without a schema block that lacks a field a FieldError, even where the field may be
	// null: Connect writes every field, so the record is of another schema.
	Complete bool
	// Added returns a row schema with the fields that the transform ExtractNewRecordState adds to rows without
	// envelopes behind its own, for such rows without a schema block. It may be nil. __deleted and __op are known.
	Added func(row *debezium.Schema) (*debezium.Schema, error)
}

// JSONDecoder reads the records of one topic as Connect's JsonConverter writes
// them, with or without the schema block, with or without an envelope.
//
// Decode returns an error that wraps a [FormatError] for bytes that are no
// change event, a [FieldError] for fields that are not the schema's, and
// [ErrNoSchema] where no schema is known.
type JSONDecoder struct {
	options      JSONDecoderOptions
	s            scanner
	keyBlocks    blocks
	valueBlocks  blocks
	readers      map[*debezium.Schema]*reader
	flats        map[*debezium.Schema]flatReader
	lastKey      *reader // of a schema from the caller
	lastRow      *reader
	key          []debezium.Value
	before       []debezium.Value
	after        []debezium.Value
	texts        sourceTexts
	transaction  debezium.Transaction
	finishKeys   func(*block)
	finishValues func(*block)
}

// maxArena is what is kept from one record to the next for unescaped strings and decoded bytes.
const maxArena = 4 << 20

// NewJSONDecoder returns a decoder of one topic's records.
func NewJSONDecoder(o JSONDecoderOptions) *JSONDecoder {
	return &JSONDecoder{
		options: o, finishKeys: finishKeyBlock, finishValues: finishValueBlock,
		readers: make(map[*debezium.Schema]*reader), flats: make(map[*debezium.Schema]flatReader),
	}
}

// Decode implements [Decoder].
func (d *JSONDecoder) Decode(key, value []byte, headers []debezium.Header, e *debezium.Event) error {
	*e = debezium.Event{Headers: headers}
	d.reset()
	if err := d.decodeKey(key, e); err != nil {
		return fmt.Errorf("decode key: %w", err)
	}
	if err := d.decodeValue(value, e); err != nil {
		return fmt.Errorf("decode value: %w", err)
	}
	return nil
}

// DecodeKey reads the key alone into e and leaves the rest of e as it is.
func (d *JSONDecoder) DecodeKey(key []byte, e *debezium.Event) error {
	d.reset()
	if err := d.decodeKey(key, e); err != nil {
		return fmt.Errorf("decode key: %w", err)
	}
	return nil
}

func (d *JSONDecoder) reset() {
	d.s.arena = d.s.arena[:0]
	if cap(d.s.arena) > maxArena {
		d.s.arena = nil
	}
}

func (d *JSONDecoder) decodeKey(key []byte, e *debezium.Event) error {
	e.KeySchema, e.Key = nil, nil
	if key == nil {
		return nil
	}
	s := &d.s
	s.b, s.i = key, 0
	w, err := d.unwrap(&d.keyBlocks, d.finishKeys)
	if err != nil {
		return err
	}
	if isNull, err := s.null(); isNull || err != nil {
		if err == nil {
			err = d.finish(w)
		}
		return err
	}
	var r *reader
	if w.block != nil {
		if w.block.err != nil {
			return w.block.err
		}
		r = w.block.root
	} else if r, err = d.knownKey(); err != nil {
		return err
	}
	if d.key, err = s.structure(r, d.key); err != nil {
		return err
	}
	e.KeySchema, e.Key = r.schema, d.key
	return d.finish(w)
}

// wrapping is how a payload was wrapped.
type wrapping struct {
	block   *block // nil: no schema, or null
	wrapped bool
	end     int // of the whole, where the payload came first; else 0
}

var (
	schemaMember  = []byte(`"schema":`)
	payloadMember = []byte(`"payload":`)
)

// unwrap reads what precedes the payload: {"schema":…,"payload": or nothing.
func (d *JSONDecoder) unwrap(known *blocks, finish func(*block)) (wrapping, error) {
	s := &d.s
	var w wrapping
	if s.space() != '{' {
		return w, nil
	}
	start := s.i
	s.i++
	if s.space() == '}' {
		s.i = start
		return w, nil
	}
	if !s.literal(schemaMember) {
		name, err := s.key()
		if err != nil {
			return w, err
		}
		if string(name) == "payload" {
			return d.unwrapPayloadFirst(start, known, finish)
		}
		if string(name) != "schema" {
			s.i = start
			return w, nil
		}
	}
	switch s.space() {
	case '{':
		var err error
		if w.block, err = known.next(s, finish); err != nil {
			return w, err
		}
	case 'n':
		if err := s.word("null"); err != nil {
			return w, err
		}
	default: // a column that is called schema
		s.i = start
		return w, nil
	}
	if done, err := s.next('}'); err != nil || done {
		return w, s.fail("a schema without a payload")
	}
	if !s.literal(payloadMember) {
		if name, err := s.key(); err != nil || string(name) != "payload" {
			return w, s.fail("a payload was expected after the schema")
		}
	}
	w.wrapped = true
	return w, nil
}

// unwrapPayloadFirst reads {"payload":…,"schema":…}, then goes back to the payload.
func (d *JSONDecoder) unwrapPayloadFirst(start int, known *blocks, finish func(*block)) (wrapping, error) {
	s := &d.s
	w := wrapping{wrapped: true}
	payload := s.i
	if err := s.skip(maxDepth); err != nil {
		return w, err
	}
	done, err := s.next('}')
	if err != nil {
		return w, err
	}
	var name []byte
	if !done {
		if name, err = s.key(); err != nil {
			return w, err
		}
	}
	if string(name) != "schema" || s.space() != '{' && s.space() != 'n' {
		s.i = start
		return wrapping{}, nil
	}
	if s.space() == '{' {
		w.block, err = known.next(s, finish)
	} else {
		err = s.word("null")
	}
	if err != nil {
		return w, err
	}
	if done, err := s.next('}'); err != nil || !done {
		return w, s.fail("the end of the record was expected after the schema")
	}
	w.end = s.i
	s.i = payload
	return w, nil
}

// finish reads what follows the payload, to the end.
func (d *JSONDecoder) finish(w wrapping) error {
	s := &d.s
	switch {
	case w.end > 0:
		s.i = w.end
	case w.wrapped:
		if done, err := s.next('}'); err != nil || !done {
			return s.fail("the end of the record was expected after the payload")
		}
	}
	if s.space(); s.i < len(s.b) {
		return s.fail("more follows the event")
	}
	return nil
}

func finishKeyBlock(k *block) {
	r, err := newReader(k.schema, false)
	if err != nil || k.schema.Type != debezium.Struct {
		k.err = &FormatError{Reason: "the key's schema is not a struct"}
		return
	}
	k.root = r
}

func (d *JSONDecoder) knownKey() (*reader, error) {
	_, key := d.knownSchemas()
	return d.known(&d.lastKey, key)
}

func (d *JSONDecoder) knownRow() (*reader, error) {
	row, _ := d.knownSchemas()
	return d.known(&d.lastRow, row)
}

func (d *JSONDecoder) knownSchemas() (row, key *debezium.Schema) {
	if d.options.Schemas == nil {
		return nil, nil
	}
	return d.options.Schemas(d.options.Topic)
}

func (d *JSONDecoder) known(last **reader, schema *debezium.Schema) (*reader, error) {
	if schema == nil {
		return nil, ErrNoSchema
	}
	if *last != nil && (*last).schema == schema {
		return *last, nil
	}
	r := d.readers[schema]
	if r == nil {
		var err error
		if r, err = newReader(schema, false); err != nil {
			return nil, fmt.Errorf("schema %s: %w", schema.Name, err)
		}
		r.complete = d.options.Complete
		if len(d.readers) >= maxBlocks {
			clear(d.readers)
		}
		d.readers[schema] = r
	}
	*last = r
	return r, nil
}
