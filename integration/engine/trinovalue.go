package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// typeSign is a type as Trino's answers describe it.
type typeSign struct {
	Raw       string `json:"rawType"`
	Arguments []struct {
		Kind  string          `json:"kind"`
		Value json.RawMessage `json:"value"`
	} `json:"arguments"`
}

// member is a type inside another, with its name if it has one.
type member struct {
	Field struct {
		Name string `json:"name"`
	} `json:"fieldName"`
	Type typeSign `json:"typeSignature"`
}

// text returns a value of the type in the form that DuckDB's program gives it,
// nil for NULL.
func (t *typeSign) text(value json.RawMessage) (*string, error) {
	if value == nil || bytes.Equal(value, []byte("null")) {
		return nil, nil
	}
	text := string(value)
	switch t.Raw {
	case "boolean", "tinyint", "smallint", "integer", "bigint":
		return &text, nil
	case "row", "array":
		text, err := t.document(value)
		return &text, err
	case "real", "double":
		text, err := t.float(strings.Trim(text, `"`))
		return &text, err
	default:
	}
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, err
	}
	switch t.Raw {
	case "varchar", "char", "decimal", "date", "timestamp", "uuid":
	case "timestamp with time zone":
		text = strings.TrimSuffix(text, " UTC") + "Z"
	case "time":
		text = strings.TrimSuffix(text, ".000000")
	case "varbinary":
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		text = hex.EncodeToString(raw)
	default:
		return nil, fmt.Errorf("no form for values of type %s", t.Raw)
	}
	return &text, nil
}

// float writes a number as Python does: always with a point or an exponent.
func (t *typeSign) float(text string) (string, error) {
	bits := 64
	if t.Raw == "real" {
		bits = 32
	}
	f, err := strconv.ParseFloat(text, bits)
	if err != nil {
		return "", err
	}
	const leastFixed, leastExponent = 1e-4, 1e16
	if abs := max(f, -f); abs != 0 && (abs < leastFixed || abs >= leastExponent) {
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'e', -1, 64), "+")), nil
	}
	text = strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'f', -1, 64), "+"))
	if strings.Trim(text, "-0123456789") == "" {
		text += ".0"
	}
	return text, nil
}

// document writes a row or an array as Python's json.dumps does.
func (t *typeSign) document(value json.RawMessage) (string, error) {
	var values []json.RawMessage
	if err := json.Unmarshal(value, &values); err != nil {
		return "", err
	}
	parts := make([]string, len(values))
	for i, v := range values {
		var m member
		description := t.Arguments[0].Value
		if t.Raw == "row" {
			description = t.Arguments[i].Value
			if err := json.Unmarshal(description, &m); err != nil {
				return "", err
			}
			parts[i] = quote(m.Field.Name) + ": "
		} else if err := json.Unmarshal(description, &m.Type); err != nil {
			return "", err
		}
		text, err := m.Type.text(v)
		if err != nil {
			return "", err
		}
		switch {
		case text == nil:
			parts[i] += "null"
		case m.Type.plain():
			parts[i] += *text
		default:
			parts[i] += quote(*text)
		}
	}
	if t.Raw == "row" {
		return "{" + strings.Join(parts, ", ") + "}", nil
	}
	return "[" + strings.Join(parts, ", ") + "]", nil
}

// plain reports whether values of the type stand in JSON without quotes.
func (t *typeSign) plain() bool {
	switch t.Raw {
	case "boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "row", "array":
		return true
	default:
		return false
	}
}

// quote writes a string of JSON in ASCII.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	b.WriteByte('"')
	return b.String()
}
