package lake_test

import (
	"errors"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

const (
	connect = "org.apache.kafka.connect.data."
	times   = "io.debezium.time."
	data    = "io.debezium.data."
)

func param(k, v string) debezium.Param { return debezium.Param{Key: k, Value: v} }

func decimalSchema(precision, scale string) *debezium.Schema {
	return schema(debezium.Bytes, connect+"Decimal", param("scale", scale), param("connect.decimal.precision", precision))
}

func raw(b ...byte) debezium.Value { return debezium.Value{Type: debezium.Bytes, B: b} }

func i64(n int64) debezium.Value { return debezium.Int(debezium.Int64, n) }
func i32(n int64) debezium.Value { return debezium.Int(debezium.Int32, n) }

var (
	geometry = rowSchema(field("wkb", &debezium.Schema{Type: debezium.Bytes}), field("srid", schema(debezium.Int32, "")))
	point    = rowSchema(field("x", &debezium.Schema{Type: debezium.Float64}), field("y", &debezium.Schema{Type: debezium.Float64}),
		field("wkb", schema(debezium.Bytes, "")), field("srid", schema(debezium.Int32, "")))
	vector = &debezium.Schema{Type: debezium.Array, Name: data + "FloatVector", Optional: true, Items: schema(debezium.Float32, "")}
	tags   = &debezium.Schema{Type: debezium.Map, Optional: true, Keys: &debezium.Schema{Type: debezium.String}, Items: schema(debezium.Int32, "")}
)

func renamed(s *debezium.Schema, name string) *debezium.Schema {
	c := *s
	c.Name, c.Optional = name, true
	return &c
}

type typeTest struct {
	name   string
	schema *debezium.Schema
	want   string
	value  debezium.Value
	arrow  string
}

// typeTests has every Connect type that Debezium makes of a MySQL column, with
// the column's Iceberg type and a value as Arrow prints it.
var typeTests = []typeTest{
	{"tinyint as int8", schema(debezium.Int8, ""), "long", debezium.Int(debezium.Int8, -128), "-128"},
	{"smallint", schema(debezium.Int16, ""), "long", debezium.Int(debezium.Int16, 32767), "32767"},
	{"int", schema(debezium.Int32, ""), "long", i32(-5), "-5"},
	{"bigint", schema(debezium.Int64, ""), "long", i64(math.MinInt64), "-9223372036854775808"},
	{"bigint unsigned, precise", decimalSchema("20", "0"), "decimal(20, 0)", raw(0, 255, 255, 255, 255, 255, 255, 255, 255), "18446744073709551615"},
	{"float", schema(debezium.Float32, ""), "float", debezium.Float(debezium.Float32, 1.5), "1.5"},
	{"double", schema(debezium.Float64, ""), "double", debezium.Float(debezium.Float64, -1e300), "-1e+300"},
	{"bit(1)", schema(debezium.Boolean, ""), "boolean", debezium.Bool(true), "true"},
	{"bits of length 1", schema(debezium.Bytes, data+"Bits", param("length", "1")), "boolean", raw(1), "true"},
	{"bit(10)", schema(debezium.Bytes, data+"Bits", param("length", "10")), "long", raw(0x01, 0x02), "513"},
	{"bit(63)", schema(debezium.Bytes, data+"Bits", param("length", "63")), "long", raw(255, 255, 255, 255, 255, 255, 255, 127), "9223372036854775807"},
	{"bit(64)", schema(debezium.Bytes, data+"Bits", param("length", "64")), "decimal(20, 0)", raw(255, 255, 255, 255, 255, 255, 255, 255), "18446744073709551615"},
	{"decimal(10,2)", decimalSchema("10", "2"), "decimal(10, 2)", raw(0xff, 0x85), "-1.23"},
	{"decimal(38,0)", decimalSchema("38", "0"), "decimal(38, 0)", raw(0), "0"},
	{"decimal(65,30)", decimalSchema("65", "3"), "string", raw(0xff, 0x85), "-0.123"},
	{"decimal(65,30), 1e-30", decimalSchema("65", "30"), "string", raw(1), "0.000000000000000000000000000001"},
	{"decimal(65,30), 0", decimalSchema("65", "30"), "string", raw(0), "0.000000000000000000000000000000"},
	{"decimal(65,30), -0.5", decimalSchema("65", "1"), "string", raw(0xfb), "-0.5"},
	{"decimal(65,0)", decimalSchema("65", "0"), "string", raw(0x01, 0, 0, 0, 0, 0, 0, 0, 0), "18446744073709551616"},
	{"decimal of unknown precision", schema(debezium.Bytes, connect+"Decimal", param("scale", "2")), "string", raw(0x64), "1.00"},
	{"decimal as string", schema(debezium.String, ""), "string", debezium.Text("1.20"), "1.20"},
	{"varchar", schema(debezium.String, ""), "string", debezium.Text("żółć 🙂"), "żółć 🙂"},
	{"binary", schema(debezium.Bytes, ""), "binary", raw('a', 0, 'b'), "YQBi"},
	{"enum", schema(debezium.String, data+"Enum", param("allowed", "a,b")), "string", debezium.Text("a"), "a"},
	{"set", schema(debezium.String, data+"EnumSet", param("allowed", "a,b")), "string", debezium.Text("a,b"), "a,b"},
	{"json", schema(debezium.String, data+"Json"), "string", debezium.Text(`{"a":1}`), `{"a":1}`},
	{"uuid", schema(debezium.String, data+"Uuid"), "string", debezium.Text("6ccd780c-baba-1026-9564-5b8c656024db"), "6ccd780c-baba-1026-9564-5b8c656024db"},
	{"year", schema(debezium.Int32, times+"Year"), "long", i32(2018), "2018"},
	{"date", schema(debezium.Int32, times+"Date"), "date", i32(17677), "2018-05-26"},
	{"date of the year 9999", schema(debezium.Int32, times+"Date"), "date", i32(2932896), "9999-12-31"},
	{"connect date", schema(debezium.Int32, connect+"Date"), "date", i32(-1), "1969-12-31"},
	{"iso date", schema(debezium.String, times+"IsoDate"), "date", debezium.Text("2017-09-15Z"), "2017-09-15"},
	{"time in microseconds", schema(debezium.Int64, times+"MicroTime"), "string", i64(-3020399_000000), "-838:59:59"},
	{"time with a fraction", schema(debezium.Int64, times+"MicroTime"), "string", i64(3661_000100), "01:01:01.000100"},
	{"negative time with a fraction", schema(debezium.Int64, times+"MicroTime"), "string", i64(-500_000), "-00:00:00.500000"},
	{"time(3)", schema(debezium.Int64, times+"MicroTime", param("__debezium.source.column.length", "3")), "string", i64(3661_120000), "01:01:01.120"},
	{"time in nanoseconds", schema(debezium.Int64, times+"NanoTime"), "string", i64(1_000_000_000), "00:00:01"},
	{"time in milliseconds", schema(debezium.Int32, times+"Time"), "string", i32(1500), "00:00:01.500000"},
	{"connect time", schema(debezium.Int32, connect+"Time"), "string", i32(1500), "00:00:01.500000"},
	{"time as iso", schema(debezium.String, times+"IsoTime"), "string", debezium.Text("12:00:00Z"), "12:00:00Z"},
	{"datetime", schema(debezium.Int64, times+"Timestamp"), "timestamp", i64(1529501823123), "2018-06-20T13:37:03.123"},
	{"datetime(6)", schema(debezium.Int64, times+"MicroTimestamp"), "timestamp", i64(-1), "1969-12-31T23:59:59.999999"},
	{"datetime in nanoseconds", schema(debezium.Int64, times+"NanoTimestamp"), "timestamp", i64(1_000), "1970-01-01T00:00:00.000001"},
	{"connect timestamp", schema(debezium.Int64, connect+"Timestamp"), "timestamp", i64(0), "1970-01-01T00:00:00"},
	{"iso timestamp", schema(debezium.String, times+"IsoTimestamp"), "timestamp", debezium.Text("2018-06-20T13:37:03.1Z"), "2018-06-20T13:37:03.1"},
	{"timestamp", schema(debezium.String, times+"ZonedTimestamp"), "timestamptz", debezium.Text("2018-06-20T13:37:03.123456Z"), "2018-06-20T13:37:03.123456Z"},
	{"timestamp with an offset", schema(debezium.String, times+"ZonedTimestamp"), "timestamptz", debezium.Text("2018-06-20T15:37:03+02:00"), "2018-06-20T13:37:03Z"},
	{
		"geometry", renamed(geometry, data+"geometry.Geometry"), "struct<wkb: binary, srid: int>",
		debezium.Value{Type: debezium.Struct, Elems: []debezium.Value{raw(1, 2), {}}},
		`{"srid":null,"wkb":"AQI="}`,
	},
	{
		"point", renamed(point, data+"geometry.Point"), "struct<x: double, y: double, wkb: binary, srid: int>",
		debezium.Value{Type: debezium.Struct, Elems: []debezium.Value{
			debezium.Float(debezium.Float64, 1), debezium.Float(debezium.Float64, 2), raw(1), i32(4326),
		}},
		`{"srid":4326,"wkb":"AQ==","x":1,"y":2}`,
	},
	{"vector", vector, "list<float>", debezium.Value{Type: debezium.Array, Elems: []debezium.Value{
		debezium.Float(debezium.Float32, 1), debezium.Float(debezium.Float32, 2.5),
	}}, "[1,2.5]"},
	{
		"map", tags, "map<string, long>",
		debezium.Value{Type: debezium.Map, Elems: []debezium.Value{debezium.Text("a"), i32(1)}},
		`[{"key":"a","value":1}]`,
	},
}

func TestIcebergType(t *testing.T) {
	for _, tt := range typeTests {
		t.Run(tt.name, func(t *testing.T) {
			typ, err := lake.IcebergType(tt.schema)
			if err != nil {
				t.Fatal(err)
			}
			got := typ.String()
			if i := strings.Index(got, "<"); i >= 0 { // nested fields print their ids and optionality
				got = simple(got)
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	for _, bad := range []*debezium.Schema{
		schema(debezium.Array, ""), schema(debezium.Bytes, data+"Bits", param("length", "65")),
		schema(debezium.Bytes, connect+"Decimal", param("scale", "x")), schema(debezium.Null, ""),
	} {
		if typ, err := lake.IcebergType(bad); err == nil {
			t.Errorf("schema %v: got %s, want an error", bad, typ)
		}
	}
}

// simple drops field ids and "optional" from a nested type's text.
func simple(s string) string {
	return regexp.MustCompile(`\d+: |optional |required `).ReplaceAllString(s, "")
}

func TestRowBuilder_Append(t *testing.T) {
	row := rowSchema(field("id", &debezium.Schema{Type: debezium.Int64}))
	values, nulls := []debezium.Value{i64(1)}, []debezium.Value{i64(2)}
	for _, tt := range typeTests {
		row.Fields = append(row.Fields, field(tt.name, tt.schema))
		values, nulls = append(values, tt.value), append(nulls, debezium.Value{})
	}
	tbl, err := openCatalog(t).LoadOrCreate(t.Context(), customer, row, []string{"id"}, lake.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	batch := build(t, tbl, row, values, nulls)
	defer batch.Release()
	for i, tt := range typeTests {
		t.Run(tt.name, func(t *testing.T) {
			column := batch.Column(i + 1)
			if got := column.ValueStr(0); got != tt.arrow {
				t.Errorf("got %s, want %s", got, tt.arrow)
			}
			if !column.IsNull(1) {
				t.Errorf("null became %s", column.ValueStr(1))
			}
		})
	}
}

func build(t *testing.T, tbl *lake.Table, row *debezium.Schema, rows ...[]debezium.Value) arrow.RecordBatch {
	t.Helper()
	b, err := tbl.NewRowBuilder(memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	for _, r := range rows {
		if err := b.Append(row, r); err != nil {
			t.Fatal(err)
		}
	}
	return b.Batch()
}

func TestRowBuilder_ValueError(t *testing.T) {
	tests := []struct {
		name   string
		schema *debezium.Schema
		value  debezium.Value
	}{
		{"text that is not UTF-8", schema(debezium.String, ""), debezium.Value{Type: debezium.String, B: []byte{0xff}}},
		{"a decimal with too many digits", decimalSchema("3", "0"), raw(0x03, 0xe8)},
		{"a negative decimal with too many digits", decimalSchema("3", "0"), raw(0xfc, 0x18)},
		{"a decimal of 17 bytes", decimalSchema("38", "0"), raw(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
		{"half a microsecond", schema(debezium.Int64, times+"NanoTimestamp"), i64(1500)},
		{"a timestamp beyond microseconds", schema(debezium.Int64, times+"Timestamp"), i64(math.MaxInt64)},
		{"a text that is no timestamp", schema(debezium.String, times+"ZonedTimestamp"), debezium.Text("2018-06-20 25:00:00Z")},
		{"the 30th of February", schema(debezium.String, times+"IsoDate"), debezium.Text("2018-02-30Z")},
		{"two bits in one", schema(debezium.Bytes, data+"Bits", param("length", "1")), raw(3)},
		{"a value of another type", schema(debezium.Int64, ""), debezium.Text("secret")},
		{"days beyond a date", schema(debezium.Int64, times+"Date"), i64(1 << 40)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			row := rowSchema(field("id", &debezium.Schema{Type: debezium.Int64}), field("col", tt.schema))
			tbl, err := openCatalog(t).LoadOrCreate(t.Context(), customer, row, []string{"id"}, lake.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			b, err := tbl.NewRowBuilder(memory.DefaultAllocator)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Release()
			err = b.Append(row, []debezium.Value{i64(1), tt.value})
			var refused *lake.ValueError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want a ValueError", err)
			}
			if refused.Table != "salesdb.customer" || refused.Column != "col" {
				t.Errorf("got %s.%s, want salesdb.customer.col", refused.Table, refused.Column)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error %q tells the value", err)
			}
		})
	}
	t.Run("null in a key column", func(t *testing.T) {
		tbl, err := openCatalog(t).LoadOrCreate(t.Context(), customer, customers(), []string{"id"}, lake.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := tbl.NewRowBuilder(memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		err = b.Append(customers(), []debezium.Value{{}, {}, {}})
		var refused *lake.ValueError
		if !errors.As(err, &refused) || refused.Column != "id" {
			t.Errorf("got %v, want a ValueError of column id", err)
		}
	})
}

func TestRowBuilder_Fill(t *testing.T) {
	tbl, err := openCatalog(t).LoadOrCreate(t.Context(), customer, customers(), []string{"id"}, lake.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	old, now := customers(), customers()
	now.Fields = append(now.Fields, field("status", schema(debezium.String, "")), field("note", schema(debezium.String, "")))
	if _, err := tbl.Evolve(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	b, err := tbl.NewRowBuilder(memory.DefaultAllocator, lake.Fill{Column: "status", Schema: schema(debezium.String, ""), Value: debezium.Text("new")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	a, x := debezium.Text("a"), debezium.Text("x")
	for _, err := range []error{
		b.Append(old, []debezium.Value{i32(1), a, a}),
		b.Append(now, []debezium.Value{i32(2), a, a, x, x}),
		b.Append(now, []debezium.Value{i32(3), a, a, {}, {}}),
		b.Append(old, []debezium.Value{i32(4), a, a}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	batch := b.Batch()
	defer batch.Release()
	var got []string
	for i := range 4 {
		got = append(got, batch.Column(3).ValueStr(i)+" "+batch.Column(4).ValueStr(i))
	}
	if diff := cmp.Diff([]string{"new (null)", "x x", "(null) (null)", "new (null)"}, got); diff != "" {
		t.Errorf("status and note (-want +got):\n%s", diff)
	}
}

// DESIGN.md's table of types is what the code does, and lacks nothing.
func TestIcebergType_Documented(t *testing.T) {
	text, err := os.ReadFile("../../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Types\n")
	section, _, _ = strings.Cut(section, "\n## ")
	decimals := regexp.MustCompile(`decimal\(\d+,\d+\)`)
	spaces := strings.NewReplacer(" ", "")
	tested := make(map[string]bool)
	for _, tt := range typeTests {
		documented := false
		for row := range strings.Lines(section) {
			cells := strings.Split(row, "|")
			if len(cells) != 6 {
				continue
			}
			named := strings.Contains(cells[2], "`"+tt.schema.Name+"`") || tt.schema.Name == "" && strings.Contains(cells[2], "none")
			want := spaces.Replace(tt.want)
			has := spaces.Replace(cells[3])
			if !named || !strings.Contains(cells[1], "`"+tt.schema.Type.String()+"`") {
				continue
			}
			documented = documented || strings.Contains(has, "`"+want+"`") || strings.Contains(has, "`"+decimals.ReplaceAllString(want, "decimal(p,s)")+"`")
			tested[row] = true
		}
		if !documented {
			t.Errorf("%s: %s %s is %s, and DESIGN.md does not say so", tt.name, tt.schema.Type, tt.schema.Name, tt.want)
		}
	}
	names := regexp.MustCompile("`(io\\.debezium|org\\.apache)[^`]+`")
	for row := range strings.Lines(section) {
		if strings.Count(row, "|") != 5 || strings.HasPrefix(row, "| Connect") || strings.HasPrefix(row, "|---") {
			continue
		}
		if !tested[row] {
			t.Errorf("nothing tests the row %s", row)
		}
		for _, name := range names.FindAllString(strings.Split(row, "|")[2], -1) {
			if !slices.ContainsFunc(typeTests, func(tt typeTest) bool { return "`"+tt.schema.Name+"`" == name }) {
				t.Errorf("nothing tests %s", name)
			}
		}
	}
}
