// Package cases runs both binaries end to end on real servers and compares
// the Iceberg tables, read by an engine that is not ours, with MySQL.
package cases

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/source"
	"github.com/firn-cdc/firn/integration/validate"
)

// patience is how long a change may take to show in Iceberg before a case
// fails; commits are a second apart.
const patience = 90 * time.Second

var shared struct {
	servers map[server.Kind]*server.Database
	surroundings
}

// surroundings are what the binaries run between, the source aside.
type surroundings struct {
	broker string           // address of Kafka
	lake   validate.Querier // reads the Iceberg tables
	// prepare empties the warehouse, if cases share one, and points p at it.
	prepare func(ctx context.Context, p *pipeline.Pipeline) error
}

func TestMain(m *testing.M) {
	server.Main(m, func(ctx context.Context, s *server.Shared) error {
		shared.servers = s.Databases
		for kind, db := range s.Databases {
			if err := printVersion(ctx, kind, db); err != nil {
				return err
			}
		}
		return shared.open(ctx, s)
	})
}

func printVersion(ctx context.Context, kind server.Kind, d *server.Database) error {
	db, err := sql.Open("mysql", d.DSN())
	if err != nil {
		return err
	}
	defer db.Close()
	var version string
	if err := db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return fmt.Errorf("connect to %s: %w", kind, err)
	}
	fmt.Printf("%s is %s\n", kind, version)
	return nil
}

// fixture is a pipeline between the shared servers, with names of its own.
type fixture struct {
	*pipeline.Pipeline
	t    *testing.T
	db   *sql.DB
	kind server.Kind
}

// onEach runs a case against every kind of server.
func onEach(t *testing.T, run func(t *testing.T, f *fixture)) {
	for _, kind := range server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			run(t, newFixture(t, kind))
		})
	}
}

// newFixture returns a pipeline that is not started. Its topics have the
// test's name as prefix, so cases on one broker stay apart.
func newFixture(t *testing.T, kind server.Kind) *fixture {
	t.Helper()
	prefix := strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())
	d := shared.servers[kind]
	p := pipeline.For(t.TempDir(), prefix, d, shared.broker)
	if err := shared.prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", d.DSN())
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Pipeline: p, t: t, db: db, kind: kind}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Log(p.Logs())
		}
		db.Close()
	})
	return f
}

// start starts both binaries.
func (f *fixture) start() {
	f.t.Helper()
	f.must(f.StartReader(f.t.Context()))
	f.must(f.StartApplier(f.t.Context()))
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// killApplier kills the applier once nobody joins its group: of a member that is
// cut off while it waits there, the broker in this process never learns that it is
// gone, as Kafka does when the session's timeout has passed.
func (f *fixture) killApplier() {
	f.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(shared.broker))
	f.must(err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	f.must(pipeline.Wait(ctx, 50*time.Millisecond, func() (bool, error) {
		joining, err := source.Joining(ctx, client, f.Prefix+"-applier")
		return !joining, err
	}))
	f.must(f.Applier.Kill())
}

// exec runs statements on the source.
func (f *fixture) exec(statements ...string) {
	f.t.Helper()
	for _, statement := range statements {
		if _, err := f.db.ExecContext(f.t.Context(), statement); err != nil {
			f.t.Fatalf("%.80s: %v", statement, err)
		}
	}
}

// eventually waits until the engine answers the query on the table with rows.
func (f *fixture) eventually(table, query string, want ...string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	var got []string
	var last error
	err := pipeline.Wait(ctx, 100*time.Millisecond, func() (bool, error) {
		if err := f.alive(); err != nil {
			return false, err
		}
		result, err := shared.lake.Query(f.Table(table), query)
		if last = err; err != nil {
			return false, nil
		}
		got = got[:0]
		for _, row := range result.Rows {
			got = append(got, engine.Text(row))
		}
		return strings.Join(got, "\n") == strings.Join(want, "\n"), nil
	})
	if err != nil {
		f.t.Fatalf("%s: %v\n got %q (%v)\nwant %q", query, err, got, last, want)
	}
}

// alive returns an error if a process that should run has ended.
func (f *fixture) alive() error {
	for _, p := range []*pipeline.Process{f.Reader, f.Applier} {
		if p == nil {
			continue
		}
		select {
		case <-p.Exited():
			return fmt.Errorf("%s ended with code %d:\n%s", p.Name, p.ExitCode(), p.Tail())
		default:
		}
	}
	return nil
}
