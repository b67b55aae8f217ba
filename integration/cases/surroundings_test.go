//go:build !integration

package cases

import (
	"context"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
)

// open starts a Kafka broker in this process, and DuckDB; tables are files of
// the case.
func (s *surroundings) open(ctx context.Context, o *server.Shared) error {
	broker, err := server.StartBroker(3)
	if err != nil {
		return err
	}
	o.End(func() error { broker.Stop(); return nil })
	s.broker = broker.Addr
	duckdb, err := engine.OpenDuckDB(ctx)
	if err != nil {
		return err
	}
	o.End(duckdb.Close)
	s.lake = duckdb
	s.prepare = func(context.Context, *pipeline.Pipeline) error { return nil }
	return nil
}
