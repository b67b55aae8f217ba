// Command demo tells firn's story on a real MySQL: it runs both binaries,
// changes a table step by step, and prints after each step what Kafka holds and
// what DuckDB reads from the Iceberg table. It fails if either differs from
// what the story says.
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

func main() {
	var options options
	flag.StringVar(&options.dsn, "mysql", os.Getenv("MYSQL_DSN"), "MySQL to use, as user:password@tcp(host:port)/; empty: start one")
	flag.StringVar(&options.kafka, "kafka", os.Getenv("KAFKA"), "broker to use, as host:port; empty: start one in this process")
	flag.StringVar(&options.dir, "dir", filepath.Join(os.TempDir(), "firn-demo"), "folder of the demo's logs and tables, made anew")
	flag.DurationVar(&options.pause, "pause", 2*time.Second, "rest after each step, for the reader's eyes")
	flag.DurationVar(&options.patience, "patience", 60*time.Second, "how long a step may take to show in Iceberg")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, &options)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
