package datafile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/pkg/lake"
)

// Deletes are rows of one data file that are no more.
type Deletes struct {
	File File
	Rows []uint32 // positions, in any order, none twice
}

// WriteDeletes writes one position-delete file per entry, each naming its data
// file alone, so that readers of other files never open it. After an error no
// file of it is left, as far as they can be removed.
func WriteDeletes(ctx context.Context, t *lake.Table, deletes []Deletes, cfg Config) ([]File, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("write position deletes of %s: %w", t.Name(), err)
	}
	f, err := newFormat(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("write position deletes of %s: %w", t.Name(), err)
	}
	out := make([]File, len(deletes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelDeletes)
	for i := range deletes {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			out[i], err = f.writeDeletes(t, &deletes[i], cfg)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		errs := []error{fmt.Errorf("write position deletes of %s: %w", t.Name(), err)}
		for _, written := range out {
			if written.file != nil {
				errs = append(errs, f.fs.Remove(written.Path()))
			}
		}
		return nil, errors.Join(errs...)
	}
	return out, nil
}

// parallelDeletes hides the latency of an object store: the files are small.
const parallelDeletes = 8

func (f *format) writeDeletes(t *lake.Table, d *Deletes, cfg Config) (File, error) {
	target := d.File.Path()
	spec := t.Iceberg().Metadata().PartitionSpecByID(int(d.File.file.SpecID()))
	if spec == nil {
		return File{}, fmt.Errorf("data file %s has an unknown partition spec", target)
	}
	rows := slices.Clone(d.Rows)
	slices.Sort(rows)
	if len(rows) == 0 || int64(rows[len(rows)-1]) >= d.File.Rows() || len(slices.Compact(slices.Clone(rows))) != len(rows) {
		return File{}, fmt.Errorf("positions of data file %s: %d of them, not all once and in the file", target, len(rows))
	}
	p, err := f.create(filePrefix+cfg.Label+"_"+newID()+"-deletes.parquet", table.PositionalDeleteArrowSchema, cfg.RowGroupBytes)
	if err != nil {
		return File{}, err
	}
	if err := p.writePositions(target, rows); err != nil {
		return File{}, errors.Join(err, p.abandon(f.fs))
	}
	file, err := p.close(f, iceberg.EntryContentPosDeletes, *spec, d.File.file.Partition(), &target)
	if err != nil {
		return File{}, errors.Join(err, f.fs.Remove(p.path))
	}
	if file.Rows() != int64(len(rows)) {
		return File{}, fmt.Errorf("file %s has %d positions, %d were written", file.Path(), file.Rows(), len(rows))
	}
	return file, nil
}

func (p *parquetFile) writePositions(target string, rows []uint32) error {
	b := array.NewRecordBuilder(allocator, table.PositionalDeleteArrowSchema)
	defer b.Release()
	paths, ok1 := b.Field(0).(*array.StringBuilder)
	positions, ok2 := b.Field(1).(*array.Int64Builder)
	if !ok1 || !ok2 {
		return fmt.Errorf("position-delete columns are %T and %T", b.Field(0), b.Field(1))
	}
	for part := range slices.Chunk(rows, batchRows) {
		for _, row := range part {
			paths.Append(target)
			positions.Append(int64(row))
		}
		batch := b.NewRecordBatch()
		err := p.write(batch)
		batch.Release()
		if err != nil {
			return err
		}
	}
	return nil
}
