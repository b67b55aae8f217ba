package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/walkthrough"
)

type options struct {
	dsn, kafka, dir string
	pause, patience time.Duration
}

const prefix = "demo"

type demo struct {
	options
	db     *sql.DB
	duckdb *engine.DuckDB
	pipe   *pipeline.Pipeline
	ddls   int // records on the schema-change topic before the step
}

func run(ctx context.Context, o *options) (err error) {
	if err := os.RemoveAll(o.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	d := &demo{options: *o}
	cleanup, err := d.open(ctx)
	defer func() { err = errors.Join(err, cleanup()) }()
	if err != nil {
		return err
	}
	for i, step := range walkthrough.Steps() {
		if err := d.tell(ctx, i, step); err != nil {
			if logs := d.pipe.Logs(); logs != "" {
				fmt.Fprintln(os.Stderr, logs)
			}
			return fmt.Errorf("%s: %w", step.Name, err)
		}
	}
	d.goodbye()
	return nil
}

// open starts what was not given. The returned function ends it all, whatever
// open returned.
func (d *demo) open(ctx context.Context) (func() error, error) {
	var ends []func() error
	cleanup := func() error {
		var errs []error
		for _, end := range slices.Backward(ends) {
			errs = append(errs, end())
		}
		return errors.Join(errs...)
	}
	d.pipe = &pipeline.Pipeline{Dir: d.dir, Prefix: prefix, Tables: strings.ReplaceAll(walkthrough.Source, ".", `\.`), TableMaps: []string{walkthrough.TableMap}}

	if d.dsn == "" {
		fmt.Println("starting MySQL 9 …")
		db, err := server.StartDatabase(ctx, server.MySQL9, d.dir+"/mysql")
		if err != nil {
			return cleanup, err
		}
		ends = append(ends, db.Stop)
		d.dsn, d.pipe.Database, d.pipe.User, d.pipe.Password = db.DSN(), db.Addr, server.User, server.Password
	} else {
		config, err := mysql.ParseDSN(d.dsn)
		if err != nil {
			return cleanup, fmt.Errorf("-mysql: %w", err)
		}
		d.pipe.Database, d.pipe.User, d.pipe.Password = config.Addr, config.User, config.Passwd
	}
	if d.kafka == "" {
		fmt.Println("starting a Kafka broker …")
		broker, err := server.StartBroker(3)
		if err != nil {
			return cleanup, err
		}
		ends = append(ends, func() error { broker.Stop(); return nil })
		d.kafka = broker.Addr
	}
	d.pipe.Broker = d.kafka

	fmt.Println("installing DuckDB …")
	duckdb, err := engine.OpenDuckDB(ctx)
	if err != nil {
		return cleanup, err
	}
	d.duckdb = duckdb
	ends = append(ends, duckdb.Close)

	if d.db, err = sql.Open("mysql", d.dsn); err != nil {
		return cleanup, err
	}
	ends = append(ends, d.db.Close, d.pipe.Stop)
	var version string
	if err := d.db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return cleanup, fmt.Errorf("connect to MySQL: %w", err)
	}
	fmt.Printf("MySQL %s at %s, Kafka at %s, tables below %s\n", version, d.pipe.Database, d.kafka, d.pipe.Warehouse())
	return cleanup, nil
}

// tell acts one step and waits until Iceberg shows it.
func (d *demo) tell(ctx context.Context, i int, step walkthrough.Step) error {
	fmt.Printf("\n== %s: %s\n", step.Name, step.Title)
	for _, statement := range step.Statements {
		fmt.Printf("   mysql> %.110s\n", statement)
	}
	if err := walkthrough.Exec(ctx, d.db, step.Statements...); err != nil {
		return err
	}
	if i == 0 {
		if err := d.start(ctx); err != nil {
			return err
		}
	}
	for _, check := range step.Checks {
		if err := d.check(ctx, check); err != nil {
			return err
		}
	}
	if err := d.kafkaCounts(ctx, i, step); err != nil {
		return err
	}
	select {
	case <-time.After(d.pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *demo) start(ctx context.Context) error {
	if err := d.pipe.StartReader(ctx); err != nil {
		return err
	}
	if err := d.pipe.StartApplier(ctx); err != nil {
		return err
	}
	fmt.Printf("   started firn-reader (pid %d, %s) and firn-applier (pid %d, %s)\n",
		d.pipe.Reader.PID(), d.pipe.Reader.URL, d.pipe.Applier.PID(), d.pipe.Applier.URL)
	return nil
}

// check waits until the table answers as the story says, and prints the answer.
func (d *demo) check(ctx context.Context, check walkthrough.Check) error {
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	var got []string
	var last error
	begin := time.Now()
	err := pipeline.Wait(ctx, 200*time.Millisecond, func() (bool, error) {
		result, err := d.duckdb.Query(d.pipe.Table(walkthrough.Target), check.SQL)
		if last = err; err != nil {
			return false, nil // the table may not be there yet; the last error is reported below
		}
		got = got[:0]
		for _, row := range result.Rows {
			got = append(got, engine.Text(row))
		}
		return slices.Equal(got, check.Rows), nil
	})
	fmt.Printf("   duckdb> %s\n", strings.ReplaceAll(check.SQL, "{table}", walkthrough.Target))
	for _, row := range got {
		fmt.Printf("           %s\n", row)
	}
	if err != nil {
		if last != nil {
			return fmt.Errorf("the table cannot be read: %w", last)
		}
		return fmt.Errorf("after %s the table does not hold what it should: want %q", d.patience, check.Rows)
	}
	fmt.Printf("           (%s after the statement returned)\n", time.Since(begin).Round(100*time.Millisecond))
	return nil
}

func (d *demo) kafkaCounts(ctx context.Context, i int, step walkthrough.Step) error {
	records, err := pipeline.ReadTopic(ctx, d.kafka, prefix+"."+walkthrough.Source)
	if err != nil {
		return err
	}
	got, err := pipeline.Operations(records)
	if err != nil {
		return err
	}
	changes, err := pipeline.ReadTopic(ctx, d.kafka, prefix)
	if err != nil {
		return err
	}
	fmt.Printf("   kafka>  %s:", prefix+"."+walkthrough.Source)
	for _, op := range slices.Sorted(maps.Keys(got)) {
		fmt.Printf(" %d %s", got[op], op)
	}
	fmt.Printf("; %d schema changes since the step before\n", len(changes)-d.ddls)
	if !maps.Equal(got, step.Operations) {
		return fmt.Errorf("kafka holds %v, want %v", got, step.Operations)
	}
	if i > 0 && len(changes)-d.ddls != step.DDLs {
		return fmt.Errorf("kafka holds %d new schema changes, want %d", len(changes)-d.ddls, step.DDLs)
	}
	d.ddls = len(changes)
	return nil
}

func (d *demo) goodbye() {
	result, err := d.duckdb.Query(d.pipe.Table(walkthrough.Target), "SELECT 1 FROM {table} LIMIT 1")
	if err != nil {
		return
	}
	fmt.Printf(`
The table stays at %s. To look further:
   SELECT * FROM iceberg_scan('%s');     -- in DuckDB, after LOAD iceberg
   %s status --http-listen=…   and   %s status --http-listen=…   while they run
`, d.pipe.Warehouse(), result.Metadata, pipeline.Binary("firn-reader"), pipeline.Binary("firn-applier"))
}
