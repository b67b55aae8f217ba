package codec

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// avroText derives Avro schemas as Confluent's AvroData does, character for
// character: the registry gives ids to texts, and keys contain the id.
type avroText struct {
	meta    bool // connect.meta.data
	known   map[string]bool
	unnamed int
}

// avroSchema returns the Avro schema of a record's struct.
func avroSchema(s *debezium.Schema, meta bool) (string, error) {
	t := avroText{meta: meta, known: make(map[string]bool)}
	text, err := t.append(nil, s, "")
	return string(text), err
}

// append appends the type of a value that is never null, in a record of the namespace.
func (t *avroText) append(dst []byte, s *debezium.Schema, namespace string) ([]byte, error) {
	if s.Type == debezium.Struct {
		return t.appendRecord(dst, s, namespace)
	}
	p := avroProperties{}
	var err error
	switch s.Type {
	case debezium.Int8, debezium.Int16:
		p.base, p.connectType = `"int"`, s.Type.String()
	case debezium.Int32:
		p.base = `"int"`
	case debezium.Int64:
		p.base = `"long"`
	case debezium.Float32, debezium.Float64, debezium.Boolean, debezium.String, debezium.Bytes:
		p.base = `"` + s.Type.String() + `"`
	case debezium.Array:
		err = t.element(&p, `"array","items":`, s.Items, namespace)
	case debezium.Map:
		if s.Keys == nil || s.Keys.Type != debezium.String || s.Keys.Optional {
			return dst, fmt.Errorf("a map whose keys are not strings has no Avro form here")
		}
		err = t.element(&p, `"map","values":`, s.Items, namespace)
	default:
		err = fmt.Errorf("schema of type %s has no Avro form", s.Type)
	}
	if err != nil {
		return dst, err
	}
	if err := p.logical(s); err != nil {
		return dst, err
	}
	return t.appendProperties(dst, &p, s)
}

func (t *avroText) element(p *avroProperties, base string, items *debezium.Schema, namespace string) error {
	if items == nil {
		return fmt.Errorf("schema lacks the schema of an element")
	}
	text, err := t.appendOptional([]byte(base), items, namespace)
	p.base, p.complex = string(text), true
	return err
}

// avroProperties are what surrounds the name of a type.
type avroProperties struct {
	base        string
	complex     bool // base is more than a name
	decimal     string
	connectType string
	logicalType string
}

// avroDecimalPrecision is AvroData's precision of a decimal that does not tell its own.
const avroDecimalPrecision = "64"

func (p *avroProperties) logical(s *debezium.Schema) error {
	switch s.Name {
	case decimalName:
		scale, err := decimalScale(s)
		if err != nil {
			return err
		}
		precision, ok := s.Param("connect.decimal.precision")
		if !ok {
			precision = avroDecimalPrecision
		}
		p.decimal = `,"scale":` + strconv.Itoa(scale) + `,"precision":` + precision
		p.logicalType = "decimal"
	case connectDate:
		p.logicalType = "date"
	case connectTime:
		p.logicalType = "time-millis"
	case connectTimestamp:
		p.logicalType = "timestamp-millis"
	}
	return nil
}

func (t *avroText) appendProperties(dst []byte, p *avroProperties, s *debezium.Schema) ([]byte, error) {
	start := len(dst)
	dst = append(append(dst, `{"type":`...), p.base...)
	dst = append(dst, p.decimal...)
	dst, err := t.appendConnect(dst, s)
	if err != nil {
		return dst, err
	}
	if p.connectType != "" && t.meta {
		dst = append(append(append(dst, `,"connect.type":"`...), p.connectType...), '"')
	}
	if p.logicalType != "" {
		dst = append(append(append(dst, `,"logicalType":"`...), p.logicalType...), '"')
	}
	if !p.complex && len(dst) == start+len(`{"type":`)+len(p.base) {
		return append(dst[:start], p.base...), nil
	}
	return append(dst, '}'), nil
}

