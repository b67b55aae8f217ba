package convert_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// sample is a table with one row in both forms.
type sample struct {
	table    debezium.Table
	streamed mysql.Row
	selected [][]byte
}

// add adds a column; charset, length and scale as far as the type has them.
func (s *sample) add(typeName string, jdbc int, charset string, length, scale int, v mysql.Value, text string) {
	s.table.Columns = append(s.table.Columns, debezium.Column{
		Name: "c" + strconv.Itoa(len(s.table.Columns)), TypeName: typeName, JDBCType: jdbc, Charset: charset,
		Length: length, Scale: scale, Position: len(s.table.Columns) + 1, Optional: len(s.table.Columns) > 0,
		EnumValues: map[string][]string{"ENUM": {"'a'", "'b'"}, "SET": {"'x'", "'y'", "'z'"}}[typeName],
	})
	s.streamed = append(s.streamed, v)
	s.selected = append(s.selected, []byte(text))
}

func number(kind mysql.Kind, i int64) mysql.Value { return mysql.Value{Kind: kind, I: i} }

func raw(s string) mysql.Value { return mysql.Value{Kind: mysql.Raw, B: []byte(s)} }

// sbtest is sysbench's table.
func sbtest() *sample {
	var s sample
	s.add("BIGINT", debezium.JDBCBigint, "", -1, -1, number(mysql.Int, 500123), "500123")
	s.add("INT", debezium.JDBCInteger, "", -1, -1, number(mysql.Int, 4990121), "4990121")
	c, pad := strings.Repeat("83868641912-", 10)[:119], strings.Repeat("67847967377-", 5)[:59]
	s.add("CHAR", debezium.JDBCChar, "utf8mb4", 120, -1, raw(c), c)
	s.add("CHAR", debezium.JDBCChar, "utf8mb4", 60, -1, raw(pad), pad)
	s.table.PrimaryKey = []string{"c0"}
	return &s
}

// wide has a column of each common type.
func wide() *sample {
	s := sbtest()
	s.add("TINYINT UNSIGNED", debezium.JDBCSmallint, "", -1, -1, number(mysql.Int, -1), "255")
	s.add("BIGINT UNSIGNED", debezium.JDBCBigint, "", -1, -1, number(mysql.Int, -1), "18446744073709551615")
	s.add("DECIMAL", debezium.JDBCDecimal, "", 10, 2, number(mysql.Decimal, -123456), "-1234.56")
	big := "99999999999999999999999999999999999.123456789012345678901234567890"
	s.add("DECIMAL", debezium.JDBCDecimal, "", 65, 30, mysql.Value{Kind: mysql.DecimalText, B: []byte(big)}, big)
	s.add("FLOAT", debezium.JDBCFloat, "", -1, -1, number(mysql.Float, int64(math.Float64bits(1.5))), "1.5")
	s.add("DOUBLE", debezium.JDBCDouble, "", -1, -1, number(mysql.Float, int64(math.Float64bits(3.25))), "3.25")
	s.add("BIT", debezium.JDBCBit, "", 12, -1, number(mysql.Int, 0xABC), "2748")
	s.add("DATE", debezium.JDBCDate, "", -1, -1, number(mysql.Date, 2024<<9|2<<5|29), "2024-02-29")
	s.add("TIME", debezium.JDBCTime, "", 6, -1, number(mysql.Time, -3661000001), "-01:01:01.000001")
	packed := int64((((2024*13+2)<<5|29)<<17 | 12<<12 | 34<<6 | 56) << 24)
	s.add("DATETIME", debezium.JDBCTimestamp, "", 6, -1, number(mysql.Datetime, packed|789), "2024-02-29 12:34:56.000789")
	s.add("TIMESTAMP", debezium.JDBCTimestampTZ, "", 3, -1, number(mysql.Timestamp, 1709210096789000), "2024-02-29 12:34:56.789")
	s.add("YEAR", debezium.JDBCInteger, "", -1, -1, number(mysql.Year, 2024), "2024")
	s.add("ENUM", debezium.JDBCChar, "utf8mb4", 1, -1, number(mysql.Int, 2), "b")
	s.add("SET", debezium.JDBCChar, "utf8mb4", 5, -1, number(mysql.Int, 5), "x,z")
	s.add("VARCHAR", debezium.JDBCVarchar, "latin1", 50, -1, raw("caf\xe9 \x80"), "café €")
	s.add("TEXT", debezium.JDBCVarchar, "gbk", -1, -1, raw("\xd6\xd0\xce\xc4"), "中文")
	s.add("VARCHAR", debezium.JDBCVarchar, "utf8mb4", 50, -1, raw("中文😀"), "中文😀")
	s.add("BINARY", debezium.JDBCBinary, "", 16, -1, raw("\x01\x02"), "\x01\x02")
	s.add("BLOB", debezium.JDBCBlob, "", -1, -1, raw("blob"), "blob")
	s.add("JSON", debezium.JDBCOther, "", -1, -1, mysql.Value{Kind: mysql.JSONB, B: []byte("\x00\x01\x00\x0c\x00\x0b\x00\x01\x00\x05\x01\x00a")}, `{"a": 1}`)
	point := "\x00\x00\x00\x00\x01\x01\x00\x00\x00" + strings.Repeat("\x00\x00\x00\x00\x00\x00\xf0\x3f", 2)
	s.add("POINT", debezium.JDBCOther, "", -1, -1, raw(point), point)
	s.add("INT", debezium.JDBCInteger, "", -1, -1, mysql.Value{}, "")
	s.selected[len(s.selected)-1] = nil
	return s
}

// convertRow returns functions that convert the sample's row once, as a reader does.
func (s *sample) convertRow(tb testing.TB) (streamed, selected func()) {
	tb.Helper()
	p, err := convert.NewPlan("t.t.t", &s.table, convert.Options{Modes: debezium.Modes{BigintUnsigned: debezium.BigintPrecise}})
	if err != nil {
		tb.Fatal(err)
	}
	var row, key []debezium.Value
	streamed = func() {
		p.Reset()
		if row, err = p.Streamed(row, s.streamed); err != nil {
			tb.Fatal(err)
		}
		key = p.KeyValues(key, row)
	}
	selected = func() {
		p.Reset()
		if row, err = p.Selected(row, s.selected); err != nil {
			tb.Fatal(err)
		}
		key = p.KeyValues(key, row)
	}
	return streamed, selected
}

func TestPlan_DoesNotAllocate(t *testing.T) {
	for name, s := range map[string]*sample{"sbtest": sbtest(), "wide": wide()} {
		t.Run(name, func(t *testing.T) {
			streamed, selected := s.convertRow(t)
			if n := testing.AllocsPerRun(100, streamed); n != 0 {
				t.Errorf("a streamed row makes %v allocations, want 0", n)
			}
			if n := testing.AllocsPerRun(100, selected); n != 0 {
				t.Errorf("a selected row makes %v allocations, want 0", n)
			}
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, c := range []struct {
		name   string
		sample *sample
	}{{"sbtest", sbtest()}, {"wide", wide()}} {
		streamed, selected := c.sample.convertRow(b)
		for _, run := range []struct {
			name string
			fn   func()
		}{{"streamed", streamed}, {"selected", selected}} {
			b.Run(c.name+"/"+run.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					run.fn()
				}
			})
		}
	}
}
