package maintenance

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// gone marks a row that was dead when its file was read.
const gone = ^uint32(0)

// keyForm reads keys as the index has them. It is nil where order does not matter.
type keyForm struct {
	reader *lake.KeyReader
	form   *batch.Key
}

func newKeyForm(t *lake.Table, key *debezium.Schema) (*keyForm, error) {
	reader, err := t.NewKeyReader(key)
	if err != nil {
		return nil, err
	}
	form, err := batch.NewKey(key)
	if err != nil {
		return nil, err
	}
	return &keyForm{reader: reader, form: form}, nil
}

// source reads the live rows of a data file in the file's order.
type source struct {
	live    *datafile.Live
	deleted []uint32 // of the rows ahead
	next    func() (arrow.RecordBatch, error, bool)
	stop    func()
	fills   map[string]arrow.Array // columns that the file lacks
	into    *array.RecordBuilder
	schema  *arrow.Schema

	batch   arrow.RecordBatch
	first   int64 // row of the file that the batch begins with
	row     int   // in the batch
	columns []copier

	keys       *keyForm
	keyColumns []arrow.Array
	key        []byte
	values     []debezium.Value

	moved []uint32 // by row of the file, its place among the rows written
}

// batchBytes is about how much of a file is decoded at a time.
const batchBytes = 4 << 20

// open begins to read the file; keys may be nil.
func open(ctx context.Context, t *lake.Table, live *datafile.Live, into *array.RecordBuilder, keys *keyForm, fills map[string]arrow.Array) (*source, error) {
	deleted, err := live.Deleted(ctx, t)
	if err != nil {
		return nil, err
	}
	const inflation = 4 // of compressed bytes, a guess
	perRow := live.File.Bytes()*inflation/max(live.File.Rows(), 1) + 1
	schema, batches, err := live.Batches(ctx, t, int(min(max(batchBytes/perRow, 16), 16384)))
	if err != nil {
		return nil, err
	}
	s := &source{live: live, deleted: deleted, into: into, schema: schema, keys: keys, fills: fills}
	s.moved = make([]uint32, live.File.Rows())
	for i := range s.moved {
		s.moved[i] = gone
	}
	s.next, s.stop = iter.Pull2(batches)
	return s, nil
}

func (s *source) close() {
	if s.batch != nil {
		s.batch.Release()
		s.batch = nil
	}
	s.stop()
}

// position returns the row's position in the file.
func (s *source) position() int64 { return s.first + int64(s.row) }

// advance goes to the next live row and reports false behind the last one.
func (s *source) advance() (bool, error) {
	s.row++
	for {
		for s.batch == nil || s.row >= int(s.batch.NumRows()) {
			if ok, err := s.load(); !ok || err != nil {
				return false, err
			}
		}
		if len(s.deleted) > 0 && int64(s.deleted[0]) == s.position() {
			s.deleted = s.deleted[1:]
			s.row++
			continue
		}
		return true, s.readKey()
	}
}

// load reads the next batch.
func (s *source) load() (bool, error) {
	if s.batch != nil {
		s.first += s.batch.NumRows()
		s.batch.Release()
		s.batch = nil
	}
	batch, err, ok := s.next()
	if err != nil {
		return false, fmt.Errorf("read %s: %w", s.live.File.Path(), err)
	}
	if !ok {
		if s.first != s.live.File.Rows() {
			return false, fmt.Errorf("read %s: %d rows were read of %d", s.live.File.Path(), s.first, s.live.File.Rows())
		}
		return false, nil
	}
	s.batch, s.row = batch, 0
	return true, s.bind()
}

// bind prepares copying and key reading for the batch.
func (s *source) bind() error {
	s.columns = s.columns[:0]
	for i, f := range s.into.Schema().Fields() {
		if constant, ok := s.fills[f.Name]; ok {
			c, err := newCopier(s.into.Field(i), constant)
			if err != nil {
				return fmt.Errorf("column %s: %w", f.Name, err)
			}
			s.columns = append(s.columns, func(int) int { return c(0) })
			continue
		}
		column, err := s.column(f.Name)
		if err != nil {
			return err
		}
		c, err := newCopier(s.into.Field(i), column)
		if err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
		s.columns = append(s.columns, c)
	}
	if s.keys == nil {
		return nil
	}
	s.keyColumns = s.keyColumns[:0]
	for _, name := range s.keys.reader.Columns() {
		column, err := s.column(name)
		if err != nil {
			return err
		}
		s.keyColumns = append(s.keyColumns, column)
	}
	return nil
}

func (s *source) column(name string) (arrow.Array, error) {
	at := s.schema.FieldIndices(name)
	if len(at) != 1 {
		return nil, fmt.Errorf("read %s: column %s is there %d times", s.live.File.Path(), name, len(at))
	}
	return s.batch.Column(at[0]), nil
}

func (s *source) readKey() error {
	if s.keys == nil {
		return nil
	}
	var err error
	if s.values, err = s.keys.reader.Read(s.values[:0], s.keyColumns, s.row); err != nil {
		return err
	}
	s.key, err = s.keys.form.Append(s.key[:0], s.values)
	return err
}

// copy appends the row to the builder as the n-th row written.
func (s *source) copy(n uint32) (bytes int) {
	for _, c := range s.columns {
		bytes += c(s.row)
	}
	s.moved[s.position()] = n
	return bytes
}

var errTooManyRows = errors.New("too many rows for one rewrite")
