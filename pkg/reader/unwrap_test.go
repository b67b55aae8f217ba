package reader

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// raw ends the span and returns the records of a table as they are: key, value, headers.
func (r *rig) raw(table string) string {
	r.t.Helper()
	if err := r.s.endSpan(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	var out strings.Builder
	err := r.s.cfg.Kafka.ReadAll(r.t.Context(), rigPrefix+"."+rigDatabase+"."+table, 0, 0, func(record *kafka.Record) error {
		value := string(record.Value)
		if record.Value == nil {
			value = "tombstone"
		}
		out.WriteString(string(record.Key) + " " + value)
		for _, h := range record.Headers {
			value := string(h.Value)
			if h.Value == nil {
				value = "null"
			}
			out.WriteString(" " + h.Key + "=" + value)
		}
		out.WriteString("\n")
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out.String()
}

func TestSession_Unwrapped(t *testing.T) {
	const (
		create  = `{"id":1} {"id":1,"v":5,"__op":"c"} __op=c __before_v=null` + "\n"
		moved   = `{"id":2} {"id":2,"v":6,"__op":"c"} __debezium.oldkey={"id":1} __op=c __before_v=null` + "\n"
		newKey  = ` __debezium.newkey={"id":2} __op=d __before_v=5`
		deleted = ` __op=d __before_v=6`
	)
	rewritten := func(s string) string { return strings.Replace(s, `,"__op"`, `,"__deleted":"false","__op"`, 1) }
	oldRow := `{"id":1} {"id":1,"v":5,"__deleted":"true","__op":"d"}` + newKey + "\n"
	lastRow := `{"id":2} {"id":2,"v":6,"__deleted":"true","__op":"d"}` + deleted + "\n"
	for mode, want := range map[debezium.UnwrapDeletes]string{
		debezium.DeletesTombstone:   create + `{"id":1} null` + newKey + "\n" + moved + `{"id":2} null` + deleted + "\n",
		debezium.DeletesToTombstone: create + `{"id":1} tombstone` + newKey + "\n" + moved + `{"id":2} tombstone` + deleted + "\n",
		debezium.DeletesDrop:        create + moved,
		debezium.DeletesRewrite:     rewritten(create) + oldRow + rewritten(moved) + lastRow,
		debezium.DeletesRewriteWithTombstone: rewritten(create) + oldRow + `{"id":1} tombstone` + newKey + " __op=d\n" +
			rewritten(moved) + lastRow + `{"id":2} tombstone` + deleted + " __op=d\n",
	} {
		t.Run(mode.String(), func(t *testing.T) {
			r := newRig(t, 1)
			r.s.cfg.Unwrap, r.s.cfg.Rows = unwrapWith(t, mode), codec.NewJSON(codec.JSONOptions{})
			r.define("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
			for _, c := range []struct {
				op   debezium.Op
				line string
			}{{debezium.Create, "1 5"}, {debezium.Update, "1 5 -> 2 6"}, {debezium.Delete, "2 6"}} {
				if err := r.change(c.op, "t", c.line, 1); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.s.truncate(debezium.TableID{Database: rigDatabase, Table: "t"}, &debezium.Source{}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, r.raw("t")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a column has the name of an added field", func(t *testing.T) {
		r := newRig(t, 1)
		r.s.cfg.Unwrap, r.s.cfg.Rows = unwrapWith(t, debezium.DeletesTombstone), codec.NewJSON(codec.JSONOptions{})
		r.define("CREATE TABLE t (id INT PRIMARY KEY, __op INT)")
		if err := r.change(debezium.Create, "t", "1 5", 1); err == nil || !strings.Contains(err.Error(), "unwrap the rows of d.t: add field __op") {
			t.Errorf("got error %v", err)
		}
	})
}

func unwrapWith(t *testing.T, mode debezium.UnwrapDeletes) *debezium.Unwrap {
	t.Helper()
	fields, err := debezium.ParseFieldReferences("__", "op")
	if err != nil {
		t.Fatal(err)
	}
	headers, err := debezium.ParseFieldReferences("__", "op,before.v")
	if err != nil {
		t.Fatal(err)
	}
	return &debezium.Unwrap{Deletes: mode, Fields: fields, Headers: headers}
}
