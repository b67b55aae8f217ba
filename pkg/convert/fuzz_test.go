package convert_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// FuzzPlan_JSON holds that binary JSON, however broken, is an error or prints as JSON.
func FuzzPlan_JSON(f *testing.F) {
	forEachSeed(f, mysql.JSONB)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, opts := range []convert.Options{{}, exact} {
			values, err := newPlan(t, jsonColumn, opts).Streamed(nil, mysql.Row{{Kind: mysql.JSONB, B: b}})
			if err != nil {
				continue
			}
			// Debezium prints times that no server stores outside of 0 to 99 hours.
			if !opts.DebeziumExact && utf8.Valid(values[0].B) && !json.Valid(values[0].B) {
				t.Errorf("printed %q, which is no JSON", values[0].B)
			}
		}
	})
}

// FuzzPlan_Text holds that no bytes of any character set make a decoder panic or print broken UTF-8.
func FuzzPlan_Text(f *testing.F) {
	sets := []string{"utf8mb4", "latin1", "gbk", "gb18030", "big5", "sjis", "ujis", "euckr", "utf16", "utf32", "swe7"}
	for i := range sets {
		f.Add(i, []byte("a\x81\x30\x84\x36\xff\xd8\x3d"))
	}
	f.Fuzz(func(t *testing.T, set int, b []byte) {
		p := newPlan(t, withCharset(sets[(set%len(sets)+len(sets))%len(sets)]), exact)
		values, err := p.Streamed(nil, mysql.Row{{Kind: mysql.Raw, B: b}})
		if err != nil || !utf8.Valid(values[0].B) {
			t.Errorf("got %q, %v, want UTF-8", values[0].B, err)
		}
	})
}

// FuzzPlan_Selected holds that the text of a SELECT, however broken, is a value or an error.
func FuzzPlan_Selected(f *testing.F) {
	columns := []debezium.Column{
		dateColumn, timeColumn, datetimeColumn, timestampColumn, yearColumn, column("POINT", debezium.JDBCOther, -1),
		column("VECTOR", debezium.JDBCOther, 3), column("DECIMAL", debezium.JDBCDecimal, 65), column("BIGINT UNSIGNED", debezium.JDBCBigint, -1),
		column("DOUBLE", debezium.JDBCDouble, -1), column("BIT", debezium.JDBCBit, 64),
	}
	for _, s := range []string{"2020-01-02", "-838:59:59.5", "2020-01-02 03:04:05.123456", "-12.30", "18446744073709551615", "1e308", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range columns {
			p := newPlan(t, c, convert.Options{})
			if values, err := p.Selected(nil, [][]byte{b}); err == nil && len(values) != 1 {
				t.Errorf("%s: got %d values, want 1", c.TypeName, len(values))
			}
		}
	})
}

// forEachSeed adds the values of a kind in the JSON goldens to a fuzz target.
func forEachSeed(f *testing.F, kind mysql.Kind) {
	f.Helper()
	for _, server := range []string{"mysql8", "mysql9"} {
		_, lines, err := readGolden("testdata/" + server + "/json.jsonl")
		if err != nil {
			f.Fatal(err)
		}
		for _, l := range lines {
			for _, v := range l.After {
				if v.Kind == kind {
					f.Add(v.B)
				}
			}
		}
	}
}
