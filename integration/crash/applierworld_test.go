package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/source"
	"github.com/firn-cdc/firn/integration/validate"
	"github.com/firn-cdc/firn/pkg/lake"
)

// patience is how long an applier may take for what takes seconds.
const patience = 2 * time.Minute

// applierWorld is a broker, a warehouse, and the appliers between them.
type applierWorld struct {
	t       *testing.T
	dir     string
	broker  *server.Broker
	client  *kgo.Client
	duckdb  *engine.DuckDB
	started int

	partitions map[*source.Table]int32
}

// newApplierWorld starts a broker whose topics have so many partitions.
func newApplierWorld(t *testing.T, duckdb *engine.DuckDB) *applierWorld {
	t.Helper()
	w := &applierWorld{t: t, dir: t.TempDir(), duckdb: duckdb, partitions: make(map[*source.Table]int32)}
	var err error
	if w.broker, err = server.StartBroker(3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.broker.Stop)
	if w.client, err = kgo.NewClient(kgo.SeedBrokers(w.broker.Addr)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	t.Cleanup(func() {
		if t.Failed() {
			w.logs()
		}
	})
	return w
}

func openDuckDB(t *testing.T) *engine.DuckDB {
	t.Helper()
	duckdb, err := engine.OpenDuckDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { duckdb.Close() })
	return duckdb
}

// logs shows the end of what the appliers have said.
func (w *applierWorld) logs() {
	names, _ := filepath.Glob(filepath.Join(w.dir, "*.log"))
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil {
			const most = 4000 // from the beginning, and from the end
			if len(text) > 2*most {
				text = slices.Concat(text[:most], []byte("\n…\n"), text[len(text)-most:])
			}
			w.t.Logf("%s:\n%s", filepath.Base(name), text)
		}
	}
}

const crashPrefix = "crash"

// table makes a table and its topic.
func (w *applierWorld) table(name string, partitions int32, seed uint64) *source.Table {
	w.t.Helper()
	table := source.New(crashPrefix, "db", name, seed)
	w.must(table.Create(w.t.Context(), w.client, partitions))
	w.partitions[table] = partitions
	return table
}

