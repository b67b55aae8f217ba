package convert

import (
	encbinary "encoding/binary"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// integer converts TINYINT to BIGINT, signed and unsigned.
type integer struct {
	as       debezium.Type // an integer type, or Bytes for an unsigned BIGINT as a decimal
	unsigned bool
	mask     uint64 // of the column's width
}

func newInteger(c *debezium.Column, s *debezium.Schema) (converter, error) {
	n := &integer{as: s.Type, unsigned: c.Unsigned()}
	switch c.BaseType() {
	case "TINYINT", "INT1":
		n.mask = 1<<8 - 1
	case "SMALLINT", "INT2":
		n.mask = 1<<16 - 1
	case "MEDIUMINT", "INT3", "MIDDLEINT":
		n.mask = 1<<24 - 1
	case "INT", "INTEGER", "INT4":
		n.mask = 1<<32 - 1
	case "BIGINT", "INT8", "SERIAL":
		n.mask = 1<<64 - 1
		n.unsigned = n.unsigned || c.BaseType() == "SERIAL"
	default:
		return nil, fmt.Errorf("type %s is not a known integer type", c.TypeName)
	}
	return n, nil
}

func (n *integer) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Int {
		return kindError{v.Kind}
	}
	i := v.I
	if n.unsigned {
		i = int64(uint64(i) & n.mask)
	}
	n.store(a, i, out)
	return nil
}

func (n *integer) selected(a *arena, text []byte, out *debezium.Value) error {
	i, err := parseInt(text)
	if err != nil {
		return err
	}
	n.store(a, i, out)
	return nil
}

func (n *integer) store(a *arena, i int64, out *debezium.Value) {
	if n.as != debezium.Bytes {
		*out = debezium.Value{Type: n.as, I: i}
		return
	}
	from := len(a.b)
	if i < 0 { // an unsigned number with its highest bit set
		a.b = encbinary.BigEndian.AppendUint64(append(a.b, 0), uint64(i))
	} else {
		a.b = debezium.AppendUnscaled(a.b, i)
	}
	*out = debezium.Value{Type: debezium.Bytes, B: a.from(from)}
}

// parseInt reads an integer; an unsigned one above 2^63-1 wraps.
func parseInt(text []byte) (int64, error) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	if len(text) == 0 {
		return 0, errMalformed
	}
	var u uint64
	for _, d := range text {
		if d < '0' || d > '9' {
			return 0, errMalformed
		}
		if u > (1<<64-1)/10 {
			return 0, errRange
		}
		u = u*10 + uint64(d-'0')
	}
	if negative {
		return -int64(u), nil
	}
	return int64(u), nil
}

// boolean converts BOOLEAN as a DDL statement that was read while streaming names it.
type boolean struct{}

func (boolean) streamed(_ *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Int {
		return kindError{v.Kind}
	}
	*out = debezium.Bool(v.I != 0)
	return nil
}

func (boolean) selected(_ *arena, text []byte, out *debezium.Value) error {
	i, err := parseInt(text)
	if err != nil {
		return err
	}
	*out = debezium.Bool(i != 0)
	return nil
}

// flag converts a number to whether it is above zero, as Debezium's
// TinyIntOneToBooleanConverter does.
type flag struct {
	number converter
	exact  bool // unsigned numbers above 127 stream as negative ones
}

func (f *flag) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if f.exact {
		return signedFlag(v, out)
	}
	err := f.number.streamed(a, v, out)
	*out = debezium.Bool(out.I > 0)
	return err
}

func signedFlag(v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Int {
		return kindError{v.Kind}
	}
	*out = debezium.Bool(v.I > 0)
	return nil
}

func (f *flag) selected(a *arena, text []byte, out *debezium.Value) error {
	err := f.number.selected(a, text, out)
	*out = debezium.Bool(out.I > 0)
	return err
}

// booleanSchema is the schema of a number as that of a flag.
func booleanSchema(number *debezium.Schema) *debezium.Schema {
	s := &debezium.Schema{Type: debezium.Boolean, Optional: number.Optional}
	if number.Default != nil {
		v := debezium.Bool(number.Default.I > 0)
		s.Default = &v
	}
	return s
}
