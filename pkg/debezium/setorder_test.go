package debezium_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestSetOrder(t *testing.T) {
	for _, c := range []struct {
		database string
		in, want []string
	}{
		{"opt_tables", []string{"b", "later2"}, []string{"later2", "b"}}, // as Debezium listed them
		{"ddl", []string{"lk", "nosuch"}, []string{"lk", "nosuch"}},
		{"d", []string{"one"}, []string{"one"}},
		{"d", nil, []string{}},
	} {
		tables := make([]debezium.TableID, len(c.in))
		for i, name := range c.in {
			tables[i] = debezium.TableID{Database: c.database, Table: name}
		}
		if diff := cmp.Diff(c.want, debezium.SetOrder(tables)); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", c.database, c.in, diff)
		}
	}
}
