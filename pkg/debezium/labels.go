package debezium

import "strings"

// Label is one member of an ENUM or SET.
type Label struct {
	Text    string // as MySQL has it
	Escaped string // as Debezium prints it in the schema's allowed parameter, and in streamed values
}

// Labels returns the members of an ENUM or SET in the order of their definition.
func (c *Column) Labels() []Label {
	labels := make([]Label, len(c.EnumValues))
	for i, literal := range c.EnumValues {
		inner, quote := unquote(literal)
		escaped := strings.ReplaceAll(inner, ",", `\,`)
		escaped = strings.ReplaceAll(escaped, `\'`, `'`)
		escaped = strings.ReplaceAll(escaped, `''`, `'`)
		labels[i] = Label{Text: unescape(inner, quote), Escaped: escaped}
	}
	return labels
}

// unquote strips the quotes of a string literal and returns which they were, 0 if none.
func unquote(s string) (inner string, quote byte) {
	if n := len(s); n >= 2 && s[0] == s[n-1] && (s[0] == '\'' || s[0] == '"' || s[0] == '`') {
		return s[1 : n-1], s[0]
	}
	return s, 0
}

// unescape resolves the escapes of a MySQL string literal
// (https://dev.mysql.com/doc/refman/8.4/en/string-literals.html).
func unescape(s string, quote byte) string {
	if quote == 0 || !strings.ContainsAny(s, `\'"`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
			b = append(b, quote)
		case s[i] == '\\' && i+1 < len(s):
			i++
			b = appendEscaped(b, s[i])
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '0':
		return append(b, 0)
	case 'b':
		return append(b, '\b')
	case 'n':
		return append(b, '\n')
	case 'r':
		return append(b, '\r')
	case 't':
		return append(b, '\t')
	case 'Z':
		return append(b, 0x1A)
	case '%', '_':
		return append(b, '\\', c)
	default:
		return append(b, c)
	}
}
