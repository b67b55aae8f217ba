package convert

import (
	"encoding/hex"
	"net/netip"

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
	case [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0):
		a.b = append(a.b, "::"...) // MariaDB prints an embedded IPv4 address as such
		a.b = netip.AddrFrom4([4]byte(b[12:])).AppendTo(a.b)
	default:
		a.b = netip.AddrFrom16(b).AppendTo(a.b)
	}
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

func (*inet) selected(_ *arena, text []byte, out *debezium.Value) error {
	*out = debezium.Value{Type: debezium.String, B: text}
	return nil
}
