package schemahistory

import (
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// epoch is what Debezium writes for CURRENT_TIMESTAMP.
const epoch = "1970-01-01 00:00:00"

// columnDef is a column's definition as a statement writes it.
type columnDef struct {
	col      debezium.Column
	charset  string // as written; "" is the table's
	collate  string
	nullable *bool // nil: not said
	unique   bool
	primary  bool
	now      bool    // the default is CURRENT_TIMESTAMP
	perRow   bool    // the default is an expression
	constant *string // the value of an expression that is only a literal in parentheses
	computed bool    // AS (…)
	// versioned is WITH SYSTEM VERSIONING, which a table is for the sake of one column.
	versioned bool
	cascades  bool   // REFERENCES … ON DELETE CASCADE, and the like
	first     bool   // FIRST
	after     string // AFTER
}

func (d *columnDef) serial() {
	no := false
	d.nullable, d.unique, d.col.AutoIncremented, d.col.Generated = &no, true, true, true
}

// columnDef reads the definition that follows a column's name, up to the end.
func (h *History) columnDef(r *reader, name string) (*columnDef, error) {
	d := &columnDef{col: debezium.Column{Name: name, Length: -1, Scale: -1}}
	if err := r.dataType(d); err != nil {
		return nil, fmt.Errorf("read column %s: %w", name, err)
	}
	for !r.done() {
		at := r.i
		err := r.attribute(d, &h.opts)
		if err == nil && r.i == at {
			err = r.unexpected("a column attribute")
		}
		if err != nil {
			return nil, fmt.Errorf("read column %s: %w", name, err)
		}
	}
	h.finish(d)
	return d, nil
}

// finish derives what the attributes together mean.
func (h *History) finish(d *columnDef) {
	c := &d.col
	if h.opts.MariaDB && c.TypeName == "JSON" { // an alias there
		c.TypeName, c.JDBCType, d.charset = "LONGTEXT", debezium.JDBCVarchar, "utf8mb4"
	}
	if d.charset == "" && d.collate != "" {
		d.charset = charsetOfCollation(d.collate)
	}
	if !h.opts.DebeziumExact {
		nameType(c)
	}
	c.TypeExpression = c.TypeName
	if d.charset != "" {
		setCharset(c, d.charset)
	}
	c.Optional = !d.primary && (d.nullable == nil || *d.nullable)
	c.HasDefault = c.HasDefault || c.Optional
}

// nameType gives a synonym the name of the type that the server makes of it.
func nameType(c *debezium.Column) {
	switch c.JDBCType {
	case debezium.JDBCBoolean:
		c.TypeName, c.JDBCType, c.Length = "TINYINT", debezium.JDBCSmallint, 1
	case debezium.JDBCReal:
		c.TypeName, c.JDBCType = "DOUBLE"+strings.TrimPrefix(c.TypeName, "REAL"), debezium.JDBCDouble
	}
}

// generated reads what follows AS.
func (r *reader) generated(d *columnDef) error {
	if r.accept("ROW") { // MariaDB: the ends of a row's validity
		no := false
		d.perRow, d.nullable = true, &no
		r.next()
		return nil
	}
	d.computed = true
	if err := r.parens(); err != nil {
		return err
	}
	r.acceptAny("VIRTUAL", "STORED", "PERSISTENT")
	return nil
}

// attribute reads one attribute of a column.
func (r *reader) attribute(d *columnDef, opts *Options) error {
	yes, no := true, false
	switch {
	case r.accept("NOT", "NULL"):
		d.nullable = &no
	case r.accept("NULL"):
		d.nullable = &yes
	case r.accept("DEFAULT"):
		return r.defaultValue(d)
	case r.accept("AUTO_INCREMENT"):
		d.col.AutoIncremented, d.col.Generated = true, true
	case r.accept("ON", "UPDATE"):
		d.col.AutoIncremented, d.col.Generated = true, true
		r.next()
		return r.optionalParens()
	case r.accept("UNIQUE"):
		r.accept("KEY")
		d.unique = true
	case r.accept("PRIMARY", "KEY"), r.accept("PRIMARY"), r.accept("KEY"):
		d.primary = true
	case r.accept("COMMENT"):
		t := r.next()
		if t.Kind != mysql.TokenText {
			return fmt.Errorf("want a comment at %q", t.Text)
		}
		if opts.Comments {
			d.col.Comment = opts.comment(inner(t))
		}
	case r.accept("COLLATE"):
		r.accept("=")
		d.collate = strings.ToLower(r.next().Text)
	case r.accept("SERIAL", "DEFAULT", "VALUE"):
		d.serial()
	case r.accept("GENERATED", "ALWAYS", "AS"), r.accept("AS"):
		return r.generated(d)
	case r.accept("REFERENCES"):
		d.cascades = opts.MariaDB && r.cascades() // MySQL passes over it
		return r.references()
	case r.accept("FIRST"):
		d.first = true
	case r.accept("AFTER"):
		var err error
		d.after, err = r.columnName()
		return err
	default:
		return r.irrelevant(d)
	}
	return nil
}

// irrelevant passes over the attributes that do not show in the model.
func (r *reader) irrelevant(d *columnDef) error {
	switch {
	case r.accept("CONSTRAINT"):
		if !r.peek().Is("CHECK") {
			r.next()
		}
	case r.accept("CHECK"):
		if err := r.parens(); err != nil {
			return err
		}
		if !r.accept("NOT", "ENFORCED") {
			r.accept("ENFORCED")
		}
	case r.acceptAny("VISIBLE", "INVISIBLE"), r.accept("NOT", "SECONDARY"),
		r.accept("WITHOUT", "SYSTEM", "VERSIONING"):
	case r.accept("WITH", "SYSTEM", "VERSIONING"):
		d.versioned = true
	case r.acceptAny("COLUMN_FORMAT", "STORAGE", "SRID"):
		r.next()
	case r.peek().Is("CHARACTER"), r.peek().Is("CHARSET"), r.peek().Is("BINARY"), r.peek().Is("ASCII"),
		r.peek().Is("UNICODE"), r.peek().Is("BYTE"), r.peek().Is("COMPRESSED"):
		return r.textAttributes(d)
	case r.peek().IsName() && r.at(1).Is("="): // engine attributes, and MariaDB's free options
		r.i += 3
	case r.acceptAny("ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"):
		r.next()
	default:
		return r.unexpected("a column attribute")
	}
	return nil
}

func (r *reader) references() error {
	if _, err := r.tableID(""); err != nil {
		return err
	}
	if err := r.optionalParens(); err != nil {
		return err
	}
	for {
		switch {
		case r.accept("MATCH"):
			r.next()
		case r.accept("ON", "DELETE"), r.accept("ON", "UPDATE"):
			if !r.accept("SET", "NULL") && !r.accept("SET", "DEFAULT") && !r.accept("NO", "ACTION") {
				r.next()
			}
		default:
			return nil
		}
	}
}

func (r *reader) optionalParens() error {
	if r.peek().Is("(") {
		return r.parens()
	}
	return nil
}

// defaultValue reads what follows DEFAULT.
func (r *reader) defaultValue(d *columnDef) error {
	d.col.HasDefault, d.col.Default, d.now, d.perRow, d.constant = true, nil, false, false, nil
	t := r.peek()
	switch {
	case r.accept("NULL"):
	case t.Is("("):
		in, err := r.inner()
		if err != nil {
			return err
		}
		d.perRow = true
		if v, ok := in.literal(&d.col); ok && in.done() {
			d.constant, d.perRow = &v, false
		}
	case r.currentTimestamp():
		d.setDefault(epoch)
		d.now = true
		return r.optionalParens()
	default:
		if v, ok := r.literal(&d.col); ok {
			d.setDefault(v)
			return nil
		}
		if t.Kind != mysql.TokenWord { // MariaDB takes function calls without parentheses
			return r.unexpected("a default value")
		}
		d.perRow = true
		r.next()
		if t.Is("NEXT") && r.accept("VALUE", "FOR") {
			_, err := r.tableID("")
			return err
		}
		return r.optionalParens()
	}
	return nil
}

func (d *columnDef) setDefault(v string) { d.col.Default = &v }

func (r *reader) currentTimestamp() bool {
	return r.acceptAny("CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP")
}

// literal reads a literal as Debezium prints it in a default.
func (r *reader) literal(c *debezium.Column) (string, bool) {
	sign := ""
	if (r.peek().Is("-") || r.peek().Is("+")) && r.at(1).Kind == mysql.TokenNumber {
		sign = strings.TrimPrefix(r.next().Text, "+")
	}
	if t := r.peek(); t.Kind == mysql.TokenWord && strings.HasPrefix(t.Text, "_") && (r.at(1).Kind == mysql.TokenText || r.at(1).Kind == mysql.TokenHex || r.at(1).Kind == mysql.TokenBits) {
		r.next()
	}
	t := r.peek()
	v := ""
	switch {
	case t.Kind == mysql.TokenText:
		for ; r.peek().Kind == mysql.TokenText; r.next() { // adjacent literals are one
			v += inner(r.peek())
		}
		if r.accept("COLLATE") {
			r.next()
		}
		return v, true
	case t.Kind == mysql.TokenNumber:
		v = sign + t.Text
		if n, ok := new(big.Int).SetString(v, 10); ok && c.JDBCType == debezium.JDBCBit {
			v = n.Text(2)
		}
	case t.Kind == mysql.TokenBits:
		v = bytesDefault(t.Text, 2, c)
	case t.Kind == mysql.TokenHex:
		v = bytesDefault(t.Text, 16, c)
	case t.Is("TRUE"), t.Is("FALSE"):
		v = t.Text
	default:
		return "", false
	}
	r.next()
	return v, true
}

// bytesDefault prints a bit or hexadecimal default as the column reads it: a
// number, bits, or characters.
func bytesDefault(digits string, base int, c *debezium.Column) string {
	n, ok := new(big.Int).SetString("0"+digits, base)
	if !ok {
		return digits
	}
	switch c.JDBCType {
	case debezium.JDBCChar, debezium.JDBCVarchar, debezium.JDBCNChar, debezium.JDBCNVarchar,
		debezium.JDBCBinary, debezium.JDBCVarbinary, debezium.JDBCBlob, debezium.JDBCOther:
		size := (len(digits) + 7) / 8
		if base == 16 {
			size = (len(digits) + 1) / 2
		}
		b := n.FillBytes(make([]byte, size))
		if utf8.Valid(b) {
			return escape(string(b))
		}
		return fmt.Sprintf("0x%X", b)
	case debezium.JDBCBit:
		if base == 2 {
			return digits
		}
		return n.Text(2)
	}
	return n.String()
}

// inner returns a string literal as Debezium prints it: what is between the
// quotes, as a literal in single quotes would have it.
func inner(t *mysql.Token) string {
	switch {
	case t.Kind == mysql.TokenText && t.Double && (strings.Contains(t.Text, `""`) || strings.Contains(t.Text, `''`)):
		return strings.ReplaceAll(strings.ReplaceAll(t.Text, `""`, `"`), `'`, `''`)
	case t.Kind == mysql.TokenHex:
		return bytesDefault(t.Text, 16, &debezium.Column{JDBCType: debezium.JDBCVarchar})
	}
	return t.Text
}

// escape is the inverse of [debezium.UnescapeDefault].
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `''`, "\x00", `\0`, "\n", `\n`, "\r", `\r`, "\x1a", `\Z`).Replace(s)
}
