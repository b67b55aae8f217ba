package convert_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// goldenLine is one line of testdata/<server>/<case>.jsonl. Debezium 3.6.1
// (3.5.0 for MariaDB) made the tables, schemas and wanted values; the rows are
// what the same statements gave a SELECT and the binlog.
type goldenLine struct {
	Properties []string // of the connector, on the first line

	Model  string // a topic; the rows that follow are of this table
	Table  *goldenTable
	Schema json.RawMessage // of the rows

	Op         string
	Selected   [][]byte // the row of SelectList; null for r rows of the stream
	Exact      [][]byte // and of SelectList with DebeziumExact, where it differs
	Before     []goldenValue
	After      []goldenValue
	WantBefore json.RawMessage `json:"want_before"`
	WantAfter  json.RawMessage `json:"want_after"`
	WantKey    json.RawMessage `json:"want_key"` // with its schema
}

type goldenTable struct {
	PrimaryKeyColumnNames []string
	Columns               []struct {
		Name                                string
		JDBCType                            int
		TypeName                            string
		CharsetName, DefaultValueExpression *string
		Length, Scale                       *int
		Position                            int
		Optional, Generated                 bool
		EnumValues                          []string
	}
}

func (t *goldenTable) table() *debezium.Table {
	table := &debezium.Table{PrimaryKey: t.PrimaryKeyColumnNames}
	for _, c := range t.Columns {
		column := debezium.Column{
			Name: c.Name, JDBCType: c.JDBCType, TypeName: c.TypeName, Length: -1, Scale: -1,
			Position: c.Position, Optional: c.Optional, Generated: c.Generated, EnumValues: c.EnumValues,
			HasDefault: c.DefaultValueExpression != nil, Default: c.DefaultValueExpression,
		}
		if c.CharsetName != nil {
			column.Charset = *c.CharsetName
		}
		if c.Length != nil {
			column.Length = *c.Length
		}
		if c.Scale != nil {
			column.Scale = *c.Scale
		}
		table.Columns = append(table.Columns, column)
	}
	return table
}

// goldenValue is a mysql.Value as [kind], [kind, number] or [kind, bytes].
type goldenValue mysql.Value

func (v *goldenValue) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if err := json.Unmarshal(parts[0], &v.Kind); err != nil || len(parts) < 2 {
		return err
	}
	if parts[1][0] == '"' {
		return json.Unmarshal(parts[1], &v.B)
	}
	return json.Unmarshal(parts[1], &v.I)
}

func row(values []goldenValue) mysql.Row {
	r := make(mysql.Row, len(values))
	for i := range values {
		r[i] = mysql.Value(values[i])
	}
	return r
}

// options reads the connector's properties; the rest of Debezium's defaults is set.
func options(t *testing.T, properties []string) (opts convert.Options, replaceNull bool) {
	t.Helper()
	opts = convert.Options{DebeziumExact: true, ConvertFailure: convert.FailureWarn}
	replaceNull = true
	for _, p := range properties {
		name, value, _ := strings.Cut(p, "=")
		var err error
		switch name {
		case "time.precision.mode":
			opts.Time, err = debezium.ParseTimeMode(value)
		case "decimal.handling.mode":
			opts.Decimal, err = debezium.ParseDecimalMode(value)
		case "binary.handling.mode":
			opts.Binary, err = debezium.ParseBinaryMode(value)
		case "bigint.unsigned.handling.mode":
			opts.BigintUnsigned, err = debezium.ParseBigintMode(value)
		case "schema.name.adjustment.mode":
			opts.SchemaNames, err = debezium.ParseNameAdjustment(value)
		case "field.name.adjustment.mode":
			opts.FieldNames, err = debezium.ParseNameAdjustment(value)
		case "value.converter.replace.null.with.default":
			replaceNull = value == "true"
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return opts, replaceNull
}

// forEachGolden runs fn with each line of each file of testdata that has a model or a row.
func forEachGolden(t *testing.T, fn func(t *testing.T, properties []string, lines []goldenLine)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/"), ".jsonl")
		t.Run(name, func(t *testing.T) {
			properties, lines, err := readGolden(file)
			if err != nil {
				t.Fatal(err)
			}
			fn(t, properties, lines)
		})
	}
}

// readGolden returns the connector's properties and the lines after them.
func readGolden(file string) (properties []string, lines []goldenLine, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		var l goldenLine
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			return nil, nil, err
		}
		if l.Properties != nil {
			properties = l.Properties
			continue
		}
		lines = append(lines, l)
	}
	return properties, lines, s.Err()
}

