package debezium_test

import (
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestColumn_SchemaRefusesAnUnknownType(t *testing.T) {
	c := debezium.Column{Name: "c", TypeName: "SOMETHING", JDBCType: debezium.JDBCOther}
	_, err := c.Schema(debezium.Modes{})
	var unmappable *debezium.UnmappableTypeError
	if !errors.As(err, &unmappable) || unmappable.Column != "c" || unmappable.TypeName != "SOMETHING" {
		t.Errorf("got error %v, want an UnmappableTypeError of c", err)
	}
}

func TestColumn_Default(t *testing.T) {
	for _, c := range []struct {
		name     string
		typeName string
		jdbc     int
		length   int
		scale    int
		optional bool
		text     string
		want     debezium.Value
	}{
		{"a zero date in a nullable column is none", "DATE", debezium.JDBCDate, -1, -1, true, "0000-00-00", debezium.Value{}},
		{"a zero date is the epoch", "DATE", debezium.JDBCDate, -1, -1, false, "2018-00-01", debezium.Int(debezium.Int32, 0)},
		{"a short year is adjusted", "DATE", debezium.JDBCDate, -1, -1, false, "0018-04-01", debezium.Int(debezium.Int32, 17622)},
		{"a datetime without a time", "DATETIME", debezium.JDBCTimestamp, 6, -1, false, "2020-01-02", debezium.Int(debezium.Int64, 1577923200000000)},
		{"a timestamp has the column's digits", "TIMESTAMP", debezium.JDBCTimestampTZ, 3, -1, false, "2020-01-02 03:04:05.5", debezium.Text("2020-01-02T03:04:05.500Z")},
		{"a negative time", "TIME", debezium.JDBCTime, -1, -1, false, "-01:00:00.5", debezium.Int(debezium.Int64, -3600500000)},
		{"a decimal is rounded half up", "DECIMAL", debezium.JDBCDecimal, 5, 2, false, "-1.005", debezium.Value{Type: debezium.Bytes, B: []byte{0x9b}}},
		{"an integer is rounded", "INT", debezium.JDBCInteger, -1, -1, false, "1.5", debezium.Int(debezium.Int32, 2)},
		{"TRUE is a number", "TINYINT", debezium.JDBCSmallint, 1, -1, false, "TRUE", debezium.Int(debezium.Int16, 1)},
		{"an introducer is stripped", "VARCHAR", debezium.JDBCVarchar, 5, -1, false, "_utf8mb4'abc'", debezium.Text("abc")},
		{"bits are little-endian", "BIT", debezium.JDBCBit, 16, -1, false, "100000010", debezium.Value{Type: debezium.Bytes, B: []byte{2, 1}}},
		{"text that is no number is none", "INT", debezium.JDBCInteger, -1, -1, false, "uuid()", debezium.Value{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			column := debezium.Column{
				Name: "c", TypeName: c.typeName, JDBCType: c.jdbc, Length: c.length, Scale: c.scale,
				Optional: c.optional, HasDefault: true, Default: &c.text,
			}
			s, err := column.Schema(debezium.Modes{})
			if err != nil {
				t.Fatal(err)
			}
			got := debezium.Value{}
			if s.Default != nil {
				got = *s.Default
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("default differs (-want +got)\n%s", diff)
			}
		})
	}
}

func TestColumn_Labels(t *testing.T) {
	c := debezium.Column{EnumValues: []string{`'a,b'`, `'it''s'`, `'back\\slash'`, `"say ""x"""`, `'tab\t'`, `''`}}
	want := []debezium.Label{
		{Text: `a,b`, Escaped: `a\,b`},
		{Text: `it's`, Escaped: `it's`},
		{Text: `back\slash`, Escaped: `back\\slash`},
		{Text: `say "x"`, Escaped: `say ""x""`},
		{Text: "tab\t", Escaped: `tab\t`},
		{},
	}
	if diff := cmp.Diff(want, c.Labels()); diff != "" {
		t.Errorf("labels differ (-want +got)\n%s", diff)
	}
}

func TestEpochDay_AgreesWithTime(t *testing.T) {
	for days := debezium.EpochDay(1, 1, 1); days < debezium.EpochDay(10000, 1, 1); days += 13 {
		want := time.Unix(days*86400, 0).UTC()
		year, month, day := debezium.Date(days)
		if year != want.Year() || month != int(want.Month()) || day != want.Day() {
			t.Fatalf("Date(%d) = %d-%d-%d, want %s", days, year, month, day, want.Format(time.DateOnly))
		}
		if got := debezium.EpochDay(year, month, day); got != days {
			t.Fatalf("EpochDay(%d, %d, %d) = %d, want %d", year, month, day, got, days)
		}
	}
}

func TestAppendUnscaled_IsMinimal(t *testing.T) {
	for _, c := range []struct {
		number int64
		want   []byte
	}{
		{0, []byte{0}},
		{1, []byte{1}},
		{-1, []byte{0xff}},
		{127, []byte{0x7f}},
		{128, []byte{0, 0x80}},
		{-128, []byte{0x80}},
		{-129, []byte{0xff, 0x7f}},
		{12345, []byte{0x30, 0x39}},
		{-1 << 63, []byte{0x80, 0, 0, 0, 0, 0, 0, 0}},
	} {
		if diff := cmp.Diff(c.want, debezium.AppendUnscaled(nil, c.number)); diff != "" {
			t.Errorf("%d differs (-want +got)\n%s", c.number, diff)
		}
		if diff := cmp.Diff(c.want, debezium.AppendUnscaledBig(nil, big.NewInt(c.number))); diff != "" {
			t.Errorf("big %d differs (-want +got)\n%s", c.number, diff)
		}
	}
}
