package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/reader"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// version is given by the linker.
var version string

func run(ctx context.Context) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	c, err := config.ParseReader(config.Input{Args: os.Args[1:], Environ: os.Environ(), Dir: dir, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		return err
	}
	build := telemetry.NewBuild(version)
	switch c.Command {
	case "version":
		_, err = fmt.Fprintln(os.Stdout, "firn-reader", build)
		return err
	case "status":
		page, err := status.Fetch(ctx, c.HTTPListen)
		if err != nil {
			return err
		}
		return status.Print(os.Stdout, page, time.Now())
	}
	log, err := telemetry.NewLogger(os.Stderr, c.LogLevel, c.LogFormat)
	if err != nil {
		return err
	}
	if err := supported(c); err != nil {
		return &config.UsageError{Err: err}
	}
	for _, warning := range c.Warnings {
		log.Warn("about the settings", "warning", warning)
	}
	switch c.Command {
	case "run":
		if other := c.OtherDefaults(); len(other) > 0 {
			log.Info("defaults that are not Debezium's, because Debezium's falsify data", "settings", other)
		}
		for _, promise := range c.LapsedPromises() {
			log.Warn("a promise lapses with these settings", "promise", promise)
		}
		return read(ctx, c, build, log)
	case "check":
		return check(ctx, c, log)
	case "plan":
		return plan(ctx, c)
	default:
		return &config.UsageError{Err: fmt.Errorf("firn-reader %s is not in this version", c.Command)}
	}
}

// programBytes is what the program itself takes of a process's memory, besides
// what the collector knows of.
const programBytes = 32 << 20

// read runs the reader beside its status page.
func read(ctx context.Context, c *config.Reader, build telemetry.Build, log *slog.Logger) error {
	debug.SetMemoryLimit(int64(c.Memory) - programBytes)
	registry := telemetry.NewRegistry(build)
	board := status.NewBoard(build.Version)
	server, err := status.Listen(ctx, status.Config{
		Listen: c.HTTPListen, Name: "firn-reader", Board: board, Gatherer: registry, Pprof: c.Pprof, Logger: log,
	})
	if err != nil {
		return err
	}
	kafkaConfig := kafkaOf(c, log)
	if err := kafkaConfig.Validate(); err != nil {
		return &config.UsageError{Err: err}
	}
	group, ctx := errgroup.WithContext(ctx)
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return server.Run(serving) })
	group.Go(func() (err error) {
		defer end()
		client, err := kafka.Open(ctx, kafkaConfig)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, client.Close()) }()
		settings, err := readerOf(ctx, c, client, log)
		if err != nil {
			return err
		}
		settings.Status = board
		settings.Metrics = func(plugin string) *telemetry.Reader { return telemetry.NewReader(registry, c.TopicPrefix, plugin) }
		if err := settings.Validate(); err != nil {
			return &config.UsageError{Err: err}
		}
		return reader.New(settings).Run(ctx)
	})
	return group.Wait()
}
