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

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/gauge"
	"github.com/firn-cdc/firn/integration/load"
	"github.com/firn-cdc/firn/integration/server"
)

// step measures some results, behind the steps that it needs.
type step struct {
	name    string
	results []string
	needs   []string
	run     func(*bench, context.Context) error
}

// steps are all, in the order in which they run. What ends with _plain is
// measured without schemas in the records, with _avro in Avro, everything else
// as firn is by default.
func steps() []step {
	return []step{
		{"encode", []string{"reader_encode_json", "reader_encode_json_schemas", "reader_encode_avro"}, nil, (*bench).encode},
		{"index", []string{"index_bytes_per_key", "index_lookups"}, nil, (*bench).index},
		{"fill", nil, nil, (*bench).fill},
		{"snapshot", []string{"reader_snapshot", "reader_snapshot_plain", "reader_snapshot_avro", "reader_snapshot_cpu_us", "reader_rss_mib"}, []string{"fill"}, (*bench).snapshot},
		{"append", []string{"applier_append", "applier_append_plain", "applier_append_avro", "applier_rss_mib"}, []string{"snapshot"}, (*bench).appendRows},
		{"backlog", []string{
			"reader_backlog", "reader_backlog_plain", "reader_backlog_avro", "reader_backlog_cpu_us",
			"reader_bytes_per_event", "reader_bytes_per_event_plain", "reader_bytes_per_event_avro", "reader_rss_mib",
		}, []string{"snapshot"}, (*bench).backlog},
		{"apply", []string{"applier_backlog", "applier_backlog_plain", "applier_backlog_avro", "applier_rss_mib"}, []string{"append", "backlog"}, (*bench).applyBacklog},
		{"upsert", []string{"applier_upsert", "applier_upsert_plain", "applier_upsert_avro", "applier_rss_mib"}, []string{"append"}, (*bench).upsert},
		{"latency", []string{"reader_latency_p50_ms", "reader_latency_p99_ms"}, []string{"snapshot"}, (*bench).latency},
		{"freshness", []string{"freshness_p50_s", "freshness_p99_s", "scan_ratio"}, []string{"append"}, (*bench).freshness},
	}
}

// names are the results that may be asked for.
func names() []string {
	var all []string
	for _, s := range steps() {
		for _, name := range s.results {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// selected returns the steps that measure some results, all if none is named.
func selected(only string) ([]step, error) {
	all := steps()
	if only == "" {
		return all, nil
	}
	wanted := make(map[string]bool)
	for name := range strings.SplitSeq(only, ",") {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("-only: there is no result %q; there are %s", name, strings.Join(names(), ", "))
		}
		for _, s := range all {
			if slices.Contains(s.results, name) {
				wanted[s.name] = true
			}
		}
	}
	for _, s := range slices.Backward(all) {
		if wanted[s.name] {
			for _, need := range s.needs {
				wanted[need] = true
			}
		}
	}
	return slices.DeleteFunc(all, func(s step) bool { return !wanted[s.name] }), nil
}

// bench is what the steps share.
type bench struct {
	*options
	report  report
	server  *server.Database
	db      *sql.DB
	broker  string
	duckdb  *engine.DuckDB
	changes *load.Changes
	forms   []*form

	registry *server.Registry
	peer     *peer // nil: there is none
}

func run(ctx context.Context, o *options) (err error) {
	chosen, err := selected(o.only)
	if err != nil {
		return err
	}
	b := &bench{options: o}
	b.report.baseline = func(name string) float64 { return b.peer.baseline(name) }
	var ends []func() error
	defer func() {
		for _, end := range slices.Backward(ends) {
			err = errors.Join(err, end())
		}
	}()
	if b.server, err = server.StartDatabase(ctx, server.MySQL9, filepath.Join(o.dir, "mysql"), "--innodb-buffer-pool-size=1G", "--max-binlog-size=1G"); err != nil {
		return err
	}
	ends = append(ends, b.server.Stop)
	if b.db, err = load.Open(b.server.DSN()); err != nil {
		return err
	}
	ends = append(ends, b.db.Close)
	var stop func() error
	if b.broker, b.report.Kafka, stop, err = startBroker(ctx, o); err != nil {
		return err
	}
	ends = append(ends, stop)
	if b.registry, err = server.StartRegistry(ctx, o.dir); err != nil {
		return err
	}
	ends = append(ends, b.registry.Down)
	if b.duckdb, err = engine.OpenDuckDB(ctx); err != nil {
		return err
	}
	ends = append(ends, b.duckdb.Close)
	var version string
	if err := b.db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return err
	}
	b.report.Machine = machine("MySQL "+version) + fmt.Sprintf(", %d rows, %d changes", o.rows, o.changes)
	b.forms = newForms(b)
	ends = append(ends, b.stopForms)
	if o.debezium {
		if b.peer, err = startPeer(ctx, o.dir, b.broker); err != nil {
			return err
		}
		ends = append(ends, b.peer.worker.Stop)
	}
	for _, s := range chosen {
		fmt.Fprintf(os.Stderr, "== %s (load %s)\n", s.name, gauge.Load())
		begin := time.Now()
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w\n%s", s.name, err, b.logs())
		}
		fmt.Fprintf(os.Stderr, "   took %.1f s\n", time.Since(begin).Seconds())
	}
	if err := b.report.print(os.Stdout); err != nil {
		return err
	}
	return b.report.write(o.out)
}

// fill makes the table.
func (b *bench) fill(ctx context.Context) (err error) {
	if err := load.Fill(ctx, b.db, b.rows); err != nil {
		return err
	}
	b.changes, err = load.NewChanges(ctx, b.db, b.rows)
	return err
}
