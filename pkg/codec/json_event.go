package codec

import (
	"math"

	"github.com/firn-cdc/firn/pkg/debezium"
)

var envelopeMembers = newKeyList("before", "after", "source", "transaction", "op", "ts_ms", "ts_us", "ts_ns")

// Indexes into envelopeMembers.
const (
	memberBefore = iota
	memberAfter
	memberSource
	memberTransaction
	memberOp
	memberMillis
	memberMicros
	memberNanos
)

func finishValueBlock(k *block) {
	var rows [2]*debezium.Schema
	if k.schema.Type == debezium.Struct && k.schema.FieldIndex("op") >= 0 {
		for i, name := range []string{"before", "after"} {
			if f := k.schema.FieldIndex(name); f >= 0 {
				rows[i] = k.schema.Fields[f].Schema
			}
		}
	}
	switch {
	case k.schema.Type != debezium.Struct:
		k.err = &FormatError{Reason: "its schema is not a struct"}
		return
	case !enveloped(k.schema):
		k.root, k.err = newReader(k.schema, false)
		k.flat = newFlat(k.schema)
		return
	case rows[0] == nil || rows[1] == nil:
		k.err = &FormatError{Reason: ErrEnvelope.Error(), Err: ErrEnvelope}
		return
	}
	if rows[0].Type != debezium.Struct || !rows[0].Equal(rows[1]) {
		k.err = &FormatError{Reason: "the schemas of before and after are not one struct"}
		return
	}
	r, err := newReader(rows[1], false)
	if err != nil {
		k.err = &FormatError{Reason: "the row's schema cannot be used"}
		return
	}
	k.row = r
}

func (d *JSONDecoder) decodeValue(value []byte, e *debezium.Event) error {
	if value == nil {
		e.Tombstone = true
		return nil
	}
	s := &d.s
	s.b, s.i = value, 0
	w, err := d.unwrap(&d.valueBlocks, d.finishValues)
	if err != nil {
		return err
	}
	isNull, err := s.null()
	if err != nil {
		return err
	}
	if isNull { // a converter writes the delete of a row without an envelope so
		e.Tombstone, e.Unwrapped = true, true
		return d.finish(w)
	}
	var r *reader
	if w.block != nil {
		if w.block.err != nil {
			return w.block.err
		}
		if w.block.flat != nil {
			if err := d.flatRow(flatReader{w.block.root, w.block.flat}, e); err != nil {
				return err
			}
			return d.finish(w)
		}
		r = w.block.row
		e.Row = r.schema
	}
	start := s.i
	if err = d.envelope(r, e); err != nil && r == nil && !s.envelopedAt(start) {
		err = d.bareRow(start, e)
	}
	if err != nil {
		return err
	}
	return d.finish(w)
}

// envelope reads the envelope, its rows with r, or if that is nil with the
// schema that the caller knows.
func (d *JSONDecoder) envelope(r *reader, e *debezium.Event) error {
	s := &d.s
	start := s.i
	done, err := s.open('{', '}', "an object was expected")
	var t times
	sourced := false
	for expected := 0; !done && err == nil; {
		var i int
		if i, _, err = s.member(&envelopeMembers, expected); err != nil {
			return err
		}
		switch i {
		case memberBefore:
			d.before, e.Before, err = d.row(r, d.before, e)
		case memberAfter:
			d.after, e.After, err = d.row(r, d.after, e)
		case memberSource:
			sourced = true
			err = d.source(&e.Source)
		case memberTransaction:
			e.Transaction, err = d.readTransaction()
		case memberOp:
			e.Op, err = s.op()
		case memberMillis, memberMicros, memberNanos:
			err = s.time(&t, i-memberMillis)
		default:
			err = s.skip(maxDepth)
		}
		expected = i + 1
		if err == nil {
			done, err = s.next('}')
		}
	}
	if err != nil {
		return err
	}
	if e.Op == 0 || !sourced {
		return &FormatError{Reason: ErrEnvelope.Error(), Offset: start, Err: ErrEnvelope}
	}
	if e.TsNs, err = t.ns(s.i); err != nil {
		return err
	}
	if e.Row == nil { // no row needed it
		e.Row, _ = d.knownSchemas()
	}
	if lacksRow(e) {
		return s.fail("the row that the operation needs is null")
	}
	return nil
}

func lacksRow(e *debezium.Event) bool {
	switch e.Op {
	case debezium.Create, debezium.Update, debezium.Read:
		return e.After == nil
	case debezium.Delete:
		return e.Before == nil
	default:
		return false
	}
}

// row reads before or after into buf. It returns the buffer, and the row or nil for null.
func (d *JSONDecoder) row(r *reader, buf []debezium.Value, e *debezium.Event) (grown, row []debezium.Value, err error) {
	if isNull, err := d.s.null(); isNull || err != nil {
		return buf, nil, err
	}
	if r == nil {
		if r, err = d.knownRow(); err != nil {
			return buf, nil, err
		}
		e.Row = r.schema
	}
	buf, err = d.s.structure(r, buf)
	return buf, buf, err
}

func (s *scanner) op() (debezium.Op, error) {
	s.space()
	b, err := s.str()
	if err != nil {
		return 0, err
	}
	op, ok := opOf(b)
	if !ok {
		err = s.fail("an unknown operation")
	}
	return op, err
}

func opOf(b []byte) (debezium.Op, bool) {
	if len(b) != 1 {
		return 0, false
	}
	switch op := debezium.Op(b[0]); op {
	case debezium.Create, debezium.Update, debezium.Delete, debezium.Read, debezium.Truncate:
		return op, true
	default:
		return 0, false
	}
}

// times is an instant in up to three units: milli-, micro- and nanoseconds.
type times struct {
	value [3]int64
	given [3]bool
}

func (s *scanner) time(t *times, unit int) error {
	if isNull, err := s.null(); isNull || err != nil {
		return err
	}
	n, err := s.int64()
	t.value[unit], t.given[unit] = n, true
	return err
}

// ns returns the instant in nanoseconds, from the finest unit given.
func (t *times) ns(at int) (int64, error) {
	n, size := t.value[0], int64(1e6)
	switch {
	case t.given[2]:
		n, size = t.value[2], 1
	case t.given[1]:
		n, size = t.value[1], 1e3
	}
	if n > math.MaxInt64/size || n < math.MinInt64/size {
		return 0, &FormatError{Reason: "a time is out of range", Offset: at}
	}
	return n * size, nil
}

func (s *scanner) int64() (int64, error) {
	s.space()
	n, fits, err := s.integer()
	if err == nil && !fits {
		err = s.fail("a number is not a 64-bit integer")
	}
	return n, err
}
