package schemahistory

import (
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// The server's column types (enum_field_types).
const (
	fieldTiny              = 1
	fieldShort             = 2
	fieldLong              = 3
	fieldFloat             = 4
	fieldDouble            = 5
	fieldTimestamp         = 7
	fieldLonglong          = 8
	fieldInt24             = 9
	fieldDate              = 10
	fieldTime              = 11
	fieldDatetime          = 12
	fieldYear              = 13
	fieldNewDate           = 14
	fieldVarchar           = 15
	fieldBit               = 16
	fieldTimestamp2        = 17
	fieldDatetime2         = 18
	fieldTime2             = 19
	fieldBlobCompressed    = 140
	fieldVarcharCompressed = 141
	fieldVector            = 242
	fieldJSON              = 245
	fieldDecimal           = 246
	fieldEnum              = 247
	fieldSet               = 248
	fieldBlob              = 252
	fieldVarString         = 253
	fieldString            = 254
	fieldGeometry          = 255
)

// matches reports whether the column can be the one that the metadata describes.
// Names and labels are compared only if the metadata is full.
func (m *ColumnMeta) matches(c *debezium.Column, full bool) bool {
	if m.Nullable != c.Optional || !m.sameType(c) {
		return false
	}
	if m.SignKnown && isNumber(c) && m.Unsigned != c.Unsigned() {
		return false
	}
	if isText(c) && m.Charset != "" && c.Charset != "" && !sameCharset(m.Charset, c.Charset) {
		return false
	}
	return !full || m.Name == c.Name && (len(m.Labels) == 0 || slices.Equal(m.Labels, labelsOf(c)))
}

func labelsOf(c *debezium.Column) []string {
	var labels []string
	for _, l := range c.Labels() {
		labels = append(labels, l.Text)
	}
	return labels
}

func isNumber(c *debezium.Column) bool {
	switch familyOf(c) {
	case integer, decimal, floating:
		return true
	default:
		return false
	}
}

// sameType compares types as the binlog tells them apart: sizes of integers,
// kinds of strings, precision of decimals and times. The size class of a TEXT
// or BLOB, which the server chooses, does not count.
func (m *ColumnMeta) sameType(c *debezium.Column) bool {
	base := c.BaseType()
	switch m.Type {
	case fieldTiny, fieldShort, fieldInt24, fieldLong, fieldLonglong:
		return familyOf(c) == integer && width(c) == m.width()
	case fieldFloat:
		return familyOf(c) == floating && (c.JDBCType == debezium.JDBCReal || !double(c))
	case fieldDouble:
		return familyOf(c) == floating && double(c)
	case fieldDecimal:
		return familyOf(c) == decimal && c.Length == int(m.Meta>>8) && max(c.Scale, 0) == int(m.Meta&255)
	case fieldBit:
		return base == "BIT" && c.Length == int(m.Meta)
	case fieldYear:
		return base == "YEAR"
	case fieldDate, fieldNewDate:
		return base == "DATE"
	case fieldTime, fieldTime2:
		return base == "TIME" && max(c.Length, 0) == m.fraction()
	case fieldDatetime, fieldDatetime2:
		return base == "DATETIME" && max(c.Length, 0) == m.fraction()
	case fieldTimestamp, fieldTimestamp2:
		return base == "TIMESTAMP" && max(c.Length, 0) == m.fraction()
	case fieldEnum:
		return base == "ENUM"
	case fieldSet:
		return base == "SET"
	case fieldJSON:
		return base == "JSON"
	case fieldVector:
		return base == "VECTOR"
	case fieldGeometry:
		return familyOf(c) == geometry
	case fieldVarchar, fieldVarString, fieldString, fieldBlob, fieldVarcharCompressed, fieldBlobCompressed:
		return m.sameString(c)
	}
	return false
}

func (m *ColumnMeta) sameString(c *debezium.Column) bool {
	switch familyOf(c) {
	case other: // MariaDB's UUID, INET4, INET6 are fixed strings; XMLTYPE and its VECTOR are not
		return c.BaseType() != "VECTOR" || m.Type != fieldString
	case padded:
		return m.Type == fieldString && m.Charset != charsetBinary
	case fixedBytes:
		return m.Type == fieldString && (m.Charset == charsetBinary || m.Charset == "")
	case character:
		return m.Type != fieldString && m.Charset != charsetBinary && m.isBlob() == isLarge(c)
	case bytes:
		return m.Type != fieldString && (m.Charset == charsetBinary || m.Charset == "") && m.isBlob() == isLarge(c)
	default:
		return false
	}
}

func (m *ColumnMeta) isBlob() bool { return m.Type == fieldBlob || m.Type == fieldBlobCompressed }

// isLarge reports whether the column is a TEXT or BLOB.
func isLarge(c *debezium.Column) bool {
	return strings.HasSuffix(c.BaseType(), "TEXT") || strings.HasSuffix(c.BaseType(), "BLOB") || c.BaseType() == "LONG" || c.BaseType() == "CLOB"
}

func (m *ColumnMeta) width() int {
	switch m.Type {
	case fieldTiny:
		return 1
	case fieldShort:
		return 2
	case fieldInt24:
		return 3
	case fieldLonglong:
		return 8
	}
	return 4
}

func (m *ColumnMeta) fraction() int {
	switch m.Type {
	case fieldTime2, fieldDatetime2, fieldTimestamp2:
		return int(m.Meta)
	}
	return 0
}

// column returns a column as far as the metadata describes it.
func (m *ColumnMeta) column() debezium.Column {
	c := debezium.Column{Name: m.Name, Length: -1, Scale: -1, Optional: m.Nullable, HasDefault: m.Nullable}
	c.TypeName = m.typeName(&c)
	c.JDBCType, _, _ = typeOf(c.TypeName)
	if m.Unsigned && isNumber(&c) {
		c.TypeName += " UNSIGNED"
	}
	if isText(&c) {
		c.Charset = m.Charset
	}
	for _, l := range m.Labels {
		c.EnumValues = append(c.EnumValues, "'"+escape(l)+"'")
	}
	c.TypeExpression = c.TypeName
	return c
}

// typeName returns the type's name and sets the length that belongs to it.
func (m *ColumnMeta) typeName(c *debezium.Column) string {
	switch m.Type {
	case fieldTiny:
		return "TINYINT"
	case fieldShort:
		return "SMALLINT"
	case fieldInt24:
		return "MEDIUMINT"
	case fieldLong:
		return "INT"
	case fieldLonglong:
		return "BIGINT"
	case fieldFloat:
		return "FLOAT"
	case fieldDouble:
		return "DOUBLE"
	case fieldDecimal:
		c.Length, c.Scale = int(m.Meta>>8), int(m.Meta&255)
		return "DECIMAL"
	case fieldBit:
		c.Length = int(m.Meta)
		return "BIT"
	case fieldYear:
		return "YEAR"
	case fieldDate, fieldNewDate:
		return "DATE"
	case fieldTime, fieldTime2, fieldDatetime, fieldDatetime2, fieldTimestamp, fieldTimestamp2:
		if f := m.fraction(); f > 0 {
			c.Length = f
		}
		return m.temporalName()
	case fieldEnum:
		c.Length = 1
		return "ENUM"
	case fieldSet:
		c.Length = max(0, 2*len(m.Labels)-1)
		return "SET"
	case fieldJSON:
		return "JSON"
	case fieldVector:
		return "VECTOR"
	case fieldGeometry:
		names := [...]string{"GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"}
		return names[m.Geometry&7]
	}
	return m.stringName(c)
}

func (m *ColumnMeta) temporalName() string {
	switch m.Type {
	case fieldTime, fieldTime2:
		return "TIME"
	case fieldDatetime, fieldDatetime2:
		return "DATETIME"
	}
	return "TIMESTAMP"
}

func (m *ColumnMeta) stringName(c *debezium.Column) string {
	name := "VARCHAR"
	switch {
	case m.isBlob():
		name = [...]string{"TEXT", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"}[min(m.Meta, 4)]
	case m.Type == fieldString:
		name = "CHAR"
		c.Length = int(m.Meta) / bytesPerChar(m.Charset)
	default:
		c.Length = int(m.Meta) / bytesPerChar(m.Charset)
	}
	if m.Charset == charsetBinary {
		return binaryType(name)
	}
	return name
}

// bytesPerChar is the most bytes that a character takes.
func bytesPerChar(charset string) int {
	switch canonical(charset) {
	case "utf8mb4", "utf16", "utf16le", "utf32", "gb18030":
		return 4
	case "utf8mb3", "ujis", "eucjpms":
		return 3
	case "ucs2", "sjis", "cp932", "gbk", "big5", "gb2312", "euckr":
		return 2
	}
	return 1
}
