package codec

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// AppendHeader appends a value as the text that Connect's default header
// converter makes of it: strings and bytes stand without quotes. A null has no
// value: dst is returned as it is.
func AppendHeader(dst []byte, schema *debezium.Schema, v *debezium.Value) ([]byte, error) {
	switch {
	case v.Type == debezium.Null:
		return dst, nil
	case v.Type == debezium.String:
		return append(dst, bytes.ToValidUTF8(v.B, []byte("\uFFFD"))...), nil
	case v.Type == debezium.Bytes && schema.Name != decimalName:
		return base64.StdEncoding.AppendEncode(dst, v.B), nil
	default:
		return appendHeaderValue(dst, schema, v)
	}
}

// AppendHeaderStruct appends a struct as the text that Connect's default
// header converter, SimpleHeaderConverter, makes of it: {"id":1001}. It is how
// the old and new keys of a changed key travel.
func AppendHeaderStruct(dst []byte, schema *debezium.Schema, values []debezium.Value) ([]byte, error) {
	if len(values) != len(schema.Fields) {
		return dst, fmt.Errorf("encode header: struct has %d values, the schema %d fields", len(values), len(schema.Fields))
	}
	var err error
	dst = append(dst, '{')
	for i := range schema.Fields {
		f := &schema.Fields[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendHeaderString(dst, []byte(f.Name)), ':')
		if dst, err = appendHeaderValue(dst, f.Schema, &values[i]); err != nil {
			return dst, fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return append(dst, '}'), nil
}

func appendHeaderValue(dst []byte, s *debezium.Schema, v *debezium.Value) ([]byte, error) {
	if v.Type == debezium.Null && s.Default != nil {
		v = s.Default
	}
	switch v.Type {
	case debezium.Null:
		return append(dst, "null"...), nil
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
		return appendHeaderInt(dst, s.Name, v.I), nil
	case debezium.Boolean:
		return strconv.AppendBool(dst, v.I != 0), nil
	case debezium.Float32:
		return appendJavaFloat(dst, v.Float(), 32), nil
	case debezium.Float64:
		return appendJavaFloat(dst, v.Float(), 64), nil
	case debezium.String:
		return appendHeaderString(dst, v.B), nil
	case debezium.Bytes:
		if s.Name == decimalName {
			scale, err := decimalScale(s)
			if err != nil {
				return dst, err
			}
			return appendDecimal(dst, v.B, scale), nil
		}
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v.B)
		return append(dst, '"'), nil
	case debezium.Struct:
		return AppendHeaderStruct(dst, s, v.Elems)
	case debezium.Array:
		return appendHeaderArray(dst, s, v.Elems)
	default:
		return dst, fmt.Errorf("encode header: value of type %s cannot be encoded", v.Type)
	}
}

func appendHeaderArray(dst []byte, s *debezium.Schema, elems []debezium.Value) ([]byte, error) {
	var err error
	dst = append(dst, '[')
	for i := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendHeaderValue(dst, s.Items, &elems[i]); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendHeaderInt writes Connect's own temporal types as the converter writes
// a java.util.Date: anything in 1970's first day or before as a time, a
// midnight as a date.
func appendHeaderInt(dst []byte, schema string, i int64) []byte {
	const day = 24 * 60 * 60 * 1000
	switch schema {
	case connectDate:
		i *= day
	case connectTime, connectTimestamp:
	default:
		return strconv.AppendInt(dst, i, 10)
	}
	layout := "2006-01-02T15:04:05.000Z"
	if i < day {
		layout = "15:04:05.000Z"
	} else if i%day == 0 {
		layout = time.DateOnly
	}
	return time.UnixMilli(i).UTC().AppendFormat(dst, layout)
}

// appendHeaderString escapes quotes and backslashes and nothing else.
func appendHeaderString(dst, s []byte) []byte {
	dst = append(dst, '"')
	s = bytes.ToValidUTF8(s, []byte("\uFFFD"))
	for {
		i := bytes.IndexAny(s, `"\`)
		if i < 0 {
			break
		}
		dst = append(append(dst, s[:i]...), '\\', s[i])
		s = s[i+1:]
	}
	return append(append(dst, s...), '"')
}
