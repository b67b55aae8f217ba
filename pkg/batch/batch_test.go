package batch_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// scriptEvent makes the event that a script's command line describes: an
// operation, a key and the after image, a wider one where it has two values.
func scriptEvent(d *datadriven.TestData) *debezium.Event {
	e := &debezium.Event{Op: debezium.Op(d.Cmd[0])}
	field := func(name string, s *debezium.Schema) debezium.Field { return debezium.Field{Name: name, Schema: s} }
	number, text := named(debezium.Int64, ""), named(debezium.String, "")
	row := []debezium.Field{field("id", number), field("v", text)}
	image := []debezium.Value{{}}
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "id", "code":
			n, err := strconv.ParseInt(arg.Vals[0], 10, 64)
			if err != nil {
				panic(err)
			}
			e.KeySchema = &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{field(arg.Key, number)}}
			e.Key = []debezium.Value{debezium.Int(debezium.Int64, n)}
			image[0] = e.Key[0]
		case "v":
			image = append(image, debezium.Text(arg.Vals[0]))
		case "w":
			row = append(row, field("w", text))
			image = append(image, debezium.Text(arg.Vals[0]))
		case "pos":
			n, _ := strconv.ParseInt(arg.Vals[0], 10, 64)
			e.Source.File, e.Source.Pos, e.Source.TsNs = "binlog.1", n, n
		}
	}
	e.Row = &debezium.Schema{Type: debezium.Struct, Fields: row}
	switch {
	case d.Cmd == "tombstone":
		e.Tombstone = true
	case d.Cmd == "d":
		e.Before = append(image, make([]debezium.Value, len(row)-len(image))...)
	case len(image) == len(row):
		e.After = image
	}
	return e
}

func printBatch(b *batch.Batch) string {
	var out strings.Builder
	if b.Truncated() {
		out.WriteString("truncate\n")
	}
	for i, e := range b.Sorted() {
		fmt.Fprintf(&out, "%d: %c", i, e.Op)
		if len(e.Key) > 0 {
			key, err := b.Key().Decode(e.Key)
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(&out, " %s=%d", b.Key().Schema().Fields[0].Name, key[0].I)
		}
		for j, v := range e.Values {
			if v.Type == debezium.String {
				fmt.Fprintf(&out, " %s=%s", e.Schema.Fields[j].Name, v.B)
			}
		}
		fmt.Fprintf(&out, " from %d/%d\n", e.Partition, e.Offset)
	}
	for _, s := range b.Spans() {
		fmt.Fprintf(&out, "partition %d: %d to %d, pos %d\n", s.Partition, s.First, s.Next, s.Pos)
	}
	return out.String()
}

// TestBatch runs the commands in testdata. An operation adds an event, show
// prints the batch.
func TestBatch(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var b *batch.Batch
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var partition int32
			var offset int64
			d.MaybeScanArgs(t, "partition", &partition)
			d.MaybeScanArgs(t, "offset", &offset)
			switch d.Cmd {
			case "new":
				b = batch.New(batch.Config{Append: d.HasArg("append")})
			case "begin":
				b.Begin(partition, offset)
			case "skip":
				b.Skip(partition, offset)
			case "reset":
				b.Reset()
			case "show":
				return printBatch(b)
			default:
				err := b.Add(scriptEvent(d), partition, offset)
				var bad *batch.EventError
				switch {
				case errors.As(err, &bad):
					return "bad event: " + err.Error()
				case err != nil:
					return err.Error()
				}
			}
			return ""
		})
	})
}

