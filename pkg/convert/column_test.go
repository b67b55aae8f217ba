package convert_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// column is a column of a one-column table, nullable if ? ends its type.
func column(typeName string, jdbc, length int) debezium.Column {
	name, optional := strings.CutSuffix(typeName, "?")
	return debezium.Column{Name: "c", TypeName: name, JDBCType: jdbc, Length: length, Scale: -1, Position: 1, Optional: optional}
}

func withDefault(c debezium.Column, text string) debezium.Column {
	c.HasDefault, c.Default = true, &text
	return c
}

func withCharset(name string) debezium.Column {
	c := column("VARCHAR", debezium.JDBCVarchar, 50)
	c.Charset = name
	return c
}

func labelled(typeName string, labels ...string) debezium.Column {
	c := column(typeName, debezium.JDBCChar, 1)
	c.EnumValues = labels
	return c
}

var (
	exact   = convert.Options{DebeziumExact: true}
	connect = convert.Options{Modes: debezium.Modes{Time: debezium.TimeConnect}}
	iso     = convert.Options{Modes: debezium.Modes{Time: debezium.TimeISOString}}
	asDebez = func(o convert.Options) convert.Options { o.DebeziumExact = true; return o }

	dateColumn      = column("DATE", debezium.JDBCDate, -1)
	timeColumn      = column("TIME?", debezium.JDBCTime, -1)
	datetimeColumn  = column("DATETIME", debezium.JDBCTimestamp, -1)
	timestampColumn = column("TIMESTAMP?", debezium.JDBCTimestampTZ, 3)
	yearColumn      = column("YEAR", debezium.JDBCInteger, -1)
	jsonColumn      = column("JSON", debezium.JDBCOther, -1)
)

func day(year, month, day int64) mysql.Value { return number(mysql.Date, year<<9|month<<5|day) }

func datetime(year, month, day int64) mysql.Value {
	return number(mysql.Datetime, (((year*13+month)<<5|day)<<17|1<<12)<<24)
}

const micros = int64(1e6)

