package debezium

import (
	"fmt"
	"slices"
	"strings"
)

// Unwrap is the configuration of Debezium's transform ExtractNewRecordState,
// which publishes rows without their envelopes.
type Unwrap struct {
	Deletes                UnwrapDeletes    // delete.tombstone.handling.mode
	Fields, Headers        []FieldReference // add.fields and add.headers
	ReplaceNullWithDefault bool             // replace.null.with.default
}

// UnwrapDeletes is the transform's delete.tombstone.handling.mode. The
// tombstones behind deletes are dropped, except by DeletesRewriteWithTombstone.
type UnwrapDeletes uint8

// What becomes of a delete.
const (
	DeletesTombstone            UnwrapDeletes = iota // a null of the row's schema, which a JSON converter writes out
	DeletesRewrite                                   // the row before, with __deleted
	DeletesRewriteWithTombstone                      // that, and the tombstone behind it
	DeletesDrop                                      // nothing
	DeletesToTombstone                               // a record without a value
)

var unwrapDeletes = []string{"tombstone", "rewrite", "rewrite-with-tombstone", "drop", "delete-to-tombstone"}

// String returns Debezium's name of the mode.
func (d UnwrapDeletes) String() string { return modeName(unwrapDeletes, uint8(d)) }

// ParseUnwrapDeletes reads Debezium's name of the mode.
func ParseUnwrapDeletes(s string) (UnwrapDeletes, error) {
	i, err := parseMode("delete.tombstone.handling.mode", unwrapDeletes, s)
	return UnwrapDeletes(i), err
}

// rewrites reports whether rows say whether they were deleted.
func (d UnwrapDeletes) rewrites() bool {
	return d == DeletesRewrite || d == DeletesRewriteWithTombstone
}

// FieldReference names a field of the envelope, and what a copy of it is called.
type FieldReference struct {
	Block string // before, after, source or transaction; "" is the envelope itself
	Field string
	Name  string
}

// ParseFieldReferences reads a list of fields as the transform has it: names
// or block.name, with :new behind those that are to be called otherwise.
func ParseFieldReferences(prefix, list string) ([]FieldReference, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var references []FieldReference
	for text := range strings.SplitSeq(list, ",") {
		path, name, renamed := strings.Cut(strings.TrimSpace(text), ":")
		r := FieldReference{Field: path, Name: prefix + path}
		if block, field, ok := strings.Cut(path, "."); ok {
			r = FieldReference{Block: block, Field: field, Name: prefix + block + "_" + field}
		} else {
			r.Block = hostOf(path)
		}
		if renamed {
			r.Name = prefix + name
		}
		switch {
		case r.Field == "" || strings.Contains(r.Field, ".") || renamed && (name == "" || strings.Contains(name, ":")):
			return nil, fmt.Errorf("%q is not a field, block.field or either with :name behind it", text)
		case !slices.Contains([]string{"", "before", "after", "source", "transaction"}, r.Block):
			return nil, fmt.Errorf("%q: %s is not before, after, source or transaction", text, r.Block)
		case r.Block != "before" && r.Block != "after" && slices.Contains([]string{"before", "after", "source", "transaction"}, r.Field):
			return nil, fmt.Errorf("%q is a whole block: name its fields", text)
		}
		references = append(references, r)
	}
	return references, nil
}

// hostOf returns the block that a field without one is of.
func hostOf(field string) string {
	switch field {
	case "op", "ts_ms", "ts_us", "ts_ns":
		return ""
	case "id", "total_order", "data_collection_order":
		return "transaction"
	default:
		return "source"
	}
}

// UnwrappedRow makes of the events of one table what the transform makes of
// them. It belongs to one goroutine.
type UnwrappedRow struct {
	// Schema is that of the values, with the fields that are added; a deleted row's null has the row's own.
	Schema *Schema

	fields, headers     []addedField
	names               []string // of the headers
	defaults            []*Value // of the row's fields, nil where null stays; empty if it does everywhere
	rewrites            bool
	source, transaction []Value
	op                  [1]byte
}

// addedField is a copy of a field: where it is, by block and index.
type addedField struct {
	parent string // without which the copy is null
	block  string
	index  int
	schema *Schema
}

// Row returns the rows of a table whose schema is row. The error says which
// field cannot be added.
func (u *Unwrap) Row(row *Schema, connector string) (*UnwrappedRow, error) {
	r := &UnwrappedRow{
		Schema:   &Schema{Type: Struct, Name: row.Name, Version: row.Version, Doc: row.Doc, Params: row.Params, Fields: slices.Clone(row.Fields)},
		rewrites: u.Deletes.rewrites(),
	}
	if r.rewrites {
		if err := r.add(FieldDeleted, optionalString); err != nil {
			return nil, err
		}
	}
	envelope := EnvelopeSchema("", connector, row)
	for _, f := range u.Fields {
		a, err := f.find(envelope)
		if err != nil {
			return nil, err
		}
		if a == nil {
			continue
		}
		if err := r.add(f.Name, a.schema); err != nil {
			return nil, err
		}
		r.fields = append(r.fields, *a)
	}
	for _, f := range u.Headers {
		a, err := f.find(envelope)
		if err != nil {
			return nil, err
		}
		if a != nil {
			r.headers, r.names = append(r.headers, *a), append(r.names, f.Name)
		}
	}
	if u.ReplaceNullWithDefault {
		r.defaults = defaultsOf(row)
	}
	return r, nil
}

