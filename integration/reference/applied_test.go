package reference_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/reference"
	"github.com/firn-cdc/firn/integration/server"
)

// long is how the recorded connectors had it, where nothing else is said.
const long = "--bigint-unsigned-handling-mode=long"

// baseCases are published with the connector's defaults: the base that all forms
// are compared with, which TestApplier_MakesTheTablesOfTheSQL compares with MySQL.
var baseCases = []string{
	"binary", "bits", "ddl", "decimals", "defaults", "dml", "enumset", "floats", "geometry", "ints", "json", "keys", "markers", "names", "strings", "temporal",
}

// usual are the tables of the base that stop, as README's Limits say.
var usual = map[string]string{
	"ddl.t":      "Iceberg allows no such change", // ALTER TABLE t MODIFY e
	"keys.uniq2": "its key has null in column a",  // UNIQUE, and not NOT NULL
}

// tables are what firn-applier made of recorded topics.
type tables struct {
	*pipeline.Pipeline
	t       *testing.T
	code    int
	said    string
	answers sync.Map // to queries that were asked before, of tables that do not change
}

// applied runs firn-applier on the records to their end.
func applied(t *testing.T, records []reference.Record, flags ...string) *tables {
	t.Helper()
	a := brokerWith(t, records)
	a.apply(flags...)
	return a
}

// brokerWith returns a broker that has the records.
func brokerWith(t *testing.T, records []reference.Record) *tables {
	t.Helper()
	broker, err := server.StartBroker(reference.Partitions)
	must(t, err)
	t.Cleanup(broker.Stop)
	records = slices.DeleteFunc(slices.Clone(records), func(r reference.Record) bool {
		return strings.HasSuffix(r.Topic, ".later") // has no key, then one, then another: what becomes of it depends on which partition is read first
	})
	must(t, reference.Publish(t.Context(), broker.Addr, records))
	return &tables{t: t, Pipeline: &pipeline.Pipeline{
		Dir: t.TempDir(), Prefix: "reference", Broker: broker.Addr, Topics: `[^.]+\.[^.]+\.[^.]+`,
	}}
}

func (a *tables) apply(flags ...string) {
	a.t.Helper()
	a.ApplierFlags = append([]string{"--stop-at-end"}, flags...)
	must(a.t, a.StartApplier(a.t.Context()))
	select {
	case <-a.Applier.Exited():
	case <-time.After(patience):
		must(a.t, a.Applier.Kill())
		a.t.Fatalf("the applier goes on:\n%s", a.Logs())
	}
	a.code = a.Applier.ExitCode()
	text, err := os.ReadFile(a.Applier.Log)
	must(a.t, err)
	a.said = strings.ReplaceAll(string(text), `\"`, `"`)
}

// stopped fails unless exactly these tables have stopped, each with words of its
// reason.
func (a *tables) stopped(want map[string]string) {
	a.t.Helper()
	code := 0
	if len(want) > 0 {
		code = 1
	}
	if a.code != code {
		a.t.Errorf("exit code %d, want %d:\n%s", a.code, code, a.Logs())
	}
	left := len(want)
	for line := range strings.Lines(a.said) {
		if !strings.Contains(line, "table has stopped") {
			continue
		}
		topic := regexp.MustCompile(`"?topic"?[=:]"?([^ ",]+)`).FindStringSubmatch(line)[1]
		reason, ok := want[topic]
		if !ok || !strings.Contains(line, reason) {
			a.t.Errorf("%s has stopped, want reason %q: %s", topic, reason, line)
		}
		left--
	}
	if left != 0 {
		a.t.Errorf("%d more tables should have stopped: %v\n%s", left, want, a.Logs())
	}
}

// query returns the answer's rows as lines.
func (a *tables) query(table, query string) []string {
	a.t.Helper()
	if lines, ok := a.answers.Load(table + query); ok {
		return lines.([]string)
	}
	result, err := lake.Query(a.Table(table), query)
	if err != nil {
		a.t.Errorf("%s: %v", query, err)
		return nil
	}
	lines := make([]string, len(result.Rows))
	for i, row := range result.Rows {
		lines[i] = engine.Text(row)
	}
	a.answers.Store(table+query, lines)
	return lines
}

