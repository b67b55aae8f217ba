// Package process is what both commands have in common: how they begin and end,
// what they are told from outside, and what the flags of both mean to the
// packages that they are about.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// Run runs a command until it is done or the process is told to end, and
// returns the exit code.
func Run(ctx context.Context, name string, run func(ctx context.Context) error) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	err := run(ctx)
	stop()
	if err == nil || errors.Is(err, config.ErrHelp) {
		return 0
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	if _, usage := errors.AsType[*config.UsageError](err); usage {
		return 2
	}
	return 1
}

// Input is what the process was started with.
func Input() (config.Input, error) {
	dir, err := os.Getwd()
	return config.Input{Args: os.Args[1:], Environ: os.Environ(), Dir: dir, Stdout: os.Stdout, Stderr: os.Stderr}, err
}

// Answer carries out a subcommand that only asks what is: the version, or the
// status of the process that listens there. False: it is another one.
func Answer(ctx context.Context, name, command, listen string, build telemetry.Build) (answered bool, err error) {
	switch command {
	case "version":
		_, err = fmt.Fprintln(os.Stdout, name, build)
		return true, err
	case "status":
		page, err := status.Fetch(ctx, listen)
		if err != nil {
			return true, err
		}
		return true, status.Print(os.Stdout, page, time.Now())
	default:
		return false, nil
	}
}

// programBytes is what the program itself takes of a process's memory, besides
// what the collector knows of.
const programBytes = 32 << 20

// LimitMemory has the collector keep the process below so many bytes.
func LimitMemory(memory config.Bytes) { debug.SetMemoryLimit(int64(memory) - programBytes) }

// Serve works beside the status page, which is there until the work has ended.
func Serve(ctx context.Context, page status.Config, work func(ctx context.Context) error) error {
	server, err := status.Listen(ctx, page)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return server.Run(serving) })
	group.Go(func() error {
		defer end()
		return work(ctx)
	})
	return group.Wait()
}
