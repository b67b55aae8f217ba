package checkpoint_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// Offsets as Debezium 3.6.1 left them in a worker's topic.
const (
	inSnapshot = `{"ts_sec":1795273701,"file":"binlog.000001","pos":1200,"gtids":"55d51180-e5bd-11f1-834c-02fc00000001:1-5","snapshot":"INITIAL"}`
	inStream   = `{"transaction_id":"8e5d5922-e5bd-11f1-96cb-02fc00000001:65","ts_sec":1795273804,"transaction_data_collection_order_d.two":2,` +
		`"file":"binlog.000001","pos":27375,"transaction_data_collection_order_d.one":3,"gtids":"8e5d5922-e5bd-11f1-96cb-02fc00000001:1-64","row":2,"server_id":1,"event":8}`
)

// put writes a worker's topic: key, value, key, value; an empty value is a tombstone.
func put(t *testing.T, c *kafka.Client, records ...string) {
	t.Helper()
	_, err := c.EnsureTopic(t.Context(), kafka.TopicSpec{Name: "offsets", Partitions: 5})
	must(t, err)
	p, err := kafka.NewProducer(t.Context(), c, kafka.ProducerConfig{})
	must(t, err)
	defer p.Close()
	for pair := range slices.Chunk(records, 2) {
		r := kafka.Record{Topic: "offsets", Partition: kafka.Unassigned, Key: []byte(pair[0])}
		if pair[1] != "" {
			r.Value = []byte(pair[1])
		}
		must(t, p.Send(&r))
	}
	must(t, p.Flush(t.Context()))
}

func TestLoadConnect_FindsTheConnector(t *testing.T) {
	const shop, other = `["c",{"server":"shop"}]`, `["d",{"server":"shop"}]`
	for _, tt := range []struct {
		name    string
		format  checkpoint.Format
		records []string
		want    string // name, position and counts; empty: none
		others  []string
		err     string
	}{
		{name: "no record", format: checkpoint.Format{Prefix: "shop"}},
		{name: "the last one", format: checkpoint.Format{Prefix: "shop"}, records: []string{shop, inSnapshot, shop, inStream}, want: "c 27375 8 2"},
		{name: "by its name", format: checkpoint.Format{Name: "d", Prefix: "shop"}, records: []string{shop, inSnapshot, other, inStream}, want: "d 27375 8 2"},
		{
			name: "of several", format: checkpoint.Format{Prefix: "shop"}, records: []string{shop, inSnapshot, other, inStream},
			err: "several connectors have the topic.prefix shop: give one of their names with --name: c, d",
		},
		{name: "another's", format: checkpoint.Format{Prefix: "inv"}, records: []string{shop, inStream}, others: []string{"c (topic.prefix shop)"}},
		{name: "that were reset", format: checkpoint.Format{Prefix: "shop"}, records: []string{shop, inStream, shop, ""}},
		{
			name: "in an incremental snapshot", format: checkpoint.Format{Prefix: "shop"},
			records: []string{shop, `{"file":"b.1","pos":4,"incremental_snapshot_collections":"[{}]"}`}, err: "let it finish",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := cluster(t, kfake.NumBrokers(1))
			put(t, c, append(tt.records, `"what else"`, `{}`)...)
			o, err := checkpoint.LoadConnect(t.Context(), c, "offsets", tt.format)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %s", err, tt.err)
				}
				return
			}
			if none, ok := errors.AsType[*checkpoint.NoOffsetError](err); ok {
				if tt.want != "" || !slices.Equal(none.Others, tt.others) {
					t.Fatalf("found none but those of %v; want %q, %v", none.Others, tt.want, tt.others)
				}
				return
			}
			must(t, err)
			p := &o.Checkpoint
			if got := strings.Join([]string{o.Name, number(p.Position.Pos), number(p.Event), number(p.Row)}, " "); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	_, err := checkpoint.LoadConnect(t.Context(), cluster(t), "offsets", checkpoint.Format{Prefix: "p"})
	if err == nil || !strings.Contains(err.Error(), "--connect-offset-topic") {
		t.Errorf("a topic that is not there: %v", err)
	}
}

func number(v any) string {
	b, _ := json.Marshal(v) // of a number
	return string(b)
}

// Debezium begins its first snapshot again, and goes on behind all others.
func TestLoadConnect_OnlyTheFirstSnapshotBeginsAgain(t *testing.T) {
	for snapshot, want := range map[string]bool{
		`"INITIAL"`: true, `true`: true, `"BLOCKING"`: false, `"INITIAL","snapshot_completed":true`: false, `false`: false, `null`: false,
	} {
		c := cluster(t)
		put(t, c, `["c",{"server":"p"}]`, `{"file":"b.1","pos":4,"snapshot":`+snapshot+`}`)
		o, err := checkpoint.LoadConnect(t.Context(), c, "offsets", checkpoint.Format{Prefix: "p"})
		if err != nil || o.Checkpoint.Snapshotting != want {
			t.Errorf("%s: %v; snapshotting %t", snapshot, err, o.Checkpoint.Snapshotting)
		}
	}
}

// A worker passes over an offset that has values inside others, and Debezium
// would begin with a snapshot.
func TestFormat_ConnectTakesOurOffset(t *testing.T) {
	f := checkpoint.Format{Name: "c", Prefix: "p"}
	c := checkpoint.Checkpoint{
		Position: position(t, uuid+":1-10", "b.000001", 500), Prepared: position(t, uuid+":1-5", "b.000001", 4),
		GTID: uuid + ":11", Event: 4, Ordinal: 7, TsSec: 1, ServerID: 1, Connect: checkpoint.ConnectPlace{Partition: 1, Next: 5}, TakingOver: true,
		Published: checkpoint.Transaction{ID: uuid + ":11", Counts: []debezium.TableCount{{Table: "d.t", Events: 7}}},
	}
	value := f.ConnectValue(&c)
	var members map[string]any
	must(t, json.Unmarshal(value, &members))
	for name, v := range members {
		switch v.(type) {
		case string, float64, bool:
		default:
			t.Errorf("%s is a %T", name, v)
		}
	}
	client := cluster(t)
	put(t, client, string(f.Key()), string(value))
	o, err := checkpoint.LoadConnect(t.Context(), client, "offsets", f)
	must(t, err)
	if !o.Ours {
		t.Error("it is not known for ours")
	}
	c.Prepared, c.Connect = debezium.Position{}, checkpoint.ConnectPlace{}
	if diff := cmp.Diff(c, o.Checkpoint, sets()); diff != "" {
		t.Error(diff)
	}
}
