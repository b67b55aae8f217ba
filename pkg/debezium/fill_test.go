package debezium_test

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// TestFill holds what MySQL 9.7 had in a row that existed when the column was added.
func TestFill(t *testing.T) {
	col := func(jdbc int, typeName string, length, scale int) debezium.Column {
		return debezium.Column{JDBCType: jdbc, TypeName: typeName, Length: length, Scale: scale}
	}
	with := func(c debezium.Column, dflt string) debezium.Column {
		c.Default, c.HasDefault = &dflt, true
		return c
	}
	integer := col(debezium.JDBCInteger, "INT", -1, -1)
	decimal := col(debezium.JDBCDecimal, "DECIMAL", 10, 3)
	text := col(debezium.JDBCVarchar, "VARCHAR", 20, -1)
	datetime := col(debezium.JDBCTimestamp, "DATETIME", 3, -1)
	year := col(debezium.JDBCInteger, "YEAR", -1, -1)
	enum := col(debezium.JDBCChar, "ENUM", 1, -1)
	enum.EnumValues = []string{"'q''q'", "'r'"}
	set := col(debezium.JDBCChar, "SET", 3, -1)
	set.EnumValues = []string{"'a'", "'b'"}
	binary := col(debezium.JDBCBinary, "BINARY", 3, -1)
	nullable := integer
	nullable.Optional = true
	auto := integer
	auto.AutoIncremented = true
	onUpdate := col(debezium.JDBCTimestampTZ, "TIMESTAMP", -1, -1)
	onUpdate.AutoIncremented = true

	tests := []struct {
		name   string
		col    debezium.Column
		text   string
		null   bool
		perRow bool
	}{
		{name: "null where it is allowed", col: nullable, null: true},
		{name: "a default where null is allowed", col: with(nullable, "5"), text: "5"},
		{name: "zero of an integer", col: integer, text: "0"},
		{name: "zero of a decimal", col: decimal, text: "0.000"},
		{name: "the empty string", col: text},
		{name: "the zero date", col: col(debezium.JDBCDate, "DATE", -1, -1), text: "0000-00-00"},
		{name: "the zero time stamp", col: datetime, text: "0000-00-00 00:00:00.000"},
		{name: "the zero time", col: col(debezium.JDBCTime, "TIME", 2, -1), text: "00:00:00.00"},
		{name: "the zero year", col: year, text: "0000"},
		{name: "the first label", col: enum, text: "q'q"},
		{name: "no label", col: set},
		{name: "zero bytes", col: binary, text: "\x00\x00\x00"},
		{name: "json null", col: col(debezium.JDBCOther, "JSON", -1, -1), text: "null"},
		{name: "scale of a default", col: with(decimal, "-1.25"), text: "-1.250"},
		{name: "rounding of a default", col: with(integer, "1.5"), text: "2"},
		{name: "a word for a number", col: with(integer, "TRUE"), text: "1"},
		{name: "bits", col: with(col(debezium.JDBCBit, "BIT", 4, -1), "101"), text: "5"},
		{name: "quotes and escapes", col: with(text, `it''s a\\b\n`), text: "it's a\\b\n"},
		{name: "padding", col: with(binary, `a`), text: "a\x00\x00"},
		{name: "bytes", col: with(col(debezium.JDBCVarbinary, "VARBINARY", 4, -1), "0xFF00"), text: "\xff\x00"},
		{name: "order of labels", col: with(set, "b,a"), text: "a,b"},
		{name: "case of a label", col: with(enum, "R"), text: "r"},
		{name: "digits of a date", col: with(col(debezium.JDBCDate, "DATE", -1, -1), "20200102"), text: "2020-01-02"},
		{name: "short parts of a date", col: with(datetime, "20-1-2T3:4:5.67"), text: "2020-01-02 03:04:05.670"},
		{name: "a negative time", col: with(col(debezium.JDBCTime, "TIME", 2, -1), "-1:02:03.5"), text: "-01:02:03.50"},
		{name: "a short year", col: with(year, "99"), text: "1999"},
		{name: "the time of the statement", col: with(datetime, "1970-01-01 00:00:00"), text: debezium.EventTime},
		{name: "on update is no number", col: onUpdate, text: "0000-00-00 00:00:00"},
		{name: "a number for each row", col: auto, perRow: true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			text, null, perRow := debezium.Fill(&tc.col)
			if text != tc.text || null != tc.null || perRow != tc.perRow {
				t.Errorf("got %q, null %v, per row %v; want %q, %v, %v", text, null, perRow, tc.text, tc.null, tc.perRow)
			}
		})
	}
}
