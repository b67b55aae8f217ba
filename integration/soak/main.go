// Command soak keeps a table under steady changes, prints each minute how fresh
// it is and what it consists of, and fails if it rots: if it lags, if reading
// it costs too much, or if it differs from MySQL.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

type options struct {
	minutes, rate, rows int
	interval            time.Duration
	kafka, dir          string
	limits
}

// limits are what the table must stay within.
type limits struct {
	p50, p99 time.Duration
	scan     float64 // cost of a query against that on a compacted copy
}

func main() {
	var o options
	flag.IntVar(&o.minutes, "minutes", 10, "how long")
	flag.IntVar(&o.rate, "rate", 1000, "changes a second: half updates, a quarter inserts, a quarter deletes, keys by Zipf's law")
	flag.IntVar(&o.rows, "rows", 1_000_000, "rows of the table")
	flag.DurationVar(&o.interval, "commit-interval", 10*time.Second, "of the applier")
	flag.StringVar(&o.kafka, "kafka", "", "broker to use, as host:port; empty: start one in this process")
	flag.StringVar(&o.dir, "dir", filepath.Join(os.TempDir(), "firn-soak"), "folder of logs and tables, made anew")
	flag.DurationVar(&o.p50, "p50", 5500*time.Millisecond, "limit of the median freshness")
	flag.DurationVar(&o.p99, "p99", 11*time.Second, "limit of the freshness of 99 %")
	flag.Float64Var(&o.scan, "scan", 1.3, "limit of a query's cost against a compacted copy")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, &o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}
