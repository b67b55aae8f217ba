package codec_test

import (
	"math"
	"testing"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestJSON_Text(t *testing.T) {
	scalar := func(typ debezium.Type) *debezium.Schema { return &debezium.Schema{Type: typ} }
	f32 := func(f float32) debezium.Value { return debezium.Float(debezium.Float32, float64(f)) }
	f64 := func(f float64) debezium.Value { return debezium.Float(debezium.Float64, f) }
	for _, c := range []struct {
		name  string
		value debezium.Value
		want  string
	}{
		{"plain", debezium.Text("abcdefghijklmnop"), `"abcdefghijklmnop"`},
		{"short escapes", debezium.Text("a\"b\\c\bd\te\nf\fg\r"), `"a\"b\\c\bd\te\nf\fg\r"`},
		{"control characters in upper case", debezium.Text("\x00\x1f\x7f"), "\"\\u0000\\u001F\x7f\""},
		{"no HTML escapes", debezium.Text("<&>/'\u2028\u2029"), "\"<&>/'\u2028\u2029\""},
		{"BMP as it is", debezium.Text("é漢字ab"), `"é漢字ab"`},
		{"emoji as surrogates", debezium.Text("x😀y"), `"x\uD83D\uDE00y"`},
		{"escape behind eight plain bytes", debezium.Text("12345678\"1234567\\"), `"12345678\"1234567\\"`},
		{"replacement character", debezium.Text("\uFFFD"), "\"\uFFFD\""},
		{"invalid byte", debezium.Text("a\xffb"), "\"a\uFFFDb\""},
		{"truncated sequence is one replacement", debezium.Text("\xe4\xb8"), "\"\uFFFD\""},
		{"encoded surrogate is one replacement", debezium.Text("\xed\xa0\x80"), "\"\uFFFD\""},
		{"overlong sequence", debezium.Text("\xe0\x80\x80"), "\"\uFFFD\uFFFD\uFFFD\""},
		{"beyond Unicode", debezium.Text("\xf4\x90\x80\x80"), "\"\uFFFD\uFFFD\uFFFD\uFFFD\""},
		{"int", debezium.Int(debezium.Int64, math.MinInt64), "-9223372036854775808"},
		{"true", debezium.Bool(true), "true"},
		{"bytes", debezium.Value{Type: debezium.Bytes, B: []byte{0, 1, 0xff}}, `"AAH/"`},
		{"no bytes", debezium.Value{Type: debezium.Bytes}, `""`},
		{"zero", f64(0), "0.0"},
		{"minus zero", f64(math.Copysign(0, -1)), "-0.0"},
		{"whole", f64(100), "100.0"},
		{"last plain", f64(9999999), "9999999.0"},
		{"first scientific", f64(1e7), "1.0E7"},
		{"plain fraction", f64(1234567.125), "1234567.125"},
		{"negative", f64(-12345678.5), "-1.23456785E7"},
		{"smallest plain", f64(0.001), "0.001"},
		{"plain below one", f64(0.0123), "0.0123"},
		{"small scientific", f64(0.00099), "9.9E-4"},
		{"shortest", f64(1e23), "1.0E23"},
		{"shortest 2", f64(2e23), "2.0E23"},
		{"smallest", f64(math.SmallestNonzeroFloat64), "4.9E-324"},
		{"twice the smallest", f64(2 * math.SmallestNonzeroFloat64), "9.9E-324"},
		{"largest", f64(math.MaxFloat64), "1.7976931348623157E308"},
		{"a tenth", f64(0.1), "0.1"},
		{"not a number", f64(math.NaN()), `"NaN"`},
		{"infinite", f64(math.Inf(-1)), `"-Infinity"`},
		{"float", f32(3.14), "3.14"},
		{"float scientific", f32(1e10), "1.0E10"},
		{"float whole", f32(16777216), "1.6777216E7"},
		{"float smallest", f32(math.SmallestNonzeroFloat32), "1.4E-45"},
		{"float largest", f32(math.MaxFloat32), "3.4028235E38"},
	} {
		t.Run(c.name, func(t *testing.T) {
			schema := &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{{Name: "v", Schema: scalar(c.value.Type)}}}
			got, err := codec.NewJSON(codec.JSONOptions{}).AppendStruct(nil, schema, []debezium.Value{c.value})
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"v":` + c.want + `}`; string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestJSON_Decimal(t *testing.T) {
	for _, c := range []struct {
		unscaled []byte
		scale    string
		want     string
	}{
		{[]byte{0x30, 0x39}, "2", "123.45"},
		{[]byte{0x9c}, "2", "-1.00"},
		{[]byte{0}, "2", "0.00"},
		{[]byte{5}, "0", "5"},
		{[]byte{5}, "1", "0.5"},
		{[]byte{5}, "6", "0.000005"},
		{[]byte{5}, "7", "5E-7"},
		{[]byte{0}, "8", "0E-8"},
		{[]byte{15}, "8", "1.5E-7"},
		{[]byte{0x80, 0, 0, 0, 0, 0, 0, 0}, "0", "-9223372036854775808"},
		{[]byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "0", "18446744073709551615"},
		{[]byte{0xff, 0, 0, 0, 0, 0, 0, 0, 0}, "1", "-1844674407370955161.6"},
		{append([]byte{1}, make([]byte, 40)...), "0", "2135987035920910082395021706169552114602704522356652769947041607822219725780640550022962086936576"},
	} {
		t.Run(c.want, func(t *testing.T) {
			schema := &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{{Name: "v", Schema: &debezium.Schema{
				Type: debezium.Bytes, Name: "org.apache.kafka.connect.data.Decimal", Params: []debezium.Param{{Key: "scale", Value: c.scale}},
			}}}}
			values := []debezium.Value{{Type: debezium.Bytes, B: c.unscaled}}
			got, err := codec.NewJSON(codec.JSONOptions{DecimalNumeric: true}).AppendStruct(nil, schema, values)
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"v":` + c.want + `}`; string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			header, err := codec.AppendHeaderStruct(nil, schema, values)
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"v":` + c.want + `}`; string(header) != want {
				t.Errorf("header: got  %s\nwant %s", header, want)
			}
		})
	}
}
