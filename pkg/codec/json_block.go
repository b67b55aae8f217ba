package codec

import (
	"bytes"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// block is what a schema block describes. Every distinct text is parsed once.
type block struct {
	raw    []byte
	schema *debezium.Schema
	err    error   // why values of this schema cannot be read
	root   *reader // of a key, or of a row without an envelope
	row    *reader // of before and after
	flat   *flat   // of a row without an envelope; else nil
}

// maxBlocks and maxBlockBytes bound the blocks that are remembered.
const (
	maxBlocks     = 1024
	maxBlockBytes = 32 << 20
)

// blocks remembers the schema blocks of a topic's keys, or of its values.
type blocks struct {
	last  *block
	known map[string]*block
	bytes int
}

// next reads a schema block. Most often it is the same as before.
func (c *blocks) next(s *scanner, finish func(*block)) (*block, error) {
	if c.last != nil && bytes.HasPrefix(s.b[s.i:], c.last.raw) {
		s.i += len(c.last.raw)
		return c.last, nil
	}
	start := s.i
	if err := s.skip(maxDepth); err != nil {
		return nil, err
	}
	raw := s.b[start:s.i]
	if k := c.known[string(raw)]; k != nil {
		c.last = k
		return k, nil
	}
	p := scanner{b: s.b[:s.i], i: start}
	schema, _, err := p.schema(maxDepth)
	if err != nil {
		return nil, err
	}
	k := &block{raw: bytes.Clone(raw), schema: schema}
	finish(k)
	if len(c.known) >= maxBlocks || c.bytes+len(raw) > maxBlockBytes || c.known == nil {
		c.known, c.bytes = make(map[string]*block), 0
	}
	c.known[string(raw)] = k
	c.bytes += 2 * len(raw)
	c.last = k
	return k, nil
}

// schemaMembers are the members of a schema, in the order of Connect.
var schemaMembers = newKeyList("type", "fields", "items", "keys", "values", "optional", "name", "version",
	"doc", "parameters", "default", "field")

// schema reads a schema and the name of the field that has it.
func (s *scanner) schema(depth int) (*debezium.Schema, string, error) {
	if depth == 0 {
		return nil, "", s.fail("schema nested too deep")
	}
	schema := new(debezium.Schema)
	field, byDefault := "", -1
	done, err := s.open('{', '}', "a schema was expected")
	for !done && err == nil {
		var i int
		if i, _, err = s.member(&schemaMembers, 0); err != nil {
			return nil, "", err
		}
		s.space()
		switch {
		case i < 0:
			err = s.skip(depth)
		case schemaMembers.names[i] == "field":
			field, err = s.optionalText()
		case schemaMembers.names[i] == "default":
			byDefault = s.i
			err = s.skip(depth)
		default:
			err = s.schemaMember(schema, schemaMembers.names[i], depth)
		}
		if err == nil {
			done, err = s.next('}')
		}
	}
	if err != nil {
		return nil, "", err
	}
	if err := s.completeSchema(schema, byDefault); err != nil {
		return nil, "", err
	}
	return schema, field, nil
}

func (s *scanner) schemaMember(schema *debezium.Schema, name string, depth int) error {
	var err error
	switch name {
	case "type":
		var text string
		var ok bool
		at := s.i
		if text, err = s.optionalText(); err != nil {
			return err
		}
		if schema.Type, ok = debezium.ParseType(text); !ok {
			return &FormatError{Reason: "a schema of unknown type", Offset: at}
		}
	case "fields":
		schema.Fields, err = s.schemaFields(depth)
	case "items", "values":
		schema.Items, _, err = s.schema(depth - 1)
	case "keys":
		schema.Keys, _, err = s.schema(depth - 1)
	case "optional":
		if schema.Optional = s.space() == 't'; schema.Optional {
			err = s.word("true")
		} else {
			err = s.word("false")
		}
	case "name":
		schema.Name, err = s.optionalText()
	case "doc":
		schema.Doc, err = s.optionalText()
	case "version":
		var n int64
		n, err = s.optionalInt()
		schema.Version = int(n)
	case "parameters":
		schema.Params, err = s.schemaParams()
	}
	return err
}

func (s *scanner) schemaFields(depth int) ([]debezium.Field, error) {
	fields := []debezium.Field{}
	done, err := s.open('[', ']', "a schema's fields were expected")
	for !done && err == nil {
		var f debezium.Field
		if f.Schema, f.Name, err = s.schema(depth - 1); err == nil {
			fields = append(fields, f)
			done, err = s.next(']')
		}
	}
	return fields, err
}

func (s *scanner) schemaParams() ([]debezium.Param, error) {
	if isNull, err := s.null(); isNull || err != nil {
		return nil, err
	}
	var params []debezium.Param
	done, err := s.open('{', '}', "a schema's parameters were expected")
	for !done && err == nil {
		var p debezium.Param
		var name []byte
		if name, err = s.key(); err != nil {
			return nil, err
		}
		p.Key = string(name)
		if p.Value, err = s.optionalText(); err == nil {
			params = append(params, p)
			done, err = s.next('}')
		}
	}
	return params, err
}

// completeSchema checks the parts and reads the default, which begins at byDefault unless that is negative.
func (s *scanner) completeSchema(schema *debezium.Schema, byDefault int) error {
	switch {
	case schema.Type == debezium.Null:
		return s.fail("a schema without a type")
	case schema.Type == debezium.Struct && schema.Fields == nil,
		(schema.Type == debezium.Array || schema.Type == debezium.Map) && schema.Items == nil,
		schema.Type == debezium.Map && schema.Keys == nil:
		return s.fail("a schema without those of its elements")
	}
	if schema.Type == debezium.Bytes && schema.Name == decimalName {
		if _, err := decimalScale(schema); err != nil {
			return s.fail("a schema of a decimal without a usable scale")
		}
	}
	if byDefault < 0 {
		return nil
	}
	r, err := newReader(schema, false)
	if err != nil {
		return err
	}
	d := scanner{b: s.b, i: byDefault}
	if isNull, err := d.null(); isNull || err != nil {
		return err
	}
	var v debezium.Value
	if err := d.value(r, &v); err != nil {
		return &FormatError{Reason: "a schema's default does not fit its type", Offset: byDefault}
	}
	own(&v)
	schema.Default = &v
	return nil
}

// own replaces what the value borrows by copies.
func own(v *debezium.Value) {
	if v.B != nil {
		v.B = append([]byte{}, v.B...)
	}
	for i := range v.Elems {
		own(&v.Elems[i])
	}
}

// optionalText reads a string, or null as "".
func (s *scanner) optionalText() (string, error) {
	if isNull, err := s.null(); isNull || err != nil {
		return "", err
	}
	b, err := s.str()
	return string(b), err
}

// optionalInt reads a whole number, or null as 0.
func (s *scanner) optionalInt() (int64, error) {
	if isNull, err := s.null(); isNull || err != nil {
		return 0, err
	}
	return s.int64()
}
