package codec

import (
	"fmt"
	"math/big"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// decimalScale reads the scale of a Connect Decimal from its schema.
func decimalScale(s *debezium.Schema) (int, error) {
	text, ok := s.Param("scale")
	if !ok {
		return 0, fmt.Errorf("decimal schema has no scale")
	}
	scale, err := strconv.Atoi(text)
	if err != nil || scale < 0 || scale > maxDecimalScale {
		return 0, fmt.Errorf("decimal schema has no scale from 0 to %d", maxDecimalScale)
	}
	return scale, nil
}

// maxDecimalScale is far above MySQL's 30.
const maxDecimalScale = 1000

// appendDecimal appends the decimal with the given big-endian unscaled value
// as Java's BigDecimal.toString does.
func appendDecimal(dst, unscaled []byte, scale int) []byte {
	var buf [96]byte
	digits, negative := appendUnscaled(buf[:0], unscaled)
	if negative {
		dst = append(dst, '-')
	}
	exp := len(digits) - 1 - scale // of the first digit
	switch {
	case scale == 0:
		return append(dst, digits...)
	case exp < -6:
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(append(dst, '.'), digits[1:]...)
		}
		return strconv.AppendInt(append(dst, 'E'), int64(exp), 10)
	case exp < 0:
		dst = append(dst, "0.00000"[:1-exp]...)
		return append(dst, digits...)
	default:
		dst = append(dst, digits[:exp+1]...)
		return append(append(dst, '.'), digits[exp+1:]...)
	}
}

// appendUnscaled appends the digits of a big-endian two's complement number.
func appendUnscaled(dst, b []byte) (digits []byte, negative bool) {
	if len(b) <= 8 {
		i := int64(0)
		if len(b) > 0 && b[0] >= 0x80 {
			i = -1
		}
		for _, c := range b {
			i = i<<8 | int64(c)
		}
		u := uint64(i)
		if i < 0 {
			u = -u
		}
		return strconv.AppendUint(dst, u, 10), i < 0
	}
	return appendLongUnscaled(dst, b)
}

func appendLongUnscaled(dst, b []byte) (digits []byte, negative bool) {
	negative = b[0] >= 0x80
	var w words
	if len(b) > 8*len(w) {
		return appendHugeUnscaled(dst, b, negative), negative
	}
	w.setBytes(b)
	if negative {
		w.negate()
	}
	const group = 1e18
	var groups [6]uint64
	n := 0
	for {
		groups[n] = w.divide(group)
		n++
		if w.isZero() {
			break
		}
	}
	dst = strconv.AppendUint(dst, groups[n-1], 10)
	for i := n - 2; i >= 0; i-- {
		var buf [20]byte
		text := strconv.AppendUint(buf[:0], groups[i]+group, 10) // the leading 1 keeps the zeros
		dst = append(dst, text[1:]...)
	}
	return dst, negative
}

func appendHugeUnscaled(dst, b []byte, negative bool) []byte {
	n := new(big.Int).SetBytes(b)
	if negative {
		n.Sub(new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))), n)
	}
	return n.Append(dst, 10)
}

// appendUnscaledOf appends the unscaled value of a JSON number, big-endian
// two's complement of minimal length. ok is false if the number has more
// digits after the point than scale, or too many digits.
func appendUnscaledOf(dst, text []byte, scale int) (_ []byte, ok bool) {
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	shift, point := scale, false
	var w words
	for i, c := range text {
		switch {
		case c == '.':
			point = true
			continue
		case c|0x20 == 'e':
			exp, err := strconv.Atoi(string(text[i+1:]))
			if err != nil || exp < -4*maxDecimalScale || exp > 4*maxDecimalScale {
				return dst, false
			}
			shift += exp
		default:
			if !w.addDigit(c - '0') {
				return dst, false
			}
			if point {
				shift--
			}
			continue
		}
		break
	}
	for ; shift > 0 && !w.isZero(); shift-- {
		if !w.addDigit(0) {
			return dst, false
		}
	}
	for ; shift < 0 && !w.isZero(); shift++ {
		if w.divide(10) != 0 {
			return dst, false
		}
	}
	if negative {
		w.negate()
	}
	return w.appendBytes(dst), true
}
