package workload

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// column is a column of the table of all types, and how a value of it is made
// as an SQL expression.
type column struct {
	name, ddl string
	value     func(r *rand.Rand) string
}

// columns returns the columns that both MySQL and MariaDB know, and MySQL's own
// where mysql is set.
func columns(mysql bool) []column {
	all := []column{
		{"c_tinyint", "TINYINT", integer(-1<<7, 1<<7-1)},
		{"c_tinyint_u", "TINYINT UNSIGNED", integer(0, 1<<8-1)},
		{"c_smallint", "SMALLINT", integer(-1<<15, 1<<15-1)},
		{"c_smallint_u", "SMALLINT UNSIGNED NOT NULL", integer(0, 1<<16-1)},
		{"c_mediumint", "MEDIUMINT", integer(-1<<23, 1<<23-1)},
		{"c_int", "INT", integer(-1<<31, 1<<31-1)},
		{"c_int_u", "INT UNSIGNED", integer(0, 1<<32-1)},
		{"c_bigint", "BIGINT", func(r *rand.Rand) string { return fmt.Sprint(int64(r.Uint64())) }},
		{"c_bigint_u", "BIGINT UNSIGNED", func(r *rand.Rand) string { return fmt.Sprint(r.Uint64()) }},
		{"c_decimal", "DECIMAL(18,4)", func(r *rand.Rand) string { return fmt.Sprintf("%d.%04d", r.IntN(1e9)-5e8, r.IntN(1e4)) }},
		{"c_decimal_big", "DECIMAL(38,10)", func(r *rand.Rand) string { return fmt.Sprintf("-%d%d.%010d", r.IntN(1e9)+1, r.IntN(1e9), r.IntN(1e9)) }},
		{"c_float", "FLOAT", func(r *rand.Rand) string { return fmt.Sprint(float32(r.IntN(1e6)) / 64) }},
		{"c_double", "DOUBLE", func(r *rand.Rand) string { return fmt.Sprint(r.NormFloat64()) }},
		{"c_bit1", "BIT(1)", integer(0, 1)},
		{"c_bit20", "BIT(20)", integer(0, 1<<20-1)},
		{"c_char", "CHAR(20)", text(20)},
		{"c_varchar", "VARCHAR(200) NOT NULL", text(200)},
		{"c_latin1", "VARCHAR(50) CHARACTER SET latin1", func(r *rand.Rand) string { return quote(pick(r, "", "plain", "café", "Grüße", "£5")) }},
		{"c_text", "TEXT", text(2000)},
		{"c_binary", "BINARY(8)", bytes(8, 8)},
		{"c_varbinary", "VARBINARY(40)", bytes(0, 40)},
		{"c_blob", "BLOB", bytes(0, 500)},
		{"c_date", "DATE", func(r *rand.Rand) string {
			return fmt.Sprintf("'%04d-%02d-%02d'", 1970+r.IntN(130), 1+r.IntN(12), 1+r.IntN(28))
		}},
		{"c_time", "TIME", func(r *rand.Rand) string {
			return fmt.Sprintf("'%s%d:%02d:%02d'", pick(r, "", "-"), r.IntN(838), r.IntN(60), r.IntN(60))
		}},
		{"c_datetime", "DATETIME", moment(0)},
		{"c_datetime6", "DATETIME(6)", moment(6)},
		{"c_timestamp", "TIMESTAMP NULL", moment(0)},
		{"c_timestamp3", "TIMESTAMP(3) NULL", moment(3)},
		{"c_year", "YEAR", integer(1971, 2099)},
		{"c_enum", "ENUM('red','green','light blue','')", func(r *rand.Rand) string { return quote(pick(r, "red", "green", "light blue", "")) }},
		{"c_set", "SET('a','b','c','d')", func(r *rand.Rand) string { return quote(pick(r, "", "a", "b,c", "a,b,c,d", "d")) }},
	}
	if mysql { // MariaDB's JSON is text
		all = append(all, column{"c_json", "JSON", func(r *rand.Rand) string {
			return quote(pick(r, "null", "true", "[]", "{}", `{"a": 1, "b": [1, 2.5, "x"]}`, `"text with \"quotes\""`, fmt.Sprintf(`{"n": %d, "deep": {"list": [%d, null, false]}}`, r.IntN(1e9), r.IntN(100))))
		}})
	}
	return all
}

func integer(low, high int64) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		switch r.IntN(8) {
		case 0:
			return fmt.Sprint(low)
		case 1:
			return fmt.Sprint(high)
		default:
			return fmt.Sprint(low + r.Int64N(high-low+1))
		}
	}
}

func text(most int) func(*rand.Rand) string {
	words := []string{"", "a", "Zürich", "日本語", "😀", "it's", `back\slash`, `"quoted"`, "tab\there", "<&>", "NULL", "\u2028", "trailing. "}
	return func(r *rand.Rand) string {
		var b strings.Builder
		for range r.IntN(6) {
			b.WriteString(words[r.IntN(len(words))])
		}
		runes := []rune(strings.TrimRight(b.String(), " "))
		return quote(string(runes[:min(len(runes), most)]))
	}
}

func bytes(least, most int) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		n := least + r.IntN(most-least+1)
		if n == 0 {
			return "''"
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		return fmt.Sprintf("x'%x'", b)
	}
}

func moment(digits int) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		text := fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d", 1971+r.IntN(66), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60))
		if digits > 0 {
			text += fmt.Sprintf(".%06d", r.IntN(1e6))[:digits+1]
		}
		return quote(text)
	}
}

func pick(r *rand.Rand, choices ...string) string { return choices[r.IntN(len(choices))] }

func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
