package datafile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// Rows yields rows in the order in which they are to be written: the schema, a
// struct, and one value per field. Values are not kept.
type Rows = iter.Seq2[*debezium.Schema, []debezium.Value]

// Config says how files are written. Zero sizes are the defaults.
type Config struct {
	Label         string // of letters, digits, '-' and '.'; see File.Label
	TargetBytes   int64  // a file ends at about this size; the default is 256 MiB
	RowGroupBytes int64  // a row group ends at this many bytes, not compressed; the default is 32 MiB
	OpenFiles     int    // partitions written at a time; the default is 16
	Fills         []lake.Fill
}

const (
	defaultTargetBytes   = 256 << 20
	defaultRowGroupBytes = 32 << 20
	defaultOpenFiles     = 16
)

func (c Config) withDefaults() (Config, error) {
	if strings.ContainsFunc(c.Label, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.'
	}) {
		return c, fmt.Errorf("label %q of data files: only letters, digits, '-' and '.' may be in it", c.Label)
	}
	if c.TargetBytes <= 0 {
		c.TargetBytes = defaultTargetBytes
	}
	if c.RowGroupBytes <= 0 {
		c.RowGroupBytes = defaultRowGroupBytes
	}
	if c.OpenFiles <= 0 {
		c.OpenFiles = defaultOpenFiles
	}
	return c, nil
}

// Written are the files of a batch, and where each of its rows is, in the order
// in which Rows yielded them.
type Written struct {
	Files     []File
	Locations []Location
}

// Write writes rows as data files of the table's current schema and partition
// spec. After an error no file of it is left, as far as they can be removed.
func Write(ctx context.Context, t *lake.Table, rows Rows, cfg Config) (_ *Written, err error) {
	w, err := newWriter(ctx, t, cfg)
	if err != nil {
		return nil, fmt.Errorf("write data files of %s: %w", t.Name(), err)
	}
	defer w.release()
	for schema, values := range rows {
		if err = w.add(ctx, schema, values); err != nil {
			break
		}
	}
	for err == nil && len(w.order) > 0 {
		err = w.finish(w.order[0])
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write data files of %s: %w", t.Name(), err), w.abandon())
	}
	return &w.out, nil
}

// writer spreads rows over one open file per partition.
type writer struct {
	cfg         Config
	table       *lake.Table
	format      *format
	partitioner *lake.Partitioner // nil: not partitioned
	open        map[string]*output
	order       []string // the open partitions, oldest first
	last        *output
	key         []byte
	out         Written
}

// format is what every file of a write shares.
type format struct {
	fs       icebergio.WriteFileIO
	provider table.LocationProvider
	schema   *iceberg.Schema
	spec     iceberg.PartitionSpec
	props    iceberg.Properties
	version  int
}

func newWriter(ctx context.Context, t *lake.Table, cfg Config) (*writer, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	f, err := newFormat(ctx, t)
	if err != nil {
		return nil, err
	}
	p, err := t.NewPartitioner()
	if err != nil {
		return nil, err
	}
	return &writer{cfg: cfg, table: t, format: f, partitioner: p, open: make(map[string]*output)}, nil
}

func newFormat(ctx context.Context, t *lake.Table) (*format, error) {
	fs, err := t.FileIO(ctx)
	if err != nil {
		return nil, err
	}
	tbl := t.Iceberg()
	provider, err := tbl.LocationProvider()
	if err != nil {
		return nil, err
	}
	return &format{
		fs: fs, provider: provider, schema: tbl.Schema(), spec: tbl.Spec(),
		props: tbl.Properties(), version: tbl.Metadata().Version(),
	}, nil
}

