package debezium

import (
	"strconv"
	"strings"
)

// EventTime is what [Fill] returns for a column whose old rows got the time of
// the statement that added it.
const EventTime = "CURRENT_TIMESTAMP"

// Fill returns the value that MySQL gives a column in the rows that exist when
// ALTER TABLE adds it, as a SELECT prints it: the explicit default; without one
// NULL, or the type's implicit default where NULL is not allowed. It returns
// [EventTime] for CURRENT_TIMESTAMP. It reports perRow for an AUTO_INCREMENT.
//
// A table change does not say whether a column is computed or has an expression
// as its default: such a column looks as if it had none, and whoever saw the
// statement must say so. BINARY columns are filled without their padding.
func Fill(col *Column) (text string, null, perRow bool) {
	if col.AutoIncremented && (col.Default == nil || !isTemporal(col)) {
		return "", false, true
	}
	if col.Default != nil {
		return explicit(col), false, false
	}
	if col.Optional {
		return "", true, false
	}
	return implicit(col), false, false
}

func isTemporal(col *Column) bool {
	base := col.BaseType()
	return base == "TIMESTAMP" || base == "DATETIME"
}

// explicit returns the value of a default that is written.
func explicit(col *Column) string {
	v := UnescapeDefault(*col.Default)
	switch col.BaseType() {
	case "TIMESTAMP", "DATETIME":
		if v == "1970-01-01 00:00:00" {
			return EventTime
		}
	case "BIT":
		if n, err := strconv.ParseUint(v, 2, 64); err == nil {
			return strconv.FormatUint(n, 10)
		}
	case "TINYINT", "INT1", "SMALLINT", "INT2", "MEDIUMINT", "INT3", "MIDDLEINT", "INT", "INTEGER", "INT4", "BIGINT", "INT8", "BOOL", "BOOLEAN":
		switch strings.ToUpper(v) {
		case "TRUE":
			return "1"
		case "FALSE":
			return "0"
		}
	}
	return v
}

// implicit returns the value that MySQL assumes where NULL is not allowed.
func implicit(col *Column) string {
	switch col.BaseType() {
	case "DATE":
		return "0000-00-00"
	case "DATETIME", "TIMESTAMP":
		return "0000-00-00 00:00:00" + fraction(col.Length)
	case "TIME":
		return "00:00:00" + fraction(col.Length)
	case "YEAR":
		return "0000"
	case "ENUM":
		if len(col.EnumValues) > 0 {
			return col.Labels()[0].Text
		}
	case "JSON":
		return "null"
	case "DECIMAL", "DEC", "FIXED", "NUMERIC", "NUMBER":
		if col.Scale > 0 {
			return "0." + strings.Repeat("0", col.Scale)
		}
		return "0"
	case "TINYINT", "INT1", "SMALLINT", "INT2", "MEDIUMINT", "INT3", "MIDDLEINT", "INT", "INTEGER", "INT4", "BIGINT", "INT8",
		"BOOL", "BOOLEAN", "FLOAT", "FLOAT4", "REAL", "DOUBLE", "FLOAT8", "BIT":
		return "0"
	}
	return ""
}

func fraction(digits int) string {
	if digits <= 0 || digits > 6 {
		return ""
	}
	return "." + strings.Repeat("0", digits)
}

// UnescapeDefault returns the characters of a default as Debezium prints it,
// which is the SQL literal without its quotes: a quote is still doubled, and
// backslashes still escape.
func UnescapeDefault(s string) string { return unescape(s, '\'') }
