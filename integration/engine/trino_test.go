package engine

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page is one that Trino sent; each text is what DuckDB's program makes of
// the same value.
func TestTrino_TextIsThatOfDuckDB(t *testing.T) {
	recorded, err := os.ReadFile("testdata/trino.json")
	if err != nil {
		t.Fatal(err)
	}
	var p page
	if err := json.Unmarshal(recorded, &p); err != nil {
		t.Fatal(err)
	}
	var result Result
	if err := result.add(&p); err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(result.Columns))
	for i, v := range result.Rows[0] {
		got[i] = result.Columns[i] + " " + Text([]*string{v})
	}
	want := []string{
		"boolean true", "bigint -1", "decimal(20, 2) 1.50", "real 0.10000000149011612",
		"double 1e+16", "double 1e-05", "double 100000.0", "double nan", "double -inf",
		`varchar(3) a"ü`, "varbinary 00ff", "date 0001-01-01", "timestamp(6) 2018-06-20 13:37:01.123456",
		"timestamp(6) with time zone 2018-06-20 13:37:01.100000Z", "varchar NULL",
		`row(wkb varbinary, srid integer, x double, y double) {"wkb": "01ff", "srid": 7, "x": null, "y": 1.5}`,
		"array(real) [1.5, null]", "char(4) ab  ", "timestamp(6) with time zone 2018-06-20 13:37:01.123456Z",
		`array(decimal(5, 1)) ["1.0"]`, "time(6) 12:00:00",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTrino_RefusesTypesItHasNoFormFor(t *testing.T) {
	sign := typeSign{Raw: "HyperLogLog"}
	if text, err := sign.text(json.RawMessage(`"AA=="`)); err == nil {
		t.Errorf("got %q", *text)
	}
}

func TestQuote(t *testing.T) {
	got := quote("a\"\\\n\r\té\U0001F600\x01\x7f")
	want := `"a\"\\\n\r\t\u00e9\ud83d\ude00\u0001\u007f"`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