// appendConnect appends what Connect's schema has and Avro's has not.
func (t *avroText) appendConnect(dst []byte, s *debezium.Schema) ([]byte, error) {
	if !t.meta {
		return dst, nil
	}
	if s.Doc != "" {
		dst = appendAvroString(append(dst, `,"connect.doc":`...), s.Doc)
	}
	if s.Version != 0 {
		dst = strconv.AppendInt(append(dst, `,"connect.version":`...), int64(s.Version), 10)
	}
	for i, p := range s.Params {
		if i == 0 {
			dst = append(dst, `,"connect.parameters":{`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(appendAvroString(dst, p.Key), ':')
		if dst = appendAvroString(dst, p.Value); i == len(s.Params)-1 {
			dst = append(dst, '}')
		}
	}
	if s.Default != nil {
		var err error
		if dst, err = appendAvroDefault(append(dst, `,"connect.default":`...), s); err != nil {
			return dst, err
		}
	}
	if s.Name != "" {
		dst = appendAvroString(append(dst, `,"connect.name":`...), s.Name)
	}
	return dst, nil
}

// unnamedRecord is the name of a struct that has none for Connect; behind that of
// the second and later ones is a number.
const unnamedRecord = "io.confluent.connect.avro.ConnectDefault"

func (t *avroText) appendRecord(dst []byte, s *debezium.Schema, enclosing string) ([]byte, error) {
	full := s.Name
	if full == "" {
		t.unnamed++
		full = unnamedRecord
		if t.unnamed > 1 {
			full += strconv.Itoa(t.unnamed)
		}
	}
	namespace, name := "", full
	if i := strings.LastIndexByte(full, '.'); i >= 0 {
		namespace, name = full[:i], full[i+1:]
	}
	if t.known[full] {
		if namespace != enclosing {
			name = full
		}
		return appendAvroString(dst, name), nil
	}
	t.known[full] = true
	dst = appendAvroString(append(dst, `{"type":"record","name":`...), name)
	if namespace != enclosing {
		dst = appendAvroString(append(dst, `,"namespace":`...), namespace)
	}
	dst = append(dst, `,"fields":[`...)
	var err error
	for i := range s.Fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = t.appendField(dst, &s.Fields[i], namespace); err != nil {
			return dst, fmt.Errorf("field %s: %w", s.Fields[i].Name, err)
		}
	}
	if dst, err = t.appendConnect(append(dst, ']'), s); err != nil {
		return dst, err
	}
	return append(dst, '}'), nil
}

func (t *avroText) appendField(dst []byte, f *debezium.Field, namespace string) ([]byte, error) {
	if f.Schema == nil {
		return dst, fmt.Errorf("schema lacks the schema of an element")
	}
	dst = appendAvroString(append(dst, `{"name":`...), f.Name)
	dst, err := t.appendOptional(append(dst, `,"type":`...), f.Schema, namespace)
	if err != nil {
		return dst, err
	}
	switch {
	case f.Schema.Default != nil:
		if dst, err = appendAvroDefault(append(dst, `,"default":`...), f.Schema); err != nil {
			return dst, err
		}
	case f.Schema.Optional:
		dst = append(dst, `,"default":null`...)
	}
	return append(dst, '}'), nil
}

// appendOptional appends a type, in a union with null if it is optional. Avro
// wants the branch of the default first.
func (t *avroText) appendOptional(dst []byte, s *debezium.Schema, namespace string) ([]byte, error) {
	if !s.Optional {
		return t.append(dst, s, namespace)
	}
	if s.Default != nil {
		dst, err := t.append(append(dst, '['), s, namespace)
		return append(dst, `,"null"]`...), err
	}
	dst, err := t.append(append(dst, `["null",`...), s, namespace)
	return append(dst, ']'), err
}

// appendAvroDefault appends a default as JSON; bytes are characters of Latin-1.
func appendAvroDefault(dst []byte, s *debezium.Schema) ([]byte, error) {
	v := s.Default
	if v.Type != s.Type {
		return dst, fmt.Errorf("default is a %s, the schema says %s", v.Type, s.Type)
	}
	switch v.Type {
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
		return strconv.AppendInt(dst, v.I, 10), nil
	case debezium.Boolean:
		return strconv.AppendBool(dst, v.Bool()), nil
	case debezium.Float32:
		return appendJavaFloat(dst, v.Float(), 32), nil
	case debezium.Float64:
		return appendJavaFloat(dst, v.Float(), 64), nil
	case debezium.String:
		return appendAvroString(dst, string(v.B)), nil
	case debezium.Bytes:
		text := make([]byte, 0, 2*len(v.B))
		for _, b := range v.B {
			text = utf8.AppendRune(text, rune(b))
		}
		return appendAvroString(dst, string(text)), nil
	default:
		return dst, fmt.Errorf("a default of type %s has no Avro form", v.Type)
	}
}

// appendAvroString appends a quoted string as Avro's Schema.toString does,
// which leaves all beyond ASCII as it is.
func appendAvroString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			dst = appendEscape(dst, c)
		} else {
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
