package convert

import (
	mathbits "math/bits"
	"strconv"
	"unsafe"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// decimal converts DECIMAL: to its unscaled bytes, a double or plain text.
type decimal struct {
	as    debezium.Type // Bytes, Float64 or String
	scale int
}

func (d *decimal) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	switch v.Kind {
	case mysql.Decimal:
		from := len(a.b)
		if d.as == debezium.Bytes {
			a.b = debezium.AppendUnscaled(a.b, v.I)
			*out = debezium.Value{Type: debezium.Bytes, B: a.from(from)}
			return nil
		}
		a.b = appendPlain(a.b, v.I, d.scale)
		return d.storeText(a.from(from), out)
	case mysql.DecimalText:
		return d.selected(a, v.B, out)
	default:
		return kindError{v.Kind}
	}
}

func (d *decimal) selected(a *arena, text []byte, out *debezium.Value) error {
	var n uint256
	from := len(a.b)
	text, err := n.parse(text, d.scale)
	if err != nil {
		return err
	}
	if d.as == debezium.Bytes {
		a.b = n.appendUnscaled(a.b, text[0] == '-')
		*out = debezium.Value{Type: debezium.Bytes, B: a.from(from)}
		return nil
	}
	if text[0] == '-' {
		a.b = append(a.b, '-')
		text = text[1:]
	}
	for len(text) > 1 && text[0] == '0' && text[1] != '.' {
		text = text[1:] // of a ZEROFILL column
	}
	a.b = append(a.b, text...)
	return d.storeText(a.from(from), out)
}

func (d *decimal) storeText(text []byte, out *debezium.Value) error {
	if d.as == debezium.String {
		*out = debezium.Value{Type: debezium.String, B: text}
		return nil
	}
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), 64)
	if err != nil {
		return errMalformed // not err, which quotes the value
	}
	*out = debezium.Float(debezium.Float64, f)
	return nil
}

// appendPlain appends unscaled/10^scale with all digits of the scale.
func appendPlain(dst []byte, unscaled int64, scale int) []byte {
	u := uint64(unscaled)
	if unscaled < 0 {
		dst = append(dst, '-')
		u = -u
	}
	var buf [20]byte
	digits := strconv.AppendUint(buf[:0], u, 10)
	if whole := len(digits) - scale; whole > 0 {
		dst = append(dst, digits[:whole]...)
		digits = digits[whole:]
	} else {
		dst = append(dst, '0')
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for i := len(digits); i < scale; i++ {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

// uint256 is the magnitude of a decimal of up to 65 digits, lowest word first.
type uint256 [4]uint64

// parse reads plain decimal text as a number times 10^scale. It returns the
// text, which is not empty, and fails if it has digits beyond the scale.
func (u *uint256) parse(text []byte, scale int) ([]byte, error) {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 {
		return nil, errMalformed
	}
	left := -1 // digits that may follow the point; -1 before it
	for _, d := range digits {
		switch {
		case d == '.' && left < 0:
			left = scale
		case d < '0' || d > '9' || left == 0:
			return nil, errMalformed
		default:
			if !u.shift(d - '0') {
				return nil, errRange
			}
			if left > 0 {
				left--
			}
		}
	}
	if left < 0 {
		left = scale
	}
	for ; left > 0; left-- {
		if !u.shift(0) {
			return nil, errRange
		}
	}
	if u[3]>>63 != 0 {
		return nil, errRange
	}
	return text, nil
}

// shift appends a decimal digit; false if the number grew too large.
func (u *uint256) shift(digit byte) bool {
	carry := uint64(digit)
	for i := range u {
		hi, lo := mathbits.Mul64(u[i], 10)
		var c uint64
		u[i], c = mathbits.Add64(lo, carry, 0)
		carry = hi + c
	}
	return carry == 0
}

// appendUnscaled appends the number, negated if negative, as a Connect Decimal holds it.
func (u *uint256) appendUnscaled(dst []byte, negative bool) []byte {
	if negative {
		carry := uint64(1)
		for i := range u {
			u[i], carry = mathbits.Add64(^u[i], 0, carry)
		}
	}
	var b [33]byte
	sign := byte(0)
	if negative && u[3]>>63 != 0 {
		sign = 0xFF
	}
	b[0] = sign
	for i := range 32 {
		b[32-i] = byte(u[i/8] >> (8 * (i % 8)))
	}
	from := 0
	for from < 32 && b[from] == sign && b[from+1]&0x80 == sign&0x80 {
		from++
	}
	return append(dst, b[from:]...)
}
