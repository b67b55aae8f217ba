package schemahistory

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// family is what kind of values a column holds.
type family uint8

const (
	other family = iota
	integer
	decimal
	floating
	bitField
	character // with a character set, trailing spaces kept
	padded    // CHAR
	enum
	set
	fixedBytes // BINARY
	bytes
	date
	clock
	datetime
	timestamp
	year
	document
	geometry
)

func familyOf(c *debezium.Column) family {
	base := c.BaseType()
	switch c.JDBCType {
	case debezium.JDBCSmallint, debezium.JDBCInteger, debezium.JDBCBigint, debezium.JDBCBoolean:
		if base == "YEAR" {
			return year
		}
		return integer
	case debezium.JDBCDecimal, debezium.JDBCNumeric:
		return decimal
	case debezium.JDBCReal, debezium.JDBCFloat, debezium.JDBCDouble:
		return floating
	case debezium.JDBCBit:
		return bitField
	case debezium.JDBCVarchar, debezium.JDBCNVarchar:
		return character
	case debezium.JDBCChar, debezium.JDBCNChar:
		switch base {
		case "ENUM":
			return enum
		case "SET":
			return set
		}
		return padded
	case debezium.JDBCBinary:
		return fixedBytes
	case debezium.JDBCVarbinary, debezium.JDBCBlob:
		return bytes
	case debezium.JDBCDate:
		return date
	case debezium.JDBCTime:
		return clock
	case debezium.JDBCTimestamp:
		return datetime
	case debezium.JDBCTimestampTZ:
		return timestamp
	}
	switch base {
	case "JSON":
		return document
	case "VECTOR", "UUID", "INET4", "INET6", "XMLTYPE":
		return other
	}
	return geometry
}

// familyChange returns why a change of type altered values that a strict
// server lets through, or "".
func familyChange(old, c *debezium.Column, from, to family) string {
	rewritten := fmt.Sprintf("%s became %s, which rewrites values", describe(old), describe(c))
	if from != to {
		switch {
		case from == integer && to == decimal,
			(from == padded || from == enum || from == set) && to == character,
			(from == enum || from == set) && to == padded,
			from == fixedBytes && to == bytes:
			return ""
		}
		return rewritten
	}
	switch from {
	case decimal:
		if max(c.Scale, 0) < max(old.Scale, 0) {
			return fmt.Sprintf("%s became %s, which rounds values", describe(old), describe(c))
		}
	case clock, datetime, timestamp:
		if max(c.Length, 0) < max(old.Length, 0) {
			return fmt.Sprintf("%s became %s, which rounds values", describe(old), describe(c))
		}
	case floating:
		if double(old) && !double(c) || c.Scale >= 0 && (old.Scale < 0 || c.Scale < old.Scale) {
			return fmt.Sprintf("%s became %s, which rounds values", describe(old), describe(c))
		}
	case fixedBytes:
		if c.Length != old.Length {
			return fmt.Sprintf("%s became %s, which changes the padding of values", describe(old), describe(c))
		}
	case character:
		if capacity(c) < capacity(old) {
			return fmt.Sprintf("%s became %s, which cuts trailing spaces", describe(old), describe(c))
		}
	case enum, set:
		switch {
		case relabelled(old, c):
			return "its labels were replaced by others"
		case from == set && reordered(old, c):
			return "the order of its labels changed, and with it that of each value"
		}
	case other:
		if old.TypeName != c.TypeName {
			return rewritten
		}
	default:
	}
	return ""
}

// relabelled reports whether labels went and others came, some of which may be
// the same to the collation.
func relabelled(old, c *debezium.Column) bool {
	return gone(old, c) && gone(c, old)
}

// gone reports whether a column has labels that another one has not.
func gone(old, c *debezium.Column) bool {
	after := texts(c)
	return slices.ContainsFunc(texts(old), func(l string) bool { return !slices.Contains(after, l) })
}

// reordered reports whether the labels that stayed stand in another order.
func reordered(old, c *debezium.Column) bool {
	last, after := -1, texts(c)
	for _, l := range texts(old) {
		at := slices.Index(after, l)
		if at >= 0 && at < last {
			return true
		}
		last = max(last, at)
	}
	return false
}

// texts are a column's labels, however they are written.
func texts(c *debezium.Column) []string {
	labels := c.Labels()
	list := make([]string, len(labels))
	for i := range labels {
		list[i] = labels[i].Text
	}
	return list
}

// double reports whether a floating-point column has eight bytes.
func double(c *debezium.Column) bool {
	switch c.JDBCType {
	case debezium.JDBCDouble, debezium.JDBCReal:
		return true
	}
	return c.Length > 24 && c.Scale < 0
}

// narrows reports whether values may not fit the new type, which a server that
// is not strict cuts.
func narrows(old, c *debezium.Column, f family) bool {
	switch f {
	case integer:
		if familyOf(c) != integer {
			return true
		}
		if old.Unsigned() == c.Unsigned() {
			return width(c) < width(old)
		}
		return c.Unsigned() || width(c) <= width(old)
	case decimal:
		return c.Length-max(c.Scale, 0) < old.Length-max(old.Scale, 0)
	case character, padded, bytes, fixedBytes:
		return capacity(c) < capacity(old) || isText(old) && isText(c) && !covers(c.Charset, old.Charset)
	case enum, set:
		if len(c.EnumValues) == 0 {
			return capacity(c) < capacity(old)
		}
		return gone(old, c)
	case bitField:
		return c.Length < old.Length
	default:
		return false
	}
}

// width is the size of an integer type in bytes.
func width(c *debezium.Column) int {
	base := c.BaseType()
	switch base {
	case "TINYINT", "INT1", "BOOL", "BOOLEAN":
		return 1
	case "SMALLINT", "INT2":
		return 2
	case "MEDIUMINT", "INT3", "MIDDLEINT":
		return 3
	case "BIGINT", "INT8":
		return 8
	}
	return 4
}

// capacity is how much a string type holds, in characters or bytes.
func capacity(c *debezium.Column) int {
	switch c.TypeName {
	case "TINYTEXT", "TINYBLOB":
		return 1<<8 - 1
	case "TEXT", "BLOB":
		if c.Length >= 0 {
			return c.Length
		}
		return 1<<16 - 1
	case "MEDIUMTEXT", "MEDIUMBLOB", "LONG", "LONG VARCHAR", "LONG VARBINARY":
		return 1<<24 - 1
	case "LONGTEXT", "LONGBLOB", "CLOB":
		return 1<<32 - 1
	}
	if len(c.EnumValues) > 0 {
		return labelled(c)
	}
	return max(c.Length, 1)
}

// labelled is the length of an ENUM's longest value, or of a SET's.
func labelled(c *debezium.Column) int {
	longest, all := 0, -1
	for _, l := range c.Labels() {
		n := utf8.RuneCountInString(l.Text)
		longest, all = max(longest, n), all+n+1
	}
	if c.BaseType() == "SET" {
		return all
	}
	return longest
}
