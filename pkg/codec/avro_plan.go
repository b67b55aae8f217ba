package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// avroPlan is a schema compiled for encoding.
type avroPlan struct {
	kind    debezium.Type
	present []byte // precedes a value: the index of its branch, if it is in a union
	null    []byte // what a null is; nil: an error
	name    string // of the field
	fields  []avroPlan
	items   *avroPlan
}

// The indexes of a union's two branches, zigzag encoded.
var (
	firstBranch  = []byte{0}
	secondBranch = []byte{2}
)

func compileAvro(s *debezium.Schema, replaceNull bool) (*avroPlan, error) {
	if s == nil {
		return nil, fmt.Errorf("schema lacks the schema of an element")
	}
	p := &avroPlan{kind: s.Type}
	var err error
	switch s.Type {
	case debezium.Struct:
		p.fields = make([]avroPlan, len(s.Fields))
		for i := range s.Fields {
			f, err := compileAvro(s.Fields[i].Schema, replaceNull)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", s.Fields[i].Name, err)
			}
			p.fields[i] = *f
			p.fields[i].name = s.Fields[i].Name
		}
	case debezium.Array, debezium.Map:
		p.items, err = compileAvro(s.Items, replaceNull)
	case debezium.Null:
		err = fmt.Errorf("schema has no type")
	default: // the scalars have no parts
	}
	if err != nil {
		return nil, err
	}
	switch {
	case s.Optional && s.Default != nil:
		p.present, p.null = firstBranch, secondBranch
	case s.Optional:
		p.present, p.null = secondBranch, firstBranch
	}
	if s.Default != nil && (replaceNull || !s.Optional) {
		p.null, err = p.append(nil, s.Default)
	}
	return p, err
}

func (p *avroPlan) append(dst []byte, v *debezium.Value) ([]byte, error) {
	if v.Type != p.kind {
		if v.Type != debezium.Null {
			return dst, fmt.Errorf("value is a %s, the schema says %s", v.Type, p.kind)
		}
		if p.null == nil {
			return dst, fmt.Errorf("null in a required field")
		}
		return append(dst, p.null...), nil
	}
	dst = append(dst, p.present...)
	switch v.Type {
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
		return binary.AppendVarint(dst, v.I), nil
	case debezium.String:
		return appendAvroText(dst, v.B), nil
	case debezium.Bytes:
		return append(binary.AppendVarint(dst, int64(len(v.B))), v.B...), nil
	case debezium.Boolean:
		if v.Bool() {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	case debezium.Float32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v.Float()))), nil
	case debezium.Float64:
		return binary.LittleEndian.AppendUint64(dst, uint64(v.I)), nil
	case debezium.Struct:
		return p.appendStruct(dst, v.Elems)
	case debezium.Array:
		return p.appendArray(dst, v.Elems)
	case debezium.Map:
		return p.appendMap(dst, v.Elems)
	default:
		return dst, fmt.Errorf("value of type %s cannot be encoded", v.Type)
	}
}

func (p *avroPlan) appendStruct(dst []byte, values []debezium.Value) ([]byte, error) {
	if len(values) != len(p.fields) {
		return dst, fmt.Errorf("struct has %d values, the schema %d fields", len(values), len(p.fields))
	}
	var err error
	for i := range p.fields {
		if dst, err = p.fields[i].append(dst, &values[i]); err != nil {
			return dst, fmt.Errorf("field %s: %w", p.fields[i].name, err)
		}
	}
	return dst, nil
}

// appendArray writes one block, and the empty block that ends an array.
func (p *avroPlan) appendArray(dst []byte, elems []debezium.Value) ([]byte, error) {
	if len(elems) > 0 {
		dst = binary.AppendVarint(dst, int64(len(elems)))
	}
	var err error
	for i := range elems {
		if dst, err = p.items.append(dst, &elems[i]); err != nil {
			return dst, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return append(dst, 0), nil
}

func (p *avroPlan) appendMap(dst []byte, elems []debezium.Value) ([]byte, error) {
	if len(elems) > 1 {
		dst = binary.AppendVarint(dst, int64(len(elems)/2))
	}
	var err error
	for i := 0; i+1 < len(elems); i += 2 {
		if elems[i].Type != debezium.String {
			return dst, fmt.Errorf("key %d is a %s, not a string", i/2, elems[i].Type)
		}
		if dst, err = p.items.append(appendAvroText(dst, elems[i].B), &elems[i+1]); err != nil {
			return dst, fmt.Errorf("value %d: %w", i/2, err)
		}
	}
	return append(dst, 0), nil
}

// appendAvroText appends a string. Bytes that are not UTF-8 become U+FFFD, as in a Java string.
func appendAvroText(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		s = javaText(s)
	}
	return append(binary.AppendVarint(dst, int64(len(s))), s...)
}

// javaText returns the text as Java reads it, invalid bytes replaced.
func javaText(s []byte) []byte {
	out := make([]byte, 0, len(s)+8)
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && n == 1 {
			n = malformed(s)
			out = append(out, "\uFFFD"...)
		} else {
			out = append(out, s[:n]...)
		}
		s = s[n:]
	}
	return out
}
