package convert

import (
	"bytes"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// Rules change which columns of tables are published, and how: Debezium's
// settings column.* and message.key.columns, and its converter to booleans. The
// zero value changes nothing. Columns of the key are in it as they are, whatever
// the treatments of the value.
type Rules struct {
	// Published says whether a value has a column; nil: it has all.
	Published func(table debezium.TableID, column string) bool
	// Boolean says which columns of a TINYINT type are booleans, true above zero, in keys as well; nil: none.
	Boolean func(table debezium.TableID, c *debezium.Column) bool
	// Treatments are tried in order; the first that matches a column is done to it.
	Treatments []Treatment
	// Key returns which of a table's columns its record key has, if not those of its primary key; nil: those.
	Key func(table debezium.TableID, columns []debezium.Column) []string
}

// Action is what a treatment does.
type Action uint8

// The actions.
const (
	Propagate Action = iota // the source's type goes into the schema's parameters (column.propagate.source.type)
	Mask                    // text becomes asterisks (column.mask.with.N.chars)
	Truncate                // text is cut (column.truncate.to.N.chars)
	Hash                    // text becomes its salted hash in hexadecimal (column.mask.hash.v2)
	HashV1                  // the same of what Java serialises it as (column.mask.hash)
)

// Treatment is what is done to some columns, in values and in their schema.
type Treatment struct {
	Match   func(table debezium.TableID, c *debezium.Column) bool
	Action  Action
	Length  int              // of Mask and Truncate, in UTF-16 units
	NewHash func() hash.Hash // of Hash and HashV1
	Salt    string           // of Hash and HashV1
}

// isText reports whether a column is of a type that treatments change the values of.
func isText(c *debezium.Column) bool { return slices.Contains(textTypes[:], c.JDBCType) }

var textTypes = [...]int{debezium.JDBCChar, debezium.JDBCVarchar, debezium.JDBCNChar, debezium.JDBCNVarchar}

// treat applies the treatment to a column of a plan.
func (t *Treatment) treat(c *debezium.Column, out *column, schema *debezium.Schema) *debezium.Schema {
	treated := *schema
	treated.Params = slices.Clone(schema.Params)
	add := func(key, value string) {
		treated.Params = append(treated.Params, debezium.Param{Key: key, Value: value})
	}
	switch t.Action {
	case Propagate:
		const prefix = "__debezium.source.column."
		add(prefix+"type", strings.ToUpper(c.TypeName))
		if c.Length >= 0 {
			add(prefix+"length", strconv.Itoa(c.Length))
		}
		if c.Scale >= 0 {
			add(prefix+"scale", strconv.Itoa(c.Scale))
		}
		if c.Comment != "" {
			add(prefix+"comment", c.Comment)
		}
		add(prefix+"name", c.Name)
		return &treated
	case Truncate:
		add("truncateLength", strconv.Itoa(t.Length))
	default:
		add("masked", "true")
	}
	if !isText(c) {
		return &treated
	}
	switch t.Action {
	case Mask:
		mask := debezium.Value{Type: debezium.String, B: bytes.Repeat([]byte{'*'}, t.Length)}
		out.converter, out.optional, out.absent = &masked{mask}, false, mask // NULL too
	case Truncate:
		out.converter = &edited{inner: out.converter, edit: (&truncated{units: t.Length}).cut}
	default:
		h := &hashed{hash: t.NewHash(), salt: []byte(t.Salt), java: t.Action == HashV1, limit: c.Length}
		out.converter = &edited{inner: out.converter, edit: h.replace}
	}
	return &treated
}

// masked is the same whatever the value is.
type masked struct{ mask debezium.Value }

func (m *masked) streamed(_ *arena, _ *mysql.Value, out *debezium.Value) error {
	*out = m.mask
	return nil
}

func (m *masked) selected(_ *arena, _ []byte, out *debezium.Value) error {
	*out = m.mask
	return nil
}

// edited is text with something done to it behind its conversion.
type edited struct {
	inner converter
	edit  func(a *arena, out *debezium.Value)
}

func (e *edited) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	err := e.inner.streamed(a, v, out)
	e.edit(a, out)
	return err
}

func (e *edited) selected(a *arena, text []byte, out *debezium.Value) error {
	err := e.inner.selected(a, text, out)
	e.edit(a, out)
	return err
}

// truncated cuts text as Java does, in UTF-16 units: half a pair at its end
// becomes a question mark.
type truncated struct{ units int }

func (t *truncated) cut(a *arena, out *debezium.Value) {
	if len(out.B) <= t.units {
		return
	}
	units := 0
	for i, r := range string(out.B) {
		n := max(utf16.RuneLen(r), 1)
		switch {
		case units == t.units:
			out.B = out.B[:i]
			return
		case units+n > t.units:
			from := len(a.b)
			a.b = append(append(a.b, out.B[:i]...), '?')
			out.B = a.from(from)
			return
		}
		units += n
	}
}

// hashed replaces text by a salted hash, as long as the column at most.
type hashed struct {
	hash  hash.Hash
	salt  []byte
	java  bool
	limit int // -1: none
}

func (h *hashed) replace(a *arena, out *debezium.Value) {
	if out.Type != debezium.String {
		return
	}
	h.hash.Reset()
	from := len(a.b)
	if h.java {
		a.b = appendJava(append(a.b, h.salt...), out.B)
		_, _ = h.hash.Write(a.b[from:]) // never fails
		a.b = a.b[:from]
	} else {
		_, _ = h.hash.Write(h.salt)
		_, _ = h.hash.Write(out.B)
	}
	a.b = h.hash.Sum(a.b)
	sum := a.from(from)
	from = len(a.b)
	a.b = hex.AppendEncode(a.b, sum)
	out.B = a.from(from)
	if h.limit >= 0 && len(out.B) > h.limit {
		out.B = out.B[:h.limit]
	}
}

// appendJava appends text as Java's ObjectOutputStream writes a String: with a
// header, its length and the modified UTF-8 of the Java virtual machine's class
// files.
func appendJava(dst, text []byte) []byte {
	dst = append(dst, 0xAC, 0xED, 0x00, 0x05) // the stream's magic and version
	at := len(dst)
	dst = append(dst, 0x74, 0, 0) // TC_STRING
	body := len(dst)
	for _, r := range string(text) {
		switch {
		case r == 0:
			dst = append(dst, 0xC0, 0x80)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			for _, unit := range []rune{high, low} {
				dst = append(dst, 0xE0|byte(unit>>12), 0x80|byte(unit>>6)&0x3F, 0x80|byte(unit)&0x3F)
			}
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	n := len(dst) - body
	if n <= 0xFFFF {
		dst[at+1], dst[at+2] = byte(n>>8), byte(n)
		return dst
	}
	long := [9]byte{0x7C} // TC_LONGSTRING
	for i := range 8 {
		long[8-i] = byte(n >> (8 * i))
	}
	return slices.Replace(dst, at, body, long[:]...)
}
