// Command firn-applier applies Debezium's topics to Iceberg tables, each change
// once.
package main

import (
	"context"
	"os"

	"github.com/firn-cdc/firn/cmd/internal/process"
)

func main() { os.Exit(process.Run(context.Background(), "firn-applier", run)) }
