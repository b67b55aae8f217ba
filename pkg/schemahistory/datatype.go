package schemahistory

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// group says what may follow a type's name.
type group uint8

const (
	groupOther   group = iota // nothing but a length
	groupNumber               // UNSIGNED, ZEROFILL
	groupText                 // a character set
	groupEnum                 // labels, a character set
	groupDecimal              // as groupNumber; (10, 0) unless written
)

// typeOf returns what is known of a type by its first word.
func typeOf(w string) (jdbc int, g group, ok bool) {
	switch w {
	case "TINYINT", "INT1", "SMALLINT", "INT2":
		return debezium.JDBCSmallint, groupNumber, true
	case "MEDIUMINT", "INT3", "MIDDLEINT", "INT", "INTEGER", "INT4":
		return debezium.JDBCInteger, groupNumber, true
	case "BIGINT", "INT8":
		return debezium.JDBCBigint, groupNumber, true
	case "REAL":
		return debezium.JDBCReal, groupNumber, true
	case "DOUBLE", "FLOAT8":
		return debezium.JDBCDouble, groupNumber, true
	case "FLOAT", "FLOAT4":
		return debezium.JDBCFloat, groupNumber, true
	case "DECIMAL", "DEC", "FIXED", "NUMBER":
		return debezium.JDBCDecimal, groupDecimal, true
	case "NUMERIC":
		return debezium.JDBCNumeric, groupDecimal, true
	case "BOOL", "BOOLEAN":
		return debezium.JDBCBoolean, groupOther, true
	case "BIT":
		return debezium.JDBCBit, groupOther, true
	case "YEAR":
		return debezium.JDBCInteger, groupNumber, true
	case "DATE":
		return debezium.JDBCDate, groupOther, true
	case "TIME":
		return debezium.JDBCTime, groupOther, true
	case "DATETIME":
		return debezium.JDBCTimestamp, groupOther, true
	case "TIMESTAMP":
		return debezium.JDBCTimestampTZ, groupOther, true
	case "BINARY":
		return debezium.JDBCBinary, groupOther, true
	case "VARBINARY", "RAW":
		return debezium.JDBCVarbinary, groupOther, true
	case "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB":
		return debezium.JDBCBlob, groupOther, true
	case "CHAR", "CHARACTER":
		return debezium.JDBCChar, groupText, true
	case "VARCHAR", "VARCHARACTER", "VARCHAR2", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "CLOB":
		return debezium.JDBCVarchar, groupText, true
	case "NCHAR":
		return debezium.JDBCNChar, groupText, true
	case "NVARCHAR":
		return debezium.JDBCNVarchar, groupText, true
	case "ENUM", "SET":
		return debezium.JDBCChar, groupEnum, true
	case "JSON", "VECTOR", "GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON",
		"GEOMETRYCOLLECTION", "GEOMCOLLECTION", "UUID", "INET4", "INET6", "XMLTYPE":
		return debezium.JDBCOther, groupOther, true
	}
	return 0, 0, false
}

// dataType reads a column's type into the definition.
func (r *reader) dataType(d *columnDef) error {
	t := r.peek()
	if t.Kind != mysql.TokenWord {
		return r.unexpected("a type")
	}
	first := strings.ToUpper(t.Text)
	switch first {
	case "SERIAL":
		r.next()
		d.col.JDBCType, d.col.TypeName = debezium.JDBCBigint, "BIGINT UNSIGNED"
		d.serial()
		return nil
	case "NATIONAL":
		return r.national(d)
	case "LONG":
		return r.long(d)
	case "DOUBLE":
		if r.at(1).Is("PRECISION") {
			r.next()
			first = "DOUBLE PRECISION"
		}
	}
	jdbc, g, ok := typeOf(strings.ToUpper(t.Text))
	if !ok {
		return r.unexpected("a type")
	}
	r.next()
	if (jdbc == debezium.JDBCChar || jdbc == debezium.JDBCNChar) && g == groupText && r.acceptAny("VARYING", "VARCHAR") {
		first += " " + strings.ToUpper(r.at(-1).Text)
		if jdbc == debezium.JDBCChar {
			jdbc = debezium.JDBCVarchar
		} else {
			jdbc = debezium.JDBCNVarchar
		}
	}
	d.col.JDBCType, d.col.TypeName = jdbc, first
	switch g {
	case groupEnum:
		return r.labels(d)
	case groupText:
		if err := r.dimensions(d); err != nil {
			return err
		}
		return r.textAttributes(d)
	case groupNumber, groupDecimal:
		if g == groupDecimal {
			d.col.Length, d.col.Scale = 10, 0
		}
		if err := r.dimensions(d); err != nil {
			return err
		}
		r.numberAttributes(d)
	case groupOther:
		return r.otherType(d)
	}
	return nil
}

func (r *reader) otherType(d *columnDef) error {
	switch d.col.TypeName {
	case "BIT":
		d.col.Length = 1
	case "VECTOR":
		d.col.Length = 2048
	}
	return r.dimensions(d)
}

// national reads NATIONAL CHAR, CHARACTER VARYING or VARCHAR.
func (r *reader) national(d *columnDef) error {
	from := r.i
	r.next()
	switch {
	case r.acceptAny("VARCHAR", "VARCHARACTER"):
		d.col.JDBCType = debezium.JDBCNVarchar
	case r.acceptAny("CHAR", "CHARACTER"):
		d.col.JDBCType = debezium.JDBCNChar
		if r.accept("VARYING") {
			d.col.JDBCType = debezium.JDBCNVarchar
		}
	default:
		return r.unexpected("a type")
	}
	words := make([]string, 0, 3)
	for _, t := range r.toks[from:r.i] {
		words = append(words, strings.ToUpper(t.Text))
	}
	d.col.TypeName = strings.Join(words, " ")
	if err := r.dimensions(d); err != nil {
		return err
	}
	return r.textAttributes(d)
}

