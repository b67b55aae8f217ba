// Package codectest is what every codec must do: decoding what it encoded
// gives the same event.
package codectest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// Format is a codec under test.
type Format struct {
	Encoder codec.Encoder
	// Decoder returns a decoder of a topic that has, or may be told, these schemas.
	Decoder func(topic string, row, key *debezium.Schema) codec.Decoder
	// ReplacesNull says that a null is written as its field's default.
	ReplacesNull bool
}

// Run tests a format. Each call of open returns a new one.
func Run(t *testing.T, open func() Format) {
	for _, c := range columns() {
		t.Run("column/"+c.name, func(t *testing.T) { roundTripColumn(t, open(), c) })
	}
	for _, c := range events() {
		t.Run("event/"+c.name, func(t *testing.T) {
			f := open()
			d := f.Decoder(topic, c.event.Row, c.event.KeySchema)
			roundTrip(t, f, d, c.event)
			roundTrip(t, f, d, c.event) // with what the first left behind
		})
	}
	t.Run("a decoder forgets the event before", func(t *testing.T) { forgets(t, open()) })
	t.Run("random rows", func(t *testing.T) { randomRows(t, open()) })
	t.Run("values of another type are refused", func(t *testing.T) { refusesTypes(t, open()) })
	t.Run("nulls in required fields are refused", func(t *testing.T) { refusesNulls(t, open()) })
	t.Run("rows of another length are refused", func(t *testing.T) { refusesLengths(t, open()) })
}

const topic = "server.inventory.customers"

// roundTrip encodes and decodes the event and compares.
func roundTrip(t *testing.T, f Format, d codec.Decoder, in *debezium.Event) {
	t.Helper()
	key, value := encode(t, f, in)
	var out debezium.Event
	if err := d.Decode(key, value, in.Headers, &out); err != nil {
		t.Fatalf("decode: %v", err)
	}
	want := *in
	if f.ReplacesNull {
		want.Before, want.After = replaced(in.Row, in.Before), replaced(in.Row, in.After)
	}
	if diff := cmp.Diff(&want, &out, comparers...); diff != "" {
		t.Errorf("event (-in +out):\n%s", diff)
	}
}

// encode returns the record's key and value; each is nil if it has none.
func encode(t *testing.T, f Format, e *debezium.Event) (key, value []byte) {
	t.Helper()
	var err error
	if e.KeySchema != nil {
		if key, err = f.Encoder.AppendKey(nil, e); err != nil {
			t.Fatalf("encode key: %v", err)
		}
	}
	if !e.Tombstone {
		if value, err = f.Encoder.AppendValue(nil, e); err != nil {
			t.Fatalf("encode value: %v", err)
		}
	}
	return key, value
}

var comparers = []cmp.Option{
	cmp.Comparer(func(a, b *debezium.Schema) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b debezium.Value) bool { return a.Equal(&b) }),
}

// replaced returns the row with defaults in place of nulls.
func replaced(s *debezium.Schema, row []debezium.Value) []debezium.Value {
	if row == nil {
		return nil
	}
	out := make([]debezium.Value, len(row))
	for i, v := range row {
		if d := s.Fields[i].Schema.Default; v.IsNull() && d != nil {
			v = *d
		}
		out[i] = v
	}
	return out
}

// event returns an update of a row with the given schema.
func event(row *debezium.Schema, before, after []debezium.Value) *debezium.Event {
	return &debezium.Event{
		KeySchema: debezium.KeySchema(topic, []debezium.Field{{Name: "id", Schema: &debezium.Schema{Type: debezium.Int64}}}),
		Key:       []debezium.Value{debezium.Int(debezium.Int64, 1)},
		Row:       row,
		Before:    before,
		After:     after,
		Op:        debezium.Update,
		TsNs:      1465491411824123456,
		Source: debezium.Source{
			Version: "3.6.1.Final", Connector: "mysql", Name: "server", TsNs: 1465491411000000000,
			DB: "inventory", Table: "customers", ServerID: 223344, File: "mysql-bin.000003", Pos: 484,
		},
	}
}

func roundTripColumn(t *testing.T, f Format, c column) {
	row := debezium.RowSchema(topic, []debezium.Field{
		{Name: "id", Schema: &debezium.Schema{Type: debezium.Int64}}, {Name: "c", Schema: c.schema},
	})
	d := f.Decoder(topic, row, event(row, nil, nil).KeySchema)
	values := c.values
	if c.schema.Optional {
		values = append(slices.Clip(values), debezium.Value{})
	}
	last := debezium.Value{}
	for i, v := range values {
		if i == 0 {
			last = v
		}
		id := debezium.Int(debezium.Int64, int64(i))
		roundTrip(t, f, d, event(row, []debezium.Value{id, last}, []debezium.Value{id, v}))
		last = v
	}
}

// forgets decodes a full event and then a bare one.
func forgets(t *testing.T, f Format) {
	all := events()
	for i := range all {
		for k := range all {
			first, second := all[i].event, all[k].event
			d := f.Decoder(topic, second.Row, second.KeySchema)
			if first.Row == second.Row && first.KeySchema == second.KeySchema {
				roundTrip(t, f, d, first)
			}
			roundTrip(t, f, d, second)
			if t.Failed() {
				t.Fatalf("%q after %q", all[k].name, all[i].name)
			}
		}
	}
}

func refusesTypes(t *testing.T, f Format) {
	for _, c := range columns() {
		for _, other := range columns() {
			v := other.values[0]
			if v.Type == c.schema.Type {
				continue
			}
			row := debezium.RowSchema(topic, []debezium.Field{{Name: "c", Schema: c.schema}})
			if b, err := f.Encoder.AppendValue(nil, event(row, nil, []debezium.Value{v})); err == nil {
				t.Errorf("a %s in a column of %s: got %d bytes, want an error", v.Type, c.schema.Type, len(b))
			}
		}
	}
}

func refusesNulls(t *testing.T, f Format) {
	row := debezium.RowSchema(topic, []debezium.Field{{Name: "c", Schema: &debezium.Schema{Type: debezium.Int32}}})
	if _, err := f.Encoder.AppendValue(nil, event(row, nil, []debezium.Value{{}})); err == nil {
		t.Error("got no error")
	}
}

func refusesLengths(t *testing.T, f Format) {
	row := debezium.RowSchema(topic, []debezium.Field{{Name: "c", Schema: &debezium.Schema{Type: debezium.Int32}}})
	for n := range 3 {
		values := make([]debezium.Value, n)
		for i := range values {
			values[i] = debezium.Int(debezium.Int32, 1)
		}
		_, err := f.Encoder.AppendValue(nil, event(row, nil, values))
		if got, want := fmt.Sprint(err == nil), fmt.Sprint(n == 1); got != want {
			t.Errorf("%d values for one field: accepted %s, want %s", n, got, want)
		}
	}
}
