package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/firn-cdc/firn/cmd/internal/process"
	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/reader"
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
	c, err := config.ParseReader(in)
	if err != nil {
		return err
	}
	build := telemetry.NewBuild(version)
	if answered, err := process.Answer(ctx, "firn-reader", c.Command, c.HTTPListen, build); answered {
		return err
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

// read runs the reader beside its status page.
func read(ctx context.Context, c *config.Reader, build telemetry.Build, log *slog.Logger) error {
	process.LimitMemory(c.Memory)
	kafkaConfig := kafkaOf(c, log)
	if err := kafkaConfig.Validate(); err != nil {
		return &config.UsageError{Err: err}
	}
	registry := telemetry.NewRegistry(build)
	board := status.NewBoard(build.Version)
	page := status.Config{Listen: c.HTTPListen, Name: "firn-reader", Board: board, Gatherer: registry, Pprof: c.Pprof, Logger: log}
	return process.Serve(ctx, page, func(ctx context.Context) (err error) {
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
}
