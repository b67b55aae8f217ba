package convert

import (
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// text converts CHAR, VARCHAR and the TEXTs. A row image holds them in the
// column's own character set, a SELECT returns UTF-8.
type text struct {
	charset charset // nil for UTF-8
	ascii   bool    // ASCII bytes are themselves
}

func newText(c *debezium.Column, exact bool) (converter, error) {
	cs, err := newCharset(c.Charset, exact)
	if err != nil {
		return nil, err
	}
	t := &text{charset: cs, ascii: true}
	switch cs := cs.(type) {
	case wide:
		t.ascii = false
	case *singleByte:
		t.ascii = cs.asciiOnly
	}
	return t, nil
}

func (t *text) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Raw {
		return kindError{v.Kind}
	}
	if t.charset == nil || t.ascii && isASCII(v.B) {
		return t.selected(a, v.B, out)
	}
	from := len(a.b)
	a.b = t.charset.decode(a.b, v.B)
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

func (*text) selected(a *arena, text []byte, out *debezium.Value) error {
	if utf8.Valid(text) {
		*out = debezium.Value{Type: debezium.String, B: text}
		return nil
	}
	from := len(a.b)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		a.b = utf8.AppendRune(a.b, r)
		text = text[n:]
	}
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

func isASCII(b []byte) bool {
	for len(b) >= 8 {
		if (uint64(b[0])|uint64(b[1])|uint64(b[2])|uint64(b[3])|uint64(b[4])|uint64(b[5])|uint64(b[6])|uint64(b[7]))&0x80 != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
