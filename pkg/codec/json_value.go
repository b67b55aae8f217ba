package codec

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// absent marks a field of a struct that has not been read yet.
const absent = debezium.Type(255)

// keyList is the members of an object in the order in which they are expected.
type keyList struct {
	names  []string
	quoted [][]byte // "name":
}

func newKeyList(names ...string) keyList {
	l := keyList{names: names, quoted: make([][]byte, len(names))}
	for i, n := range names {
		l.quoted[i] = append(appendJSONString(nil, []byte(n)), ':')
	}
	return l
}

// member reads a member's name and colon and returns its index in the list, or
// -1 and the name.
func (s *scanner) member(l *keyList, expected int) (int, []byte, error) {
	if expected < len(l.quoted) && s.literal(l.quoted[expected]) {
		return expected, nil, nil
	}
	name, err := s.key()
	if err != nil {
		return 0, nil, err
	}
	for k := range l.names {
		i := expected + k
		if i >= len(l.names) {
			i -= len(l.names)
		}
		if l.names[i] == string(name) {
			return i, nil, nil
		}
	}
	return -1, name, nil
}

// reader is a schema compiled for decoding.
type reader struct {
	schema   *debezium.Schema
	min, max int64
	scale    int // of a decimal; -1: bytes
	lenient  bool
	complete bool     // a field that lacks is an error, even if it may be null,
	mayLack  bool     // unless this is set of the field
	keys     keyList  // of a struct
	fields   []reader // of a struct
	items    *reader
	mapKeys  *reader
}

// newReader compiles a schema. A lenient one skips unknown fields and reads
// missing ones as null.
func newReader(s *debezium.Schema, lenient bool) (*reader, error) {
	if s == nil {
		return nil, fmt.Errorf("schema lacks the schema of an element")
	}
	r := &reader{schema: s, scale: -1, lenient: lenient}
	var err error
	switch s.Type {
	case debezium.Int8:
		r.min, r.max = math.MinInt8, math.MaxInt8
	case debezium.Int16:
		r.min, r.max = math.MinInt16, math.MaxInt16
	case debezium.Int32:
		r.min, r.max = math.MinInt32, math.MaxInt32
	case debezium.Int64:
		r.min, r.max = math.MinInt64, math.MaxInt64
	case debezium.Bytes:
		if s.Name == decimalName {
			r.scale, err = decimalScale(s)
		}
	case debezium.Struct:
		names := make([]string, len(s.Fields))
		r.fields = make([]reader, len(s.Fields))
		for i := range s.Fields {
			names[i] = s.Fields[i].Name
			f, err := newReader(s.Fields[i].Schema, lenient)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", names[i], err)
			}
			r.fields[i] = *f
		}
		r.keys = newKeyList(names...)
	case debezium.Array:
		r.items, err = newReader(s.Items, lenient)
	case debezium.Map:
		if r.mapKeys, err = newReader(s.Keys, lenient); err == nil {
			r.items, err = newReader(s.Items, lenient)
		}
	case debezium.Float32, debezium.Float64, debezium.Boolean, debezium.String:
	default:
		err = fmt.Errorf("schema has no usable type (%s)", s.Type)
	}
	return r, err
}

// wrongType reports the value at the given place, if it is JSON at all.
func (s *scanner) wrongType(r *reader, at int) error {
	s.i = at
	if err := s.skip(maxDepth); err != nil {
		return err
	}
	return &FieldError{Problem: WrongType, Type: r.schema.Type.String(), Offset: at}
}

// within names the field that err is about, if err has one.
func within(err error, field string) error {
	if f, ok := err.(*FieldError); ok { //nolint:errorlint // never wrapped where it is made
		if f.Field == "" {
			f.Field = field
		} else {
			f.Field = field + "." + f.Field
		}
	}
	return err
}

// value reads one value into v, whose Elems it reuses.
func (s *scanner) value(r *reader, v *debezium.Value) error {
	v.Type, v.I, v.B, v.Elems = r.schema.Type, 0, nil, v.Elems[:0]
	c := s.space()
	at := s.i
	if c == 'n' {
		return s.nullValue(r, v)
	}
	switch r.schema.Type {
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
		if c != '-' && (c < '0' || c > '9') {
			return s.wrongType(r, at)
		}
		n, fits, err := s.integer()
		if err == nil && (!fits || n < r.min || n > r.max) {
			err = s.wrongType(r, at)
		}
		v.I = n
		return err
	case debezium.String:
		if c != '"' {
			return s.wrongType(r, at)
		}
		var err error
		v.B, err = s.str()
		return err
	case debezium.Boolean:
		return s.boolean(r, v, c)
	case debezium.Float32:
		return s.float(r, v, c, 32)
	case debezium.Float64:
		return s.float(r, v, c, 64)
	case debezium.Bytes:
		return s.bytes(r, v, c)
	case debezium.Struct:
		if c != '{' {
			return s.wrongType(r, at)
		}
		var err error
		v.Elems, err = s.structure(r, v.Elems)
		return err
	case debezium.Array:
		return s.array(r, v, c)
	case debezium.Map:
		return s.mapping(r, v, c)
	default:
		return fmt.Errorf("decode: schema of type %s", r.schema.Type)
	}
}

// nullValue reads null: it is itself where it may be, else the default.
func (s *scanner) nullValue(r *reader, v *debezium.Value) error {
	at := s.i
	if err := s.word("null"); err != nil {
		return err
	}
	switch {
	case r.schema.Optional || r.lenient:
		v.Type = debezium.Null
	case r.schema.Default != nil:
		*v = *r.schema.Default
	default:
		return &FieldError{Problem: NullField, Offset: at}
	}
	return nil
}

func (s *scanner) boolean(r *reader, v *debezium.Value, c byte) error {
	switch c {
	case 't':
		v.I = 1
		return s.word("true")
	case 'f':
		return s.word("false")
	default:
		return s.wrongType(r, s.i)
	}
}

func (s *scanner) float(r *reader, v *debezium.Value, c byte, size int) error {
	at := s.i
	var text []byte
	var err error
	switch {
	case c == '"': // NaN and the infinities
		text, err = s.str()
		if err == nil && (len(text) < 3 || text[len(text)-1] != 'N' && text[len(text)-1] != 'y') {
			err = s.wrongType(r, at)
		}
	case c == '-' || c >= '0' && c <= '9':
		text, err = s.number()
	default:
		err = s.wrongType(r, at)
	}
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(string(text), size)
	if err != nil {
		return s.wrongType(r, at)
	}
	v.I = int64(math.Float64bits(f))
	return nil
}

func (s *scanner) bytes(r *reader, v *debezium.Value, c byte) error {
	at, from := s.i, len(s.arena)
	switch {
	case c == '"':
		text, err := s.str()
		if err != nil {
			return err
		}
		from = len(s.arena)
		if s.arena, err = base64.StdEncoding.AppendDecode(s.arena, text); err != nil {
			return s.wrongType(r, at)
		}
	case r.scale >= 0 && (c == '-' || c >= '0' && c <= '9'):
		text, err := s.number()
		if err != nil {
			return err
		}
		var ok bool
		if s.arena, ok = appendUnscaledOf(s.arena, text, r.scale); !ok {
			return s.wrongType(r, at)
		}
	default:
		return s.wrongType(r, at)
	}
	v.B = s.arena[from:len(s.arena):len(s.arena)]
	return nil
}
