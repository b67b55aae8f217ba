// Command bench measures both binaries on a real MySQL and a Kafka broker in a
// process of its own, prints a table and writes bench/latest.json.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/firn-cdc/firn/integration/server"
)

// brokerCommand makes this program the broker of another one that measures.
const brokerCommand = "broker"

type options struct {
	rows, changes int
	seconds       int
	only          string
	kafka         string
	debezium      bool
	dir, out      string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if len(os.Args) == 2 && os.Args[1] == brokerCommand {
		err = serveBroker(ctx)
	} else {
		err = measure(ctx)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context) error {
	var o options
	flag.IntVar(&o.rows, "rows", 1_000_000, "rows of the table")
	flag.IntVar(&o.changes, "changes", 500_000, "changes of the backlog, and updates of the upsert")
	flag.IntVar(&o.seconds, "seconds", 60, "how long freshness is measured; latency takes a third of it")
	flag.StringVar(&o.only, "only", "", "names of results to measure, joined by commas; empty: all")
	flag.StringVar(&o.kafka, "kafka", "kfake", "kfake, real (Apache Kafka, needs Java) or host:port of a broker with empty topics")
	flag.BoolVar(&o.debezium, "debezium", hasJava(), "measure Debezium beside; needs Java and Maven")
	flag.StringVar(&o.dir, "dir", filepath.Join(os.TempDir(), "firn-bench"), "folder of everything that is made on the way, made anew")
	flag.StringVar(&o.out, "out", filepath.Join(server.Root(), "bench", "latest.json"), "file of the results")
	flag.Parse()
	if flag.NArg() > 0 || o.rows < 1000 || o.changes < 100 || o.seconds < 3 {
		return fmt.Errorf("usage: bench [-rows N] [-changes N] [-seconds N] [-only %s]", strings.Join(names(), ","))
	}
	if err := os.RemoveAll(o.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	return run(ctx, &o)
}
