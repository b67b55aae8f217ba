// Command firn-applier applies Debezium's topics to Iceberg tables, each change
// once.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/firn-cdc/firn/pkg/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	err := run(ctx)
	stop()
	var usage *config.UsageError
	switch {
	case err == nil, errors.Is(err, config.ErrHelp):
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "firn-applier:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "firn-applier:", err)
		os.Exit(1)
	}
}
