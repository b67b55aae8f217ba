package codectest

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// column is a column's schema with values that it may hold.
type column struct {
	name   string
	schema *debezium.Schema
	values []debezium.Value
}

func ints(t debezium.Type, list ...int64) []debezium.Value {
	values := make([]debezium.Value, len(list))
	for i, n := range list {
		values[i] = debezium.Int(t, n)
	}
	return values
}

func floats(t debezium.Type, list ...float64) []debezium.Value {
	values := make([]debezium.Value, len(list))
	for i, f := range list {
		if t == debezium.Float32 {
			f = float64(float32(f))
		}
		values[i] = debezium.Float(t, f)
	}
	return values
}

func strs(list ...string) []debezium.Value {
	values := make([]debezium.Value, len(list))
	for i, s := range list {
		values[i] = debezium.Text(s)
	}
	return values
}

func byteses(list ...string) []debezium.Value {
	values := make([]debezium.Value, len(list))
	for i, s := range list {
		values[i] = debezium.Value{Type: debezium.Bytes, B: []byte(s)}
	}
	return values
}

func scalar(t debezium.Type) *debezium.Schema { return &debezium.Schema{Type: t} }

func named(t debezium.Type, name string) *debezium.Schema {
	return &debezium.Schema{Type: t, Name: name, Version: 1}
}

func nullable(s *debezium.Schema) *debezium.Schema {
	c := *s
	c.Optional = true
	return &c
}

func defaulted(s *debezium.Schema, v debezium.Value) *debezium.Schema {
	c := *s
	c.Default = &v
	return &c
}

func decimal(scale, precision string) *debezium.Schema {
	s := named(debezium.Bytes, "org.apache.kafka.connect.data.Decimal")
	s.Params = []debezium.Param{{Key: "scale", Value: scale}, {Key: "connect.decimal.precision", Value: precision}}
	return s
}

func geometry() *debezium.Schema {
	s := named(debezium.Struct, "io.debezium.data.geometry.Geometry")
	s.Doc, s.Optional = "Geometry", true
	s.Fields = []debezium.Field{{Name: "wkb", Schema: scalar(debezium.Bytes)}, {Name: "srid", Schema: nullable(scalar(debezium.Int32))}}
	return s
}

func columns() []column {
	texts := strs("", "a", `quote " backslash \ slash /`, "\x00\x01\b\t\n\f\r\x1f\x7f", "é漢字\u2028", "😀 12345678", strings.Repeat("x", 3000))
	points := []debezium.Value{
		{Type: debezium.Struct, Elems: []debezium.Value{byteses("\x01\x02\xff")[0], debezium.Int(debezium.Int32, 4326)}},
		{Type: debezium.Struct, Elems: []debezium.Value{byteses("")[0], {}}},
	}
	vectors := []debezium.Value{
		{Type: debezium.Array, Elems: floats(debezium.Float32, 1, 2.5, -0.1)}, {Type: debezium.Array},
	}
	vector := named(debezium.Array, "io.debezium.data.FloatVector")
	vector.Items = scalar(debezium.Float32)
	enum := named(debezium.String, "io.debezium.data.Enum")
	enum.Params = []debezium.Param{{Key: "allowed", Value: `a,b\,c,é`}}
	bits := named(debezium.Bytes, "io.debezium.data.Bits")
	bits.Params = []debezium.Param{{Key: "length", Value: "10"}}

	base := []column{
		{"int8", scalar(debezium.Int8), ints(debezium.Int8, 0, math.MinInt8, math.MaxInt8)},
		{"int16", scalar(debezium.Int16), ints(debezium.Int16, 0, math.MinInt16, math.MaxInt16)},
		{"int32", scalar(debezium.Int32), ints(debezium.Int32, 0, -1, math.MinInt32, math.MaxInt32)},
		{"int64", scalar(debezium.Int64), ints(debezium.Int64, 0, -1, math.MinInt64, math.MaxInt64, 1e17, 999999999999999999, 1e18)},
		{"float", scalar(debezium.Float32), floats(debezium.Float32, 0, math.Copysign(0, -1), 0.5, 3.14, math.MaxFloat32, math.SmallestNonzeroFloat32, 1e10)},
		{"double", scalar(debezium.Float64), floats(debezium.Float64, 0, math.Copysign(0, -1), 0.1, 1e7, 1e-3, math.MaxFloat64, math.SmallestNonzeroFloat64, -1.5e300, math.Inf(1), math.Inf(-1))},
		{"boolean", scalar(debezium.Boolean), []debezium.Value{debezium.Bool(true), debezium.Bool(false)}},
		{"string", scalar(debezium.String), texts},
		{"bytes", scalar(debezium.Bytes), byteses("", "\x00", "\xff\xfe", strings.Repeat("\x80", 1000))},
		{"decimal", decimal("2", "5"), byteses("\x00", "\x30\x39", "\x9c", "\x64")},
		{"decimal of 65 digits", decimal("30", "65"), byteses("\x00", "\x7f"+strings.Repeat("\xff", 26), "\x80"+strings.Repeat("\x00", 26))},
		{"decimal of a bigint unsigned", decimal("0", "20"), byteses("\x00", "\x00"+strings.Repeat("\xff", 8))},
		{"date", named(debezium.Int32, "io.debezium.time.Date"), ints(debezium.Int32, 0, -719162, 2932896)},
		{"microtime", named(debezium.Int64, "io.debezium.time.MicroTime"), ints(debezium.Int64, -3020399999999, 3020399999999)},
		{"timestamp", named(debezium.Int64, "io.debezium.time.Timestamp"), ints(debezium.Int64, 0, 253402300799999)},
		{"zoned timestamp", named(debezium.String, "io.debezium.time.ZonedTimestamp"), strs("1970-01-01T00:00:00Z")},
		{"connect date", named(debezium.Int32, "org.apache.kafka.connect.data.Date"), ints(debezium.Int32, 16321)},
		{"year", named(debezium.Int32, "io.debezium.time.Year"), ints(debezium.Int32, 1901, 2155)},
		{"enum", enum, strs("", "a", "b,c", "é")},
		{"json", named(debezium.String, "io.debezium.data.Json"), strs(`{"a": [1, "\u0000"]}`, "null")},
		{"bits", bits, byteses("\x42\x01")},
		{"geometry", geometry(), points},
		{"vector", vector, vectors},
		{"defaulted", defaulted(scalar(debezium.Int16), debezium.Int(debezium.Int16, 7)), ints(debezium.Int16, 7, 8)},
	}
	all := base
	for _, c := range base {
		if c.schema.Optional || c.schema.Default != nil {
			continue
		}
		all = append(all, column{"nullable " + c.name, nullable(c.schema), c.values})
		if c.schema.Type != debezium.Array {
			all = append(all, column{"nullable " + c.name + " with default", defaulted(nullable(c.schema), c.values[0]), c.values})
		}
	}
	return all
}

