package batch

import (
	"encoding/binary"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// appendRow appends values in the arena's form: per value its type, then a
// varint, eight bytes of a float, bytes behind their length, or elements
// behind their number.
func appendRow(dst []byte, values []debezium.Value) []byte {
	for i := range values {
		v := &values[i]
		dst = append(dst, byte(v.Type))
		switch v.Type {
		case debezium.Null:
		case debezium.Float32, debezium.Float64:
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v.I))
		case debezium.String, debezium.Bytes:
			dst = binary.AppendUvarint(dst, uint64(len(v.B)))
			dst = append(dst, v.B...)
		case debezium.Array, debezium.Map, debezium.Struct:
			dst = binary.AppendUvarint(dst, uint64(len(v.Elems)))
			dst = appendRow(dst, v.Elems)
		default:
			dst = binary.AppendVarint(dst, v.I)
		}
	}
	return dst
}

// decodeRow appends n values to dst and returns what follows them in p. Bytes
// are borrowed from p.
func decodeRow(dst []debezium.Value, p []byte, n int) ([]debezium.Value, []byte) {
	for range n {
		v := debezium.Value{Type: debezium.Type(p[0])}
		p = p[1:]
		switch v.Type {
		case debezium.Null:
		case debezium.Float32, debezium.Float64:
			v.I = int64(binary.LittleEndian.Uint64(p))
			p = p[8:]
		case debezium.String, debezium.Bytes:
			size, k := binary.Uvarint(p)
			end := k + int(size)
			v.B = p[k:end:end]
			p = p[end:]
		case debezium.Array, debezium.Map, debezium.Struct:
			size, k := binary.Uvarint(p)
			v.Elems, p = decodeRow(make([]debezium.Value, 0, size), p[k:], int(size))
		default:
			i, k := binary.Varint(p)
			v.I = i
			p = p[k:]
		}
		dst = append(dst, v)
	}
	return dst, p
}
