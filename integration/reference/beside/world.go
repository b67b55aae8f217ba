package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/go-sql-driver/mysql" // the corpus is executed through it

	"github.com/firn-cdc/firn/integration/reference"
	"github.com/firn-cdc/firn/integration/server"
)

// world is a database server that both read, and a broker for each.
type world struct {
	db           *server.Database
	connect      *server.Connect
	ours, theirs *reference.Lab
	stops        []func() error
}

// start starts the servers with their logs in dir. The caller calls stop.
func start(ctx context.Context, kind server.Kind, dir string, flags []string) (w *world, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	w = &world{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop())
		}
	}()
	if w.db, err = server.StartDatabase(ctx, kind, filepath.Join(dir, "database"), flags...); err != nil {
		return nil, err
	}
	w.stops = append(w.stops, w.db.Stop)
	kafka, err := server.StartKafka(ctx, filepath.Join(dir, "kafka"), reference.Partitions)
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, kafka.Stop)
	// On a busy machine the worker may be silent for long: it must not begin its snapshots again.
	patient := []string{"session.timeout.ms=120000", "heartbeat.interval.ms=3000", "rebalance.timeout.ms=300000"}
	if w.connect, err = server.StartConnect(ctx, filepath.Join(dir, "connect"), kafka.Addr, kind, server.StartsFast, patient...); err != nil {
		return nil, err
	}
	w.stops = append(w.stops, w.connect.Kill) // its log stays
	broker, err := server.StartBroker(reference.Partitions)
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, func() error { broker.Stop(); return nil })
	w.ours = &reference.Lab{Database: w.db, Broker: broker.Addr, Dir: dir}
	w.theirs = &reference.Lab{Database: w.db, Broker: kafka.Addr, Dir: dir}
	return w, nil
}

// stop ends the servers, the last started first.
func (w *world) stop() error {
	var errs []error
	for _, stop := range slices.Backward(w.stops) {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}

// corpus reads the cases that are asked for; none: all.
func (w *world) corpus(only string) ([]*reference.Case, error) {
	files, err := filepath.Glob(filepath.Join(testdata(), "corpus", "*.sql"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no corpus in %s: %w", testdata(), err)
	}
	var cases []*reference.Case
	for _, file := range files {
		c, err := reference.ReadCase(file, w.db.Kind)
		if err != nil {
			return nil, err
		}
		if only == "" || slices.Contains(strings.Split(only, ","), c.Name) {
			cases = append(cases, c)
		}
	}
	return cases, nil
}

func testdata() string { return filepath.Join(server.Root(), "integration", "reference", "testdata") }
