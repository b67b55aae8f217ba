package applier_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// Each event that is not one stops its table, alone, with what is wrong; what
// was before it is applied once it is gone, and nothing behind it before.
func TestApplier_MalformedEvents(t *testing.T) {
	w := newWorld(t)
	cases := []struct {
		name string
		edit func(r *kgo.Record)
		want string
	}{
		{"truncated", cut(40), "a comma or the end of an object or array was expected"},
		{"no_json", value("x"), "an object was expected"},
		{"empty", value(""), "an object was expected"},
		{"a_list", value("[1,2]"), "an object was expected"},
		{"invalid_utf8", replace(`"v":"b"`, "\"v\":\"\xff\""), "a string is not UTF-8"},
		{"wrong_type", replace(`"v":"b"`, `"v":7`), `field "v" does not fit the schema's type string`},
		{"huge_number", replace(`"after":{"id":2`, `"after":{"id":99999999999999999999999999`), `field "id" does not fit the schema's type int64`},
		{"no_op", replace(`"op":"c",`, ``), "it has parts of an envelope, and not all of op, before, after and source"},
		{"unknown_op", replace(`"op":"c"`, `"op":"x"`), "an unknown operation"},
		{"op_is_a_number", replace(`"op":"c"`, `"op":1`), "a string was expected"},
		{"no_row", replace(`"after":{"id":2,"v":"b"}`, `"after":null`), "the row that the operation needs is null"},
		{"row_is_text", replace(`"after":{"id":2,"v":"b"}`, `"after":"b"`), "an object was expected"},
		{"unknown_field", replace(`"v":"b"`, `"v":"b","w":1`), `field "w" is not in the schema`},
		{"field_missing", replace(`"after":{"id":2,`, `"after":{`), `field "id" is missing`},
		{"schema_of_another_type", replace(`"type":"struct"`, `"type":"mystery"`), "a schema of unknown type"},
		{"schema_without_payload", value(`{"schema":{"type":"struct","fields":[]}}`), "a schema without a payload"},
		{"deep", value(`{"schema":null,"payload":{"x":` + strings.Repeat("[", 1<<16)), "nested too deep"},
		{"deep_field", replace(`"op":"c"`, `"more":`+strings.Repeat(`{"a":`, 1<<12)+`1`), "nested too deep"},
		{"more_behind", func(r *kgo.Record) { r.Value = append(r.Value, '}') }, "more follows the event"},
		{"no_key", func(r *kgo.Record) { r.Key = nil }, "it has no key"},
		{"key_is_text", func(r *kgo.Record) { r.Key = []byte(`"2"`) }, "carry no schema"},
		{"key_truncated", func(r *kgo.Record) { r.Key = r.Key[:len(r.Key)-1] }, "the end of the record was expected"},
		{"key_null", func(r *kgo.Record) {
			r.Key = []byte(strings.Replace(strings.Replace(string(r.Key), `"id":2`, `"id":null`, 1), `"optional":false`, `"optional":true`, 1))
		}, "its key has null in column id"},
		{"key_of_another_row", func(r *kgo.Record) { r.Key = []byte(strings.Replace(string(r.Key), `"id":2`, `"id":3`, 1)) }, "its key and its row differ in column id"},
	}
	good := w.table("good", 1)
	w.send(good.put(1, "a"))
	tables := make(map[string]*source)
	for _, c := range cases {
		s := w.table(c.name, 1)
		tables[c.name] = s
		w.send(s.put(1, "a"))
	}
	must(t, w.run())
	for _, c := range cases {
		s := tables[c.name]
		bad := s.put(2, "b")
		c.edit(bad)
		w.send(bad, s.put(1, "behind it"))
	}
	w.send(good.put(2, "b"))
	err := w.run()
	good.holds()
	texts := make(map[string]string)
	for line := range strings.SplitSeq(fmt.Sprint(err), "\n") {
		topic, _, _ := strings.Cut(strings.TrimPrefix(line, "apply topic "+prefix+".db."), ":")
		texts[topic] = line
	}
	for _, c := range cases {
		text := texts[c.name]
		if !strings.Contains(text, "record at offset 1 of "+prefix+".db."+c.name+"/0 cannot be applied: ") || !strings.Contains(text, c.want) {
			t.Errorf("%s: the error is %.300s", c.name, text)
		}
		if !strings.Contains(text, "--topics") && !strings.Contains(text, "new topic") && !strings.Contains(text, "schemas.enable") {
			t.Errorf("%s: the error does not say what to do: %.300s", c.name, text)
		}
		if diff := cmp.Diff([]string{"1,a"}, w.read(c.name, "id", "v")); diff != "" {
			t.Errorf("%s (-before it +now):\n%s", c.name, diff)
		}
	}
}

func value(text string) func(*kgo.Record) {
	return func(r *kgo.Record) { r.Value = []byte(text) }
}

func cut(bytes int) func(*kgo.Record) {
	return func(r *kgo.Record) { r.Value = r.Value[:len(r.Value)-bytes] }
}

func replace(from, to string) func(*kgo.Record) {
	return func(r *kgo.Record) {
		if !strings.Contains(string(r.Value), from) {
			panic("no " + from + " in " + string(r.Value))
		}
		r.Value = []byte(strings.Replace(string(r.Value), from, to, 1))
	}
}

