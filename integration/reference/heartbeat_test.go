package reference_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/reference"
	"github.com/firn-cdc/firn/integration/server"
)

// Heartbeats are Debezium's to the byte, come while nothing is captured, and the
// query that goes with each is executed by the source.
func TestReader_Heartbeats(t *testing.T) {
	for kind, lab := range labs {
		t.Run(string(kind), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c, err := reference.ReadCase("testdata/corpus/opt_heartbeat.sql", kind)
			if err != nil {
				t.Fatal(err)
			}
			heartbeats(ctx, t, lab, c)
		})
	}
}

func heartbeats(ctx context.Context, t *testing.T, lab *reference.Lab, c *reference.Case) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Name = "beats" // the corpus is run with the case's own name
	for i, p := range c.Properties {
		c.Properties[i] = string(bytes.ReplaceAll([]byte(p), []byte("opt_heartbeat"), []byte(c.Name)))
	}
	conn, err := lab.Prepare(ctx, c)
	must(err)
	defer conn.Close()
	must(reference.Execute(ctx, conn, append(c.Snapshot, "GRANT INSERT ON "+c.Name+".hb TO "+server.DebeziumUser)))
	config, err := lab.Connector(c)
	must(err)
	process, err := lab.Run(ctx, c, config)
	must(err)
	defer process.Kill()
	must(process.Ready(ctx))
	must(reference.Execute(ctx, conn, c.Stream))
	var got []reference.Record
	of := func(topic, op string) (records []reference.Record) {
		for _, r := range got {
			if r.Topic == topic && (op == "" || gjson.GetBytes(r.Value, "payload.op").String() == op) {
				records = append(records, r)
			}
		}
		return records
	}
	table, beat, acted := c.Name+"."+c.Name+".t", "__debezium-heartbeat."+c.Name, c.Name+"."+c.Name+".hb"
	must(pipeline.Wait(ctx, 100*time.Millisecond, func() (bool, error) {
		got, err = lab.Records(ctx, c)
		return err == nil && len(of(table, "c")) == 2 && len(of(acted, "c")) >= 3, err
	}))
	must(process.Stop())

	golden, err := reference.ReadGolden(filepath.Join("testdata", "golden", "mysql8", "opt_heartbeat.jsonl"))
	must(err)
	mask, err := reference.NewMask(reference.Recorded)
	must(err)
	want := golden[slices.IndexFunc(golden, func(r reference.Record) bool { return r.Topic == "__debezium-heartbeat.opt_heartbeat" })]
	want.Topic, want.Key = beat, bytes.ReplaceAll(want.Key, []byte("opt_heartbeat"), []byte(c.Name))
	var during int
	from, to := committed(of(table, "c"), 2), committed(of(table, "c"), 3)
	for _, r := range of(beat, "") {
		for _, d := range reference.Compare(mask, []reference.Record{want}, []reference.Record{r}) {
			t.Error(d)
		}
		if at := gjson.GetBytes(r.Value, "payload.ts_ms").Int(); from < at && at < to {
			during++
		}
	}
	if during < 2 || during > 4 {
		t.Errorf("%d heartbeats while nothing changed for 3.5 s, want one a second", during)
	}
}

// committed is when the row with an id was committed, in milliseconds.
func committed(rows []reference.Record, id int64) int64 {
	for _, r := range rows {
		if gjson.GetBytes(r.Value, "payload.after.id").Int() == id {
			return gjson.GetBytes(r.Value, "payload.source.ts_ms").Int()
		}
	}
	return 0
}