func (w *writer) add(ctx context.Context, schema *debezium.Schema, values []debezium.Value) error {
	o, err := w.output(schema, values)
	if err != nil {
		return err
	}
	if o.rows >= math.MaxUint32 {
		return fmt.Errorf("more than %d rows in a file", uint32(math.MaxUint32))
	}
	w.out.Locations = append(w.out.Locations, Location{File: o.ordinal, Row: uint32(o.rows)})
	full, err := o.add(schema, values)
	if err != nil || !full {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.finish(o.key)
}

// output returns the open file of the row's partition.
func (w *writer) output(schema *debezium.Schema, values []debezium.Value) (*output, error) {
	if w.partitioner != nil {
		var err error
		if w.key, err = w.partitioner.AppendKey(w.key[:0], schema, values); err != nil {
			return nil, err
		}
	}
	if w.last != nil && string(w.key) == w.last.key {
		return w.last, nil
	}
	if o, ok := w.open[string(w.key)]; ok {
		w.last = o
		return o, nil
	}
	if len(w.order) == w.cfg.OpenFiles {
		if err := w.finish(w.order[0]); err != nil {
			return nil, err
		}
	}
	var partition lake.Partition
	if w.partitioner != nil {
		var err error
		if partition, err = w.partitioner.Partition(schema, values); err != nil {
			return nil, err
		}
	}
	o, err := w.create(string(w.key), partition)
	if err != nil {
		return nil, err
	}
	w.last = o
	return o, nil
}

func (w *writer) create(key string, partition lake.Partition) (*output, error) {
	rows, err := w.table.NewRowBuilder(allocator, w.cfg.Fills...)
	if err != nil {
		return nil, err
	}
	name := filePrefix + w.cfg.Label + "_" + newID() + ".parquet"
	if partition.Path != "" {
		name = partition.Path + "/" + name
	}
	o := &output{
		key: key, ordinal: uint32(len(w.out.Files)), builder: rows,
		target: w.cfg.TargetBytes, partition: partition.Values,
	}
	if o.parquet, err = w.format.create(name, rows.Schema(), w.cfg.RowGroupBytes); err != nil {
		rows.Release()
		return nil, err
	}
	w.out.Files = append(w.out.Files, File{})
	w.open[key] = o
	w.order = append(w.order, key)
	return o, nil
}

// finish closes the open file of a partition.
func (w *writer) finish(key string) error {
	o := w.open[key]
	if err := o.flush(); err != nil {
		return err
	}
	f, err := o.parquet.close(w.format, iceberg.EntryContentData, w.format.spec, o.partition, nil)
	if err != nil {
		return err
	}
	if f.Rows() != o.rows {
		return fmt.Errorf("file %s has %d rows, %d were written", f.Path(), f.Rows(), o.rows)
	}
	w.out.Files[o.ordinal] = f
	w.forget(key)
	return nil
}

func (w *writer) forget(key string) {
	w.open[key].builder.Release()
	if w.last == w.open[key] {
		w.last = nil
	}
	delete(w.open, key)
	for i, k := range w.order {
		if k == key {
			w.order = append(w.order[:i], w.order[i+1:]...)
			break
		}
	}
}

// abandon closes what is open and removes what was written.
func (w *writer) abandon() error {
	var errs []error
	for _, o := range w.open {
		errs = append(errs, o.parquet.abandon(w.format.fs))
	}
	for _, f := range w.out.Files {
		if f.file != nil {
			errs = append(errs, w.format.fs.Remove(f.Path()))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove unfinished files: %w", err)
	}
	return nil
}

func (w *writer) release() {
	for _, o := range w.open {
		o.builder.Release()
	}
}

// output is an open data file.
type output struct {
	key       string
	ordinal   uint32
	partition map[int]any
	builder   *lake.RowBuilder
	parquet   *parquetFile
	target    int64
	rows      int64
}

const (
	batchRows  = 4096
	batchBytes = 4 << 20
)

// add appends a row and reports whether the file has reached its target size.
func (o *output) add(schema *debezium.Schema, values []debezium.Value) (full bool, err error) {
	if err := o.builder.Append(schema, values); err != nil {
		return false, err
	}
	o.rows++
	if o.builder.Rows() < batchRows && o.builder.Bytes() < batchBytes {
		return false, nil
	}
	if err := o.flush(); err != nil {
		return false, err
	}
	return o.parquet.size() >= o.target, nil
}

func (o *output) flush() error {
	if o.builder.Rows() == 0 {
		return nil
	}
	batch := o.builder.Batch()
	defer batch.Release()
	return o.parquet.write(batch)
}
