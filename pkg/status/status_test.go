package status_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

var since = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func readerBoard() *status.Board {
	b := status.NewBoard("v1.2.3")
	b.SetState(status.Snapshot)
	b.SetNotReady("snapshot of 1 of 2 tables")
	b.SetLag(func() float64 { return 1.5 })
	b.Update(func(p *status.Page) {
		p.Since = since
		p.Position = &status.Position{GTIDSet: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77", File: "binlog.000003", Pos: 1234}
		p.Events = &status.Events{Read: 1234567, Created: 1, Updated: 2, Deleted: 3, Bytes: 5 << 20}
	})
	b.UpdateTable("shop.orders", func(t *status.Table) {
		t.Topic, t.State = "p.shop.orders", "snapshot"
		t.ReaderTable = &status.ReaderTable{Snapshot: status.Progress{State: "running", Chunks: 2, Rows: 40000, Total: 100000}, Waits: "a lock is on the table"}
	})
	b.UpdateTable("shop.customers", func(t *status.Table) {
		t.Topic, t.State = "p.shop.customers", "streaming"
		t.ReaderTable = &status.ReaderTable{Snapshot: status.Progress{State: "done", Chunks: 1, Rows: 30}}
		t.NeedsSnapshot = "EXCHANGE PARTITION"
	})
	return b
}

func applierBoard() *status.Board {
	b := status.NewBoard("v1.2.3")
	b.SetState(status.Streaming)
	b.SetReady()
	b.Update(func(p *status.Page) { p.Since = since })
	last := since.Add(time.Minute)
	b.UpdateTable("shop.customers", func(t *status.Table) {
		t.Topic, t.State = "p.shop.customers", "streaming"
		t.ApplierTable = &status.ApplierTable{
			Offsets: map[string]int64{"0": 10, "1": 20}, SourcePosition: "uuid:1-5", LastCommit: &last,
			Rows: status.RowCounts{Upserted: 32, Deleted: 2}, Files: status.FileCounts{Data: 3, Delete: 1},
		}
	})
	b.UpdateTable("shop.broken", func(t *status.Table) {
		t.Topic, t.State, t.Error = "p.shop.broken", "stopped", "record 7 of partition 0 is not a change event"
		t.ApplierTable = &status.ApplierTable{}
	})
	return b
}

func get(t *testing.T, config status.Config, path string) (int, string) {
	t.Helper()
	config.Logger = slog.New(slog.DiscardHandler)
	if config.Gatherer == nil {
		config.Gatherer = prometheus.NewRegistry()
	}
	w := httptest.NewRecorder()
	status.Handler(config).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	return w.Code, w.Body.String()
}

func TestHandler_Status(t *testing.T) {
	tests := []struct {
		name  string
		board *status.Board
		want  string
	}{
		{"reader", readerBoard(), `{
			"state": "snapshot", "since": "2026-03-01T10:00:00Z", "version": "v1.2.3", "lag_seconds": 1.5,
			"ready": false, "reason": "snapshot of 1 of 2 tables",
			"position": {"gtid_set": "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77", "file": "binlog.000003", "pos": 1234},
			"events": {"read": 1234567, "created": 1, "updated": 2, "deleted": 3, "bytes": 5242880},
			"tables": [
				{"table": "shop.customers", "topic": "p.shop.customers", "state": "streaming", "error": "",
				 "snapshot": {"state": "done", "chunks": 1, "rows": 30, "total": 0}, "needs_snapshot": "EXCHANGE PARTITION"},
				{"table": "shop.orders", "topic": "p.shop.orders", "state": "snapshot", "error": "",
				 "snapshot": {"state": "running", "chunks": 2, "rows": 40000, "total": 100000}, "waits": "a lock is on the table"}
			]}`},
		{"applier", applierBoard(), `{
			"state": "streaming", "since": "2026-03-01T10:00:00Z", "version": "v1.2.3", "lag_seconds": 0, "ready": true,
			"tables": [
				{"table": "shop.broken", "topic": "p.shop.broken", "state": "stopped", "error": "record 7 of partition 0 is not a change event",
				 "offsets": null, "source_position": "", "last_commit": null, "rows": {"upserted": 0, "deleted": 0},
				 "files": {"data": 0, "delete": 0}, "dead_letters": 0},
				{"table": "shop.customers", "topic": "p.shop.customers", "state": "streaming", "error": "",
				 "offsets": {"0": 10, "1": 20}, "source_position": "uuid:1-5", "last_commit": "2026-03-01T10:01:00Z",
				 "rows": {"upserted": 32, "deleted": 2}, "files": {"data": 3, "delete": 1}, "dead_letters": 0}
			]}`},
		{"nothing yet", func() *status.Board {
			b := status.NewBoard("v1")
			b.Update(func(p *status.Page) { p.Since = since })
			return b
		}(), `{"state": "starting", "since": "2026-03-01T10:00:00Z", "version": "v1", "lag_seconds": 0,
			"ready": false, "reason": "starting", "tables": []}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, body := get(t, status.Config{Board: tt.board}, "/status")
			var want, got any
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			if diff := cmp.Diff(want, got); code != http.StatusOK || diff != "" {
				t.Errorf("status %d (-want +got):\n%s", code, diff)
			}
			var page status.Page
			if err := json.Unmarshal([]byte(body), &page); err != nil {
				t.Fatal(err)
			}
			again, err := json.MarshalIndent(page, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if tt.name != "nothing yet" && tt.name != "reader" && string(again)+"\n" != body {
				t.Errorf("read and written again:\n%s", cmp.Diff(body, string(again)+"\n"))
			}
		})
	}
}

func TestHandler_Probes(t *testing.T) {
	failed := readerBoard()
	failed.Fail(errors.New("the binlog is purged"))
	tests := []struct {
		name, path string
		board      *status.Board
		code       int
		body       string
	}{
		{"a starting process is healthy", "/healthz", status.NewBoard("v1"), 200, "ok\n"},
		{"a starting process is not ready", "/readyz", status.NewBoard("v1"), 503, "starting: starting\n"},
		{"a snapshot is not ready, and says why", "/readyz", readerBoard(), 503, "snapshot: snapshot of 1 of 2 tables\n"},
		{"a streaming process is ready", "/readyz", applierBoard(), 200, "ready\n"},
		{"a failed process is not healthy", "/healthz", failed, 503, "failed\n"},
		{"a failed process is not ready", "/readyz", failed, 503, "failed: the binlog is purged\n"},
		{"pprof is not there unless asked for", "/debug/pprof/", applierBoard(), 404, "404 page not found\n"},
		{"nothing else is there", "/other", applierBoard(), 404, "404 page not found\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, body := get(t, status.Config{Board: tt.board}, tt.path)
			if code != tt.code || body != tt.body {
				t.Errorf("got %d %q, want %d %q", code, body, tt.code, tt.body)
			}
		})
	}
}

func TestHandler_Pages(t *testing.T) {
	reg := telemetry.NewRegistry(telemetry.NewBuild("v1"))
	telemetry.NewReader(reg, "shop", "mysql")
	config := status.Config{Name: "firn-reader", Board: readerBoard(), Gatherer: reg, Pprof: true}
	config.Board.UpdateTable("x.<script>", func(*status.Table) {})
	for path, want := range map[string]string{
		"/":             "position binlog.000003:1234",
		"/metrics":      `debezium_metrics_MilliSecondsBehindSource{context="streaming",name="shop",plugin="mysql"} -1`,
		"/debug/pprof/": "goroutine",
	} {
		code, body := get(t, config, path)
		if code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s answers %d without %q:\n%s", path, code, want, body)
		}
		if strings.Contains(body, "<script>") {
			t.Errorf("%s does not escape names", path)
		}
	}
}

func TestPrint(t *testing.T) {
	tests := []struct {
		name  string
		board *status.Board
		want  string
	}{
		{"reader", readerBoard(), `snapshot for 2m3s, 1.5s behind, not ready: snapshot of 1 of 2 tables (version v1.2.3)
position binlog.000003:1234, GTID set 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77
read 1,234,567, created 1, updated 2, deleted 3, 5.0 MiB

TABLE           TOPIC             STATE      SNAPSHOT
shop.customers  p.shop.customers  streaming  done, 30 rows
shop.orders     p.shop.orders     snapshot   running, 40,000 rows, 40 %

shop.customers needs a snapshot: EXCHANGE PARTITION

shop.orders waits: a lock is on the table
`},
		{"applier", applierBoard(), `streaming for 2m3s, 0.0s behind (version v1.2.3)

TABLE           TOPIC             STATE      OFFSETS    LAST COMMIT  UPSERTED  DELETED  FILES  DELETE FILES  DEAD LETTERS
shop.broken     p.shop.broken     stopped               never        0         0        0      0             0
shop.customers  p.shop.customers  streaming  0:10 1:20  1m3s ago     32        2        3      1             0

shop.broken: record 7 of partition 0 is not a change event
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			if err := status.Print(&out, tt.board.Page(), since.Add(123*time.Second)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		})
	}
}

func TestServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	config := status.Config{
		Listen: "127.0.0.1:0", Board: applierBoard(), Gatherer: prometheus.NewRegistry(),
		Logger: slog.New(slog.DiscardHandler),
	}
	s, err := status.Listen(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	page, err := status.Fetch(ctx, s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if page.State != status.Streaming || len(page.Tables) != 2 || page.Tables[1].Offsets["1"] != 20 {
		t.Errorf("fetched %+v", page)
	}
	config.Listen = s.Addr()
	if _, err := status.Listen(ctx, config); err == nil || !strings.Contains(err.Error(), "--http-listen") {
		t.Errorf("listening twice: error %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stopped with %v", err)
	}
	if _, err := status.Fetch(t.Context(), s.Addr()); err == nil {
		t.Error("the port is still open")
	}
}

func TestBoard_PageIsACopy(t *testing.T) {
	b := applierBoard()
	p := b.Page()
	b.UpdateTable("shop.customers", func(t *status.Table) {
		t.Offsets["1"] = 99
		t.Rows.Upserted = 99
		*t.LastCommit = time.Time{}
	})
	b.RemoveShard("shop.broken", "")
	got := p.Tables[1]
	if got.Offsets["1"] != 20 || got.Rows.Upserted != 32 || got.LastCommit.IsZero() || len(p.Tables) != 2 {
		t.Errorf("the page changed: %+v", got)
	}
	if got := len(b.Page().Tables); got != 1 {
		t.Errorf("%d tables after one was removed", got)
	}
}