// names returns the tables that there are of a database.
func (a *tables) names(database string) []string {
	a.t.Helper()
	found, err := filepath.Glob(filepath.Join(a.Warehouse(), database, "*"))
	must(a.t, err)
	names := make([]string, len(found))
	for i := range found {
		names[i] = filepath.Base(found[i])
	}
	return names
}

// column is a column as it should be: what a query on the base table returns.
type column struct {
	name, of string
	unread   bool
}

// exception says how the columns of some tables are made of the base's, where a
// form cannot give the same.
type exception struct {
	columns string // a pattern of table.column
	of      string // SQL, in which {c} is the base's column; "" leaves the column out
	name    string // of the column; "" stays
	where   string // the rows of the base that there are
	unread  bool   // its type is compared alone
}

// same fails unless a table holds what the base's does, but for exceptions, and
// has the same types.
func (a *tables) same(table string, base *tables, of string, exceptions []exception) {
	a.t.Helper()
	want, where := a.columns(base, of, exceptions)
	var exprs, names []string
	for _, c := range want {
		exprs = append(exprs, c.of+" AS "+quoted(c.name))
		if !c.unread {
			names = append(names, quoted(c.name))
		}
	}
	expected := "SELECT " + strings.Join(exprs, ", ") + " FROM {table}" + where
	read := "SELECT " + strings.Join(names, ", ") + " FROM "
	describe := "SELECT column_name, column_type FROM (DESCRIBE %s) ORDER BY 1"
	if diff := cmp.Diff(base.query(of, fmt.Sprintf(describe, expected)), a.query(table, fmt.Sprintf(describe, "SELECT * FROM {table}"))); diff != "" {
		a.t.Errorf("columns of %s differ from %s (-base +this):\n%s", table, of, diff)
		return
	}
	rows := base.query(of, read+"("+expected+") ORDER BY ALL")
	if diff := cmp.Diff(rows, a.query(table, read+"{table} ORDER BY ALL")); diff != "" {
		a.t.Errorf("rows of %s differ from %s (-base +this):\n%s", table, of, diff)
	}
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// columns returns what the base's columns should have become.
func (a *tables) columns(base *tables, of string, exceptions []exception) (want []column, where string) {
	a.t.Helper()
	_, table, _ := strings.Cut(of, ".")
	for _, name := range base.query(of, "SELECT column_name FROM (DESCRIBE SELECT * FROM {table})") {
		c := column{name: name, of: quoted(name)}
		left := false
		for _, e := range exceptions {
			if ok, err := filepath.Match(e.columns, table+"."+name); err != nil || !ok {
				must(a.t, err)
				continue
			}
			left = e.of == ""
			c.of = strings.ReplaceAll(e.of, "{c}", quoted(name))
			if e.name != "" {
				c.name = e.name
			}
		}
		if !left {
			want = append(want, c)
		}
	}
	for _, e := range exceptions {
		pattern, name, _ := strings.Cut(e.columns, ".")
		if ok, err := filepath.Match(pattern, table); err != nil || !ok {
			continue
		}
		if name == "+" { // that the base does not have
			want = append(want, column{e.name, e.of, e.unread})
		}
		if e.where != "" {
			where = " WHERE " + e.where
		}
	}
	return want, where
}

func topicsOf(all []reference.Record) map[string]bool {
	topics := make(map[string]bool)
	for _, r := range all {
		topics[r.Topic] = true
	}
	return topics
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recordsOf returns what Debezium published of cases on a kind of server.
func recordsOf(t *testing.T, kind server.Kind, cases ...string) []reference.Record {
	t.Helper()
	var all []reference.Record
	for _, name := range cases {
		records, err := reference.ReadGolden(filepath.Join("testdata/golden", string(kind), name+".jsonl"))
		must(t, err)
		all = append(all, records...)
	}
	return all
}

// avroOf returns what Debezium published of cases in Avro, and the flag that
// names the registry.
func avroOf(t *testing.T, file string, cases ...string) (records []reference.Record, flag string) {
	t.Helper()
	a, err := reference.ReadAvro("../../pkg/codec/testdata/avro/" + file + ".jsonl")
	must(t, err)
	registry := httptest.NewServer(a.Registry())
	t.Cleanup(registry.Close)
	for _, r := range a.Records {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.Topic, "__debezium-heartbeat."), ".")
		if slices.Contains(cases, name) {
			records = append(records, r)
		}
	}
	return records, "--schema-registry-url=" + registry.URL
}
