package convert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// booleans makes every column of the options' tables a boolean.
func booleans(o convert.Options) convert.Options {
	o.Rules.Boolean = func(debezium.TableID, *debezium.Column) bool { return true }
	return o
}

func TestPlan_Booleans(t *testing.T) {
	signed, unsigned := column("TINYINT?", debezium.JDBCSmallint, 1), column("TINYINT UNSIGNED?", debezium.JDBCTinyint, 1)
	for _, c := range []struct {
		name   string
		column debezium.Column
		opts   convert.Options
		value  mysql.Value
		want   string
	}{
		{"1", signed, convert.Options{}, number(mysql.Int, 1), "true"},
		{"127", signed, convert.Options{}, number(mysql.Int, 127), "true"},
		{"0", signed, convert.Options{}, number(mysql.Int, 0), "false"},
		{"-1", signed, convert.Options{}, number(mysql.Int, -1), "false"},
		{"NULL", signed, convert.Options{}, mysql.Value{Kind: mysql.Null}, "null"},
		{"text", signed, convert.Options{}, mysql.Value{Kind: mysql.Text, B: []byte("2")}, "true"},
		{"text below zero", signed, convert.Options{}, mysql.Value{Kind: mysql.Text, B: []byte("-2")}, "false"},
		{"200 unsigned", unsigned, convert.Options{}, number(mysql.Int, -56), "true"},
		{"200 unsigned, as text", unsigned, exact, mysql.Value{Kind: mysql.Text, B: []byte("200")}, "true"},
		{"200 unsigned, in Debezium", unsigned, exact, number(mysql.Int, -56), "false"},
	} {
		p := newPlan(t, c.column, booleans(c.opts))
		values, err := p.Streamed(nil, mysql.Row{c.value})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := render(t, p, values); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	schema := newPlan(t, withDefault(column("TINYINT", debezium.JDBCSmallint, 1), "5"), booleans(convert.Options{})).Row.Fields[0].Schema
	if yes := debezium.Bool(true); schema.Type != debezium.Boolean || schema.Optional || schema.Default == nil || !cmp.Equal(*schema.Default, yes) {
		t.Errorf("got schema %+v with default %+v, want a boolean that is true", schema, schema.Default)
	}
}

// 1 and 2 are the same key as booleans: rows are told apart by their numbers.
func TestPlan_BooleanKeys(t *testing.T) {
	table := &debezium.Table{
		Columns: []debezium.Column{column("TINYINT", debezium.JDBCSmallint, 1), column("INT", debezium.JDBCInteger, -1)}, PrimaryKey: []string{"c"},
	}
	table.Columns[1].Name = "v"
	opts := booleans(convert.Options{})
	opts.Rules.Boolean = func(_ debezium.TableID, c *debezium.Column) bool { return c.Name == "c" }
	p, err := convert.NewPlan("p.db.t", table, opts)
	if err != nil {
		t.Fatal(err)
	}
	var keys, identities [][]debezium.Value
	for _, n := range []int64{1, 2} {
		row, err := p.Streamed(nil, mysql.Row{number(mysql.Int, n), number(mysql.Int, 7)})
		if err != nil {
			t.Fatal(err)
		}
		keys, identities = append(keys, p.KeyValues(nil, row)), append(identities, p.Identity(nil, row))
	}
	if yes := debezium.Bool(true); !cmp.Equal(keys, [][]debezium.Value{{yes}, {yes}}) {
		t.Errorf("got keys %+v, want true twice", keys)
	}
	if want := [][]debezium.Value{{debezium.Int(debezium.Int16, 1)}, {debezium.Int(debezium.Int16, 2)}}; !cmp.Equal(identities, want) {
		t.Errorf("got identities %+v, want 1 and 2", identities)
	}
	if got := p.IdentitySchema().Fields[0].Schema.Type; got != debezium.Int16 {
		t.Errorf("the identity is of type %v", got)
	}
}
