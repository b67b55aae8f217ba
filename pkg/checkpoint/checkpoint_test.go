package checkpoint_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
)

const uuid = "f679453b-e572-11f1-ad1b-02fc00000001"

func gtids(t *testing.T, s string) debezium.GTIDSet {
	t.Helper()
	set, err := debezium.ParseGTIDSet(debezium.FlavorMySQL, s)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func position(t *testing.T, set, file string, pos uint64) debezium.Position {
	return debezium.Position{GTIDs: gtids(t, set), File: file, Pos: pos}
}

// sets compares GTID sets by what they say, and checkpoints by what they show.
func sets() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b debezium.GTIDSet) bool { return a.Equal(b) }), cmpopts.IgnoreUnexported(checkpoint.Checkpoint{}),
	}
}

func load(t *testing.T, f checkpoint.Format, records []checkpoint.Record) checkpoint.Checkpoint {
	t.Helper()
	l := f.Loader()
	for _, r := range records {
		l.Add(r.Key, r.Value)
	}
	c, ok, err := l.Checkpoint()
	if err != nil || !ok {
		t.Fatalf("checkpoint %t, %v", ok, err)
	}
	return c
}

// stored reads the golden state: what firn of format 1 has written.
func stored(t *testing.T) []checkpoint.Record {
	t.Helper()
	f, err := os.Open("testdata/stored.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var records []checkpoint.Record
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r struct{ Key, Value string }
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		records = append(records, checkpoint.Record{Key: []byte(r.Key), Value: []byte(r.Value)})
	}
	return records
}

// State on disk outlives the program that wrote it.
func TestFormat_StoredStateIsReadAndWrittenWithoutLoss(t *testing.T) {
	f := checkpoint.Format{Name: `inv "1"`, Prefix: "dbserver1"}
	want := stored(t)
	c := load(t, f, want)
	got, err := f.Records(&c, checkpoint.Checkpoint{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(texts(want), texts(got)); diff != "" {
		t.Error(diff)
	}
	shop := func(table string) debezium.TableID { return debezium.TableID{Database: "shop", Table: table} }
	model := checkpoint.Checkpoint{
		Position: position(t, uuid+":1-593:600", "binlog.000001", 4547152),
		Prepared: position(t, uuid+":1-500", "binlog.000001", 4),
		GTID:     uuid + ":601", Event: 2, Ordinal: 7, TsSec: 1795241772, ServerID: 1, Snapshotting: true,
		Snapshot: map[debezium.TableID]checkpoint.TableProgress{
			shop("a"): {State: checkpoint.Captured, Rows: 1000000},
			shop("b"): {
				State: checkpoint.Reading, Rows: 2, After: []string{"42", `a "key"`},
				From: position(t, uuid+":1-550", "binlog.000001", 99),
			},
			shop("c"): {State: checkpoint.Pending},
		},
	}
	if diff := cmp.Diff(model, c, sets()); diff != "" {
		t.Error(diff)
	}
}

func texts(records []checkpoint.Record) [][2]string {
	out := make([][2]string, len(records))
	for i, r := range records {
		out[i] = [2]string{string(r.Key), string(r.Value)}
	}
	return out
}

// A field that is added and not stored would be found out by a restart only.
func TestFormat_EveryFieldIsStored(t *testing.T) {
	c := checkpoint.Checkpoint{}
	fill(t, reflect.ValueOf(&c).Elem())
	f := checkpoint.Format{Prefix: "p"}
	records, err := f.Records(&c, checkpoint.Checkpoint{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, load(t, f, records), sets()); diff != "" {
		t.Error(diff)
	}
}

// fill gives every field a value that is not zero.
func fill(t *testing.T, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[debezium.GTIDSet]():
		v.Set(reflect.ValueOf(gtids(t, uuid+":1-5")))
	case v.Type() == reflect.TypeFor[checkpoint.TableState]():
		v.Set(reflect.ValueOf(checkpoint.Reading))
	case v.CanInt():
		v.SetInt(7)
	case v.CanUint():
		v.SetUint(8)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.String:
		v.SetString("text \"\\\n\x01é")
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				fill(t, field)
			}
		}
	case v.Type() == reflect.TypeFor[[]debezium.TableCount](): // a table has one
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0))
		fill(t, v.Index(1))
	case v.Kind() == reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key)
		fill(t, value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}

