package schemahistory

import (
	"strconv"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// EncodeRecord returns the value of a history record, byte for byte as Debezium
// writes it: indented, with a space on both sides of a colon.
func EncodeRecord(r *Record) []byte {
	w := writer{buf: make([]byte, 0, 1024)}
	w.open()
	w.key("source")
	w.open()
	w.text("server", r.Server)
	w.close()
	w.position(&r.Position)
	w.number("ts_ms", r.TsMs)
	w.text("databaseName", r.Database)
	if r.Schema != "" {
		w.text("schemaName", r.Schema)
	}
	w.text("ddl", r.DDL)
	w.key("tableChanges")
	w.array(len(r.Changes), func(i int) { w.change(&r.Changes[i]) })
	w.close()
	return w.buf
}

// writer writes JSON in the layout of Jackson's default pretty printer.
type writer struct {
	buf   []byte
	depth int
	first bool // nothing has been written into the object that is open
}

func (w *writer) open() {
	w.buf = append(w.buf, '{')
	w.depth++
	w.first = true
}

func (w *writer) close() {
	w.depth--
	if w.first {
		w.buf = append(w.buf, ' ', '}')
	} else {
		w.line()
		w.buf = append(w.buf, '}')
	}
	w.first = false
}

func (w *writer) line() {
	w.buf = append(w.buf, '\n')
	for range w.depth {
		w.buf = append(w.buf, ' ', ' ')
	}
}

func (w *writer) key(name string) {
	if !w.first {
		w.buf = append(w.buf, ',')
	}
	w.first = false
	w.line()
	w.buf = appendString(w.buf, name)
	w.buf = append(w.buf, " : "...)
}

func (w *writer) text(name, v string) {
	w.key(name)
	w.buf = appendString(w.buf, v)
}

// textOrNull writes null for the empty string.
func (w *writer) textOrNull(name, v string) {
	if v != "" {
		w.text(name, v)
		return
	}
	w.key(name)
	w.buf = append(w.buf, "null"...)
}

func (w *writer) number(name string, v int64) {
	w.key(name)
	w.buf = strconv.AppendInt(w.buf, v, 10)
}

func (w *writer) flag(name string, v bool) {
	w.key(name)
	w.buf = strconv.AppendBool(w.buf, v)
}

// array writes n elements on one line, as far as they are not objects.
func (w *writer) array(n int, element func(i int)) {
	w.buf = append(w.buf, '[')
	for i := range n {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.buf = append(w.buf, ' ')
		element(i)
	}
	w.buf = append(w.buf, ' ', ']')
}

func (w *writer) texts(name string, v []string) {
	w.key(name)
	w.array(len(v), func(i int) { w.buf = appendString(w.buf, v[i]) })
}

func (w *writer) position(p *RecordPosition) {
	w.key("position")
	w.open()
	if p.TsSec != 0 {
		w.number("ts_sec", p.TsSec)
	}
	w.text("file", p.File)
	w.key("pos")
	w.buf = strconv.AppendUint(w.buf, p.Pos, 10)
	if p.GTIDs != "" {
		w.text("gtids", p.GTIDs)
	}
	switch p.Snapshot {
	case "":
	case "true":
		w.flag("snapshot", true)
	default:
		w.text("snapshot", p.Snapshot)
	}
	for _, f := range []struct {
		name string
		v    int64
	}{{"server_id", p.ServerID}, {"event", p.Event}, {"row", p.Row}} {
		if f.v != 0 {
			w.number(f.name, f.v)
		}
	}
	w.close()
}

func (w *writer) change(c *debezium.TableChange) {
	w.open()
	w.text("type", c.Type)
	w.text("id", c.ID.Quoted())
	if c.Previous != nil {
		w.text("previousId", c.Previous.Quoted())
	}
	if t := c.Table; t != nil {
		w.key("table")
		w.open()
		w.textOrNull("defaultCharsetName", t.DefaultCharset)
		w.texts("primaryKeyColumnNames", t.PrimaryKey)
		w.key("columns")
		w.array(len(t.Columns), func(i int) { w.column(&t.Columns[i]) })
		w.texts("attributes", nil)
		w.close()
		w.textOrNull("comment", t.Comment)
	}
	w.close()
}

func (w *writer) column(c *debezium.Column) {
	w.open()
	w.text("name", c.Name)
	w.number("jdbcType", int64(c.JDBCType))
	if c.NativeType != 0 {
		w.number("nativeType", int64(c.NativeType))
	}
	w.text("typeName", c.TypeName)
	w.text("typeExpression", c.TypeExpression)
	w.textOrNull("charsetName", c.Charset)
	if c.Length >= 0 {
		w.number("length", int64(c.Length))
	}
	if c.Scale >= 0 {
		w.number("scale", int64(c.Scale))
	}
	w.number("position", int64(c.Position))
	w.flag("optional", c.Optional)
	w.flag("autoIncremented", c.AutoIncremented)
	w.flag("generated", c.Generated)
	w.textOrNull("comment", c.Comment)
	w.flag("hasDefaultValue", c.HasDefault)
	if c.Default != nil {
		w.text("defaultValueExpression", *c.Default)
	}
	w.texts("enumValues", c.EnumValues)
	w.close()
}

const upperHex = "0123456789ABCDEF"

// appendString appends a JSON string with the escapes that Jackson uses.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		i++
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			if c < ' ' {
				dst = append(dst, '\\', 'u', '0', '0', upperHex[c>>4], upperHex[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}
