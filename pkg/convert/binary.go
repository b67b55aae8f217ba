package convert

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// binary converts BINARY, VARBINARY and the BLOBs.
type binary struct {
	mode  debezium.BinaryMode
	width int // of BINARY(n), whose trailing zeros the binlog leaves out; else 0
}

func newBinary(c *debezium.Column, mode debezium.BinaryMode) converter {
	b := &binary{mode: mode}
	if c.JDBCType == debezium.JDBCBinary {
		b.width = max(c.Length, 0)
	}
	return b
}

func (b *binary) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Raw {
		return kindError{v.Kind}
	}
	return b.selected(a, v.B, out)
}

func (b *binary) selected(a *arena, text []byte, out *debezium.Value) error {
	from := len(a.b)
	if len(text) < b.width {
		a.b = append(a.b, text...)
		for i := len(text); i < b.width; i++ {
			a.b = append(a.b, 0)
		}
		text = a.from(from)
		from = len(a.b)
	}
	switch b.mode {
	case debezium.BinaryBase64:
		a.b = base64.StdEncoding.AppendEncode(a.b, text)
	case debezium.BinaryBase64URLSafe:
		a.b = base64.URLEncoding.AppendEncode(a.b, text)
	case debezium.BinaryHex:
		a.b = hex.AppendEncode(a.b, text)
	default:
		*out = debezium.Value{Type: debezium.Bytes, B: text}
		return nil
	}
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}
