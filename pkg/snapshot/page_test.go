package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// definition answers the two queries that describe a table.
type definition struct{ columns, indexes [][]string }

// Strings answers a query.
func (d *definition) Strings(_ context.Context, query string, _ ...any) ([][]string, error) {
	switch {
	case strings.Contains(query, "information_schema.columns"):
		return d.columns, nil
	case strings.HasPrefix(query, "SHOW INDEX FROM"):
		return d.indexes, nil
	default:
		return nil, errors.New("unexpected query: " + query)
	}
}

// parse reads lines such as
//
//	column c varchar(10) latin1 latin1_swedish_ci
//	index PRIMARY a b:desc
//	index u c:prefix d:null e:hidden
func (d *definition) parse(t *testing.T, input string, mariaDB bool) {
	*d = definition{}
	for line := range strings.Lines(input) {
		f := strings.Fields(line)
		switch f[0] {
		case "column":
			f = append(f, "", "")
			dataType, _, _ := strings.Cut(f[2], "(")
			d.columns = append(d.columns, []string{"d", "t", f[1], dataType, f[3], f[4], f[2]})
		case "index":
			for i, part := range f[2:] {
				d.indexes = append(d.indexes, indexRow(f[1], i, part, mariaDB))
			}
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
}

func indexRow(name string, i int, part string, mariaDB bool) []string {
	column, option, _ := strings.Cut(part, ":")
	row := []string{"t", "0", name, fmt.Sprint(i + 1), column, "A", "0", "", "", "", "BTREE", "", "", "YES", ""}
	if mariaDB {
		row = append(row[:13], "NO")
	}
	switch option {
	case "desc":
		row[indexCollation] = "D"
	case "prefix":
		row[indexSubPart] = "3"
	case "hash":
		row[indexType] = "HASH"
	case "null":
		row[indexNull] = "YES"
	case "hidden":
		row[indexVisible] = map[bool]string{false: "NO", true: "YES"}[mariaDB]
	}
	return row
}

// TestTable runs the commands in testdata/table: table describes one, page
// prints the query for a part of it, pass the query for all of it.
func TestTable(t *testing.T) {
	id := debezium.TableID{Database: "d", Table: "t"}
	var table *Table
	datadriven.RunTest(t, "testdata/table", func(t *testing.T, d *datadriven.TestData) string {
		switch d.Cmd {
		case "table":
			var def definition
			def.parse(t, d.Input, d.HasArg("mariadb"))
			var err error
			if table, err = describe(t.Context(), &def, id); err != nil {
				return err.Error()
			}
			table.Select = "`x`"
			var key []string
			for _, c := range table.Key {
				key = append(key, c.Name)
			}
			return strings.TrimSpace(table.Index + " " + strings.Join(key, " "))
		case "page":
			span := Range{}
			for _, arg := range d.CmdArgs {
				switch arg.Key {
				case "after":
					span.After = arg.Vals
				case "until":
					span.Until = arg.Vals
				}
			}
			table.Where = strings.TrimSpace(d.Input)
			query, err := table.pageQuery(span, 10)
			if err != nil {
				return err.Error()
			}
			return query
		case "pass":
			table.Where = strings.TrimSpace(d.Input)
			return table.passQuery()
		default:
			t.Fatalf("unknown command %q", d.Cmd)
			return ""
		}
	})
}

func TestKeyColumn_LiteralRefusesWhatNoSelectReturned(t *testing.T) {
	tests := []struct{ column, value string }{
		{"int", "1 OR 1=1"},
		{"int", ""},
		{"decimal", "1.5; DROP"},
		{"double", "1e5 OR 1"},
		{"date", "2024-01-01' OR '1"},
		{"varchar", "41' "},
		{"varbinary", "zz"},
		{"uuid", "'"},
	}
	for _, tt := range tests {
		c := KeyColumn{Name: "c", Type: tt.column, Charset: "utf8mb4", Collation: "utf8mb4_bin"}
		got, err := c.literal(tt.value)
		if !errors.Is(err, ErrKey) {
			t.Errorf("%s %q: got %s, %v", tt.column, tt.value, got, err)
		}
		if err != nil && tt.value != "" && strings.Contains(err.Error(), tt.value) {
			t.Errorf("%s: the error holds the value: %v", tt.column, err)
		}
	}
}

func TestKey_JSON(t *testing.T) {
	for _, want := range []Key{nil, {"-5"}, {"C3A9", "2024-01-01 00:00:00"}} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Key
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		low, high string
		n         int
		want      []string
	}{
		{"0", "100", 4, []string{"25", "50", "75"}},
		{"-10", "10", 2, []string{"0"}},
		{"5", "5", 4, []string{}},
		{"5", "7", 4, []string{"6"}},
		{"-9223372036854775808", "9223372036854775807", 2, []string{"-1"}},
		{"0", "18446744073709551615", 2, []string{"9223372036854775807"}},
	}
	for _, tt := range tests {
		got, err := cut(tt.low, tt.high, tt.n)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s to %s in %d: %s", tt.low, tt.high, tt.n, diff)
		}
	}
}

func TestRowSet_Row(t *testing.T) {
	var s RowSet
	rows := [][][]byte{{[]byte("a"), nil}, {{}, []byte("long value")}, {nil, nil}}
	for range 2 { // the second time in memory that is used again
		s.Reset(2)
		for _, row := range rows {
			if err := s.Add(row); err != nil {
				t.Fatal(err)
			}
		}
		if s.Len() != len(rows) || s.Size() != len("along value") {
			t.Fatalf("got %d rows of %d bytes", s.Len(), s.Size())
		}
		for i, want := range rows {
			if diff := cmp.Diff(want, s.Row(i, nil)); diff != "" {
				t.Error(diff)
			}
		}
	}
}
