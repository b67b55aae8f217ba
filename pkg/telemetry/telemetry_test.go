package telemetry_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/firn-cdc/firn/pkg/telemetry"
)

// listed returns the metrics that the package comment names, with labels.
func listed(t *testing.T) []string {
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(f.Doc.Text()) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "firn_") || strings.HasPrefix(line, "debezium_metrics_") {
			names = append(names, line)
		}
	}
	return names
}

// registered returns the metrics that a registry has series of, with labels.
func registered(t *testing.T, reg *prometheus.Registry) []string {
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		name := f.GetName()
		if !strings.HasPrefix(name, "firn_") && !strings.HasPrefix(name, "debezium_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		if strings.HasPrefix(name, "debezium_") {
			for _, l := range []string{"plugin", "name", "context"} {
				if !slices.Contains(labels, l) {
					t.Errorf("%s has no label %s", name, l)
				}
				labels = slices.DeleteFunc(labels, func(s string) bool { return s == l })
			}
		}
		slices.Sort(labels)
		if len(labels) > 0 {
			name += "{" + strings.Join(labels, ",") + "}"
		}
		names = append(names, name)
	}
	return names
}

// sortLabels puts the labels of name{b,a} in order.
func sortLabels(names []string) []string {
	for i, n := range names {
		name, labels, ok := strings.Cut(strings.TrimSuffix(n, "}"), "{")
		if ok {
			l := strings.Split(labels, ",")
			slices.Sort(l)
			names[i] = name + "{" + strings.Join(l, ",") + "}"
		}
	}
	slices.Sort(names)
	return names
}

func TestPackageCommentListsTheMetrics(t *testing.T) {
	reg := telemetry.NewRegistry(telemetry.NewBuild("v1"))
	r := telemetry.NewReader(reg, "shop", "mysql")
	table := r.Table("db.t")
	table.Rows('c', 1)
	table.SchemaChange()
	table.Chunk(3)
	table.NeedsSnapshot(true)
	r.Committed("0-1-2")
	a := telemetry.NewApplier(reg).Table("db.t")
	a.Committed("ok", 1, time.Second)
	a.Maintained("merge", "ok")
	want, got := sortLabels(listed(t)), registered(t, reg)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-listed +registered):\n%s", diff)
	}
}

// scrape returns the series of the named metrics as they are scraped.
func scrape(t *testing.T, reg *prometheus.Registry, names ...string) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out, series strings.Builder
	for _, f := range families {
		if !slices.Contains(names, f.GetName()) {
			continue
		}
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") {
			series.WriteString(line)
		}
	}
	return series.String()
}

func TestReader(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := telemetry.NewReader(reg, "shop", "mysql")
	a, b := r.Table("db.a"), r.Table("db.b")
	a.Rows('c', 3)
	a.Rows('c', 1)
	b.Rows('d', 2)
	b.Chunk(100)
	r.Connected.Store(true)
	r.Committed("0-1-2")
	r.Committed("0-1-3")
	r.SetQueue(100, func() (int, int) { return 3, 30 })
	want := `debezium_metrics_Connected{context="streaming",name="shop",plugin="mysql"} 1
debezium_metrics_LastTransactionId{context="streaming",name="shop",plugin="mysql",transaction_id="0-1-3"} 1
debezium_metrics_QueueRemainingCapacity{context="streaming",name="shop",plugin="mysql"} 70
debezium_metrics_RowsScanned{context="snapshot",name="shop",plugin="mysql",table="db.b"} 100
debezium_metrics_TotalNumberOfEventsSeen{context="streaming",name="shop",plugin="mysql"} 6
firn_reader_rows_total{op="c",table="db.a"} 4
firn_reader_rows_total{op="d",table="db.b"} 2
firn_reader_unacked_records 3
`
	got := scrape(t, reg, "firn_reader_rows_total", "firn_reader_unacked_records",
		"debezium_metrics_TotalNumberOfEventsSeen", "debezium_metrics_QueueRemainingCapacity",
		"debezium_metrics_RowsScanned", "debezium_metrics_LastTransactionId", "debezium_metrics_Connected")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l telemetry.Lag
		if got := l.Seconds(); got != 0 {
			t.Errorf("lag before the first change is %v", got)
		}
		l.At(time.Now().Add(-2 * time.Second).UnixNano())
		if got := l.Seconds(); got != 2 {
			t.Errorf("lag is %v, want 2", got)
		}
		time.Sleep(3 * time.Second)
		if got := l.Seconds(); got != 5 {
			t.Errorf("lag while nothing comes is %v, want 5", got)
		}
		l.Idle()
		time.Sleep(time.Second)
		if got := l.Seconds(); got != 0 {
			t.Errorf("lag when idle is %v, want 0", got)
		}
		l.Waits(time.Now().UnixNano())
		time.Sleep(4 * time.Second)
		l.Waits(time.Now().UnixNano())
		if got := l.Seconds(); got != 4 {
			t.Errorf("lag of a change that waits is %v, want 4", got)
		}
	})
}

func TestApplier_ShardsOfATableAreOne(t *testing.T) {
	reg := prometheus.NewRegistry()
	a := telemetry.NewApplier(reg)
	one, two := a.Table("db.t"), a.Table("db.t")
	one.OffsetLag.Store(5)
	two.OffsetLag.Store(7)
	two.Stopped.Store(true)
	one.Upserted.Add(2)
	two.Upserted.Add(3)
	check := func(lag, stopped string) {
		t.Helper()
		want := `firn_applier_offset_lag{table="db.t"} ` + lag + `
firn_applier_rows_total{op="append",table="db.t"} 0
firn_applier_rows_total{op="delete",table="db.t"} 0
firn_applier_rows_total{op="upsert",table="db.t"} 5
firn_applier_stopped{table="db.t"} ` + stopped + `
`
		got := scrape(t, reg, "firn_applier_offset_lag", "firn_applier_stopped", "firn_applier_rows_total")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	}
	check("12", "1")
	two.Close()
	check("5", "0")
}

func TestNewLogger(t *testing.T) {
	tests := []struct{ name, level, format, want, err string }{
		{name: "json where there is no terminal", level: "info", want: `"msg":"hello"`},
		{name: "text on request", level: "info", format: "text", want: "msg=hello"},
		{name: "below the level", level: "warn", format: "text"},
		{name: "unknown level", level: "loud", err: `log level "loud" is not one of debug, info, warn, error`},
		{name: "unknown format", level: "info", format: "xml", err: `log format "xml" is not one of text, json`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			l, err := telemetry.NewLogger(&out, tt.level, tt.format)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got error %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			l.Info("hello")
			if !strings.Contains(out.String(), tt.want) || tt.want == "" && out.Len() > 0 {
				t.Errorf("got %q, want %q", out.String(), tt.want)
			}
		})
	}
}
