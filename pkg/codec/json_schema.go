package codec

import (
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// appendSchema appends the schema block of s; field is the name of the field
// that has it, "" if it is no field's.
func (j *JSON) appendSchema(dst []byte, s *debezium.Schema, field string) ([]byte, error) {
	var err error
	dst = append(dst, `{"type":"`...)
	dst = append(dst, s.Type.String()...)
	dst = append(dst, '"')
	switch s.Type {
	case debezium.Struct:
		dst = append(dst, `,"fields":[`...)
		for i := range s.Fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = j.appendSchema(dst, s.Fields[i].Schema, s.Fields[i].Name); err != nil {
				return dst, err
			}
		}
		dst = append(dst, ']')
	case debezium.Array:
		dst = append(dst, `,"items":`...)
		dst, err = j.appendSchema(dst, s.Items, "")
	case debezium.Map:
		dst = append(dst, `,"keys":`...)
		if dst, err = j.appendSchema(dst, s.Keys, ""); err != nil {
			return dst, err
		}
		dst = append(dst, `,"values":`...)
		dst, err = j.appendSchema(dst, s.Items, "")
	default: // the scalars have no parts
	}
	if err != nil {
		return dst, err
	}
	if dst, err = j.appendSchemaProperties(dst, s); err != nil {
		return dst, err
	}
	if field != "" {
		dst = appendJSONString(append(dst, `,"field":`...), []byte(field))
	}
	return append(dst, '}'), nil
}

func (j *JSON) appendSchemaProperties(dst []byte, s *debezium.Schema) ([]byte, error) {
	dst = append(dst, `,"optional":`...)
	dst = strconv.AppendBool(dst, s.Optional)
	if s.Name != "" {
		dst = appendJSONString(append(dst, `,"name":`...), []byte(s.Name))
	}
	if s.Version != 0 {
		dst = strconv.AppendInt(append(dst, `,"version":`...), int64(s.Version), 10)
	}
	if s.Doc != "" {
		dst = appendJSONString(append(dst, `,"doc":`...), []byte(s.Doc))
	}
	if len(s.Params) > 0 {
		dst = append(dst, `,"parameters":`...)
		sep := byte('{')
		for _, p := range s.Params {
			dst = appendJSONString(append(dst, sep), []byte(p.Key))
			dst = appendJSONString(append(dst, ':'), []byte(p.Value))
			sep = ','
		}
		dst = append(dst, '}')
	}
	if s.Default == nil {
		return dst, nil
	}
	plan, err := j.compile(s)
	if err != nil {
		return dst, err
	}
	return plan.append(append(dst, `,"default":`...), s.Default)
}