// knownDifferences are tables whose records we do not repeat, by test name and topic.
var knownDifferences = map[string]string{
	// Debezium 3.5.0 for MariaDB takes INTEGER UNSIGNED as signed and emits 4294967295 as -1; 3.6 does not.
	"mariadb/ints": "ints.ints.i2",
}

func TestPlan_GivesWhatDebeziumGives(t *testing.T) {
	forEachGolden(t, func(t *testing.T, properties []string, lines []goldenLine) {
		_, name, _ := strings.Cut(t.Name(), "/")
		opts, replaceNull := options(t, properties)
		g := &goldenRun{
			rows: codec.NewJSON(codec.JSONOptions{Schemas: true, ReplaceNullWithDefault: replaceNull}),
			keys: codec.NewJSON(codec.JSONOptions{Schemas: true, ReplaceNullWithDefault: true}),
		}
		for i, l := range lines {
			if l.Table != nil {
				var err error
				if g.plan, err = convert.NewPlan(l.Model, l.Table.table(), opts); err != nil {
					t.Fatalf("line %d: %v", i+2, err)
				}
				g.schema, g.known = l.Schema, knownDifferences[name] == l.Model
				continue
			}
			if g.known {
				continue
			}
			g.check(t, fmt.Sprintf("line %d, %s of %s", i+2, l.Op, g.plan.Row.Name), &l)
		}
	})
}

// goldenRun compares rows with the plan and schema that stand.
type goldenRun struct {
	plan       *convert.Plan
	schema     json.RawMessage
	known      bool // to differ
	rows, keys *codec.JSON
}

func (g *goldenRun) check(t *testing.T, name string, l *goldenLine) {
	t.Helper()
	if l.Op == "r" {
		selected := l.Selected
		if l.Exact != nil {
			selected = l.Exact
		}
		values, err := g.plan.Selected(nil, selected)
		g.compare(t, name, values, err, l.WantAfter)
		g.compareKey(t, name, values, l.WantKey)
		return
	}
	if l.WantBefore != nil {
		values, err := g.plan.Streamed(nil, row(l.Before))
		g.compare(t, name+", before", values, err, l.WantBefore)
	}
	if l.WantAfter != nil {
		values, err := g.plan.Streamed(nil, row(l.After))
		g.compare(t, name+", after", values, err, l.WantAfter)
		g.compareKey(t, name, values, l.WantKey)
	}
}

func (g *goldenRun) compare(t *testing.T, name string, values []debezium.Value, err error, want json.RawMessage) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	got, err := g.rows.AppendStruct(nil, g.plan.Row, values)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	wantRecord := fmt.Sprintf(`{"schema":%s,"payload":%s}`, g.schema, want)
	if string(got) != wantRecord {
		t.Errorf("%s: %s", name, jsonDiff(wantRecord, string(got)))
	}
}

func (g *goldenRun) compareKey(t *testing.T, name string, values []debezium.Value, want json.RawMessage) {
	t.Helper()
	if want == nil || values == nil {
		if g.plan.Key != nil && want == nil && values != nil {
			t.Errorf("%s: Debezium has no key", name)
		}
		return
	}
	got, err := g.keys.AppendStruct(nil, g.plan.Key, g.plan.KeyValues(nil, values))
	if err != nil {
		t.Errorf("%s: key: %v", name, err)
		return
	}
	if string(got) != string(want) {
		t.Errorf("%s: key: %s", name, jsonDiff(string(want), string(got)))
	}
}

// jsonDiff shows where two records differ, or that only their bytes do.
func jsonDiff(want, got string) string {
	var w, g any
	if json.Unmarshal([]byte(want), &w) == nil && json.Unmarshal([]byte(got), &g) == nil {
		if diff := cmp.Diff(w, g); diff != "" {
			return "(-want +got)\n" + diff
		}
	}
	return fmt.Sprintf("bytes differ\nwant %s\ngot  %s", want, got)
}
