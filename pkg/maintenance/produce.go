package maintenance

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// production makes new data files of the live rows of old ones, all of one
// partition. It touches nothing but its files, so it may run beside everything
// else; the rows stay in the order of the files, or are merged in key order.
type production struct {
	table  *lake.Table // a copy, as it was when the inputs were listed
	inputs []datafile.Live
	key    *debezium.Schema // nil: keep the order
	fills  []lake.Fill
	lacks  [][]string // by input, the columns to fill
	config datafile.Config

	files []datafile.File
	moved [][]uint32 // by input and row, its place among all rows written, or gone
}

// run writes the files. After an error none is left, as far as they can be removed.
func (p *production) run(ctx context.Context) (err error) {
	w, err := datafile.NewBatchWriter(ctx, p.table, p.inputs[0].File, p.config)
	if err != nil {
		return err
	}
	out := &output{writer: w, builder: array.NewRecordBuilder(memory.DefaultAllocator, w.Schema())}
	defer out.builder.Release()
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Abandon())
		}
	}()
	constants := make(map[string]arrow.Array, len(p.fills))
	for _, f := range p.fills {
		c, err := p.table.Constant(memory.DefaultAllocator, f)
		if err != nil {
			return err
		}
		defer c.Release()
		constants[f.Column] = c
	}
	p.moved = make([][]uint32, len(p.inputs))
	if p.key != nil && len(p.inputs) > 1 {
		err = p.merge(ctx, out, constants)
	} else {
		err = p.concatenate(ctx, out, constants)
	}
	if err != nil {
		return err
	}
	if err := out.flush(); err != nil {
		return err
	}
	p.files, err = w.Close()
	return err
}

// open begins to read an input.
func (p *production) open(ctx context.Context, i int, out *output, constants map[string]arrow.Array, keys *keyForm) (*source, error) {
	var fills map[string]arrow.Array
	if len(p.lacks) > 0 && len(p.lacks[i]) > 0 {
		fills = make(map[string]arrow.Array)
		for _, column := range p.lacks[i] {
			fills[column] = constants[column]
		}
	}
	s, err := open(ctx, p.table, &p.inputs[i], out.builder, keys, fills)
	if err != nil {
		return nil, err
	}
	p.moved[i] = s.moved
	return s, nil
}

func (p *production) concatenate(ctx context.Context, out *output, constants map[string]arrow.Array) error {
	for i := range p.inputs {
		if err := p.copyAll(ctx, i, out, constants); err != nil {
			return err
		}
	}
	return nil
}

func (p *production) copyAll(ctx context.Context, i int, out *output, constants map[string]arrow.Array) error {
	s, err := p.open(ctx, i, out, constants, nil)
	if err != nil {
		return err
	}
	defer s.close()
	for {
		ok, err := s.advance()
		if err != nil || !ok {
			return err
		}
		if err := out.add(ctx, s); err != nil {
			return err
		}
	}
}

// merge writes the rows of all inputs by key. Inputs that are not sorted cost the
// output its order and nothing else.
func (p *production) merge(ctx context.Context, out *output, constants map[string]arrow.Array) error {
	var h byKey
	defer func() {
		for _, s := range h {
			s.close()
		}
	}()
	for i := range p.inputs {
		keys, err := newKeyForm(p.table, p.key)
		if err != nil {
			return err
		}
		s, err := p.open(ctx, i, out, constants, keys)
		if err != nil {
			return err
		}
		h = append(h, s)
		ok, err := s.advance()
		if err != nil {
			return err
		}
		if !ok {
			s.close()
			h = h[:len(h)-1]
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		s := h[0]
		if err := out.add(ctx, s); err != nil {
			return err
		}
		ok, err := s.advance()
		switch {
		case err != nil:
			return err
		case ok:
			heap.Fix(&h, 0)
		default:
			heap.Pop(&h)
			s.close()
		}
	}
	return nil
}

// byKey is a heap of sources, that of the smallest key first.
type byKey []*source

func (h byKey) Len() int           { return len(h) }
func (h byKey) Less(i, j int) bool { return bytes.Compare(h[i].key, h[j].key) < 0 }
func (h byKey) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byKey) Push(x any)        { *h = append(*h, x.(*source)) }
func (h *byKey) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	*h = (*h)[:last]
	return s
}

// output gathers rows and writes them.
type output struct {
	writer  *datafile.BatchWriter
	builder *array.RecordBuilder
	rows    uint32 // of all
	pending int
	bytes   int
}

const outputRows = 8192

func (o *output) add(ctx context.Context, s *source) error {
	if o.rows == gone {
		return errTooManyRows
	}
	o.bytes += s.copy(o.rows)
	o.rows++
	o.pending++
	if o.pending < outputRows && o.bytes < batchBytes {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return o.flush()
}

func (o *output) flush() error {
	if o.pending == 0 {
		return nil
	}
	batch := o.builder.NewRecordBatch()
	defer batch.Release()
	o.pending, o.bytes = 0, 0
	if err := o.writer.Write(batch); err != nil {
		return fmt.Errorf("write merged rows: %w", err)
	}
	return nil
}
