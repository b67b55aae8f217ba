package debezium_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestParseFieldReferences(t *testing.T) {
	tests := []struct {
		list string
		want []debezium.FieldReference
	}{
		{"", nil},
		{"op, table", []debezium.FieldReference{{"", "op", "__op"}, {"source", "table", "__table"}}},
		{"source.ts_ms", []debezium.FieldReference{{"source", "ts_ms", "__source_ts_ms"}}},
		{"source.ts_ms:ts,op:o", []debezium.FieldReference{{"source", "ts_ms", "__ts"}, {"", "op", "__o"}}},
		{"total_order,transaction.id", []debezium.FieldReference{{"transaction", "total_order", "__total_order"}, {"transaction", "id", "__transaction_id"}}},
		{"before.source", []debezium.FieldReference{{"before", "source", "__before_source"}}},
	}
	for _, test := range tests {
		got, err := debezium.ParseFieldReferences("__", test.list)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", test.list, err, diff)
		}
	}
	for list, want := range map[string]string{
		"op,,table": "is not a field", "a.b.c": "is not a field", "op:a:b": "is not a field", "op:": "is not a field",
		"payload.op": "payload is not before", "source": "is a whole block", "transaction.after": "is a whole block",
	} {
		if _, err := debezium.ParseFieldReferences("__", list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want %q", list, err, want)
		}
	}
}

func unwrapTable() *debezium.Schema {
	seven := debezium.Int(debezium.Int32, 7)
	return debezium.RowSchema("s.d.t", []debezium.Field{
		{Name: "id", Schema: &debezium.Schema{Type: debezium.Int32}},
		{Name: "v", Schema: &debezium.Schema{Type: debezium.Int32, Optional: true, Default: &seven}},
	})
}

func references(t *testing.T, list string) []debezium.FieldReference {
	t.Helper()
	r, err := debezium.ParseFieldReferences("__", list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestUnwrap_Row(t *testing.T) {
	one, null := debezium.Int(debezium.Int32, 1), debezium.Value{}
	update := debezium.Event{
		Op: debezium.Update, TsNs: 5_000_000_001, Before: []debezium.Value{one, one}, After: []debezium.Value{one, null},
		Source: debezium.Source{TsNs: 3e9, Table: "t"},
	}
	del := debezium.Event{Op: debezium.Delete, Before: []debezium.Value{one, null}, Source: debezium.Source{Table: "t"}}
	within := update
	within.Transaction = &debezium.Transaction{ID: "x:1", TotalOrder: 4, DataCollectionOrder: 2}
	tests := []struct {
		name   string
		unwrap debezium.Unwrap
		event  *debezium.Event
		fields string
		want   []debezium.Value
	}{
		{"the row alone", debezium.Unwrap{}, &update, "id v", []debezium.Value{one, null}},
		{"defaults for null", debezium.Unwrap{ReplaceNullWithDefault: true}, &update, "id v", []debezium.Value{one, debezium.Int(debezium.Int32, 7)}},
		{
			"added fields",
			debezium.Unwrap{Fields: references(t, "op,ts_ms,ts_ns,before.v,source.ts_ms:at,snapshot,lsn,id")},
			&update,
			"id v __op __ts_ms __ts_ns __before_v __at __snapshot __id",
			[]debezium.Value{
				one, null, debezium.Text("u"), debezium.Int(debezium.Int64, 5000), debezium.Int(debezium.Int64, 5_000_000_001), one,
				debezium.Int(debezium.Int64, 3000), null, null,
			},
		},
		{
			"a field that its block lacks is the envelope's, if the block is there",
			debezium.Unwrap{Fields: references(t, "source.op,transaction.op")},
			&update,
			"id v __source_op __transaction_op",
			[]debezium.Value{one, null, debezium.Text("u"), null},
		},
		{
			"the place in a transaction",
			debezium.Unwrap{Fields: references(t, "id,transaction.total_order,transaction.op")},
			&within,
			"id v __id __transaction_total_order __transaction_op",
			[]debezium.Value{one, null, debezium.Text("x:1"), debezium.Int(debezium.Int64, 4), debezium.Text("u")},
		},
		{
			"a delete that is rewritten",
			debezium.Unwrap{Deletes: debezium.DeletesRewrite, Fields: references(t, "op,after.v")},
			&del,
			"id v __deleted __op __after_v",
			[]debezium.Value{one, null, debezium.Text("true"), debezium.Text("d"), null},
		},
		{
			"an update in that mode",
			debezium.Unwrap{Deletes: debezium.DeletesRewriteWithTombstone},
			&update,
			"id v __deleted",
			[]debezium.Value{one, null, debezium.Text("false")},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table := unwrapTable()
			row, err := test.unwrap.Row(table, debezium.ConnectorMySQL)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range row.Schema.Fields {
				names = append(names, f.Name)
			}
			for _, f := range row.Schema.Fields[len(table.Fields):] {
				if !f.Schema.Optional || f.Schema.Default != nil {
					t.Errorf("field %s is not optional without a default", f.Name)
				}
			}
			if got := strings.Join(names, " "); got != test.fields || row.Schema.Optional || row.Schema.Name != "s.d.t.Value" {
				t.Errorf("got schema %s (%s, optional %v), want %s", got, row.Schema.Name, row.Schema.Optional, test.fields)
			}
			if diff := cmp.Diff(test.want, row.AppendValues(nil, test.event)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var values []debezium.Value
			values = row.AppendValues(values, test.event)
			if n := testing.AllocsPerRun(100, func() { values = row.AppendValues(values[:0], test.event) }); n > 0 {
				t.Errorf("%v allocations per row", n)
			}
		})
	}
}

func TestUnwrap_Row_Refused(t *testing.T) {
	table := unwrapTable()
	table.Fields = append(table.Fields, debezium.Field{Name: "p", Schema: &debezium.Schema{Type: debezium.Struct, Name: debezium.NamePoint}},
		debezium.Field{Name: "__deleted", Schema: &debezium.Schema{Type: debezium.String}})
	for name, test := range map[string]struct {
		unwrap debezium.Unwrap
		want   string
	}{
		"a column of the name":  {debezium.Unwrap{Deletes: debezium.DeletesRewrite}, "add field __deleted"},
		"a name twice":          {debezium.Unwrap{Fields: references(t, "op,table:op")}, "add field __op"},
		"a struct":              {debezium.Unwrap{Fields: references(t, "before.p")}, "field p, to be added as __before_p, is a struct"},
		"a struct for a header": {debezium.Unwrap{Headers: references(t, "after.p")}, "is a struct"},
	} {
		if _, err := test.unwrap.Row(table, debezium.ConnectorMySQL); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}
