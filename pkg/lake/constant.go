package lake

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Constant returns the fill's value as an array of one element, of the type that
// its column has in record batches.
func (t *Table) Constant(mem memory.Allocator, fill Fill) (arrow.Array, error) {
	b, err := t.NewRowBuilder(mem)
	if err != nil {
		return nil, err
	}
	defer b.Release()
	for i := range b.columns {
		if b.columns[i].Name != fill.Column {
			continue
		}
		add, err := b.appender(i, fill.Schema)
		if err != nil {
			return nil, err
		}
		if err := add(&fill.Value); err != nil {
			return nil, &ValueError{Table: b.table, Column: fill.Column, Reason: err.Error()}
		}
		return b.builder.Field(i).NewArray(), nil
	}
	return nil, fmt.Errorf("table %s: no column %s", t.name, fill.Column)
}