type eventCase struct {
	name  string
	event *debezium.Event
}

func events() []eventCase {
	row := debezium.RowSchema(topic, []debezium.Field{
		{Name: "id", Schema: scalar(debezium.Int64)},
		{Name: `name "x\`, Schema: nullable(scalar(debezium.String))},
		{Name: "where", Schema: geometry()},
	})
	key := event(row, nil, nil).KeySchema
	values := func(id int64, name string) []debezium.Value {
		return []debezium.Value{debezium.Int(debezium.Int64, id), debezium.Text(name), {}}
	}
	where := values(1, "here")
	where[2] = debezium.Value{Type: debezium.Struct, Elems: []debezium.Value{byteses("wkb")[0], {}}}
	make := func(change func(e *debezium.Event)) *debezium.Event {
		e := event(row, values(1, "a"), values(1, "b"))
		e.KeySchema = key
		change(e)
		return e
	}
	return []eventCase{
		{"update", make(func(*debezium.Event) {})},
		{"create", make(func(e *debezium.Event) { e.Op, e.Before, e.After = debezium.Create, nil, where })},
		{"delete", make(func(e *debezium.Event) { e.Op, e.After = debezium.Delete, nil })},
		{"read", make(func(e *debezium.Event) { e.Op, e.Before, e.Source.Snapshot = debezium.Read, nil, "first" })},
		{"truncate", make(func(e *debezium.Event) {
			e.Op, e.Before, e.After, e.Key, e.KeySchema = debezium.Truncate, nil, nil, nil, nil
		})},
		{"tombstone", make(func(e *debezium.Event) {
			*e = debezium.Event{Tombstone: true, Key: e.Key, KeySchema: e.KeySchema}
		})},
		{"without key", make(func(e *debezium.Event) { e.Key, e.KeySchema = nil, nil })},
		{"with headers", make(func(e *debezium.Event) {
			e.Headers = []debezium.Header{{Key: debezium.HeaderNewKey, Value: []byte(`{"id":2}`)}}
		})},
		{"in a transaction", make(func(e *debezium.Event) {
			e.Transaction = &debezium.Transaction{ID: "file=binlog.000001,pos=4", TotalOrder: 2, DataCollectionOrder: 1}
		})},
		{"full source", make(func(e *debezium.Event) {
			e.Source.GTID, e.Source.Thread, e.Source.Row = "f679453b-e572-11f1-ad1b-02fc00000001:5", 9, math.MaxInt32
			e.Source.Pos, e.Source.ServerID = math.MaxInt64, math.MaxUint32
			e.Source.Query = []byte("UPDATE t SET name = \"é\n😀\"")
			e.Source.DB, e.Source.Table = `we"ird`, "tåble\\"
		})},
		{"mariadb", make(func(e *debezium.Event) { e.Source.Connector, e.Source.GTID = "mariadb", "0-1-17" })},
		{"incremental", make(func(e *debezium.Event) { e.Source.Snapshot = "incremental" })},
	}
}

// randomRows walks rows of a table with all columns.
func randomRows(t *testing.T, f Format) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	all := columns()
	var fields []debezium.Field
	for i, c := range all {
		fields = append(fields, debezium.Field{Name: strings.ReplaceAll(c.name, " ", "_") + string(rune('a'+i%26)), Schema: c.schema})
	}
	row := debezium.RowSchema(topic, fields)
	d := f.Decoder(topic, row, event(row, nil, nil).KeySchema)
	values := func() []debezium.Value {
		v := make([]debezium.Value, len(all))
		for i, c := range all {
			if !c.schema.Optional || r.IntN(3) > 0 {
				v[i] = c.values[r.IntN(len(c.values))]
			}
			if v[i].Type == debezium.String && r.IntN(2) == 0 {
				v[i].B = bytes.Repeat([]byte(string(rune(r.IntN(0xD800)))), r.IntN(20))
			}
		}
		return v
	}
	for range 200 {
		roundTrip(t, f, d, event(row, values(), values()))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
