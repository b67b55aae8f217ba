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
func (s *surroundings) open(ctx context.Context, dir string) error {
	var broker *server.Kafka
	var brokerErr error
	var start sync.WaitGroup
	start.Go(func() { broker, brokerErr = server.StartKafka(ctx, filepath.Join(dir, "kafka"), 3) })
	err := s.openLake(ctx, dir)
	start.Wait()
	if broker != nil {
		s.ends = append(s.ends, broker.Stop)
		s.broker = broker.Addr
	}
	return errors.Join(err, brokerErr)
}

func (s *surroundings) openLake(ctx context.Context, dir string) (err error) {
	if standIn, err = server.StartAWS(ctx, filepath.Join(dir, "aws")); err != nil {
		return err
	}
	s.ends = append(s.ends, standIn.Stop)
	if err := refusesStaleVersion(ctx, standIn); err != nil {
		return err
	}
	for name, value := range standIn.Environment() {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	trino, err := server.StartTrino(ctx, filepath.Join(dir, "trino"), standIn)
	if err != nil {
		return err
	}
	s.ends = append(s.ends, trino.Stop)
	s.lake = engine.OpenTrino(ctx, trino)
	s.prepare = prepare
	return nil
}

// prepare empties the stand-in, since cases use the same names of tables.
func prepare(ctx context.Context, p *pipeline.Pipeline) error {
	p.ApplierFlags = append(p.ApplierFlags, "--catalog=glue", "--warehouse=s3://"+server.Bucket+"/"+p.Prefix, "--aws-endpoint="+standIn.URL)
	return standIn.Empty(ctx)
}
