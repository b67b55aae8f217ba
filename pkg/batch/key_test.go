package batch_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/debezium"
)

const connect = "org.apache.kafka.connect.data."

func named(t debezium.Type, name string, params ...debezium.Param) *debezium.Schema {
	return &debezium.Schema{Type: t, Name: name, Params: params, Optional: true}
}

func structOf(schemas ...*debezium.Schema) *debezium.Schema {
	s := &debezium.Schema{Type: debezium.Struct}
	for i, f := range schemas {
		s.Fields = append(s.Fields, debezium.Field{Name: fmt.Sprint("k", i), Schema: f})
	}
	return s
}

// generator makes random values of one schema.
type generator struct {
	schema *debezium.Schema
	value  func(r *rand.Rand) debezium.Value
}

func randomInt(r *rand.Rand) int64 {
	switch r.IntN(4) {
	case 0:
		return int64(r.IntN(7)) - 3
	case 1:
		return math.MaxInt64 - int64(r.IntN(2))
	case 2:
		return math.MinInt64 + int64(r.IntN(2))
	default:
		return int64(r.Uint64()) >> r.IntN(64)
	}
}

func randomBytes(r *rand.Rand) []byte {
	p := make([]byte, r.IntN(6))
	for i := range p {
		p[i] = []byte{0, 1, 0xff, 'a', 'b'}[r.IntN(5)]
	}
	return p
}

// randomDecimal returns the fewest bytes of a random number.
func randomDecimal(r *rand.Rand) []byte {
	n := new(big.Int)
	n.SetBit(n, r.IntN(130), 1)
	n.Add(n, big.NewInt(int64(r.IntN(3))-1))
	if r.IntN(2) == 0 {
		n.Neg(n)
	}
	return complement(n)
}

func complement(n *big.Int) []byte {
	for size := 1; ; size++ {
		half := new(big.Int).Lsh(big.NewInt(1), uint(8*size-1))
		if n.Cmp(half) < 0 && n.Cmp(new(big.Int).Neg(half)) >= 0 {
			mod := new(big.Int).Lsh(big.NewInt(1), uint(8*size))
			return new(big.Int).Mod(new(big.Int).Add(n, mod), mod).FillBytes(make([]byte, size))
		}
	}
}

func generators() []generator {
	ints := func(t debezium.Type, name string, f func(*rand.Rand) int64) generator {
		return generator{named(t, name), func(r *rand.Rand) debezium.Value { return debezium.Int(t, f(r)) }}
	}
	text := func(t debezium.Type, name string, params ...debezium.Param) generator {
		return generator{named(t, name, params...), func(r *rand.Rand) debezium.Value {
			return debezium.Value{Type: t, B: randomBytes(r)}
		}}
	}
	millis := func(r *rand.Rand) int64 { return randomInt(r) / 2000 }
	nanos := func(r *rand.Rand) int64 { return randomInt(r) / 1000 * 1000 }
	gens := []generator{
		ints(debezium.Int8, "", func(r *rand.Rand) int64 { return int64(int8(r.Uint64())) }),
		ints(debezium.Int32, "io.debezium.time.Date", func(r *rand.Rand) int64 { return int64(int32(r.Uint64())) }),
		ints(debezium.Int64, "", randomInt),
		ints(debezium.Boolean, "", func(r *rand.Rand) int64 { return int64(r.IntN(2)) }),
		ints(debezium.Int64, "io.debezium.time.Timestamp", millis),
		ints(debezium.Int64, "io.debezium.time.MicroTimestamp", randomInt),
		ints(debezium.Int64, "io.debezium.time.NanoTimestamp", nanos),
		ints(debezium.Int64, connect+"Timestamp", millis),
		text(debezium.String, ""),
		text(debezium.String, "io.debezium.data.Enum", debezium.Param{Key: "allowed", Value: "a,b"}),
		text(debezium.Bytes, ""),
		{named(debezium.Float64, ""), func(r *rand.Rand) debezium.Value {
			return debezium.Float(debezium.Float64, []float64{0, math.Copysign(0, -1), -1.5, 1e300, r.NormFloat64()}[r.IntN(5)])
		}},
		{named(debezium.Bytes, connect+"Decimal", debezium.Param{Key: "scale", Value: "2"}), func(r *rand.Rand) debezium.Value {
			return debezium.Value{Type: debezium.Bytes, B: randomDecimal(r)}
		}},
		{named(debezium.Bytes, "io.debezium.data.Bits", debezium.Param{Key: "length", Value: "64"}), func(r *rand.Rand) debezium.Value {
			p := make([]byte, 8)
			copy(p, randomBytes(r))
			return debezium.Value{Type: debezium.Bytes, B: p}
		}},
		{named(debezium.String, "io.debezium.time.ZonedTimestamp"), func(r *rand.Rand) debezium.Value {
			t := time.UnixMicro(r.Int64N(1 << 51)).UTC()
			return debezium.Text(t.Format(time.RFC3339Nano))
		}},
	}
	inner, array := gens[8], gens[2]
	gens = append(gens, generator{
		&debezium.Schema{Type: debezium.Struct, Optional: true, Fields: []debezium.Field{{Name: "s", Schema: inner.schema}}},
		func(r *rand.Rand) debezium.Value {
			return debezium.Value{Type: debezium.Struct, Elems: []debezium.Value{inner.value(r)}}
		},
	}, generator{
		&debezium.Schema{Type: debezium.Array, Optional: true, Items: array.schema},
		func(r *rand.Rand) debezium.Value {
			v := debezium.Value{Type: debezium.Array, Elems: []debezium.Value{}}
			for range r.IntN(3) {
				v.Elems = append(v.Elems, array.value(r))
			}
			return v
		},
	})
	return gens
}

