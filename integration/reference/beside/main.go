// Command beside runs the real Debezium and firn-reader beside each other, on
// one server and with one configuration: over the corpus of SQL, and over
// changes at random, which a seed decides. It prints each difference of what
// they publish that differences.txt does not accept, and fails if there is one.
// With -record it writes what Debezium publishes of the corpus as goldens.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/firn-cdc/firn/integration/server"
)

type options struct {
	servers, only, dir string
	flags              string
	seed               uint64
	steps              int
	record             bool
}

func main() {
	var o options
	flag.StringVar(&o.servers, "server", "mysql9,mariadb", "servers to run on: some of mysql9, mysql8, mariadb")
	flag.StringVar(&o.flags, "flags", "", "further flags of the database server, with spaces between")
	flag.StringVar(&o.only, "only", "", "cases of the corpus to run, with commas between, or random; empty: all")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "decides the changes at random")
	flag.IntVar(&o.steps, "steps", 600, "transactions at random")
	flag.BoolVar(&o.record, "record", false, "write what Debezium publishes of the corpus to testdata/golden")
	flag.StringVar(&o.dir, "dir", filepath.Join(os.TempDir(), "firn-reference"), "folder of logs; each server's own is made anew")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, &o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options) error {
	fmt.Printf("seed %d: SEED=%[1]d repeats the changes at random\n", o.seed)
	var errs []error
	for kind := range strings.SplitSeq(o.servers, ",") {
		if err := runOn(ctx, server.Kind(kind), o); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kind, err))
		}
	}
	return errors.Join(errs...)
}

func runOn(ctx context.Context, kind server.Kind, o *options) (err error) {
	dir := filepath.Join(o.dir, string(kind))
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	w, err := start(ctx, kind, dir, strings.Fields(o.flags))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	cases, err := w.corpus(o.only)
	if err != nil {
		return err
	}
	if o.record {
		return w.record(ctx, cases)
	}
	r, err := newReport(kind)
	if err != nil {
		return err
	}
	if err := w.compareCorpus(ctx, cases, r); err != nil {
		return err
	}
	if o.only == "" || strings.Contains(o.only, "random") {
		if err := w.compareRandom(ctx, o, r); err != nil {
			return err
		}
	}
	return r.verdict()
}