// What Debezium and Connect have left, as they write it.
func TestLoader_Debezium(t *testing.T) {
	f := checkpoint.Format{Name: "inventory", Prefix: "dbserver1"}
	key := `["inventory",{"server":"dbserver1"}]`
	for _, tt := range []struct {
		name, value string
		want        checkpoint.Checkpoint
	}{
		{
			"streaming, between transactions",
			`{"ts_sec":1795241772,"file":"binlog.000001","pos":4551331,"gtids":"` + uuid + `:1-599","server_id":1}`,
			checkpoint.Checkpoint{Position: position(t, uuid+":1-599", "binlog.000001", 4551331), TsSec: 1795241772, ServerID: 1},
		},
		{
			"inside a transaction",
			`{"transaction_id":null,"ts_sec":1700000000,"file":"mysql-bin.000003","pos":194,"gtids":"` + uuid + `:1-10","row":1,"server_id":223344,"event":2}`,
			checkpoint.Checkpoint{
				Position: position(t, uuid+":1-10", "mysql-bin.000003", 194), TsSec: 1700000000, ServerID: 223344, Event: 2, Row: 1,
			},
		},
		{
			"inside a transaction, with its metadata",
			`{"transaction_id":"` + uuid + `:11","ts_sec":1,"file":"b.000001","pos":4,"gtids":"` + uuid + `:1-10","event":5,` +
				`"transaction_data_collection_order_d.b":1,"transaction_data_collection_order_d.a":3}`,
			checkpoint.Checkpoint{
				Position: position(t, uuid+":1-10", "b.000001", 4), TsSec: 1, Event: 5,
				Published: checkpoint.Transaction{ID: uuid + ":11", Counts: []debezium.TableCount{{Table: "d.a", Events: 3}, {Table: "d.b", Events: 1}}},
			},
		},
		{
			"without GTIDs", `{"ts_sec":1,"file":"b.000001","pos":4}`,
			checkpoint.Checkpoint{Position: position(t, "", "b.000001", 4), TsSec: 1},
		},
		{
			"in its snapshot", `{"ts_sec":1795241750,"file":"binlog.000001","pos":4511598,"gtids":"` + uuid + `:1-484","snapshot":"INITIAL"}`,
			checkpoint.Checkpoint{Position: position(t, uuid+":1-484", "binlog.000001", 4511598), TsSec: 1795241750, Snapshotting: true},
		},
		{
			"in its snapshot, older releases", `{"ts_sec":1,"file":"b.000001","pos":4,"snapshot":true}`,
			checkpoint.Checkpoint{Position: position(t, "", "b.000001", 4), TsSec: 1, Snapshotting: true},
		},
		{
			"after its snapshot", `{"ts_sec":1,"file":"b.000001","pos":4,"snapshot":"INITIAL","snapshot_completed":true}`,
			checkpoint.Checkpoint{Position: position(t, "", "b.000001", 4), TsSec: 1},
		},
		{
			"several servers, on lines of their own", `{"ts_sec":1,"file":"b.000001","pos":4,"gtids":"` + uuid + `:1-3,\n3E11FA47-71CA-11E1-9E33-C80AA9429562:1-2"}`,
			checkpoint.Checkpoint{Position: position(t, uuid+":1-3,3e11fa47-71ca-11e1-9e33-c80aa9429562:1-2", "b.000001", 4), TsSec: 1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := load(t, f, []checkpoint.Record{{Key: []byte(key), Value: []byte(tt.value)}})
			if diff := cmp.Diff(tt.want, got, sets()); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("MariaDB", func(t *testing.T) {
		got := load(t, f, []checkpoint.Record{{Key: []byte(key), Value: []byte(`{"ts_sec":1,"file":"m.000001","pos":4,"gtids":"0-1-5,1-2-7"}`)}})
		if s := got.Position.GTIDs.String(); s != "0-1-5,1-2-7" {
			t.Errorf("got %s", s)
		}
	})
}

// Debezium must find in our record what it would have written itself.
func TestFormat_DebeziumFindsItsFields(t *testing.T) {
	c := checkpoint.Checkpoint{
		Position: position(t, uuid+":1-10", "mysql-bin.000003", 194), TsSec: 1700000000, ServerID: 223344, Event: 2, Row: 1,
		Published: checkpoint.Transaction{ID: uuid + ":11", Counts: []debezium.TableCount{{Table: "d.t", Events: 1}}},
	}
	records, err := checkpoint.Format{Name: "inventory", Prefix: "dbserver1"}.Records(&c, checkpoint.Checkpoint{})
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]string{{
		`["inventory",{"server":"dbserver1"}]`,
		`{"ts_sec":1700000000,"file":"mysql-bin.000003","pos":194,"gtids":"` + uuid + `:1-10","row":1,"server_id":223344,"event":2,` +
			`"transaction_id":"` + uuid + `:11","transaction_data_collection_order_d.t":1,"firn_format":1}`,
	}}
	if diff := cmp.Diff(want, texts(records)); diff != "" {
		t.Error(diff)
	}
}

func TestLoader_Errors(t *testing.T) {
	place := `["p",{"server":"p"}]`
	table := `["p",{"server":"p","snapshot":"\"d\".\"t\""}]`
	for _, tt := range []struct {
		name, key, value string
		is               error
		text             string
	}{
		{"newer position", place, `{"file":"b.1","pos":4,"firn_format":2}`, checkpoint.ErrNewerFormat, "firn_format 2, this version of firn knows 1"},
		{"newer table", table, `{"state":"copied","firn_format":7}`, checkpoint.ErrNewerFormat, "table d.t"},
		{"unknown state", table, `{"state":"copied","firn_format":1}`, nil, `unknown state "copied"`},
		{"no position", place, `{"ts_sec":1}`, nil, "a position without file or pos"},
		{"not JSON", place, `!`, nil, "invalid character"},
		{"no GTID set", place, `{"file":"b.1","pos":4,"gtids":"x"}`, nil, "parse GTID set"},
		{
			"incremental snapshot", place, `{"file":"b.1","pos":4,"incremental_snapshot_collections":"[{}]"}`,
			checkpoint.ErrIncrementalSnapshot, "let it finish",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := checkpoint.Format{Prefix: "p"}.Loader()
			l.Add([]byte(place), []byte(`{"file":"b.1","pos":4}`))
			l.Add([]byte(tt.key), []byte(tt.value))
			_, _, err := l.Checkpoint()
			if err == nil || !strings.Contains(err.Error(), tt.text) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %s", err, tt.text)
			}
		})
	}
}

