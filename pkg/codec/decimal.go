package codec

import (
	"fmt"
	"math/big"
	"math/bits"
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

// decimalWords bounds the numbers that are converted without allocation to 320 bits, 96 digits.
const decimalWords = 5

func appendLongUnscaled(dst, b []byte) (digits []byte, negative bool) {
	negative = b[0] >= 0x80
	if len(b) > 8*decimalWords {
		return appendHugeUnscaled(dst, b, negative), negative
	}
	var w [decimalWords]uint64 // most significant first
	if negative {
		for i := range w {
			w[i] = ^uint64(0)
		}
	}
	for i, c := range b {
		at := len(b) - 1 - i
		p := &w[decimalWords-1-at/8]
		*p = *p&^(0xFF<<(at%8*8)) | uint64(c)<<(at%8*8)
	}
	if negative {
		carry := uint64(1)
		for i := decimalWords - 1; i >= 0; i-- {
			w[i], carry = bits.Add64(^w[i], 0, carry)
		}
	}
	const group = 1e18
	var groups [6]uint64
	n := 0
	for more := true; more; n++ {
		var rem uint64
		more = false
		for i := range w {
			w[i], rem = bits.Div64(rem, w[i], group)
			more = more || w[i] != 0
		}
		groups[n] = rem
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
