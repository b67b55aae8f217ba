package convert

import (
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// bits converts BIT(n): a boolean if bytes is 0, else little-endian bytes.
type bits struct{ bytes int }

func (b *bits) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Int {
		return kindError{v.Kind}
	}
	b.store(a, uint64(v.I), out)
	return nil
}

func (b *bits) selected(a *arena, text []byte, out *debezium.Value) error {
	i, err := parseInt(text)
	if err != nil {
		return err
	}
	b.store(a, uint64(i), out)
	return nil
}

func (b *bits) store(a *arena, u uint64, out *debezium.Value) {
	if b.bytes == 0 {
		*out = debezium.Bool(u != 0)
		return
	}
	from := len(a.b)
	for range b.bytes {
		a.b = append(a.b, byte(u))
		u >>= 8
	}
	*out = debezium.Value{Type: debezium.Bytes, B: a.from(from)}
}
