package codec

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// avroReader is the schema that a record was written with, compiled for decoding.
type avroReader struct {
	schema  *debezium.Schema // what the values are for Connect
	union   bool             // with null, which is branch null
	null    int64
	empty   bool // Avro's null itself
	fixed   int  // size of a fixed; 0: bytes with a length
	symbols [][]byte
	fields  []avroReader
	items   *avroReader
}

// avroParser reads Avro schemas, with what Connect adds to them.
type avroParser struct {
	names map[string]avroReader
}

// parseAvro returns the reader of an Avro schema.
func parseAvro(text string) (*avroReader, error) {
	s := scanner{b: []byte(text)}
	n, err := s.node(maxDepth)
	if err != nil {
		return nil, fmt.Errorf("read Avro schema: %w", err)
	}
	p := avroParser{names: make(map[string]avroReader)}
	r, err := p.typ(n, "")
	if err != nil {
		return nil, fmt.Errorf("read Avro schema: %w", err)
	}
	return &r, nil
}

func (p *avroParser) typ(n *node, namespace string) (avroReader, error) {
	switch n.kind {
	case '"':
		return p.named(n.text, n, namespace)
	case '[':
		return p.union(n, namespace)
	case '{':
		t := n.member("type")
		if t == nil {
			return avroReader{}, fmt.Errorf("a type lacks its name")
		}
		if t.kind != '"' {
			return p.typ(t, namespace)
		}
		return p.named(t.text, n, namespace)
	default:
		return avroReader{}, fmt.Errorf("a type is neither a name nor a union nor a record")
	}
}

var avroScalars = map[string]debezium.Type{
	"boolean": debezium.Boolean, "int": debezium.Int32, "long": debezium.Int64, "float": debezium.Float32,
	"double": debezium.Float64, "bytes": debezium.Bytes, "string": debezium.String,
}

// named reads a type by its name; n has its properties.
func (p *avroParser) named(name string, n *node, namespace string) (avroReader, error) {
	if t, ok := avroScalars[name]; ok {
		return avroReader{schema: n.connectSchema(t)}, nil
	}
	switch name {
	case "null":
		return avroReader{empty: true, schema: &debezium.Schema{Type: debezium.String, Optional: true}}, nil
	case "record", "enum", "fixed":
		return p.definition(name, n, namespace)
	case "array", "map":
		of := "items"
		if name == "map" {
			of = "values"
		}
		e := n.member(of)
		if e == nil {
			return avroReader{}, fmt.Errorf("an array or map lacks its elements' type")
		}
		items, err := p.typ(e, namespace)
		if err != nil {
			return avroReader{}, err
		}
		s := n.connectSchema(debezium.Array)
		if name == "map" {
			s.Type, s.Keys = debezium.Map, &debezium.Schema{Type: debezium.String}
		}
		s.Items = items.schema
		return avroReader{schema: s, items: &items}, nil
	}
	if !strings.Contains(name, ".") && namespace != "" {
		if r, ok := p.names[namespace+"."+name]; ok {
			return r, nil
		}
	}
	if r, ok := p.names[name]; ok {
		return r, nil
	}
	return avroReader{}, fmt.Errorf("a type that is not defined before it is used")
}

func (p *avroParser) definition(kind string, n *node, namespace string) (avroReader, error) {
	full := n.string("name")
	if strings.Contains(full, ".") {
		namespace = full[:strings.LastIndexByte(full, '.')]
	} else {
		if ns := n.member("namespace"); ns != nil {
			namespace = ns.text
		}
		if namespace != "" {
			full = namespace + "." + full
		}
	}
	r := avroReader{}
	switch kind {
	case "enum":
		r.schema = n.connectSchema(debezium.String)
		if symbols := n.member("symbols"); symbols != nil {
			for i := range symbols.elems {
				r.symbols = append(r.symbols, []byte(symbols.elems[i].text))
			}
		}
		if len(r.symbols) == 0 {
			return r, fmt.Errorf("an enum without symbols")
		}
	case "fixed":
		r.schema = n.connectSchema(debezium.Bytes)
		r.fixed, _ = strconv.Atoi(n.string("size")) // of text that is a number, else 0
		if r.fixed <= 0 {
			return r, fmt.Errorf("a fixed type without a size")
		}
	default:
		var err error
		if r, err = p.record(n, namespace); err != nil {
			return r, err
		}
		if r.schema.Name == "" && strings.TrimRight(full, "0123456789") != unnamedRecord {
			r.schema.Name = full
		}
	}
	p.names[full] = r
	return r, nil
}

