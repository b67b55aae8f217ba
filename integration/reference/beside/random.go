package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/firn-cdc/firn/integration/reference"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/workload"
)

// randomDatabase is what changes at random. Connectors with different
// properties capture it at the same time.
const randomDatabase = "random"

func randomCases() []*reference.Case {
	return []*reference.Case{
		{Name: "random", Database: randomDatabase},
		{Name: "random_text", Database: randomDatabase, Properties: []string{
			"decimal.handling.mode=string", "time.precision.mode=isostring", "binary.handling.mode=base64", "bigint.unsigned.handling.mode=precise",
			"provide.transaction.metadata=true",
		}},
		{Name: "random_java", Database: randomDatabase, Properties: []string{
			"decimal.handling.mode=double", "time.precision.mode=connect", "binary.handling.mode=hex", "tombstones.on.delete=false",
			"include.schema.comments=true", "skipped.operations=none",
			"value.converter=org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable=false",
		}},
		{Name: "random_unwrapped", Database: randomDatabase, Properties: []string{
			"time.precision.mode=microseconds", "skip.messages.without.change=true", "transforms=unwrap", "transforms.unwrap.type=io.debezium.transforms.ExtractNewRecordState",
			"transforms.unwrap.delete.tombstone.handling.mode=rewrite", "transforms.unwrap.add.fields=op,source.file,source.pos,source.row",
		}},
	}
}

// compareRandom changes tables at random, a third of it before the snapshots.
func (w *world) compareRandom(ctx context.Context, o *options, r *report) error {
	db, err := sql.Open("mysql", w.db.DSN())
	if err != nil {
		return err
	}
	defer db.Close()
	var load *workload.Workload
	steps := func(ctx context.Context, n int) error {
		for range n {
			if err := load.Step(ctx); err != nil {
				return fmt.Errorf("change at random: %w", err)
			}
		}
		return nil
	}
	before := func(ctx context.Context) (err error) {
		if load, err = workload.New(ctx, db, randomDatabase, o.seed, w.db.Kind != server.MariaDB); err != nil {
			return err
		}
		if err := load.Widen(ctx, w.db.Kind == server.MySQL9); err != nil {
			return err
		}
		return steps(ctx, o.steps/3)
	}
	during := func(ctx context.Context) error { return steps(ctx, o.steps-o.steps/3) }
	pairs, err := w.capture(ctx, randomCases(), before, during)
	if err != nil {
		return err
	}
	defer load.Close()
	for _, p := range pairs {
		if err := r.add(p); err != nil {
			return err
		}
	}
	return nil
}
