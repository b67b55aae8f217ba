package maintenance

import (
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// The forms that schemas and values have in a property.
type (
	fillRecord struct {
		Position string        `json:"position"`
		Done     bool          `json:"done,omitempty"`
		Schema   *schemaRecord `json:"schema"`
		Value    valueRecord   `json:"value"`
	}
	schemaRecord struct {
		Field    string          `json:"field,omitempty"`
		Type     string          `json:"type"`
		Optional bool            `json:"optional,omitempty"`
		Name     string          `json:"name,omitempty"`
		Version  int             `json:"version,omitempty"`
		Params   [][2]string     `json:"parameters,omitempty"`
		Fields   []*schemaRecord `json:"fields,omitempty"`
		Items    *schemaRecord   `json:"items,omitempty"`
		Keys     *schemaRecord   `json:"keys,omitempty"`
	}
	valueRecord struct {
		Type  string        `json:"type"`
		I     int64         `json:"i,omitempty"`
		B     []byte        `json:"b,omitempty"`
		Elems []valueRecord `json:"elems,omitempty"`
	}
)

func newSchemaRecord(s *debezium.Schema) *schemaRecord {
	if s == nil {
		return nil
	}
	r := &schemaRecord{Type: s.Type.String(), Optional: s.Optional, Name: s.Name, Version: s.Version}
	for _, p := range s.Params {
		r.Params = append(r.Params, [2]string{p.Key, p.Value})
	}
	for _, f := range s.Fields {
		field := newSchemaRecord(f.Schema)
		field.Field = f.Name
		r.Fields = append(r.Fields, field)
	}
	r.Items, r.Keys = newSchemaRecord(s.Items), newSchemaRecord(s.Keys)
	return r
}

func (r *schemaRecord) schema() (*debezium.Schema, error) {
	if r == nil {
		return nil, errors.New("a schema is missing")
	}
	t, ok := debezium.ParseType(r.Type)
	if !ok {
		return nil, fmt.Errorf("unknown type %q", r.Type)
	}
	s := &debezium.Schema{Type: t, Optional: r.Optional, Name: r.Name, Version: r.Version}
	for _, p := range r.Params {
		s.Params = append(s.Params, debezium.Param{Key: p[0], Value: p[1]})
	}
	for _, f := range r.Fields {
		field, err := f.schema()
		if err != nil {
			return nil, err
		}
		s.Fields = append(s.Fields, debezium.Field{Name: f.Field, Schema: field})
	}
	for _, part := range []struct {
		from *schemaRecord
		to   **debezium.Schema
	}{{r.Items, &s.Items}, {r.Keys, &s.Keys}} {
		if part.from == nil {
			continue
		}
		var err error
		if *part.to, err = part.from.schema(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func newValueRecord(v *debezium.Value) valueRecord {
	r := valueRecord{Type: v.Type.String(), I: v.I, B: v.B}
	for i := range v.Elems {
		r.Elems = append(r.Elems, newValueRecord(&v.Elems[i]))
	}
	return r
}

func (r *valueRecord) value() (debezium.Value, error) {
	v := debezium.Value{I: r.I, B: r.B}
	if r.Type != debezium.Null.String() {
		t, ok := debezium.ParseType(r.Type)
		if !ok {
			return v, fmt.Errorf("unknown type %q", r.Type)
		}
		v.Type = t
	}
	for i := range r.Elems {
		e, err := r.Elems[i].value()
		if err != nil {
			return v, err
		}
		v.Elems = append(v.Elems, e)
	}
	return v, nil
}
