package convert

import (
	encbinary "encoding/binary"
	"math"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// geometry converts POINT and the other spatial types, which MySQL holds as a
// four-byte SRID and WKB. Debezium does not unswap geographic axes, nor do we.
type geometry struct{ point bool }

const (
	sridSize  = 4
	pointSize = 21 // byte order, type, x, y
)

// emptyCollection is the WKB of GEOMETRYCOLLECTION EMPTY.
func emptyCollection() []byte { return []byte{1, 7, 0, 0, 0, 0, 0, 0, 0} }

func (g *geometry) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Raw {
		return kindError{v.Kind}
	}
	return g.selected(a, v.B, out)
}

func (g *geometry) selected(a *arena, text []byte, out *debezium.Value) error {
	if len(text) == 0 { // a row that is older than its NOT NULL column: MariaDB has no other value for it
		*out = debezium.Value{}
		return nil
	}
	if len(text) <= sridSize {
		return errMalformed
	}
	srid := debezium.Value{}
	if n := encbinary.LittleEndian.Uint32(text); n != 0 {
		srid = debezium.Int(debezium.Int32, int64(int32(n)))
	}
	wkb := debezium.Value{Type: debezium.Bytes, B: text[sridSize:]}
	if !g.point {
		elems := a.values(2)
		elems[0], elems[1] = wkb, srid
		*out = debezium.Value{Type: debezium.Struct, Elems: elems}
		return nil
	}
	if len(wkb.B) != pointSize {
		return errMalformed
	}
	var order encbinary.ByteOrder = encbinary.BigEndian
	if wkb.B[0] == 1 {
		order = encbinary.LittleEndian
	}
	elems := a.values(4)
	elems[0] = debezium.Float(debezium.Float64, math.Float64frombits(order.Uint64(wkb.B[5:])))
	elems[1] = debezium.Float(debezium.Float64, math.Float64frombits(order.Uint64(wkb.B[13:])))
	elems[2], elems[3] = wkb, srid
	*out = debezium.Value{Type: debezium.Struct, Elems: elems}
	return nil
}

// vector converts VECTOR, little-endian 32-bit floats.
type vector struct{}

func (vector) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Raw {
		return kindError{v.Kind}
	}
	return vector{}.selected(a, v.B, out)
}

func (vector) selected(a *arena, text []byte, out *debezium.Value) error {
	if len(text)%4 != 0 {
		return errMalformed
	}
	elems := a.values(len(text) / 4)
	for i := range elems {
		f := math.Float32frombits(encbinary.LittleEndian.Uint32(text[4*i:]))
		elems[i] = debezium.Float(debezium.Float32, float64(f))
	}
	*out = debezium.Value{Type: debezium.Array, Elems: elems}
	return nil
}
