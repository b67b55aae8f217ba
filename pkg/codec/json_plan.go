package codec

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// jsonPlan is a schema compiled for encoding.
type jsonPlan struct {
	kind   debezium.Type
	scale  int    // of a decimal written as a number; -1: bytes are base64
	null   []byte // what a null prints; nil: null is an error
	fields []jsonField
	items  *jsonPlan
	keys   *jsonPlan
}

type jsonField struct {
	prefix []byte // {"name": or ,"name":
	name   string
	jsonPlan
}

// The schema names of Connect's own logical types.
const (
	decimalName      = "org.apache.kafka.connect.data.Decimal"
	connectDate      = "org.apache.kafka.connect.data.Date"
	connectTime      = "org.apache.kafka.connect.data.Time"
	connectTimestamp = "org.apache.kafka.connect.data.Timestamp"
)

func (j *JSON) compile(s *debezium.Schema) (*jsonPlan, error) {
	p := &jsonPlan{kind: s.Type, scale: -1}
	var err error
	switch s.Type {
	case debezium.Struct:
		err = j.compileFields(p, s)
	case debezium.Array:
		p.items, err = j.compileElement(s.Items)
	case debezium.Map:
		if p.keys, err = j.compileElement(s.Keys); err == nil {
			p.items, err = j.compileElement(s.Items)
		}
	case debezium.Bytes:
		if j.options.DecimalNumeric && s.Name == decimalName {
			p.scale, err = decimalScale(s)
		}
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64, debezium.Float32, debezium.Float64,
		debezium.Boolean, debezium.String:
	default:
		err = fmt.Errorf("schema has no usable type (%s)", s.Type)
	}
	if err != nil {
		return nil, err
	}
	if s.Default != nil && j.options.ReplaceNullWithDefault {
		p.null, err = p.append(nil, s.Default)
	} else if s.Optional {
		p.null = []byte("null")
	}
	return p, err
}

func (j *JSON) compileFields(p *jsonPlan, s *debezium.Schema) error {
	p.fields = make([]jsonField, len(s.Fields))
	for i := range s.Fields {
		f := &s.Fields[i]
		plan, err := j.compileElement(f.Schema)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		prefix := append(appendJSONString([]byte{','}, []byte(f.Name)), ':')
		if i == 0 {
			prefix[0] = '{'
		}
		p.fields[i] = jsonField{prefix: prefix, name: f.Name, jsonPlan: *plan}
	}
	return nil
}

func (j *JSON) compileElement(s *debezium.Schema) (*jsonPlan, error) {
	if s == nil {
		return nil, fmt.Errorf("schema lacks the schema of an element")
	}
	return j.compile(s)
}

// append writes one value.
func (p *jsonPlan) append(dst []byte, v *debezium.Value) ([]byte, error) {
	if v.Type != p.kind {
		return p.appendNull(dst, v)
	}
	switch v.Type {
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
		return strconv.AppendInt(dst, v.I, 10), nil
	case debezium.String:
		return appendJSONString(dst, v.B), nil
	case debezium.Boolean:
		return strconv.AppendBool(dst, v.I != 0), nil
	case debezium.Float32:
		return appendJSONFloat(dst, v.Float(), 32), nil
	case debezium.Float64:
		return appendJSONFloat(dst, v.Float(), 64), nil
	case debezium.Bytes:
		if p.scale >= 0 {
			return appendDecimal(dst, v.B, p.scale), nil
		}
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.B)
		return append(dst, '"'), nil
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

func (p *jsonPlan) appendNull(dst []byte, v *debezium.Value) ([]byte, error) {
	if v.Type != debezium.Null {
		return dst, fmt.Errorf("value is a %s, the schema says %s", v.Type, p.kind)
	}
	if p.null == nil {
		return dst, fmt.Errorf("null in a required field")
	}
	return append(dst, p.null...), nil
}

func (p *jsonPlan) appendStruct(dst []byte, values []debezium.Value) ([]byte, error) {
	if len(values) != len(p.fields) {
		return dst, fmt.Errorf("struct has %d values, the schema %d fields", len(values), len(p.fields))
	}
	if len(values) == 0 {
		dst = append(dst, '{')
	}
	var err error
	for i := range p.fields {
		f := &p.fields[i]
		dst = append(dst, f.prefix...)
		if dst, err = f.append(dst, &values[i]); err != nil {
			return dst, fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	return append(dst, '}'), nil
}

func (p *jsonPlan) appendArray(dst []byte, elems []debezium.Value) ([]byte, error) {
	var err error
	dst = append(dst, '[')
	for i := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = p.items.append(dst, &elems[i]); err != nil {
			return dst, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return append(dst, ']'), nil
}

// appendMap writes an object if the keys are strings, else an array of pairs.
func (p *jsonPlan) appendMap(dst []byte, elems []debezium.Value) ([]byte, error) {
	first, open, mid, shut, last := byte('['), "[", byte(','), "]", byte(']')
	if p.keys.kind == debezium.String && p.keys.null == nil {
		first, open, mid, shut, last = '{', "", ':', "", '}'
	}
	var err error
	dst = append(dst, first)
	for i := 0; i+1 < len(elems); i += 2 {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, open...)
		if dst, err = p.keys.append(dst, &elems[i]); err != nil {
			return dst, fmt.Errorf("key %d: %w", i/2, err)
		}
		dst = append(dst, mid)
		if dst, err = p.items.append(dst, &elems[i+1]); err != nil {
			return dst, fmt.Errorf("value %d: %w", i/2, err)
		}
		dst = append(dst, shut...)
	}
	return append(dst, last), nil
}