// With --auto-offset-reset=latest a table begins where its topic ended when it was
// first seen, whatever fails before its first commit.
func TestApplier_LatestIsRemembered(t *testing.T) {
	latest := func(s *setup) { s.change = func(c *applier.Config) { c.Start.Latest = true } }
	w := newWorld(t)
	s := w.table("t", 2)
	for id := range int64(10) {
		w.send(s.put(id, "before the first start"))
	}
	must(t, w.run(latest)) // nothing to commit
	clear(s.rows)
	for id := range int64(10) {
		w.send(s.put(100+id, "between two starts"))
	}
	inTheWay := filepath.Join(w.dir, "warehouse", "db")
	must(t, os.WriteFile(inTheWay, nil, 0o600)) // where the namespace's folder goes
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	failing := w.setup()
	latest(&failing)
	failing.log = slog.New(onMessage{"retrying": cancel}) // an error before the first commit
	if err := failing.run(ctx, true); err != nil {
		t.Log(err)
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Fatal("nothing failed before the first commit")
	}
	must(t, os.Remove(inTheWay))
	w.send(s.put(200, "after the error"))
	must(t, w.run(latest))
	s.holds()
	w.send(s.put(1, "again"))
	must(t, w.run(latest))
	s.holds()
}

// onMessage is a log that does what is asked for when it is told a message.
type onMessage map[string]func()

func (onMessage) Enabled(context.Context, slog.Level) bool { return true }

func (o onMessage) Handle(_ context.Context, r slog.Record) error {
	if do := o[r.Message]; do != nil {
		do()
	}
	return nil
}

func (o onMessage) WithAttrs([]slog.Attr) slog.Handler { return o }
func (o onMessage) WithGroup(string) slog.Handler      { return o }

// Where retention has removed what came since, nothing is skipped in silence.
func TestApplier_LatestThatRetentionHasPassed(t *testing.T) {
	latest := func(s *setup) { s.change = func(c *applier.Config) { c.Start.Latest = true } }
	w := newWorld(t)
	s := w.table("t", 1)
	w.send(s.put(1, "a"))
	must(t, w.run(latest))
	w.send(s.put(2, "b"), s.put(3, "c"))
	w.trim(s.topic, 2)
	err := w.run(latest)
	var stop *applier.StopError
	if !errors.As(err, &stop) || !strings.Contains(stop.Error(), "--delete-offsets") {
		t.Errorf("the error is %v", err)
	}
}

// A column that another program drops comes again with its next value, whether the
// process is started anew or not.
func TestApplier_AnotherProgramDropsAColumn(t *testing.T) {
	w := newWorld(t)
	s := w.table("t", 1)
	committed := make(chan struct{})
	running := w.setup()
	running.log = slog.New(onMessage{"committed": func() { committed <- struct{}{} }})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- running.run(ctx, false) }()
	for id := range int64(4) {
		w.send(s.put(id, "a"))
		select {
		case <-committed:
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(20 * time.Second):
			t.Fatalf("row %d is not committed", id)
		}
		if id == 0 {
			_, err := w.open("t").Alter(ctx, lake.Alteration{Dropped: []string{"v"}}, func(func(string) (int, bool)) (map[string]string, error) { return nil, nil })
			must(t, err)
		}
	}
	cancel()
	must(t, <-ended)
	if got := w.read("t", "id", "v"); len(got) != 4 || got[3] != "3,a" {
		t.Errorf("the rows are %v", got)
	}
}

func TestApplier_TopicDelimiter(t *testing.T) {
	w := newWorld(t)
	s := w.table("unused", 1)
	s.topic = prefix + "_db_t"
	_, err := w.admin.CreateTopic(t.Context(), 1, 1, nil, s.topic)
	must(t, err)
	s.name = "t"
	s.ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(50))", "CREATE", text("v"))
	w.send(s.put(1, "a"))
	s.ddl("ALTER TABLE t ADD w VARCHAR(50) NOT NULL DEFAULT 'x'", "ALTER", text("v"), text("w", "x"))
	must(t, w.run(func(s *setup) { s.change = func(c *applier.Config) { c.Delimiter = "_" } }))
	if diff := cmp.Diff([]string{"1,a,x"}, w.read("t", "id", "v", "w")); diff != "" {
		t.Error(diff)
	}
}

// Statements that came before a table's first commit are followed as one: a column
// has its last type.
func TestApplier_AColumnIsAddedAndGetsAnotherType(t *testing.T) {
	w := newWorld(t)
	s := w.table("t", 1)
	small := debezium.Column{Name: "n", JDBCType: debezium.JDBCInteger, TypeName: "INT", Length: -1, Scale: -1, Optional: true}
	large := debezium.Column{Name: "n", JDBCType: debezium.JDBCBigint, TypeName: "BIGINT", Length: -1, Scale: -1, Optional: true}
	s.ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(50))", "CREATE", text("v"))
	w.send(s.put(1, "a"))
	s.ddl("ALTER TABLE t ADD n INT", "ALTER", text("v"), small)
	s.ddl("ALTER TABLE t MODIFY n BIGINT", "ALTER", text("v"), large)
	must(t, w.run(func(s *setup) { s.log = slog.New(slog.DiscardHandler) }))
	if diff := cmp.Diff([]string{"1,a,(null)"}, w.read("t", "id", "v", "n")); diff != "" {
		t.Error(diff)
	}
}