// TestKey_Decode draws keys of random columns: what was written is read back,
// so that no two keys share their bytes.
func TestKey_Decode(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	gens := generators()
	for range 20_000 {
		picked := make([]generator, 1+r.IntN(3))
		schemas := make([]*debezium.Schema, len(picked))
		values := make([]debezium.Value, len(picked))
		for i := range picked {
			picked[i] = gens[r.IntN(len(gens))]
			schemas[i] = picked[i].schema
			if r.IntN(20) > 0 {
				values[i] = picked[i].value(r)
			}
		}
		key, err := batch.NewKey(structOf(schemas...))
		if err != nil {
			t.Fatal(err)
		}
		enc, err := key.Append(nil, values)
		if err != nil {
			t.Fatalf("append %v: %v", values, err)
		}
		got, err := key.Decode(enc)
		if err != nil {
			t.Fatalf("decode %x of %v: %v", enc, values, err)
		}
		if diff := gocmp.Diff(values, got, gocmp.Comparer(func(a, b debezium.Value) bool { return a.Equal(&b) })); diff != "" {
			t.Fatalf("key %x (-want +got):\n%s", enc, diff)
		}
		for n := range enc {
			cut, err := key.Decode(enc[:n])
			if err != nil {
				continue
			}
			if again, err := key.Append(nil, cut); err != nil || !bytes.Equal(again, enc[:n]) {
				t.Fatalf("%x reads as %v, written %x, error %v", enc[:n], cut, again, err)
			}
		}
	}
}

// TestKey_Order checks that keys sort as their values do.
func TestKey_Order(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	big2 := func(p []byte) *big.Int {
		n := new(big.Int).SetBytes(p)
		if p[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(p))))
		}
		return n
	}
	for range 20_000 {
		i, j := randomInt(r), randomInt(r)
		compare(t, i, j, cmp.Compare(i, j), batch.AppendInt(nil, i), batch.AppendInt(nil, j))
		u, v := uint64(i), uint64(j)
		compare(t, u, v, cmp.Compare(u, v), batch.AppendUint(nil, u), batch.AppendUint(nil, v))
		f, g := r.NormFloat64(), r.NormFloat64()
		compare(t, f, g, cmp.Compare(f, g), batch.AppendFloat(nil, f), batch.AppendFloat(nil, g))
		p, q := randomBytes(r), randomBytes(r)
		compare(t, p, q, bytes.Compare(p, q), batch.AppendString(nil, p), batch.AppendString(nil, q))
		c, d := randomDecimal(r), randomDecimal(r)
		ce, err := batch.AppendDecimal(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		de, err := batch.AppendDecimal(nil, d)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, c, d, big2(c).Cmp(big2(d)), ce, de)
		// The first column decides, whatever follows.
		compare(t, p, q, slices.Compare([]string{string(p), string(c)}, []string{string(q), string(c)}),
			append(batch.AppendString(nil, p), ce...), append(batch.AppendString(nil, q), ce...))
	}
}

func compare(t *testing.T, x, y any, want int, ex, ey []byte) {
	t.Helper()
	if got := bytes.Compare(ex, ey); got != want {
		t.Fatalf("%v and %v compare %d, their keys %x and %x %d", x, y, want, ex, ey, got)
	}
}

