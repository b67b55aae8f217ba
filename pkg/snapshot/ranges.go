package snapshot

import (
	"context"
	"fmt"
	"math/big"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// Ranges cuts a table into at most n ranges that can be read side by side, of
// equal width in the first column of its key. A key that does not begin with an
// integer is not cut. How many rows a range holds is not looked at: ask for
// several times as many ranges as there are readers.
func (r *Reader) Ranges(ctx context.Context, t *Table, n int) ([]Range, error) {
	whole := []Range{{}}
	if n < 2 || len(t.Key) == 0 || t.Key[0].Descending || !t.Key[0].integer() {
		return whole, nil
	}
	r.endPass()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	rows, err := r.conn.Strings(ctx, fmt.Sprintf("SELECT MIN(%[1]s), MAX(%[1]s) FROM %[2]s", t.column(0), mysql.QuoteTable(t.ID)))
	if err != nil {
		return nil, fmt.Errorf("read the ends of %s: %w", t.ID, err)
	}
	if rows[0][0] == "" {
		return whole, nil
	}
	bounds, err := cut(rows[0][0], rows[0][1], n)
	if err != nil {
		return nil, fmt.Errorf("cut %s: %w", t.ID, err)
	}
	ranges := make([]Range, 0, len(bounds)+1)
	var after Key
	for _, b := range bounds {
		ranges = append(ranges, Range{After: after, Until: Key{b}})
		after = Key{b}
	}
	return append(ranges, Range{After: after}), nil
}

func (c *KeyColumn) integer() bool {
	switch c.Type {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return true
	default:
		return false
	}
}

// cut returns at most n-1 increasing numbers from low to below high, evenly spread.
func cut(low, high string, n int) ([]string, error) {
	a, okA := new(big.Int).SetString(low, 10)
	b, okB := new(big.Int).SetString(high, 10)
	if !okA || !okB {
		return nil, ErrKey
	}
	width := new(big.Int).Sub(b, a)
	if width.IsInt64() && width.Int64() < int64(n) {
		n = max(int(width.Int64()), 1)
	}
	bounds := make([]string, 0, n)
	for i := 1; i < n; i++ {
		x := new(big.Int).Mul(width, big.NewInt(int64(i)))
		bounds = append(bounds, x.Div(x, big.NewInt(int64(n))).Add(x, a).String())
	}
	return bounds, nil
}
