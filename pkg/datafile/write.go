package datafile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// Rows yields rows in the order in which they are to be written: the schema, a
// struct, and one value per field. Values are not kept. It may be asked for the
// same rows more than once.
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
	if w.partitioner != nil {
		err = w.partition(rows)
	}
	for first := 0; err == nil && (first == 0 || first < w.partitions); first += w.cfg.OpenFiles {
		err = w.write(ctx, rows, uint32(first))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write data files of %s: %w", t.Name(), err), w.abandon())
	}
	return &w.out, nil
}

// writer spreads rows over one open file per partition. Where there are more
// partitions than files that may be open, it goes through the rows several times:
// a file that ends for the row of another partition would be one of few rows.
type writer struct {
	cfg         Config
	table       *lake.Table
	format      *format
	partitioner *lake.Partitioner // nil: not partitioned
	partitions  int
	of          []uint32 // the partition of each row, by number
	open        map[uint32]*output
	last        *output
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
	p, err := t.NewPartitioner(cfg.Fills...)
	if err != nil {
		return nil, err
	}
	return &writer{cfg: cfg, table: t, format: f, partitioner: p, open: make(map[uint32]*output)}, nil
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

// partition finds out which partition each row is in.
func (w *writer) partition(rows Rows) error {
	numbers := make(map[string]uint32)
	var key []byte
	for schema, values := range rows {
		var err error
		if key, err = w.partitioner.AppendKey(key[:0], schema, values); err != nil {
			return err
		}
		n, ok := numbers[string(key)]
		if !ok {
			n = uint32(len(numbers))
			numbers[string(key)] = n
		}
		w.of = append(w.of, n)
	}
	w.partitions = len(numbers)
	w.out.Locations = make([]Location, len(w.of))
	return nil
}

// write writes the rows of as many partitions as files may be open.
func (w *writer) write(ctx context.Context, rows Rows, first uint32) error {
	n := -1
	for schema, values := range rows {
		n++
		var p uint32
		if w.partitioner != nil {
			if n == len(w.of) {
				return errors.New("there are more rows than before")
			}
			if p = w.of[n]; p < first || p >= first+uint32(w.cfg.OpenFiles) {
				continue
			}
		} else {
			w.out.Locations = append(w.out.Locations, Location{})
		}
		if err := w.add(ctx, n, p, schema, values); err != nil {
			return err
		}
	}
	for _, p := range slices.Sorted(maps.Keys(w.open)) {
		if err := w.finish(p); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// add writes the n-th row, which is in partition p.
func (w *writer) add(ctx context.Context, n int, p uint32, schema *debezium.Schema, values []debezium.Value) error {
	o, err := w.output(p, schema, values)
	if err != nil {
		return err
	}
	if o.rows >= math.MaxUint32 {
		return fmt.Errorf("more than %d rows in a file", uint32(math.MaxUint32))
	}
	w.out.Locations[n] = Location{File: o.ordinal, Row: uint32(o.rows)}
	full, err := o.add(schema, values)
	if err != nil || !full {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.finish(p)
}

// output returns the open file of a partition, which a row of it describes.
func (w *writer) output(p uint32, schema *debezium.Schema, values []debezium.Value) (*output, error) {
	if w.last != nil && p == w.last.number {
		return w.last, nil
	}
	if o, ok := w.open[p]; ok {
		w.last = o
		return o, nil
	}
	var partition lake.Partition
	if w.partitioner != nil {
		var err error
		if partition, err = w.partitioner.Partition(schema, values); err != nil {
			return nil, err
		}
	}
	o, err := w.create(p, partition)
	if err != nil {
		return nil, err
	}
	w.last = o
	return o, nil
}

func (w *writer) create(p uint32, partition lake.Partition) (*output, error) {
	rows, err := w.table.NewRowBuilder(allocator, w.cfg.Fills...)
	if err != nil {
		return nil, err
	}
	name := filePrefix + w.cfg.Label + "_" + newID() + ".parquet"
	if partition.Path != "" {
		name = partition.Path + "/" + name
	}
	o := &output{
		number: p, ordinal: uint32(len(w.out.Files)), builder: rows,
		target: w.cfg.TargetBytes, partition: partition.Values,
	}
	if o.parquet, err = w.format.create(name, rows.Schema(), w.cfg.RowGroupBytes); err != nil {
		rows.Release()
		return nil, err
	}
	w.out.Files = append(w.out.Files, File{})
	w.open[p] = o
	return o, nil
}

// finish closes the open file of a partition.
func (w *writer) finish(p uint32) error {
	o := w.open[p]
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
	o.builder.Release()
	if w.last == o {
		w.last = nil
	}
	delete(w.open, p)
	return nil
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
	number    uint32 // of the partition
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
