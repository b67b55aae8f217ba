package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firn-cdc/firn/integration/gauge"
	"github.com/firn-cdc/firn/integration/load"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/validate"
)

// appendRows has the appliers load the snapshot into a table that does not exist.
func (b *bench) appendRows(ctx context.Context) error {
	return b.applyAll(ctx, "applier_append", "rows/s", b.rows)
}

// applyBacklog has the appliers apply the changes of the readers' backlog.
func (b *bench) applyBacklog(ctx context.Context) error {
	return b.applyAll(ctx, "applier_backlog", "changes/s", b.options.changes)
}

// upsert has the appliers update rows all over the table, with an index that is
// in no memory.
func (b *bench) upsert(ctx context.Context) error {
	if err := b.changes.Scatter(ctx, b.options.changes); err != nil {
		return err
	}
	behind := 0
	if b.done("reader_backlog") && !b.done("applier_backlog") {
		behind = b.options.changes + b.options.changes/4
	}
	for _, f := range b.forms {
		if _, _, err := b.read(ctx, f, b.options.changes); err != nil {
			return err
		}
		if err := chill(filepath.Join(f.pipe.Dir, "index")); err != nil {
			return err
		}
	}
	return b.applyAll(ctx, "applier_upsert", "rows/s", b.options.changes+behind)
}

func (b *bench) done(name string) bool {
	for _, r := range b.report.Results {
		if r.Name == name {
			return true
		}
	}
	return false
}

func (b *bench) applyAll(ctx context.Context, name, unit string, rows int) error {
	for _, f := range b.forms {
		m, err := b.apply(ctx, f)
		if err != nil {
			return err
		}
		b.report.add(name+f.suffix, float64(rows)/m.took.Seconds(), unit)
		b.report.add(name+"_cpu_us"+f.suffix, microseconds(m, rows), "us/row")
		b.report.raise("applier_rss_mib", gauge.MiB(m.usage.Peak), "MiB")
	}
	return nil
}

// apply runs an applier to the end of what is there. took is from
// when it has opened its table to the commit of the last record.
func (*bench) apply(ctx context.Context, f *form) (m moved, err error) {
	catalog, err := gauge.OpenCatalog(f.pipe.Table(f.table).Catalog)
	if err != nil {
		return m, err
	}
	defer catalog.Close()
	f.pipe.ApplierFlags = append(slices.Clip(f.applier), "--commit-interval=30s", "--stop-at-end")
	if err := f.start(ctx, f.pipe.StartApplier); err != nil {
		return m, err
	}
	process := f.pipe.Applier
	var begin time.Time
	offsets := func() (int64, error) {
		if begin.IsZero() {
			now := time.Now()
			if streaming(ctx, process) {
				begin = now
			}
		}
		file, err := catalog.Metadata(ctx, f.table)
		if err != nil || file == "" {
			return 0, err
		}
		state, err := gauge.ReadState(file)
		if os.IsNotExist(err) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return state.Offset, nil
	}
	var last time.Time
	var at int64
	m, err = toEnd(ctx, process, func() (int64, error) {
		n, err := offsets()
		if n > at {
			at, last = n, time.Now()
		}
		return max(n, at), err
	})
	if err != nil {
		return m, err
	}
	if begin.IsZero() || !last.After(begin) {
		return m, fmt.Errorf("no commit was seen: the table ends at offset %d", at)
	}
	m.took = last.Sub(begin)
	return m, nil
}

// streaming reports whether an applier has opened its table and begun to read.
func streaming(ctx context.Context, process *pipeline.Process) bool {
	_, body, err := process.Get(ctx, "/status")
	if err != nil {
		return false
	}
	var page struct {
		Tables []struct {
			State string `json:"state"`
		} `json:"tables"`
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		return false
	}
	return len(page.Tables) > 0 && page.Tables[0].State == "streaming"
}

// chill takes a folder's files out of the system's cache.
func chill(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := file.Sync(); err != nil {
			return err
		}
		return unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// freshness runs both processes under steady changes, and then reads the table.
func (b *bench) freshness(ctx context.Context) error {
	const rate, perTransaction = 1000, 10
	f := b.forms[0]
	f.pipe.ApplierFlags = append(slices.Clip(f.applier), "--commit-interval=10s")
	for _, start := range []func(context.Context) error{f.pipe.StartReader, f.pipe.StartApplier} {
		if err := f.start(ctx, start); err != nil {
			return err
		}
	}
	catalog, err := gauge.OpenCatalog(f.pipe.Table(f.table).Catalog)
	if err != nil {
		return err
	}
	defer catalog.Close()
	if err := f.pipe.Reader.Ready(ctx); err != nil {
		return err
	}
	if err := f.pipe.Applier.Ready(ctx); err != nil {
		return err
	}
	fresh, err := gauge.NewFreshness(ctx, b.db, catalog, f.table)
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var watch sync.WaitGroup
	var watchErr error
	watch.Go(func() { watchErr = fresh.Watch(watching) })
	writing, cancel := context.WithTimeout(ctx, time.Duration(b.seconds)*time.Second)
	defer cancel()
	if err := b.changes.Steadily(writing, rate, perTransaction, fresh.Committed); err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); fresh.Pending() > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	watch.Wait()
	if watchErr != nil {
		return watchErr
	}
	if n := fresh.Pending(); n > 0 {
		return fmt.Errorf("%d transactions are not in the table after a minute", n)
	}
	for _, q := range []struct {
		name  string
		share float64
	}{{"freshness_p50_s", 0.5}, {"freshness_p99_s", 0.99}} {
		b.report.add(q.name, fresh.Quantile(q.share).Seconds(), "s")
	}
	if err := f.pipe.Stop(); err != nil {
		return err
	}
	return b.scan(ctx, f)
}

// scan compares the table with a compacted copy, and with MySQL.
func (b *bench) scan(ctx context.Context, f *form) error {
	scan, err := gauge.MeasureScan(ctx, b.duckdb, f.pipe.Table(f.table), b.dir, 9)
	if err != nil {
		return err
	}
	for _, r := range []struct {
		name  string
		value float64
		unit  string
	}{
		{"scan_ratio", scan.Ratio(), "x a compacted copy"},
		{"scan_ms", scan.Table.Seconds() * 1000, "ms"},
	} {
		b.report.add(r.name, r.value, r.unit)
	}
	differences, rows, err := validate.Differences(ctx, b.db, load.Source, b.duckdb, f.pipe.Table(f.table))
	if err != nil {
		return err
	}
	if len(differences) > 0 {
		return fmt.Errorf("the table differs from MySQL's %d rows:\n%s", rows, strings.Join(differences, "\n"))
	}
	return nil
}
