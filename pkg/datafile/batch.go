package datafile

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/lake"
)

// Batches returns all rows of the file in its order, the deleted ones included,
// as batches of about rows rows of the table's current schema.
func (l *Live) Batches(ctx context.Context, t *lake.Table, rows int) (*arrow.Schema, iter.Seq2[arrow.RecordBatch, error], error) {
	scan := t.Iceberg().Scan(table.WithMaxConcurrency(1), table.WithArrowBatchSize(rows))
	schema, batches, err := scan.ReadTasks(ctx, []table.FileScanTask{l.task})
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", l.File.Path(), err)
	}
	return schema, batches, nil
}

// BatchWriter writes Arrow batches, in their order, as data files of one
// partition. It belongs to one goroutine.
type BatchWriter struct {
	cfg     Config
	format  *format
	schema  *arrow.Schema
	spec    iceberg.PartitionSpec
	values  map[int]any
	folder  string
	current *parquetFile
	rows    int64
	files   []File
}

// NewBatchWriter returns a writer of rows of the partition that a data file is in.
func NewBatchWriter(ctx context.Context, t *lake.Table, in File, cfg Config) (*BatchWriter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("write data files of %s: %w", t.Name(), err)
	}
	f, err := newFormat(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("write data files of %s: %w", t.Name(), err)
	}
	schema, err := table.SchemaToArrowSchema(t.Iceberg().Schema(), nil, true, false)
	if err != nil {
		return nil, fmt.Errorf("arrow schema of table %s: %w", t.Name(), err)
	}
	spec := t.Iceberg().Metadata().PartitionSpecByID(int(in.file.SpecID()))
	if spec == nil {
		return nil, fmt.Errorf("data file %s has an unknown partition spec", in.Path())
	}
	w := &BatchWriter{cfg: cfg, format: f, schema: schema, spec: *spec, values: in.file.Partition()}
	if !spec.IsUnpartitioned() {
		var tuple partitionTuple
		for _, field := range spec.Fields() {
			tuple = append(tuple, w.values[field.FieldID])
		}
		w.folder = spec.PartitionToPath(tuple, t.Iceberg().Schema()) + "/"
	}
	return w, nil
}

type partitionTuple []any

func (p partitionTuple) Size() int            { return len(p) }
func (p partitionTuple) Get(pos int) any      { return p[pos] }
func (p partitionTuple) Set(pos int, val any) { p[pos] = val }

// Schema returns the schema that batches have.
func (w *BatchWriter) Schema() *arrow.Schema { return w.schema }

// Write appends a batch. A file of the target size ends after it.
func (w *BatchWriter) Write(batch arrow.RecordBatch) error {
	if w.current == nil {
		var err error
		if w.current, err = w.format.create(w.folder+filePrefix+w.cfg.Label+"_"+newID()+".parquet", w.schema, w.cfg.RowGroupBytes); err != nil {
			return err
		}
		w.rows = 0
	}
	if err := w.current.write(batch); err != nil {
		return err
	}
	w.rows += batch.NumRows()
	if w.current.size() < w.cfg.TargetBytes {
		return nil
	}
	return w.end()
}

func (w *BatchWriter) end() error {
	f, err := w.current.close(w.format, iceberg.EntryContentData, w.spec, w.values, nil)
	if err != nil {
		return err
	}
	w.current = nil
	w.files = append(w.files, f)
	if f.Rows() != w.rows {
		return fmt.Errorf("file %s has %d rows, %d were written", f.Path(), f.Rows(), w.rows)
	}
	return nil
}

// Close ends the last file and returns all.
func (w *BatchWriter) Close() ([]File, error) {
	if w.current != nil {
		if err := w.end(); err != nil {
			return nil, err
		}
	}
	return w.files, nil
}

// Abandon closes what is open and removes what was written.
func (w *BatchWriter) Abandon() error {
	var errs []error
	if w.current != nil {
		errs = append(errs, w.current.abandon(w.format.fs))
		w.current = nil
	}
	for _, f := range w.files {
		errs = append(errs, w.format.fs.Remove(f.Path()))
	}
	w.files = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove unfinished files: %w", err)
	}
	return nil
}

// NewLive returns a data file none of whose rows are deleted.
func NewLive(f File) Live {
	return Live{File: f, task: table.FileScanTask{File: f.file, Length: f.Bytes()}}
}