func (p *avroParser) record(n *node, namespace string) (avroReader, error) {
	fields := n.member("fields")
	if fields == nil || fields.kind != '[' {
		return avroReader{}, fmt.Errorf("a record without fields")
	}
	r := avroReader{schema: n.connectSchema(debezium.Struct), fields: make([]avroReader, len(fields.elems))}
	r.schema.Fields = make([]debezium.Field, len(fields.elems))
	for i := range fields.elems {
		f := &fields.elems[i]
		t := f.member("type")
		if t == nil {
			return r, fmt.Errorf("a field lacks its type")
		}
		fr, err := p.typ(t, namespace)
		if err != nil {
			return r, fmt.Errorf("field %s: %w", f.string("name"), err)
		}
		if d := f.member("default"); d != nil && d.kind != 'n' && fr.schema.Type != debezium.Struct {
			s := *fr.schema
			if s.Default, err = d.value(s.Type); err != nil {
				return r, fmt.Errorf("default of field %s: %w", f.string("name"), err)
			}
			fr.schema = &s
		}
		r.fields[i] = fr
		r.schema.Fields[i] = debezium.Field{Name: f.string("name"), Schema: fr.schema}
	}
	return r, nil
}

// union reads a union of null and one type.
func (p *avroParser) union(n *node, namespace string) (avroReader, error) {
	if len(n.elems) != 2 {
		return avroReader{}, fmt.Errorf("a union that is not of null and one type")
	}
	var branches [2]avroReader
	for i := range n.elems {
		var err error
		if branches[i], err = p.typ(&n.elems[i], namespace); err != nil {
			return avroReader{}, err
		}
	}
	null := 0
	if !branches[0].empty {
		null = 1
	}
	r := branches[1-null]
	if !branches[null].empty || r.empty || r.union {
		return r, fmt.Errorf("a union that is not of null and one type")
	}
	s := *r.schema
	s.Optional = true
	r.schema, r.union, r.null = &s, true, int64(null)
	return r, nil
}

// connectSchema returns the Connect schema that the properties describe.
func (n *node) connectSchema(t debezium.Type) *debezium.Schema {
	s := &debezium.Schema{Type: t}
	if n.kind != '{' {
		return s
	}
	switch n.string("connect.type") {
	case "int8":
		s.Type = debezium.Int8
	case "int16":
		s.Type = debezium.Int16
	}
	s.Name, s.Doc = n.string("connect.name"), n.string("connect.doc")
	s.Version, _ = strconv.Atoi(n.string("connect.version")) // of text that is a number, else 0
	if params := n.member("connect.parameters"); params != nil {
		for _, m := range params.members {
			s.Params = append(s.Params, debezium.Param{Key: m.name, Value: m.value.text})
		}
	}
	if s.Name == "" {
		n.logical(s)
	}
	return s
}

// logical names Avro's logical types as Connect does where connect.name does not.
func (n *node) logical(s *debezium.Schema) {
	switch n.string("logicalType") {
	case "decimal":
		s.Name, s.Version = decimalName, 1
		s.Params = []debezium.Param{{Key: "scale", Value: "0"}, {Key: "connect.decimal.precision", Value: n.string("precision")}}
		if scale := n.string("scale"); scale != "" {
			s.Params[0].Value = scale
		}
	case "date":
		s.Name, s.Version = connectDate, 1
	case "time-millis":
		s.Name, s.Version = connectTime, 1
	case "timestamp-millis":
		s.Name, s.Version = connectTimestamp, 1
	}
}
