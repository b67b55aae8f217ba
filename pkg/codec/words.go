package codec

import "math/bits"

// words is a number of 320 bits, 95 digits and a sign, most significant word first.
type words [5]uint64

func (w *words) isZero() bool { return *w == words{} }

// addDigit multiplies by ten and adds d. It reports whether the sign bit is still free.
func (w *words) addDigit(d byte) bool {
	carry := uint64(d)
	for i := len(w) - 1; i >= 0; i-- {
		hi, lo := bits.Mul64(w[i], 10)
		var c uint64
		w[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
	return carry == 0 && w[0]>>63 == 0
}

// divide divides by d and returns the remainder.
func (w *words) divide(d uint64) (rem uint64) {
	for i := range w {
		w[i], rem = bits.Div64(rem, w[i], d)
	}
	return rem
}

func (w *words) negate() {
	carry := uint64(1)
	for i := len(w) - 1; i >= 0; i-- {
		w[i], carry = bits.Add64(^w[i], 0, carry)
	}
}

// setBytes reads big-endian two's complement of at most 40 bytes, at least one.
func (w *words) setBytes(b []byte) {
	*w = words{}
	if b[0] >= 0x80 {
		for i := range w {
			w[i] = ^uint64(0)
		}
	}
	for i, c := range b {
		at := len(b) - 1 - i
		p := &w[len(w)-1-at/8]
		*p = *p&^(0xFF<<(at%8*8)) | uint64(c)<<(at%8*8)
	}
}

// appendBytes appends big-endian two's complement of minimal length.
func (w *words) appendBytes(dst []byte) []byte {
	sign := byte(int64(w[0]) >> 63)
	last := 8*len(w) - 1
	started := false
	for i := 0; i <= last; i++ {
		c := byte(w[i/8] >> (56 - i%8*8))
		if !started {
			if c == sign && i < last && byte(w[(i+1)/8]>>(56-(i+1)%8*8))&0x80 == sign&0x80 {
				continue
			}
			started = true
		}
		dst = append(dst, c)
	}
	return dst
}
