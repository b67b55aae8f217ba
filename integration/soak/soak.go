package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/gauge"
	"github.com/firn-cdc/firn/integration/load"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/validate"
)

const (
	prefix = "soak"
	table  = "lake." + load.Table
)

type soak struct {
	*options
	db      *sql.DB
	duckdb  *engine.DuckDB
	catalog *gauge.Catalog
	pipe    *pipeline.Pipeline
	changes *load.Changes
	fresh   *gauge.Freshness
	made    int

	broken []string // limits that were passed
}

func run(ctx context.Context, o *options) (err error) {
	if err := os.RemoveAll(o.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	s := &soak{options: o}
	cleanup, err := s.open(ctx)
	defer func() { err = errors.Join(err, cleanup()) }()
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.load, s.change, s.settle, s.scan, s.compare} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("%w\n%s", err, s.pipe.Logs())
		}
	}
	if len(s.broken) > 0 {
		return fmt.Errorf("limits passed:\n  %s", strings.Join(s.broken, "\n  "))
	}
	fmt.Println("all limits kept")
	return nil
}

// open starts the servers. The returned function ends them, whatever open returned.
func (s *soak) open(ctx context.Context) (cleanup func() error, err error) {
	var ends []func() error
	cleanup = func() error {
		var errs []error
		for _, end := range slices.Backward(ends) {
			errs = append(errs, end())
		}
		return errors.Join(errs...)
	}
	database, err := server.StartDatabase(ctx, server.MySQL9, filepath.Join(s.dir, "mysql"), "--innodb-buffer-pool-size=1G")
	if err != nil {
		return cleanup, err
	}
	ends = append(ends, database.Stop)
	if s.kafka == "" {
		broker, err := server.StartBroker(1)
		if err != nil {
			return cleanup, err
		}
		ends = append(ends, func() error { broker.Stop(); return nil })
		s.kafka = broker.Addr
	}
	if s.duckdb, err = engine.OpenDuckDB(ctx); err != nil {
		return cleanup, err
	}
	ends = append(ends, s.duckdb.Close)
	if s.db, err = load.Open(database.DSN()); err != nil {
		return cleanup, err
	}
	ends = append(ends, s.db.Close)
	s.pipe = pipeline.For(s.dir, prefix, database, s.kafka)
	s.pipe.Tables = strings.ReplaceAll(load.Source, ".", `\.`)
	s.pipe.TableMaps = []string{load.Source + "=" + table}
	s.pipe.ReaderFlags = []string{"--topic-partitions=1"}
	s.pipe.ApplierFlags = []string{"--commit-interval=" + s.interval.String()}
	if s.catalog, err = gauge.OpenCatalog(s.pipe.Table(table).Catalog); err != nil {
		return cleanup, err
	}
	ends = append(ends, s.catalog.Close, s.pipe.Stop)
	return cleanup, nil
}

// load fills the table and has both processes bring it to Iceberg.
func (s *soak) load(ctx context.Context) error {
	begin := time.Now()
	if err := load.Fill(ctx, s.db, s.rows); err != nil {
		return err
	}
	fmt.Printf("filled %d rows in %.0f s, load %s\n", s.rows, time.Since(begin).Seconds(), gauge.Load())
	begin = time.Now()
	if err := s.pipe.StartReader(ctx); err != nil {
		return err
	}
	if err := s.pipe.Reader.Ready(ctx); err != nil {
		return err
	}
	if err := s.pipe.StartApplier(ctx); err != nil {
		return err
	}
	if err := s.pipe.Applier.Ready(ctx); err != nil {
		return err
	}
	fmt.Printf("in Iceberg after %.0f s\n", time.Since(begin).Seconds())
	var err error
	if s.changes, err = load.NewChanges(ctx, s.db, s.rows); err != nil {
		return err
	}
	s.fresh, err = gauge.NewFreshness(ctx, s.db, s.catalog, table)
	return err
}

// change changes the table and reports each minute.
func (s *soak) change(ctx context.Context) error {
	const perTransaction = 10
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.minutes)*time.Minute)
	defer cancel()
	fmt.Println("minute  changes  p50 s  p99 s  data files  delete files  deletes/rows        manifests  metadata MiB  in files  reader MiB  applier MiB  load")
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.fresh.Watch(ctx) })
	group.Go(func() error {
		return s.changes.Steadily(ctx, s.rate, perTransaction, func(c load.Commit) {
			s.fresh.Committed(c)
			s.made += c.Rows
		})
	})
	group.Go(func() error {
		minute := time.NewTicker(time.Minute)
		defer minute.Stop()
		reader, applier := gauge.Watch(s.pipe.Reader.PID()), gauge.Watch(s.pipe.Applier.PID())
		defer applier.Stop()
		defer reader.Stop()
		for i := 1; ; i++ {
			select {
			case <-ctx.Done():
				return nil
			case <-s.pipe.Reader.Exited():
				return errors.New("firn-reader has ended")
			case <-s.pipe.Applier.Exited():
				return errors.New("firn-applier has ended")
			case <-minute.C:
			}
			if err := s.report(i, reader.Usage(), applier.Usage()); err != nil {
				return err
			}
		}
	})
	return group.Wait()
}

