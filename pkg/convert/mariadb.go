package convert

import (
	encbinary "encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// uuid converts MariaDB's UUID.
type uuid struct{}

func (uuid) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Raw {
		return kindError{v.Kind}
	}
	var b [16]byte
	if len(v.B) > len(b) {
		return errMalformed
	}
	copy(b[:], v.B) // the binlog leaves trailing zeros out
	from := len(a.b)
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			a.b = append(a.b, '-')
		}
		a.b = hex.AppendEncode(a.b, part)
	}
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

func (uuid) selected(_ *arena, text []byte, out *debezium.Value) error {
	*out = debezium.Value{Type: debezium.String, B: text}
	return nil
}

// inet converts MariaDB's INET4 and INET6.
type inet struct{ size int }

func (n *inet) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Raw {
		return kindError{v.Kind}
	}
	var b [16]byte
	if len(v.B) > n.size {
		return errMalformed
	}
	copy(b[:], v.B) // the binlog leaves trailing zeros out
	from := len(a.b)
	switch {
	case n.size == 4:
		a.b = netip.AddrFrom4([4]byte(b[:4])).AppendTo(a.b)
	case netip.AddrFrom16(b).Is4In6():
		a.b = netip.AddrFrom16(b).AppendTo(a.b)
	case [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0):
		a.b = append(a.b, "::"...) // MariaDB prints an embedded IPv4 address as such
		a.b = netip.AddrFrom4([4]byte(b[12:])).AppendTo(a.b)
	default:
		a.b = appendWords(a.b, &b)
	}
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

// appendWords prints an IPv6 address as MariaDB does: two colons stand for the longest
// run of zeros, even if that is a single word, which others print.
func appendWords(dst []byte, b *[16]byte) []byte {
	word := func(i int) uint16 { return encbinary.BigEndian.Uint16(b[2*i:]) }
	gap, length := -1, 0
	for i := 0; i < 8; {
		end := i
		for end < 8 && word(end) == 0 {
			end++
		}
		if end-i > length {
			gap, length = i, end-i
		}
		i = max(end, i+1)
	}
	for i := 0; i < 8; {
		if i == gap {
			if i == 0 {
				dst = append(dst, ':')
			}
			dst = append(dst, ':')
			i += length
			continue
		}
		dst = strconv.AppendUint(dst, uint64(word(i)), 16)
		if i++; i < 8 {
			dst = append(dst, ':')
		}
	}
	return dst
}

func (*inet) selected(_ *arena, text []byte, out *debezium.Value) error {
	*out = debezium.Value{Type: debezium.String, B: text}
	return nil
}
