package codec

import (
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// flat is what rows without an envelope look like, as the transform
// ExtractNewRecordState leaves them: columns, and what it adds to say what became
// of the row.
type flat struct {
	row         *debezium.Schema // of the columns
	deleted, op int              // where the record says so; -1: nowhere
}

func newFlat(s *debezium.Schema) *flat {
	f := &flat{deleted: -1, op: -1}
	row := *s
	row.Optional, row.Fields = true, slices.Clone(s.Fields)
	for i, field := range slices.Backward(s.Fields) {
		switch {
		case field.Schema.Type != debezium.String:
			continue
		case field.Name == debezium.FieldDeleted:
			f.deleted = i
		case field.Name == debezium.FieldOp:
			f.op = i
		default:
			continue
		}
		row.Fields = slices.Delete(row.Fields, i, i+1)
	}
	f.row = &row
	return f
}

// event makes values, which the record's schema describes, into an event. It
// changes their order.
func (f *flat) event(values []debezium.Value, e *debezium.Event) error {
	e.Unwrapped, e.Row, e.Op = true, f.row, debezium.Upsert
	e.Marked = f.deleted >= 0 && !values[f.deleted].IsNull()
	if f.op >= 0 && !values[f.op].IsNull() {
		op, ok := opOf(values[f.op].B)
		if !ok || op == debezium.Truncate {
			return &FormatError{Reason: "an unknown operation"}
		}
		e.Op = op
	}
	if f.deleted >= 0 && string(values[f.deleted].B) == "true" {
		e.Op = debezium.Delete
	}
	first, second := max(f.deleted, f.op), min(f.deleted, f.op)
	for _, i := range [2]int{first, second} {
		if i >= 0 { // every value keeps its memory
			v := values[i]
			copy(values[i:], values[i+1:])
			values[len(values)-1] = v
			values = values[:len(values)-1]
		}
	}
	if e.Op == debezium.Delete {
		e.Before = values
	} else {
		e.After = values
	}
	return nil
}

// enveloped reports whether a value's schema is an envelope's, whole or not.
func enveloped(s *debezium.Schema) bool {
	blocks := 0
	for _, name := range []string{"before", "after", "source"} {
		if i := s.FieldIndex(name); i >= 0 && s.Fields[i].Schema.Type == debezium.Struct && !strings.HasPrefix(s.Fields[i].Schema.Name, "io.debezium.data.") {
			blocks++
		}
	}
	return blocks > 1 || strings.HasSuffix(s.Name, ".Envelope")
}

// envelopedAt is enveloped of a record without a schema: true, too, of what is
// not an object.
func (s *scanner) envelopedAt(start int) bool {
	look := scanner{b: s.b, i: start}
	blocks := 0
	done, err := look.open('{', '}', "an object was expected")
	for !done && err == nil {
		var name []byte
		if name, err = look.key(); err != nil {
			break
		}
		c := look.space()
		switch string(name) {
		case "before", "after":
			if c == '{' || c == 'n' {
				blocks++
			}
		case "source":
			if c == '{' {
				blocks++
			}
		}
		if err = look.skip(maxDepth); err == nil {
			done, err = look.next('}')
		}
	}
	return err != nil || blocks > 1
}

// flatReader reads rows without an envelope and without a schema.
type flatReader struct {
	*reader
	*flat
}

// knownFlat returns the reader of rows as the caller knows them.
func (d *JSONDecoder) knownFlat() (flatReader, error) {
	row, _ := d.knownSchemas()
	if row == nil {
		return flatReader{}, ErrNoSchema
	}
	if r, ok := d.flats[row]; ok {
		return r, nil
	}
	whole := *row
	if d.options.Added != nil {
		added, err := d.options.Added(row)
		if err != nil {
			return flatReader{}, err
		}
		whole = *added
	}
	whole.Fields = slices.Clone(whole.Fields)
	for _, name := range []string{debezium.FieldDeleted, debezium.FieldOp} {
		if whole.FieldIndex(name) < 0 {
			whole.Fields = append(whole.Fields, debezium.Field{Name: name, Schema: &debezium.Schema{Type: debezium.String, Optional: true}})
		}
	}
	r, err := newReader(&whole, false)
	if err != nil {
		return flatReader{}, err
	}
	r.complete = d.options.Complete
	for i := len(row.Fields); i < len(r.fields); i++ {
		r.fields[i].mayLack = true
	}
	if len(d.flats) >= maxBlocks {
		clear(d.flats)
	}
	f := flatReader{r, newFlat(&whole)}
	d.flats[row] = f
	return f, nil
}

// bareRow reads a row that has neither an envelope nor a schema.
func (d *JSONDecoder) bareRow(start int, e *debezium.Event) error {
	*e = debezium.Event{KeySchema: e.KeySchema, Key: e.Key, Headers: e.Headers}
	r, err := d.knownFlat()
	if err != nil {
		return err
	}
	d.s.i = start
	return d.flatRow(r, e)
}

func (d *JSONDecoder) flatRow(r flatReader, e *debezium.Event) (err error) {
	if d.after, err = d.s.structure(r.reader, d.after); err != nil {
		return err
	}
	return r.event(d.after, e)
}