func (s *soak) report(minute int, reader, applier gauge.Usage) error {
	state := s.fresh.State()
	manifests, err := gauge.Manifests(s.duckdb, s.pipe.Table(table))
	if err != nil {
		return err
	}
	files, bytes, err := gauge.Folder(filepath.Join(s.pipe.Warehouse(), strings.ReplaceAll(table, ".", "/"), "metadata"))
	if err != nil {
		return err
	}
	p50, p99 := s.fresh.Quantile(0.5), s.fresh.Quantile(0.99)
	fmt.Printf("%6d  %7d  %5.2f  %5.2f  %10d  %12d  %8d/%9d  %9d  %12.1f  %8d  %10.0f  %11.0f  %s\n",
		minute, s.fresh.Count(), p50.Seconds(), p99.Seconds(), state.DataFiles, state.DeleteFiles, state.Deletes, state.Rows,
		manifests, gauge.MiB(bytes), files, gauge.MiB(reader.RSS), gauge.MiB(applier.RSS), gauge.Load())
	s.limit(state.DeleteFiles <= state.DataFiles, "minute %d: %d delete files, but %d data files", minute, state.DeleteFiles, state.DataFiles)
	return nil
}

// limit notes a limit that is not kept.
func (s *soak) limit(kept bool, format string, args ...any) {
	if !kept {
		s.broken = append(s.broken, fmt.Sprintf(format, args...))
	}
}

// settle waits until the last change is in the table and ends both processes.
func (s *soak) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	watching, stop := context.WithCancel(ctx)
	group, watching := errgroup.WithContext(watching)
	group.Go(func() error { return s.fresh.Watch(watching) })
	err := pipeline.Wait(ctx, 100*time.Millisecond, func() (bool, error) { return s.fresh.Pending() == 0, nil })
	stop()
	if err := errors.Join(err, group.Wait()); err != nil {
		return fmt.Errorf("wait for the last %d transactions: %w", s.fresh.Pending(), err)
	}
	p50, p99 := s.fresh.Quantile(0.5), s.fresh.Quantile(0.99)
	fmt.Printf("%d changes; freshness p50 %.2f s, p99 %.2f s\n", s.fresh.Count(), p50.Seconds(), p99.Seconds())
	s.limit(p50 <= s.p50, "freshness p50 %.2f s: at most %s", p50.Seconds(), s.p50)
	s.limit(p99 <= s.p99, "freshness p99 %.2f s: at most %s", p99.Seconds(), s.p99)
	want := s.rate * s.minutes * 60
	s.limit(s.made >= want*95/100, "%d changes were made: want %d", s.made, want)
	return s.pipe.Stop()
}

// scan compares the cost of reading the table with that of a compacted copy.
func (s *soak) scan(ctx context.Context) error {
	scan, err := gauge.MeasureScan(ctx, s.duckdb, s.pipe.Table(table), s.dir, 9)
	if err != nil {
		return err
	}
	fmt.Printf("count(*), sum(k): %.1f ms, on a compacted copy %.1f ms, ratio %.2f\n",
		scan.Table.Seconds()*1000, scan.Copy.Seconds()*1000, scan.Ratio())
	s.limit(scan.Ratio() <= s.options.scan, "reading costs %.2f times a compacted copy: at most %.2f", scan.Ratio(), s.options.scan)
	return nil
}

// compare compares the table with MySQL.
func (s *soak) compare(ctx context.Context) error {
	differences, rows, err := validate.Differences(ctx, s.db, load.Source, s.duckdb, s.pipe.Table(table))
	if err != nil {
		return err
	}
	if rows != s.changes.Rows() {
		return fmt.Errorf("MySQL has %d rows, want %d", rows, s.changes.Rows())
	}
	if len(differences) > 0 {
		return fmt.Errorf("the table differs from MySQL:\n%s", strings.Join(differences, "\n"))
	}
	fmt.Printf("Iceberg equals MySQL in all %d rows\n", rows)
	return nil
}