func TestKey_WidenedColumnsKeepTheirBytes(t *testing.T) {
	scale := func(s string) debezium.Param { return debezium.Param{Key: "scale", Value: s} }
	tests := []struct {
		name           string
		before, after  *debezium.Schema
		was, is        debezium.Value
		same, keepSame bool
	}{
		{
			"INT to BIGINT", named(debezium.Int32, ""), named(debezium.Int64, ""),
			debezium.Int(debezium.Int32, -70000), debezium.Int(debezium.Int64, -70000), true, true,
		},
		{
			"TINYINT(1) that the binlog calls BOOLEAN", named(debezium.Int16, ""), named(debezium.Boolean, ""),
			debezium.Int(debezium.Int16, 1), debezium.Bool(true), true, true,
		},
		{
			"BIGINT to BIGINT UNSIGNED", named(debezium.Int64, ""), named(debezium.Bytes, connect+"Decimal", scale("0")),
			debezium.Int(debezium.Int64, 1<<40),
			debezium.Value{Type: debezium.Bytes, B: []byte{1, 0, 0, 0, 0, 0}},
			true, true,
		},
		{
			"DATETIME(3) to DATETIME(6)", named(debezium.Int64, "io.debezium.time.Timestamp"), named(debezium.Int64, "io.debezium.time.MicroTimestamp"),
			debezium.Int(debezium.Int64, 1500), debezium.Int(debezium.Int64, 1500000), true, true,
		},
		{
			"another scale", named(debezium.Bytes, connect+"Decimal", scale("2")), named(debezium.Bytes, connect+"Decimal", scale("3")),
			debezium.Value{Type: debezium.Bytes, B: []byte{10}},
			debezium.Value{Type: debezium.Bytes, B: []byte{100}},
			false, false,
		},
		{
			"a number becomes a string", named(debezium.Int64, ""), named(debezium.String, ""),
			debezium.Int(debezium.Int64, 1), debezium.Text("1"), false, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, err := batch.NewKey(structOf(tt.before))
			if err != nil {
				t.Fatal(err)
			}
			after, err := batch.NewKey(structOf(tt.after))
			if err != nil {
				t.Fatal(err)
			}
			if got := before.Same(after); got != tt.same {
				t.Errorf("keys are the same: %v, want %v", got, tt.same)
			}
			was, err := before.Append(nil, []debezium.Value{tt.was})
			if err != nil {
				t.Fatal(err)
			}
			is, err := after.Append(nil, []debezium.Value{tt.is})
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Equal(was, is); got != tt.keepSame {
				t.Errorf("bytes %x and %x", was, is)
			}
		})
	}
}

func TestKey_Errors(t *testing.T) {
	tests := []struct {
		name   string
		schema *debezium.Schema
		value  debezium.Value
		want   string
	}{
		{"a map", &debezium.Schema{Type: debezium.Map}, debezium.Value{}, "key field k0: a map cannot be part of a key"},
		{"another type than the schema's", named(debezium.Int64, ""), debezium.Text("secret"), "key field k0: a string where its schema has int64"},
		{"a timestamp that is none", named(debezium.String, "io.debezium.time.ZonedTimestamp"), debezium.Text("secret"), "key field k0: not a timestamp with zone"},
		{"an empty decimal", named(debezium.Bytes, connect+"Decimal"), debezium.Value{Type: debezium.Bytes}, "key field k0: a decimal of no bytes"},
		{"nanoseconds", named(debezium.Int64, "io.debezium.time.NanoTime"), debezium.Int(debezium.Int64, 1001), "key field k0: a time finer than microseconds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := batch.AppendKey(nil, structOf(tt.schema), []debezium.Value{tt.value})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error("the error tells a value")
			}
		})
	}
}

func FuzzKey_Decode(f *testing.F) {
	f.Add([]byte{0x15, 7, 0x03, 'a', 0, 0x01})
	f.Add([]byte{0x1d, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x03, 0, 0xff, 0, 0x06, 0x14, 0})
	key, err := batch.NewKey(structOf(named(debezium.Bytes, connect+"Decimal"), named(debezium.String, ""),
		&debezium.Schema{Type: debezium.Array, Items: named(debezium.Int64, "")}))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		values, err := key.Decode(p)
		if err != nil {
			return
		}
		enc, err := key.Append(nil, values)
		if err != nil {
			t.Fatalf("append what %x reads as: %v", p, err)
		}
		again, err := key.Decode(enc)
		if err != nil {
			t.Fatal(err)
		}
		for i := range values {
			if !values[i].Equal(&again[i]) {
				t.Fatalf("%x reads as %v, then as %v", p, values, again)
			}
		}
	})
}
