package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/firn-cdc/firn/cmd/internal/process"
	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// version is given by the linker.
var version string

func run(ctx context.Context) error {
	in, err := process.Input()
	if err != nil {
		return err
	}
	c, err := config.ParseApplier(in)
	if err != nil {
		return err
	}
	build := telemetry.NewBuild(version)
	if answered, err := process.Answer(ctx, "firn-applier", c.Command, c.HTTPListen, build); answered {
		return err
	}
	log, err := telemetry.NewLogger(os.Stderr, c.LogLevel, c.LogFormat)
	if err != nil {
		return err
	}
	if err := supported(c); err != nil {
		return &config.UsageError{Err: err}
	}
	switch c.Command {
	case "run":
		return apply(ctx, c, build, log)
	case "check":
		return check(ctx, c, log)
	case "plan":
		return plan(ctx, c, log)
	default:
		return &config.UsageError{Err: fmt.Errorf("firn-applier %s is not in this version", c.Command)}
	}
}

// garbage is how many percent of what is in use may be garbage. Most of what is
// in use are batches, which hold few pointers: collecting them is cheap.
const garbage = 50

// apply runs the applier beside its status page.
func apply(ctx context.Context, c *config.Applier, build telemetry.Build, log *slog.Logger) error {
	process.LimitMemory(c.Memory)
	debug.SetGCPercent(garbage)
	registry := telemetry.NewRegistry(build)
	board := status.NewBoard(build.Version)
	board.SetNotReady("starting")
	page := status.Config{Listen: c.HTTPListen, Name: "firn-applier", Board: board, Gatherer: registry, Pprof: c.Pprof, Logger: log}
	return process.Serve(ctx, page, func(ctx context.Context) (err error) {
		client, catalog, err := open(ctx, c, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, catalog.Close(), client.Close()) }()
		settings, err := applierOf(ctx, c, client, catalog, log)
		if err != nil {
			return err
		}
		settings.Status, settings.Metrics = board, telemetry.NewApplier(registry)
		return applier.New(settings).Run(ctx)
	})
}

// open connects to Kafka and to the catalog.
func open(ctx context.Context, c *config.Applier, log *slog.Logger) (*kafka.Client, *lake.Catalog, error) {
	settings := kafkaOf(c, log)
	if err := settings.Validate(); err != nil {
		return nil, nil, &config.UsageError{Err: err}
	}
	where := lakeOf(c, log)
	if err := where.Validate(); err != nil {
		return nil, nil, &config.UsageError{Err: err}
	}
	client, err := kafka.Open(ctx, settings)
	if err != nil {
		return nil, nil, err
	}
	catalog, err := lake.OpenCatalog(ctx, where)
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, catalog, nil
}
