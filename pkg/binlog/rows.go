package binlog

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// Rows is one row event of a captured table.
type Rows struct {
	Table    *TableMap
	Op       debezium.Op // Create, Update or Delete
	GTID     string
	File     string
	Pos      uint64 // where the event starts; of a compressed transaction, where that starts
	TsNs     int64  // when the transaction was committed at its origin, or the event's second
	ServerID uint32
	Thread   int64  // 0: unknown
	Query    []byte // the statement, if the server logs it
	// Compressed says that the event is in a compressed transaction: all of its events have one Pos.
	Compressed bool
	// Event counts the events of the transaction before this one, as Debezium's offsets do.
	Event int
	// Row is the index within the event of the row that Next returned last, from 0.
	Row int
	// Ordinal counts the rows of captured tables in the transaction up to and including that row.
	Ordinal int64

	data []byte // what is left of the images
	err  error
	// scratch holds values that are not in the event as such; spare takes rows that nobody wants.
	scratch []byte
	spare   [2]mysql.Row
}

// Next decodes the next row into before and after, and reports whether there
// was one. The rows' slices are reused, and their bytes are borrowed until the
// next call; the image that the operation lacks gets length 0.
func (r *Rows) Next(before, after *mysql.Row) (bool, error) {
	if len(r.data) == 0 || r.err != nil {
		return false, r.err
	}
	r.scratch = r.scratch[:0]
	switch r.Op {
	case debezium.Create:
		*before = (*before)[:0]
		r.err = r.image(after)
	case debezium.Delete:
		*after = (*after)[:0]
		r.err = r.image(before)
	default:
		if r.err = r.image(before); r.err == nil {
			r.err = r.image(after)
		}
	}
	if r.err != nil {
		r.data = nil
		return false, r.err
	}
	r.Row++
	r.Ordinal++
	return true, nil
}

// SkipAll passes over the rows that are left.
func (r *Rows) SkipAll() error {
	for {
		if ok, err := r.Next(&r.spare[0], &r.spare[1]); !ok {
			return err
		}
	}
}

// image decodes one row image.
func (r *Rows) image(row *mysql.Row) error {
	plan := r.Table.plan
	if cap(*row) < len(plan) {
		*row = make(mysql.Row, len(plan))
	}
	*row = (*row)[:len(plan)]
	values := *row
	size := (len(plan) + 7) / 8
	if len(r.data) < size {
		return r.errorAt(0, errTruncated)
	}
	nulls, data := r.data[:size], r.data[size:]
	for i := range plan {
		v := &values[i]
		if nulls[i>>3]&(1<<(i&7)) != 0 {
			*v = mysql.Value{}
			continue
		}
		c := &plan[i]
		if len(data) < c.size {
			return r.errorAt(i, errTruncated)
		}
		n, err := c.decode(c, v, data, r)
		if err != nil {
			return r.errorAt(i, err)
		}
		data = data[n:]
	}
	r.data, *row = data, values[:len(r.Table.Columns)]
	return nil
}

func (r *Rows) errorAt(column int, err error) error {
	return fmt.Errorf("decode column %d of %s in the row event at %s:%d: %w", column+1, r.Table.Table, r.File, r.Pos, err)
}
