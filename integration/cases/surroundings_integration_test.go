//go:build integration

package cases

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
)

// standIn is the Glue and the S3 of all cases.
var standIn *server.AWS

// open starts Kafka, the stand-in of Glue and S3, and Trino over them. No case
// runs unless the stand-in keeps Glue's lock.
func (s *surroundings) open(ctx context.Context, o *server.Shared) error {
	var broker *server.Kafka
	var brokerErr error
	var start sync.WaitGroup
	start.Go(func() { broker, brokerErr = server.StartKafka(ctx, filepath.Join(o.Dir, "kafka"), 3) })
	err := s.openLake(ctx, o)
	start.Wait()
	if broker != nil {
		o.End(broker.Stop)
		s.broker = broker.Addr
	}
	return errors.Join(err, brokerErr)
}

func (s *surroundings) openLake(ctx context.Context, o *server.Shared) (err error) {
	if standIn, err = server.StartAWS(ctx, filepath.Join(o.Dir, "aws")); err != nil {
		return err
	}
	o.End(standIn.Stop)
	if err := refusesStaleVersion(ctx, standIn); err != nil {
		return err
	}
	for name, value := range standIn.Environment() {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	trino, err := server.StartTrino(ctx, filepath.Join(o.Dir, "trino"), standIn)
	if err != nil {
		return err
	}
	o.End(trino.Stop)
	s.lake = engine.OpenTrino(ctx, trino)
	s.prepare = prepare
	return nil
}

// prepare empties the stand-in, since cases use the same names of tables.
func prepare(ctx context.Context, p *pipeline.Pipeline) error {
	p.ApplierFlags = append(p.ApplierFlags, "--catalog=glue", "--warehouse=s3://"+server.Bucket+"/"+p.Prefix, "--aws-endpoint="+standIn.URL)
	return standIn.Empty(ctx)
}