// TestPlan_Streamed and TestPlan_Selected hold what the goldens do not: values
// at which Debezium stops or gives something else, and types it has no case of.
func TestPlan_Streamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		column debezium.Column
		opts   convert.Options
		value  mysql.Value
		want   string
	}{
		{"a date with a zero part is null", column("DATE?", debezium.JDBCDate, -1), exact, day(2018, 0, 1), `null`},
		{"a zero date in a NOT NULL column is the epoch", dateColumn, exact, day(0, 0, 0), `0`},
		{"a zero date in a NOT NULL column is its default", withDefault(dateColumn, "2020-01-02"), exact, day(0, 0, 0), `18263`},
		{"a date that no calendar has is as a zero date", dateColumn, exact, day(2018, 2, 31), `0`},
		{"a date before 1000 keeps its year unless it is short", dateColumn, exact, day(100, 3, 1), `-682944`},
		{"a two-digit year is adjusted", dateColumn, exact, day(18, 4, 1), `17622`},
		{"a two-digit year is kept without the adjuster", dateColumn, convert.Options{Modes: debezium.Modes{NoTimeAdjuster: true}}, day(18, 4, 1), `-712863`},
		{"a datetime that no calendar has is as a zero datetime", datetimeColumn, exact, datetime(2018, 2, 31), `0`},
		{"a zero datetime is the epoch as a string too", datetimeColumn, iso, datetime(0, 0, 0), `"1970-01-01T00:00:00Z"`},
		{"the zero timestamp is null", timestampColumn, exact, number(mysql.Timestamp, 0), `null`},
		{"a zero timestamp in a NOT NULL column is the epoch", column("TIMESTAMP", debezium.JDBCTimestampTZ, 6), exact, number(mysql.Timestamp, 0), `"1970-01-01T00:00:00Z"`},
		{"a time may be long and negative", timeColumn, exact, number(mysql.Time, -3020399*micros), `-3020399000000`},
		{"connect: a time outside the day is itself", timeColumn, connect, number(mysql.Time, -micros), `-1000`},
		{"connect: 24:00:00 passes", timeColumn, asDebez(connect), number(mysql.Time, 86400*micros), `86400000`},
		{"isostring: a time outside the day is itself", timeColumn, iso, number(mysql.Time, -3020399*micros), `"-838:59:59Z"`},
		{"isostring: Debezium's 24:00:00 is midnight", timeColumn, asDebez(iso), number(mysql.Time, 86400*micros), `"00:00:00Z"`},
		{"isostring: 24:00:00 is itself", timeColumn, iso, number(mysql.Time, 86400*micros), `"24:00:00Z"`},
		{"year 0000 is adjusted as in a snapshot", yearColumn, convert.Options{}, number(mysql.Year, 0), `2000`},
		{"Debezium's year 0000 is 1900", yearColumn, exact, number(mysql.Year, 0), `1900`},
		{"an ENUM's index 0 is the empty string", labelled("ENUM", "'a'"), exact, number(mysql.Int, 0), `""`},
		{"a label is unescaped", labelled("ENUM", `'a,b\\c''d'`), convert.Options{}, number(mysql.Int, 1), `"a,b\\c'd"`},
		{"Debezium's label is escaped", labelled("ENUM", `'a,b\\c''d'`), exact, number(mysql.Int, 1), `"a\\,b\\\\c'd"`},
		{"a SET has its labels in order", labelled("SET", "'a'", "'b'", "'c'"), exact, number(mysql.Int, 5), `"a,c"`},
		{"an empty SET", labelled("SET", "'a'"), exact, number(mysql.Int, 0), `""`},
		{"a row older than its JSON column holds JSON's null", jsonColumn, convert.Options{}, mysql.Value{Kind: mysql.JSONB}, `"null"`},
		{"to Debezium it holds an object", jsonColumn, exact, mysql.Value{Kind: mysql.JSONB}, `"{}"`},
		{"FLOAT4 is a number", column("FLOAT4?", debezium.JDBCFloat, -1), convert.Options{}, number(mysql.Float, int64(math.Float64bits(0.5))), `0.5`},
		{"Debezium's FLOAT4 is null", column("FLOAT4?", debezium.JDBCFloat, -1), exact, number(mysql.Float, int64(math.Float64bits(0.5))), `null`},
		{"a vector", column("VECTOR?", debezium.JDBCOther, 3), exact, raw("\x00\x00\x80\x3f\x00\x00\x20\x40\x00\x00\x40\xc0"), `[1.0,2.5,-3.0]`},
		{"a row older than its POINT column holds none", column("POINT?", debezium.JDBCOther, -1), convert.Options{}, raw(""), `null`},
		{"a row older than its NOT NULL POINT column holds that of NULL", column("POINT", debezium.JDBCOther, -1), convert.Options{}, raw(""), `{"x":0.0,"y":0.0,"wkb":"AQcAAAAAAAAA","srid":null}`},
		{"a row older than its NOT NULL GEOMETRY column holds that of NULL", column("GEOMETRY", debezium.JDBCOther, -1), convert.Options{}, raw(""), `{"wkb":"AQcAAAAAAAAA","srid":null}`},
		{"a UUID", column("UUID", debezium.JDBCOther, -1), exact, raw("\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40"), `"123e4567-e89b-12d3-a456-426614174000"`},
		{"an INET6", column("INET6", debezium.JDBCOther, -1), exact, raw("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\xff\x00\x00\x42\x83\x29"), `"2001:db8::ff00:42:8329"`},
		{"an INET6 with a single zero", column("INET6", debezium.JDBCOther, -1), exact, raw("\x20\x01\x0d\xb8\x00\x00\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01"), `"2001:db8::1:1:1:1:1"`},
		{"an INET6 that begins with a zero", column("INET6", debezium.JDBCOther, -1), exact, raw("\x00\x00\x00\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00\x07"), `"::1:2:3:4:5:6:7"`},
		{"an INET6 that ends with zeros", column("INET6", debezium.JDBCOther, -1), exact, raw("\x00\x01"), `"1::"`},
		{"an INET6 of zeros", column("INET6", debezium.JDBCOther, -1), exact, raw(""), `"::"`},
		{"an INET6 with an IPv4 address", column("INET6", debezium.JDBCOther, -1), exact, raw("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc0\xa8\x00\x01"), `"::192.168.0.1"`},
		{"an INET4 that ends in zeros", column("INET4", debezium.JDBCOther, -1), exact, raw("\x0a"), `"10.0.0.0"`},
		{"latin1 has no gaps", withCharset("latin1"), convert.Options{}, raw("\x80\x81\xe9"), "\"€\u0081é\""},
		{"Java's latin1 has", withCharset("latin1"), exact, raw("\x80\x81\xe9"), "\"€\uFFFDé\""},
		{"sjis is MySQL's", withCharset("sjis"), exact, raw("\x81\x60\xb1\x93\xfa"), `"〜ｱ日"`},
		{"cp932 is not sjis", withCharset("cp932"), exact, raw("\x81\x60\xf0\x40"), "\"～\uE000\""},
		{"ujis has three bytes", withCharset("ujis"), exact, raw("a\xc6\xfc\x8e\xb1\x8f\xb0\xa1"), `"a日ｱ丂"`},
		{"gb18030 has four", withCharset("gb18030"), exact, raw("\xd6\xd0\x94\x39\xfc\x36"), `"中\uD83D\uDE00"`},
		{"big5 is MySQL's", withCharset("big5"), exact, raw("\xc6\xe7\xa4\xa4"), `"ゃ中"`},
		{"euckr", withCharset("euckr"), exact, raw("\xc7\xd1"), `"한"`},
		{"utf16 has surrogates", withCharset("utf16"), exact, raw("\x4e\x2d\xd8\x3d\xde\x00"), `"中\uD83D\uDE00"`},
		{"utf16le", withCharset("utf16le"), exact, raw("\x2d\x4e"), `"中"`},
		{"utf32", withCharset("utf32"), exact, raw("\x00\x01\xf6\x00"), `"\uD83D\uDE00"`},
		{"koi8r", withCharset("koi8r"), exact, raw("\xf0\xd2"), `"Пр"`},
		{"swe7 is not ASCII", withCharset("swe7"), exact, raw("a[$"), `"aÄ$"`},
		{"broken UTF-8 is replaced", withCharset("utf8mb4"), exact, raw("a\xff"), "\"a\uFFFD\""},
		{"broken multi-byte text is replaced", withCharset("gbk"), exact, raw("a\xd6"), "\"a\uFFFD\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlan(t, c.column, c.opts)
			values, err := p.Streamed(nil, mysql.Row{c.value})
			if err != nil {
				t.Fatal(err)
			}
			if got := render(t, p, values); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestPlan_Selected(t *testing.T) {
	decimals := column("DECIMAL UNSIGNED ZEROFILL", debezium.JDBCDecimal, 8)
	decimals.Scale = 2
	asText := convert.Options{Modes: debezium.Modes{Decimal: debezium.DecimalString}}
	for _, c := range []struct {
		name   string
		column debezium.Column
		opts   convert.Options
		text   string
		want   string
	}{
		{"a date with a zero part", dateColumn, exact, "2018-00-01", `0`},
		{"a date that no calendar has", column("DATE?", debezium.JDBCDate, -1), exact, "2018-02-31", `null`},
		{"the zero timestamp", timestampColumn, exact, "0000-00-00 00:00:00.000", `null`},
		{"year 0000", yearColumn, exact, "0000", `2000`},
		{"a time outside the day", timeColumn, iso, "-838:59:59.5", `"-838:59:59.5Z"`},
		{"a ZEROFILL number", column("INT UNSIGNED ZEROFILL", debezium.JDBCInteger, 10), exact, "0000000042", `42`},
		{"a ZEROFILL decimal", decimals, asText, "000012.30", `"12.30"`},
		{"a ZEROFILL decimal of zero", decimals, asText, "000000.00", `"0.00"`},
		{"a ZEROFILL decimal, precise", decimals, exact, "000012.30", `"BM4="`},
		{"an empty VARBINARY", column("VARBINARY", debezium.JDBCVarbinary, 5), exact, "", `""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlan(t, c.column, c.opts)
			values, err := p.Selected(nil, [][]byte{[]byte(c.text)})
			if err != nil {
				t.Fatal(err)
			}
			if got := render(t, p, values); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestPlan_TimestampInKey holds that a key prints alike in snapshot and stream.
func TestPlan_TimestampInKey(t *testing.T) {
	table := debezium.Table{PrimaryKey: []string{"C"}, Columns: []debezium.Column{timestampColumn}}
	p, err := convert.NewPlan("t", &table, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	selected, err := p.Selected(nil, [][]byte{[]byte("2020-01-02 03:04:05.670")})
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := p.Streamed(nil, mysql.Row{number(mysql.Timestamp, 1577934245670000)})
	if err != nil {
		t.Fatal(err)
	}
	if want := "2020-01-02T03:04:05.670Z"; string(selected[0].B) != want || string(streamed[0].B) != want {
		t.Errorf("selected %s, streamed %s, want both %s", selected[0].B, streamed[0].B, want)
	}
}

func TestPlan_Failures(t *testing.T) {
	nanos := convert.Options{Modes: debezium.Modes{Time: debezium.TimeNanoseconds}, Table: debezium.TableID{Database: "db", Table: "secrets"}}
	optional := column("DATETIME?", debezium.JDBCTimestamp, -1)
	for _, c := range []struct {
		name   string
		column debezium.Column
		opts   convert.Options
		value  mysql.Value
		want   string
	}{
		{"a datetime beyond nanoseconds", optional, nanos, datetime(9999, 12, 31), "--time-precision-mode=microseconds"},
		{"a datetime before nanoseconds", optional, nanos, datetime(1677, 1, 1), "--time-precision-mode=microseconds"},
		{"a time outside the day, as in Debezium", timeColumn, asDebez(connect), number(mysql.Time, -micros), "--time-precision-mode"},
		{"a time beyond milliseconds in 32 bits", timeColumn, connect, number(mysql.Time, 3020399*micros), "outside what the event's type can hold"},
		{"a label that does not exist", labelled("ENUM", "'a'"), exact, number(mysql.Int, 2), "not that of a label"},
		{"a SET bit without a label", labelled("SET", "'a'"), exact, number(mysql.Int, 2), "not that of a label"},
		{"an absent column is not NULL", optional, exact, mysql.Value{Kind: mysql.Absent}, "binlog_row_image=FULL"},
		{"a value of another type", dateColumn, exact, number(mysql.Int, 1), "kind"},
		{"JSON cut short", jsonColumn, exact, mysql.Value{Kind: mysql.JSONB, B: []byte{0, 9, 0}}, "binary JSON is malformed"},
		{"a point without coordinates", column("POINT", debezium.JDBCOther, -1), exact, raw("\x00\x00\x00\x00\x01\x01\x00\x00\x00"), "not of the column's type"},
		{"text that is no number", column("INT", debezium.JDBCInteger, -1), exact, mysql.Value{Kind: mysql.Text, B: []byte("p4ssw0rd")}, "not of the column's type"},
		{"text that is no double", column("DOUBLE", debezium.JDBCDouble, -1), exact, mysql.Value{Kind: mysql.Text, B: []byte("p4ssw0rd")}, "not of the column's type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newPlan(t, c.column, c.opts).Streamed(nil, mysql.Row{c.value})
			var failure *convert.ValueError
			if !errors.As(err, &failure) || failure.Column != "c" || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got error %v, want a ValueError of column c with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "p4ssw0rd") {
				t.Errorf("the error %q holds the value", err)
			}
			if c.opts.Table.Table != "" && failure.Table != "db.secrets" {
				t.Errorf("got table %q, want db.secrets", failure.Table)
			}
		})
	}
}

// TestPlan_FailuresThatDoNotStop: null is none of the values of a key, or of a NOT NULL column. Debezium's
// connector fails there as well.
func TestPlan_FailuresThatDoNotStop(t *testing.T) {
	nanos := convert.Options{Modes: debezium.Modes{Time: debezium.TimeNanoseconds}}
	nullable, late := column("DATETIME?", debezium.JDBCTimestamp, -1), datetime(9999, 12, 31)
	const stops = "error"
	for _, c := range []struct {
		name   string
		column debezium.Column
		key    bool
		opts   convert.Options
		value  mysql.Value
		want   string
	}{
		{"a nullable column", nullable, false, nanos, late, "null"},
		{"a nullable column, as in Debezium", nullable, false, asDebez(nanos), late, "null"},
		{"Debezium has nothing on the first day of nanoseconds", nullable, false, asDebez(nanos), datetime(1677, 9, 21), "null"},
		{"a time outside the day, as in Debezium", timeColumn, false, asDebez(connect), number(mysql.Time, -micros), "null"},
		{"a time outside the day, as ISO text in Debezium", timeColumn, false, asDebez(iso), number(mysql.Time, 3020399*micros), "null"},
		{"a time outside the day in a NOT NULL column with a default, as in Debezium", withDefault(column("TIME", debezium.JDBCTime, -1), "01:00:00"), false, asDebez(connect), number(mysql.Time, -micros), "3600000"},
		{"a NOT NULL column", datetimeColumn, false, nanos, late, stops},
		{"a NOT NULL column, as in Debezium", datetimeColumn, false, asDebez(nanos), late, stops},
		{"a NOT NULL column with a default", withDefault(datetimeColumn, "2020-01-02"), false, nanos, late, stops},
		{"a NOT NULL column with a default, as in Debezium", withDefault(datetimeColumn, "2020-01-02"), false, asDebez(nanos), late, "1577923200000000000"},
		{"a key", withDefault(datetimeColumn, "2020-01-02"), true, asDebez(nanos), late, stops},
		{"a key that may be NULL", nullable, true, nanos, late, stops},
		{"a NOT NULL geometry, whose field is nullable", column("GEOMETRY", debezium.JDBCOther, -1), false, exact, raw("\x00"), "null"},
		{"a column that the row image lacks", nullable, false, nanos, mysql.Value{Kind: mysql.Absent}, stops},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := debezium.Table{Columns: []debezium.Column{c.column}}
			if c.key {
				table.PrimaryKey = []string{"c"}
			}
			for _, mode := range []convert.FailureMode{convert.FailureWarn, convert.FailureSkip} {
				c.opts.ConvertFailure = mode
				p, err := convert.NewPlan("t", &table, c.opts)
				if err != nil {
					t.Fatal(err)
				}
				values, err := p.Streamed(nil, mysql.Row{c.value})
				got := stops
				if err == nil {
					got = render(t, p, values)
				}
				if got != c.want {
					t.Errorf("mode %d: got %s (%v), want %s", mode, got, err, c.want)
				}
			}
		})
	}
}

func TestNewPlan_Refuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		column debezium.Column
		want   string
	}{
		{"an unknown type", column("SOMETHING", debezium.JDBCOther, -1), "column c has type SOMETHING"},
		{"an unknown character set", withCharset("klingon"), "column c: character set klingon is not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := convert.NewPlan("p.db.t", &debezium.Table{Columns: []debezium.Column{c.column}}, convert.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "p.db.t") {
				t.Errorf("got error %v, want %q and the table", err, c.want)
			}
		})
	}
}

func TestPlan_SelectList(t *testing.T) {
	table := debezium.Table{Columns: []debezium.Column{
		column("INT", debezium.JDBCInteger, -1), column("FLOAT", debezium.JDBCFloat, -1),
		column("DOUBLE", debezium.JDBCDouble, -1), column("BIT", debezium.JDBCBit, 8),
	}}
	for i, name := range []string{"id", "f", "back`tick", "b"} {
		table.Columns[i].Name = name
	}
	for _, c := range []struct {
		opts convert.Options
		want string
	}{
		{convert.Options{}, "`id`, `f`+0e0, `back``tick`, `b`+0"},
		{exact, "`id`, `f`, `back``tick`, `b`+0"},
	} {
		p, err := convert.NewPlan("t", &table, c.opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.SelectList(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func newPlan(t *testing.T, c debezium.Column, opts convert.Options) *convert.Plan {
	t.Helper()
	p, err := convert.NewPlan("p.db.t", &debezium.Table{Columns: []debezium.Column{c}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// render returns the one value as JSON.
func render(t *testing.T, p *convert.Plan, values []debezium.Value) string {
	t.Helper()
	b, err := codec.NewJSON(codec.JSONOptions{}).AppendStruct(nil, p.Row, values)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(b), `{"c":`), `}`)
}