// A Connect worker keeps the offsets of all its connectors in one topic.
func TestLoader_PassesOthersOver(t *testing.T) {
	l := checkpoint.Format{Name: "n", Prefix: "p"}.Loader()
	for _, key := range []string{
		`["other",{"server":"p"}]`, `["n",{"server":"other"}]`, `["n",{"server":"p","task":1}]`, `["n"]`, `{"server":"p"}`, `"n"`, "\x00\x01", "",
	} {
		l.Add([]byte(key), []byte(`{"firn_format":99}`))
	}
	if _, ok, err := l.Checkpoint(); ok || err != nil {
		t.Errorf("checkpoint %t, %v; want none", ok, err)
	}
	l.Add([]byte(`["n", {"server": "p"}]`), []byte(`{"file":"b.1","pos":4}`))
	if _, ok, err := l.Checkpoint(); !ok || err != nil {
		t.Errorf("checkpoint %t, %v; want one", ok, err)
	}
	l.Add([]byte(`["n",{"server":"p"}]`), nil)
	if _, ok, err := l.Checkpoint(); ok || err != nil {
		t.Errorf("checkpoint %t, %v after its tombstone; want none", ok, err)
	}
}

func TestFormat_OnlyWhatChangedIsWritten(t *testing.T) {
	f := checkpoint.Format{Prefix: "p"}
	a, b := debezium.TableID{Database: "d", Table: "a"}, debezium.TableID{Database: "d", Table: "b"}
	var c checkpoint.Checkpoint
	c.At(position(t, "", "b.1", 4), debezium.Position{}, 0, 0)
	c.Begin(a, c.Position)
	c.Begin(b, c.Position)
	written := func(saved checkpoint.Checkpoint) []string {
		records, err := f.Records(&c, saved)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range records {
			out = append(out, string(r.Key)+" "+string(r.Value))
		}
		return out
	}
	const place = `["p",{"server":"p"}] {"ts_sec":0,"file":"b.1","pos":4,"firn_format":1}`
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"nothing", func() {}, []string{place}},
		{"rows of a", func() { c.Read(a, []string{"id"}, []string{"9"}, 10) }, []string{
			place, `["p",{"server":"p","snapshot":"\"d\".\"a\""}] {"firn_format":1,"state":"reading","rows":10,"after":["9"],"key":["id"],"from":{"file":"b.1","pos":4}}`,
		}},
		{"all of a", func() { c.Captured(a) }, []string{
			place, `["p",{"server":"p","snapshot":"\"d\".\"a\""}] {"firn_format":1,"state":"captured","rows":10,"from":{"file":"b.1","pos":4}}`,
		}},
		{"b dropped", func() { c.Forget(b) }, []string{place, `["p",{"server":"p","snapshot":"\"d\".\"b\""}] `}},
	} {
		t.Run(step.name, func(t *testing.T) {
			saved := c.Clone()
			step.do()
			if diff := cmp.Diff(step.want, written(saved)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFormat_RefusesWhatIsNoCheckpoint(t *testing.T) {
	f := checkpoint.Format{Prefix: "p"}
	if _, err := f.Records(&checkpoint.Checkpoint{}, checkpoint.Checkpoint{}); err == nil {
		t.Error("a checkpoint without a position was stored")
	}
	c := checkpoint.Checkpoint{Position: position(t, "", "b.1", 4), Snapshot: map[debezium.TableID]checkpoint.TableProgress{{Table: "t"}: {}}}
	if _, err := f.Records(&c, checkpoint.Checkpoint{}); err == nil {
		t.Error("a table without a state was stored")
	}
}

func TestCheckpoint_Place(t *testing.T) {
	var c checkpoint.Checkpoint
	c.At(position(t, uuid+":1-5", "b.1", 100), debezium.Position{}, 1_700_000_000_999_999_999, 7)
	start := c.Clone()
	c.At(c.Position, debezium.Position{}, 0, 0)
	if !c.SamePlace(start) || c.TsSec != 1_700_000_000 || c.ServerID != 7 {
		t.Errorf("a heartbeat changed %+v", c)
	}
	c.Within(uuid+":6", 3, 12, 0, 0)
	if c.SamePlace(start) || c.Event != 3 || c.Ordinal != 12 || !c.Position.GTIDs.Equal(start.Position.GTIDs) {
		t.Errorf("inside a transaction: %+v", c)
	}
	c.At(position(t, uuid+":1-6", "b.1", 200), position(t, uuid+":1-2", "b.1", 10), 0, 0)
	if c.GTID != "" || c.Event != 0 || c.Ordinal != 0 {
		t.Errorf("after a transaction: %+v", c)
	}
	ended := c.Clone()
	ended.Prepared = debezium.Position{}
	if c.SamePlace(ended) {
		t.Error("an open prepared transaction makes no difference")
	}
}

func TestCheckpoint_CloneIsIndependent(t *testing.T) {
	id := debezium.TableID{Database: "d", Table: "t"}
	var c checkpoint.Checkpoint
	after := []string{"1"}
	c.Read(id, nil, after, 1)
	after[0] = "2"
	o := c.Clone()
	c.Captured(id)
	if got := o.Snapshot[id]; got.State != checkpoint.Reading || got.After[0] != "1" {
		t.Errorf("got %+v", got)
	}
	again := o.Clone()
	again.Forget(id)
	o.Mark(id, "why")
	if _, kept := again.Snapshot[id]; kept || c.Snapshot[id].State != checkpoint.Captured || o.Snapshot[id].Unlogged != "why" {
		t.Errorf("three copies have %+v, %+v and %+v", c.Snapshot, o.Snapshot, again.Snapshot)
	}
}

// The place is saved many times a second, the tables change seldom.
func TestCheckpoint_ThousandsOfTablesCostNothingWhileTheyStand(t *testing.T) {
	saving := func(tables int) float64 {
		var c checkpoint.Checkpoint
		c.At(position(t, uuid+":1-5", "b.1", 100), debezium.Position{}, 0, 0)
		for i := range tables {
			c.Captured(debezium.TableID{Database: "d", Table: strconv.Itoa(i)})
		}
		saved := c.Clone()
		return testing.AllocsPerRun(10, func() {
			if records, err := (checkpoint.Format{Prefix: "p"}).Records(&c, saved); err != nil || len(records) != 1 {
				t.Fatalf("%d records, %v", len(records), err)
			}
			saved = c.Clone()
		})
	}
	if few, many := saving(1), saving(5000); many > few {
		t.Errorf("%v allocations with a table, %v with 5,000", few, many)
	}
}