// TestBatch_Fold adds random histories and compares the outcome with a map
// that holds the last change of each key. The batch is reused.
func TestBatch_Fold(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	b := batch.New(batch.Config{})
	keySchema := structOf(named(debezium.Int64, ""))
	row := structOf(named(debezium.Int64, ""), named(debezium.String, ""), named(debezium.Float64, ""),
		&debezium.Schema{Type: debezium.Array, Items: named(debezium.Int32, "")})
	var offset int64
	for range 20 {
		want := map[int64]string{}
		truncated := false
		keys := 1 + r.Int64N(5000)
		for range r.IntN(8_000) {
			id := r.Int64N(keys) - keys/2
			e := debezium.Event{KeySchema: keySchema, Key: []debezium.Value{debezium.Int(debezium.Int64, id)}, Row: row, Op: debezium.Update}
			switch n := r.IntN(100_000); {
			case n < 10:
				e.Op, e.Key, e.KeySchema = debezium.Truncate, nil, nil
				clear(want)
				truncated = true
			case n < 20_000:
				e.Op = debezium.Delete
				want[id] = "deleted"
			default:
				e.After = []debezium.Value{
					e.Key[0], debezium.Text(strings.Repeat("x", r.IntN(1<<r.IntN(11)))),
					debezium.Float(debezium.Float64, r.NormFloat64()),
					{Type: debezium.Array, Elems: []debezium.Value{debezium.Int(debezium.Int32, r.Int64N(9)), {}}},
				}
				want[id] = fmt.Sprint(e.After)
			}
			if err := b.Add(&e, 0, offset); err != nil {
				t.Fatal(err)
			}
			for i := range e.After {
				clear(e.After[i].B) // what the event held is no longer the batch's
			}
			offset++
		}
		if b.Truncated() != truncated {
			t.Fatalf("truncated %v, want %v", b.Truncated(), truncated)
		}
		got := map[int64]string{}
		var ids []int64
		for _, e := range b.Sorted() {
			key, err := b.Key().Decode(e.Key)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, key[0].I)
			if got[key[0].I] = fmt.Sprint(e.Values); e.Deleted {
				got[key[0].I] = "deleted"
			}
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("batch (-want +got):\n%s", diff)
		}
		if !slices.IsSorted(ids) || len(ids) != len(got) || b.Rows() != len(got) {
			t.Fatalf("%d rows, %d entries of %d keys, sorted %v", b.Rows(), len(ids), len(got), slices.IsSorted(ids))
		}
		b.Reset()
		if b.Rows() != 0 || b.Bytes() != 0 {
			t.Fatalf("after reset: %d rows, %d bytes", b.Rows(), b.Bytes())
		}
	}
}

func TestBatch_Bytes(t *testing.T) {
	keySchema, row := structOf(named(debezium.Int64, "")), structOf(named(debezium.String, ""))
	add := func(b *batch.Batch, offset, id int64, size int) {
		e := debezium.Event{
			KeySchema: keySchema, Key: []debezium.Value{debezium.Int(debezium.Int64, id)},
			Row: row, Op: debezium.Update, After: []debezium.Value{debezium.Text(strings.Repeat("x", size))},
		}
		if err := b.Add(&e, 0, offset); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a row that grows leaves its old versions behind, and they count", func(t *testing.T) {
		b := batch.New(batch.Config{})
		for i := range 100 {
			add(b, int64(i), 1, 1000+100*i)
		}
		if got := b.Bytes(); got < 100*1000 {
			t.Errorf("%d bytes, though the arena holds more", got)
		}
	})
	t.Run("a row that does not grow is written in place", func(t *testing.T) {
		b := batch.New(batch.Config{})
		for i := range 100_000 {
			add(b, int64(i), int64(i%10), 1000)
		}
		if got := b.Bytes(); got > 12_000 {
			t.Errorf("%d bytes for ten rows of a thousand", got)
		}
	})
	t.Run("limits", func(t *testing.T) {
		b := batch.New(batch.Config{})
		for i := range 10 {
			add(b, int64(i), int64(i), 1<<20)
		}
		for _, tt := range []struct {
			limits batch.Limits
			want   bool
		}{
			{batch.Limits{}, false},
			{batch.Limits{Rows: 10}, true},
			{batch.Limits{Rows: 11}, false},
			{batch.Limits{Rows: 11, Bytes: 10 << 20}, true},
			{batch.Limits{Bytes: 11 << 20}, false},
		} {
			if got := b.Full(tt.limits); got != tt.want {
				t.Errorf("full at %+v: %v", tt.limits, got)
			}
		}
	})
}

func TestBatch_AddDoesNotAllocate(t *testing.T) {
	b := batch.New(batch.Config{})
	events := benchEvents(1000)
	var offset int64
	fill := func() {
		for i := range events {
			if err := b.Add(&events[i], 0, offset); err != nil {
				t.Fatal(err)
			}
			offset++
		}
		b.Reset()
	}
	fill()
	if got := testing.AllocsPerRun(20, fill); got > 0 {
		t.Errorf("%v allocations for 1000 rows", got)
	}
}
