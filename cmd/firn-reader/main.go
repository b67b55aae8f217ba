// Command firn-reader publishes the changes of MySQL tables to Kafka in
// Debezium's format.
package main

import (
	"context"
	"os"

	"github.com/firn-cdc/firn/cmd/internal/process"
)

func main() { os.Exit(process.Run(context.Background(), "firn-reader", run)) }
