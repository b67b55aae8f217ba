package reader

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// restart makes the session what the next one would be: it knows what is saved.
func (r *rig) restart() {
	r.t.Helper()
	if err := r.s.endSpan(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	if err := r.s.load(r.t.Context(), nil); err != nil {
		r.t.Fatal(err)
	}
	r.s.openTransactions()
}

// metadata returns what was published of transactions, in order, and of events
// the place in theirs.
func (r *rig) metadata() []string {
	r.t.Helper()
	if err := r.s.endSpan(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	var all []string
	read := func(topic, format string, members ...string) {
		if err := r.s.cfg.Kafka.ReadAll(r.t.Context(), topic, 0, 0, func(record *kafka.Record) error {
			var v map[string]any
			if err := json.Unmarshal(record.Value, &v); err != nil {
				return err
			}
			var fields []any
			for _, m := range members {
				fields = append(fields, compact(v[m]))
			}
			all = append(all, fmt.Sprintf(format, fields...))
			return nil
		}); err != nil {
			r.t.Fatal(err)
		}
	}
	read("p.transaction", "%s %s %s %s", "status", "id", "event_count", "data_collections")
	read("p.d.a", "a %s", "transaction")
	read("p.d.b", "b %s", "transaction")
	return all
}

// A span may end anywhere in a transaction, and the reader with it: its beginning
// is published once, the counts go on, its end has them all.
func TestSession_TransactionMetadataSurvivesARestart(t *testing.T) {
	begin := &binlog.Begin{GTID: rigServer + ":1", TsNs: 5e9}
	steps := []func(*rig) error{
		func(r *rig) error { return r.s.handle(begin) },
		func(r *rig) error { return r.change(debezium.Create, "a", "1", 1) },
		func(r *rig) error { return r.change(debezium.Create, "b", "1", 1) },
		func(r *rig) error { return r.change(debezium.Create, "a", "2", 1) },
		func(r *rig) error { return r.commit(1) },
		func(r *rig) error { return r.s.handle(&binlog.Begin{GTID: rigServer + ":2", TsNs: 6e9}) },
		func(r *rig) error { return r.commit(2) },
	}
	id := `"` + rigServer + `:1"`
	block := func(total, own int) string {
		return fmt.Sprintf(`{"data_collection_order":%d,"id":%s,"total_order":%d}`, own, id, total)
	}
	want := []string{
		`"BEGIN" ` + id + ` null null`,
		`"END" ` + id + ` 3 [{"data_collection":"d.a","event_count":2},{"data_collection":"d.b","event_count":1}]`,
		`"BEGIN" "` + rigServer + `:2" null null`,
		`"END" "` + rigServer + `:2" 0 []`,
		"a " + block(1, 1), "a " + block(3, 2), "b " + block(2, 1),
	}
	for stop := range steps {
		t.Run(fmt.Sprintf("behind step %d", stop), func(t *testing.T) {
			r := newRig(t, 1)
			r.s.cfg.Transactions, r.s.cfg.Structs = true, codec.NewJSON(codec.JSONOptions{})
			r.s.openTransactions()
			r.define("CREATE TABLE a (id INT PRIMARY KEY)")
			r.define("CREATE TABLE b (id INT PRIMARY KEY)")
			for i, step := range steps {
				if err := step(r); err != nil {
					t.Fatal(err)
				}
				if i != stop {
					continue
				}
				r.restart()
				if stop < 4 { // the server sends the transaction's beginning again
					if err := r.s.handle(begin); err != nil {
						t.Fatal(err)
					}
				}
			}
			if diff := cmp.Diff(want, r.metadata()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A transaction that the server never ended is ended by the next one, and a row
// of a snapshot is in none.
func TestSession_TransactionMetadataOfWhatIsNoTransaction(t *testing.T) {
	r := newRig(t, 1)
	r.s.cfg.Transactions, r.s.cfg.Structs = true, codec.NewJSON(codec.JSONOptions{})
	r.s.openTransactions()
	r.define("CREATE TABLE a (id INT PRIMARY KEY)")
	r.define("CREATE TABLE b (id INT PRIMARY KEY)")
	if err := r.s.handle(&binlog.Begin{File: "b.000001", Pos: 100, At: 179}); err != nil {
		t.Fatal(err)
	}
	if err := r.change(debezium.Create, "a", "1", 1); err != nil {
		t.Fatal(err)
	}
	b, err := r.s.knownTable(debezium.TableID{Database: rigDatabase, Table: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.s.publishRow(b, [][]byte{[]byte("1")}); err != nil {
		t.Fatal(err)
	}
	if err := r.s.handle(&binlog.Begin{File: "b.000002", Pos: 4, At: 83}); err != nil {
		t.Fatal(err)
	}
	got := r.metadata()
	want := []string{
		`"BEGIN" "file=b.000001,pos=179" null null`,
		`"END" "file=b.000001,pos=179" 1 [{"data_collection":"d.a","event_count":1}]`,
		`"BEGIN" "file=b.000002,pos=83" null null`,
		`a {"data_collection_order":1,"id":"file=b.000001,pos=179","total_order":1}`, "b null",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
