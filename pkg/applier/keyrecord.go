package applier

import (
	"encoding/json"
	"fmt"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// Table properties of how rows are told apart.
const (
	propKey  = "firn.key" // the record keys' schema
	propMode = "firn.write-mode"

	modeUpsert = "upsert"
	modeAppend = "append"
)

// keyField is one column of a key's schema as a property has it.
type keyField struct {
	Name     string      `json:"name"`
	Type     string      `json:"type"`
	Semantic string      `json:"semantic,omitempty"`
	Version  int         `json:"version,omitempty"`
	Optional bool        `json:"optional,omitempty"`
	Params   [][2]string `json:"parameters,omitempty"`
}

// keyRecord writes a key's schema, without what does not change its bytes.
func keyRecord(s *debezium.Schema) (string, error) {
	fields := make([]keyField, 0, len(s.Fields))
	for i := range s.Fields {
		f := s.Fields[i].Schema
		k := keyField{Name: s.Fields[i].Name, Type: f.Type.String(), Semantic: f.Name, Version: f.Version, Optional: f.Optional}
		for _, p := range f.Params {
			k.Params = append(k.Params, [2]string{p.Key, p.Value})
		}
		fields = append(fields, k)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("write key schema: %w", err)
	}
	return string(text), nil
}

// parseKey reads what keyRecord wrote; "" is no key.
func parseKey(text string) (*batch.Key, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // none is recorded
	}
	var fields []keyField
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, fmt.Errorf("read property %s: %w", propKey, err)
	}
	s := &debezium.Schema{Type: debezium.Struct}
	for _, f := range fields {
		t, ok := debezium.ParseType(f.Type)
		if !ok {
			return nil, fmt.Errorf("read property %s: unknown type %q", propKey, f.Type)
		}
		field := &debezium.Schema{Type: t, Name: f.Semantic, Version: f.Version, Optional: f.Optional}
		for _, p := range f.Params {
			field.Params = append(field.Params, debezium.Param{Key: p[0], Value: p[1]})
		}
		s.Fields = append(s.Fields, debezium.Field{Name: f.Name, Schema: field})
	}
	return batch.NewKey(s)
}
