package debezium_test

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// The tables of a transaction's end come in the order of Java's HashMap, by the
// hash of their names, and not by when they first changed.
func TestTransactionBoundary_Value(t *testing.T) {
	b := debezium.TransactionBoundary{ID: "x:7", TsMs: 5, Ended: true, Counts: []debezium.TableCount{
		{Table: "opt_transaction.b", Events: 3}, {Table: "opt_transaction.a", Events: 2},
	}}
	v := b.Value()
	if v[2].I != 5 {
		t.Errorf("%d events, want 5", v[2].I)
	}
	var got string
	for _, e := range v[3].Elems {
		got += string(e.Elems[0].B) + " "
	}
	if want := "opt_transaction.a opt_transaction.b "; got != want {
		t.Errorf("tables %s, want %s", got, want)
	}
}

func TestTransactionID(t *testing.T) {
	if got, want := debezium.TransactionID("", "binlog.000003", 235), "file=binlog.000003,pos=235"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNaming(t *testing.T) {
	id := debezium.TableID{Database: "d b", Table: "t"}
	var routes []*debezium.Route
	for _, route := range [][2]string{{`p\.(.*)`, "$1"}, {`(.*)`, "r.$1"}} {
		r, err := debezium.NewRoute(route[0], route[1])
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, r)
	}
	for _, tt := range []struct {
		naming                                   debezium.Naming
		table, transactions, heartbeats, changes string
	}{
		{debezium.Naming{}, "p.d_b.t", "p.transaction", "__debezium-heartbeat.p", "p"},
		{debezium.Naming{Delimiter: "_", Transaction: "tx", HeartbeatPrefix: "hb"}, "p_d_b_t", "p_tx", "hb_p", "p"},
		{debezium.Naming{HeartbeatPrefix: "hb", HeartbeatName: "beat"}, "p.d_b.t", "p.transaction", "beat", "p"},
		{debezium.Naming{Routes: routes}, "r.d_b.t", "r.transaction", "r.__debezium-heartbeat.p", "r.p"},
		{debezium.Naming{Delimiter: "-", NoDatabase: true}, "p-t", "p-transaction", "__debezium-heartbeat-p", "p"},
	} {
		if got := tt.naming.Table("p", id); got != tt.table {
			t.Errorf("table: %s, want %s", got, tt.table)
		}
		if got := tt.naming.Transactions("p"); got != tt.transactions {
			t.Errorf("transactions: %s, want %s", got, tt.transactions)
		}
		if got := tt.naming.Heartbeats("p"); got != tt.heartbeats {
			t.Errorf("heartbeats: %s, want %s", got, tt.heartbeats)
		}
		if got := tt.naming.SchemaChanges("p"); got != tt.changes {
			t.Errorf("schema changes: %s, want %s", got, tt.changes)
		}
	}
}
