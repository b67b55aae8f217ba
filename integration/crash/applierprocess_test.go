package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// applierVariable holds the orders of a process that is to be an applier.
const applierVariable = "FIRN_CRASH_APPLIER"

// orders is what an applier process is told.
type orders struct {
	Name      string // of its Kafka client
	Broker    string
	Prefix    string
	Group     string
	Warehouse string // a folder
	Index     string
	Page      string // file that gets the address of its status page; "" is none
	Rows      int    // of a batch
	Shards    int    // owners that a table may have
	Interval  time.Duration
	StopAtEnd bool
	Unkept    bool          // without maintenance
	Ahead     time.Duration // of maintenance's clock

	Kill  applier.Point // where the process kills itself; "" is nowhere
	Nth   int           // at the how manieth time
	Fault fault         // what goes wrong, at the Nth time where Kill is ""
	Hits  string        // file that gets a line when the process is killed or the fault has struck
}

// TestApplierProcess tests nothing: it is the applier that the tests start, if
// they have given it orders.
func TestApplierProcess(t *testing.T) {
	text := os.Getenv(applierVariable)
	if text == "" {
		return
	}
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	if err := apply(ctx, &o); err != nil {
		t.Fatal(err)
	}
}

// apply is the applier as cmd/firn-applier makes it, with a way to end in
// between.
func apply(ctx context.Context, o *orders) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client, err := kafka.Open(ctx, kafka.Config{Brokers: []string{o.Broker}, ClientID: o.Name, Logger: log})
	if err != nil {
		return err
	}
	catalog, err := lake.OpenCatalog(ctx, lake.Config{Type: lake.SQL, Warehouse: "file://" + o.Warehouse, Logger: log})
	if err != nil {
		return errors.Join(err, client.Close())
	}
	defer func() { err = errors.Join(err, catalog.Close(), client.Close()) }()
	h := &hits{orders: o, counts: make(map[string]int)}
	if o.Fault != "" {
		catalog.Wrap(h.wrap)
	}
	upkeep := maintenance.Config{Interval: 200 * time.Millisecond, SnapshotMinCount: 10_000, OrphanScan: -1}
	if o.Ahead > 0 {
		upkeep.SnapshotMinCount, upkeep.Now = 3, func() time.Time { return time.Now().Add(o.Ahead) }
	}
	if o.Unkept {
		upkeep.MinFiles, upkeep.DeadRows, upkeep.MaxManifests = 1<<30, 1<<30, 1<<30
	}
	registry := telemetry.NewRegistry(telemetry.NewBuild("test"))
	board := status.NewBoard("test")
	if o.Page != "" {
		server, err := status.Listen(ctx, status.Config{Listen: "127.0.0.1:0", Name: "firn-applier", Board: board, Gatherer: registry, Logger: log})
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.Page, []byte(server.Addr()), 0o644); err != nil {
			return err
		}
		serving, end := context.WithCancel(context.WithoutCancel(ctx))
		var serve sync.WaitGroup
		serve.Go(func() { err = errors.Join(err, server.Run(serving)) })
		defer serve.Wait()
		defer end()
	}
	return applier.New(applier.Config{
		Kafka: client, Catalog: catalog, GroupID: o.Group, Prefix: o.Prefix, Shards: o.Shards,
		Interval: o.Interval, Rows: o.Rows, IndexDir: o.Index, IndexMemory: 16 << 20, Memory: 64 << 20,
		SessionTimeout: 6 * time.Second, // a member learns of the others at its heartbeat, five times in this
		Maintenance:    upkeep, StopAtEnd: o.StopAtEnd, Status: board, Metrics: telemetry.NewApplier(registry), Logger: log, At: h.at,
	}).Run(ctx)
}

// hits counts what a process has passed, and ends it where its orders say so.
type hits struct {
	*orders
	mu     sync.Mutex
	counts map[string]int
}

func (h *hits) at(p applier.Point) {
	if h.nth(string(p)) && p == h.Kill {
		h.die(string(p))
	}
}

// nth counts, and reports whether this is the time that the orders name.
func (h *hits) nth(what string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[what]++
	return h.counts[what] == h.Nth
}

func (h *hits) die(where string) {
	h.note(where)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {}
}

// note leaves word that something was hit, for whoever survives.
func (h *hits) note(what string) {
	f, err := os.OpenFile(h.Hits, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	if _, err := fmt.Fprintln(f, what); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}
}