// long reads LONG, LONG VARCHAR, LONG CHAR VARYING and LONG VARBINARY: MEDIUMTEXT and MEDIUMBLOB.
func (r *reader) long(d *columnDef) error {
	r.next()
	if r.accept("VARBINARY") {
		d.col.JDBCType, d.col.TypeName = debezium.JDBCBlob, "LONG VARBINARY"
		return nil
	}
	d.col.JDBCType, d.col.TypeName = debezium.JDBCVarchar, "LONG"
	if r.acceptAny("VARCHAR", "VARCHARACTER") || r.accept("CHAR", "VARYING") || r.accept("CHARACTER", "VARYING") {
		d.col.TypeName = "LONG VARCHAR"
	}
	return r.textAttributes(d)
}

// dimensions reads (length) or (length, scale).
func (r *reader) dimensions(d *columnDef) error {
	if !r.peek().Is("(") {
		return nil
	}
	in, err := r.inner()
	if err != nil {
		return err
	}
	if d.col.Length, err = in.length(); err != nil {
		return err
	}
	if in.accept(",") {
		if d.col.Scale, err = in.length(); err != nil {
			return err
		}
	}
	if !in.done() {
		return in.unexpected(")")
	}
	return nil
}

func (r *reader) length() (int, error) {
	t := r.next()
	if t.Kind != mysql.TokenNumber {
		return 0, fmt.Errorf("want a length at %q", t.Text)
	}
	n, err := strconv.ParseInt(t.Text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read length %q: %w", t.Text, err)
	}
	return int(min(n, 1<<31-1)), nil // Java's largest int, as Debezium cuts it
}

func (r *reader) numberAttributes(d *columnDef) {
	suffix := ""
	for {
		switch {
		case r.accept("SIGNED"):
			suffix += " SIGNED"
		case r.accept("UNSIGNED"):
			if !strings.Contains(suffix, " UNSIGNED") {
				suffix += " UNSIGNED"
			}
		case r.accept("ZEROFILL"):
			if !strings.Contains(suffix, " UNSIGNED") {
				suffix += " UNSIGNED"
			}
			suffix += " ZEROFILL"
		default:
			d.col.TypeName += suffix
			return
		}
	}
}

// labels reads the labels of an ENUM or SET.
func (r *reader) labels(d *columnDef) error {
	in, err := r.inner()
	if err != nil {
		return err
	}
	for _, part := range in.split() {
		t := part.next()
		if t.Kind == mysql.TokenWord && strings.HasPrefix(t.Text, "_") {
			t = part.next()
		}
		if !part.done() || t.Kind != mysql.TokenText && t.Kind != mysql.TokenHex && t.Kind != mysql.TokenBits {
			return fmt.Errorf("want a label at %q", t.Text)
		}
		label := "'" + inner(t) + "'" // x'61', N'a'
		if q := part.src[t.Start : t.Start+1]; t.Kind == mysql.TokenText && (q == "'" || q == `"`) {
			label = q + t.Text + q
		}
		d.col.EnumValues = append(d.col.EnumValues, label)
	}
	d.col.Length = 1
	if d.col.TypeName == "SET" {
		d.col.Length = max(0, 2*len(d.col.EnumValues)-1)
	}
	return r.textAttributes(d)
}

// textAttributes reads what may stand between a character type and the column's attributes.
func (r *reader) textAttributes(d *columnDef) error {
	for {
		switch {
		case r.accept("CHARACTER", "SET"), r.accept("CHAR", "SET"), r.accept("CHARSET"):
			t := r.next()
			if !t.IsName() && t.Kind != mysql.TokenText {
				return fmt.Errorf("want a character set at %q", t.Text)
			}
			d.charset = strings.ToLower(t.Text)
		case r.accept("ASCII"):
			d.charset = "latin1"
		case r.accept("UNICODE"):
			d.charset = "ucs2"
		case r.accept("BYTE"):
			d.charset = charsetBinary
		case r.accept("BINARY"): // the binary collation of the character set
		case r.accept("COMPRESSED"): // MariaDB
			if r.accept("=") {
				r.next()
			}
		default:
			return nil
		}
	}
}

// setCharset gives a character column its character set. In MySQL the set
// "binary" makes it another type.
func setCharset(c *debezium.Column, charset string) {
	switch {
	case c.JDBCType == debezium.JDBCNChar || c.JDBCType == debezium.JDBCNVarchar:
		c.Charset = "utf8"
	case !isText(c):
	case charset != charsetBinary || len(c.EnumValues) > 0:
		c.Charset = charset
	default:
		c.Charset = ""
		name := binaryType(c.TypeName)
		c.TypeName, c.TypeExpression = name, name
		c.JDBCType, _, _ = typeOf(name)
	}
}

func binaryType(text string) string {
	switch text {
	case "CHAR", "CHARACTER":
		return "BINARY"
	case "TINYTEXT":
		return "TINYBLOB"
	case "TEXT":
		return "BLOB"
	case "MEDIUMTEXT", "LONG", "LONG VARCHAR":
		return "MEDIUMBLOB"
	case "LONGTEXT", "CLOB":
		return "LONGBLOB"
	}
	return "VARBINARY"
}

// isText reports whether the column has a character set.
func isText(c *debezium.Column) bool {
	switch c.JDBCType {
	case debezium.JDBCChar, debezium.JDBCVarchar, debezium.JDBCNChar, debezium.JDBCNVarchar:
		return true
	}
	return false
}
