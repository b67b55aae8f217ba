package datafile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/firn-cdc/firn/pkg/lake"
)

// bitmap holds one bit per row of a data file; nil is empty.
type bitmap []uint64

func (b bitmap) has(row int64) bool {
	return b != nil && b[row/64]&(1<<(row%64)) != 0
}

func (b bitmap) set(row int64) { b[row/64] |= 1 << (row % 64) }

// Deleted returns the positions of the data file's rows that are deleted, sorted.
func (l *Live) Deleted(ctx context.Context, t *lake.Table) ([]uint32, error) {
	b, err := l.deleted(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("read deletes of %s: %w", l.File.Path(), err)
	}
	var rows []uint32
	for row := range l.File.Rows() {
		if b.has(row) {
			rows = append(rows, uint32(row))
		}
	}
	return rows, nil
}

func (l *Live) deleted(ctx context.Context, t *lake.Table) (bitmap, error) {
	if len(l.Deletes) == 0 {
		return nil, nil
	}
	fs, err := t.FileIO(ctx)
	if err != nil {
		return nil, err
	}
	b := make(bitmap, l.File.Rows()/64+1)
	add := func(row int64) error {
		if row < 0 || row >= l.File.Rows() {
			return fmt.Errorf("position %d is not in the data file", row)
		}
		b.set(row)
		return nil
	}
	for _, d := range l.Deletes {
		if err := readPositions(ctx, fs, d.file, l.File.Path(), add); err != nil {
			return nil, fmt.Errorf("read %s: %w", d.Path(), err)
		}
	}
	return b, nil
}

// readPositions calls add for the rows of target that a delete file names.
func readPositions(ctx context.Context, fs icebergio.IO, d iceberg.DataFile, target string, add func(int64) error) (err error) {
	if d.FileFormat() != iceberg.ParquetFile {
		vector, err := dv.ReadDV(fs, d)
		if err != nil {
			return err
		}
		for row := range vector.Positions() {
			if err := add(int64(row)); err != nil {
				return err
			}
		}
		return nil
	}
	f, err := fs.Open(d.FilePath())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	p, err := file.NewParquetReader(f)
	if err != nil {
		return err
	}
	rows, err := pqarrow.NewFileReader(p, pqarrow.ArrowReadProperties{BatchSize: 1 << 16}, allocator)
	if err != nil {
		return err
	}
	paths, positions := p.MetaData().Schema.ColumnIndexByName("file_path"), p.MetaData().Schema.ColumnIndexByName("pos")
	if paths < 0 || positions < 0 {
		return errors.New("a position-delete file has columns file_path and pos")
	}
	batches, err := rows.GetRecordReader(ctx, []int{paths, positions}, nil)
	if err != nil {
		return err
	}
	defer batches.Release()
	for batches.Next() {
		path, ok1 := batches.RecordBatch().Column(0).(*array.String)
		pos, ok2 := batches.RecordBatch().Column(1).(*array.Int64)
		if !ok1 || !ok2 {
			return fmt.Errorf("position-delete columns are %T and %T", batches.RecordBatch().Column(0), batches.RecordBatch().Column(1))
		}
		for i := range pos.Len() {
			if path.Value(i) != target {
				continue
			}
			if err := add(pos.Value(i)); err != nil {
				return err
			}
		}
	}
	if err := batches.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