// defaultsOf returns the defaults that stand for null, or nil if there are none.
func defaultsOf(row *Schema) []*Value {
	defaults, some := make([]*Value, len(row.Fields)), false
	for i, f := range row.Fields {
		defaults[i] = f.Schema.Default
		some = some || f.Schema.Default != nil
	}
	if !some {
		return nil
	}
	return defaults
}

func (r *UnwrappedRow) add(name string, schema *Schema) error {
	if slices.ContainsFunc(r.Schema.Fields, func(f Field) bool { return f.Name == name }) {
		return fmt.Errorf("add field %s to %s: there is a field of this name; choose another prefix", name, r.Schema.Name)
	}
	r.Schema.Fields = append(r.Schema.Fields, Field{name, schema})
	return nil
}

// find returns where the field is, or nil if it is nowhere: in its block, else
// in the envelope.
func (f FieldReference) find(envelope *Schema) (*addedField, error) {
	a := &addedField{parent: f.Block, block: f.Block}
	block := envelope
	if f.Block != "" {
		block = envelope.Fields[fieldIndex(envelope, f.Block)].Schema
	}
	if a.index = fieldIndex(block, f.Field); a.index < 0 {
		a.block, block = "", envelope
		a.index = fieldIndex(block, f.Field)
	}
	if a.index < 0 {
		return nil, nil //nolint:nilnil // such a field is passed over, as Debezium does
	}
	of := block.Fields[a.index].Schema
	if of.Type == Struct {
		return nil, fmt.Errorf("field %s, to be added as %s, is a struct, which ExtractNewRecordState cannot copy", f.Field, f.Name)
	}
	copied := *of
	copied.Optional, copied.Default = true, nil
	a.schema = &copied
	return a, nil
}

func fieldIndex(s *Schema, name string) int {
	return slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == name })
}

// AppendValues appends the values of the event's row, which is the one before
// if there is none after, in the order of Schema. They share memory with the
// event and with r, until the next call.
func (r *UnwrappedRow) AppendValues(dst []Value, e *Event) []Value {
	row, deleted := e.After, "false"
	if row == nil {
		row, deleted = e.Before, "true"
	}
	begin := len(dst)
	dst = append(dst, row...)
	for i, d := range r.defaults {
		if d != nil && dst[begin+i].IsNull() {
			dst[begin+i] = *d
		}
	}
	if r.rewrites {
		dst = append(dst, borrow(deleted))
	}
	return r.appendAdded(dst, e, r.fields)
}

// AppendHeaderValues appends the values of the headers that are added.
func (r *UnwrappedRow) AppendHeaderValues(dst []Value, e *Event) []Value {
	return r.appendAdded(dst, e, r.headers)
}

// Header returns the name and the schema of the header that is added as number i.
func (r *UnwrappedRow) Header(i int) (name string, schema *Schema) {
	return r.names[i], r.headers[i].schema
}

func (r *UnwrappedRow) appendAdded(dst []Value, e *Event, fields []addedField) []Value {
	if len(fields) == 0 {
		return dst
	}
	r.source = e.Source.AppendValues(r.source[:0])
	r.transaction = r.transaction[:0]
	if e.Transaction != nil {
		r.transaction = e.Transaction.AppendValues(r.transaction)
	}
	r.op[0] = byte(e.Op)
	for i := range fields {
		f := &fields[i]
		if f.parent != "" && len(r.block(f.parent, e)) == 0 {
			dst = append(dst, Value{})
			continue
		}
		if f.block == "" {
			dst = append(dst, r.envelopeValue(f.index, e))
			continue
		}
		dst = append(dst, r.block(f.block, e)[f.index])
	}
	return dst
}

func (r *UnwrappedRow) block(name string, e *Event) []Value {
	switch name {
	case "before":
		return e.Before
	case "after":
		return e.After
	case "source":
		return r.source
	default:
		return r.transaction
	}
}

// envelopeValue returns the value of a scalar field of the envelope.
func (r *UnwrappedRow) envelopeValue(index int, e *Event) Value {
	const op, millis, micros = 4, 5, 6 // in EnvelopeSchema
	switch index {
	case op:
		return Value{Type: String, B: r.op[:]}
	case millis:
		return Int(Int64, floorDiv(e.TsNs, 1e6))
	case micros:
		return Int(Int64, floorDiv(e.TsNs, 1e3))
	default:
		return Int(Int64, e.TsNs)
	}
}