func (w *applierWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// orders returns those of an applier that applies all there is and ends.
func (w *applierWorld) orders(name string) orders {
	return orders{
		Name: name, Broker: w.broker.Addr, Prefix: crashPrefix, Group: "crash-applier", Warehouse: filepath.Join(w.dir, "warehouse"),
		Index: filepath.Join(w.dir, "index-"+name), Rows: 100, Interval: 200 * time.Millisecond, StopAtEnd: true, Hits: filepath.Join(w.dir, "hits"),
	}
}

// applierProcess is a running applier.
type applierProcess struct {
	w    *applierWorld
	o    orders
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error
}

// start starts an applier: this test's own program, with other orders.
func (w *applierWorld) start(o orders) *applierProcess {
	w.t.Helper()
	text, err := json.Marshal(o)
	w.must(err)
	w.started++
	p := &applierProcess{w: w, o: o, log: filepath.Join(w.dir, fmt.Sprintf("%03d-%s.log", w.started, o.Name)), done: make(chan struct{})}
	log, err := os.Create(p.log)
	w.must(err)
	defer log.Close()
	p.cmd = exec.Command(os.Args[0], "-test.run=^TestApplierProcess$") //nolint:noctx // it ends with the test, or by its own hand
	p.cmd.Env = append(os.Environ(), applierVariable+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	w.must(p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	w.t.Cleanup(func() { _ = p.kill() }) // if it still runs
	return p
}

// wait waits for the process's end.
func (p *applierProcess) wait() {
	p.w.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // the log tells where it hangs
		<-p.done
		p.w.t.Fatalf("applier %s did not end within %s", p.o.Name, patience)
	}
}

// expect waits for an end with exit code 0.
func (p *applierProcess) expect() {
	p.w.t.Helper()
	p.wait()
	if p.err != nil {
		p.w.t.Fatalf("applier %s: %v", p.o.Name, p.err)
	}
}

// expectKilled waits for the end that the orders ask for. A process that ends
// otherwise has not hit its marker, and the test proves nothing.
func (p *applierProcess) expectKilled() {
	p.w.t.Helper()
	p.wait()
	if !p.killed() {
		p.w.t.Fatalf("applier %s ended with %v: %s%s was not hit for the %d. time", p.o.Name, p.err, p.o.Kill, p.o.Fault, p.o.Nth)
	}
	p.forget()
}

func (p *applierProcess) killed() bool {
	exit, ok := errors.AsType[*exec.ExitError](p.err)
	if !ok {
		return false
	}
	state, ok := exit.Sys().(syscall.WaitStatus)
	return ok && state.Signaled() && state.Signal() == syscall.SIGKILL
}

// kill kills the process, if it still runs, as kill -9 does.
func (p *applierProcess) kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// forget has the group forget the dead process at once, which otherwise takes a
// session's timeout.
func (p *applierProcess) forget() {
	p.w.t.Helper()
	p.w.must(source.Expel(p.w.t.Context(), p.w.client, p.o.Group, p.o.Name))
}

// expectHits fails the test unless what was hit, and nothing else, n times.
func (w *applierWorld) expectHits(what string, n int) {
	w.t.Helper()
	if got, want := w.hits(), strings.Repeat(what+"\n", n); got != want {
		w.t.Errorf("hit %q, want %q", got, want)
	}
}

// awaitHits waits until something was hit for the n-th time.
func (w *applierWorld) awaitHits(n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	err := pipeline.Wait(ctx, 20*time.Millisecond, func() (bool, error) { return strings.Count(w.hits(), "\n") >= n, nil })
	if err != nil {
		w.t.Fatalf("hit %q, want %d hits: %v", w.hits(), n, err)
	}
}

func (w *applierWorld) hits() string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "hits"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	return string(text)
}

// found is what the validators find wrong with a table.
type found struct{ rows, keys, files, offsets []string }

func (f *found) any() bool { return len(f.rows)+len(f.keys)+len(f.files)+len(f.offsets) > 0 }

func (f *found) String() string {
	return strings.Join(slices.Concat(f.rows, f.keys, f.files, f.offsets), "\n")
}

// validate compares a table with what its records in Kafka amount to.
func (w *applierWorld) validate(t *source.Table) *found {
	w.t.Helper()
	return w.validateIn(t, filepath.Join(w.dir, "warehouse"))
}

func (w *applierWorld) validateIn(t *source.Table, warehouse string) *found {
	w.t.Helper()
	ctx := w.t.Context()
	f := &found{}
	ends, err := source.Ends(ctx, w.client, t.Topic())
	w.must(err)
	where := engine.Table{Catalog: filepath.Join(warehouse, "catalog.sqlite"), Name: t.Database + "." + t.Name}
	f.rows, err = validate.Rows(w.duckdb, where, t.Names(false), t.Rows())
	w.must(err)
	f.keys, err = validate.Keys(w.duckdb, where, t.Names(true))
	w.must(err)
	var snapshots int
	w.must(w.load(t, warehouse, func(table *lake.Table) error {
		if f.files, snapshots, err = validate.Files(ctx, table.Iceberg()); err != nil {
			return err
		}
		f.offsets, err = validate.Offsets(table.Properties(), ends)
		return err
	}))
	w.t.Logf("%s: %d rows, %d table snapshots, ends %v", t.Name, len(t.Rows()), snapshots, ends)
	return f
}

// behind returns the partitions of a table that are not applied to their ends.
func (w *applierWorld) behind(t *source.Table) (behind []string, err error) {
	ends, err := source.Ends(w.t.Context(), w.client, t.Topic())
	if err != nil {
		return nil, err
	}
	err = w.load(t, filepath.Join(w.dir, "warehouse"), func(table *lake.Table) error {
		behind, err = validate.Offsets(table.Properties(), ends)
		return err
	})
	return behind, err
}

// load has use look at a table as the catalog of a warehouse has it.
func (w *applierWorld) load(t *source.Table, warehouse string, use func(*lake.Table) error) error {
	ctx := w.t.Context()
	catalog, err := lake.OpenCatalog(ctx, lake.Config{Type: lake.SQL, Warehouse: "file://" + warehouse})
	if err != nil {
		return err
	}
	defer catalog.Close()
	table, err := catalog.Load(ctx, lake.Name{Namespace: t.Database, Table: t.Name})
	if err != nil {
		return err
	}
	return use(table)
}

// equal fails the test where a validator finds something.
func (w *applierWorld) equal(tables ...*source.Table) {
	w.t.Helper()
	for _, t := range tables {
		if f := w.validate(t); f.any() {
			w.t.Errorf("table %s is not what its records amount to:\n%s", t.Name, f)
		}
	}
}

// publish makes n random changes to a table and publishes them.
func (w *applierWorld) publish(t *source.Table, n int) {
	w.t.Helper()
	t.Random(n, 400)
	w.must(t.Publish(w.t.Context(), w.client))
}

// publishToAll makes changes in all partitions, so that no transaction's mark is
// the last in one: a table records where its changes end.
func (w *applierWorld) publishToAll(tables ...*source.Table) {
	w.t.Helper()
	for _, t := range tables {
		for id := range int64(10 * w.partitions[t]) {
			t.Put(1_000_000+id, "last", id, nil, nil)
		}
		w.must(t.Publish(w.t.Context(), w.client))
	}
}

// newSeed returns a seed and says which.
func newSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("FIRN_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d (FIRN_SEED)", seed)
	return seed
}
