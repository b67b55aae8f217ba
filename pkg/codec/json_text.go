package codec

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

const hexUpper = "0123456789ABCDEF"

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// plain returns the index of the first byte at or after i that is not a
// printable ASCII character or is a quote or backslash, or len(s).
func plain(s []byte, i int) int {
	for i+8 <= len(s) {
		w := binary.LittleEndian.Uint64(s[i:])
		quote, slash := w^lowBits*'"', w^lowBits*'\\'
		found := w | (w-lowBits*' ')&^w | (quote-lowBits)&^quote | (slash-lowBits)&^slash
		if found &= highBits; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	for i < len(s) && s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// appendJSONString appends a quoted string as Jackson's UTF-8 generator does:
// only what must be is escaped, except that characters beyond the basic
// multilingual plane are a pair of escaped surrogates. Bytes that are not
// UTF-8 become U+FFFD, as in a Java string.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	start, i := 0, 0
	for {
		if i = plain(s, i); i == len(s) {
			break
		}
		if s[i] >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(s[i:])
			if r < 0x10000 && n > 1 {
				i += n
				continue
			}
			dst = append(dst, s[start:i]...)
			if n > 1 {
				r -= 0x10000
				dst = appendUnicodeEscape(dst, 0xD800+r>>10)
				dst = appendUnicodeEscape(dst, 0xDC00+r&0x3FF)
			} else {
				n = malformed(s[i:])
				dst = append(dst, "\uFFFD"...)
			}
			i += n
		} else {
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, s[i])
			i++
		}
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	default:
		return appendUnicodeEscape(dst, rune(c))
	}
}

func appendUnicodeEscape(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexUpper[r>>12&15], hexUpper[r>>8&15], hexUpper[r>>4&15], hexUpper[r&15])
}

// malformed returns how many bytes Java replaces by one U+FFFD where s starts
// with a byte sequence that is not UTF-8.
func malformed(s []byte) int {
	lo, hi, want := byte(0x80), byte(0xBF), 0
	switch c := s[0]; {
	case c >= 0xC2 && c <= 0xDF:
		want = 2
	case c >= 0xE0 && c <= 0xEF:
		want = 3
		if c == 0xE0 {
			lo = 0xA0
		}
	case c >= 0xF0 && c <= 0xF4:
		want = 4
		switch c {
		case 0xF0:
			lo = 0x90
		case 0xF4:
			hi = 0x8F
		}
	}
	n := 1
	for n < want && n < len(s) && s[n] >= lo && s[n] <= hi {
		lo, hi = 0x80, 0xBF
		n++
	}
	return n
}

// appendJSONFloat appends a number as Jackson does: Java's text, quoted if JSON has no such number.
func appendJSONFloat(dst []byte, f float64, size int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(appendJavaFloat(append(dst, '"'), f, size), '"')
	}
	return appendJavaFloat(dst, f, size)
}

// appendJavaFloat appends a number as Double.toString and Float.toString do
// since JDK 19: the shortest digits that give the same number, at least two.
func appendJavaFloat(dst []byte, f float64, size int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 0):
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "Infinity"...)
	case f == 0 && math.Signbit(f):
		return append(dst, "-0.0"...)
	case f == math.Trunc(f) && math.Abs(f) < 1e7:
		return append(strconv.AppendInt(dst, int64(f), 10), ".0"...)
	}
	if f < 0 {
		dst, f = append(dst, '-'), -f
	}
	var buf [32]byte
	b := strconv.AppendFloat(buf[:0], f, 'e', -1, size)
	if b[1] == 'e' {
		b = strconv.AppendFloat(buf[:0], f, 'e', 1, size)
	}
	e := bytes.IndexByte(b, 'e')
	exp := 0
	for _, c := range b[e+2:] {
		exp = exp*10 + int(c-'0')
	}
	if b[e+1] == '-' {
		exp = -exp
	}
	b[1] = b[0]
	return appendJavaDigits(dst, b[1:e], exp)
}

// appendJavaDigits appends d.ddd times ten to the power of exp.
func appendJavaDigits(dst, digits []byte, exp int) []byte {
	switch {
	case exp < -3 || exp >= 7:
		dst = append(dst, digits[0], '.')
		dst = append(dst, digits[1:]...)
		return strconv.AppendInt(append(dst, 'E'), int64(exp), 10)
	case exp < 0:
		dst = append(dst, "0.00"[:1-exp]...)
		return append(dst, bytes.TrimSuffix(digits, []byte("0"))...)
	}
	for i := range max(len(digits), exp+2) {
		if i == exp+1 {
			dst = append(dst, '.')
		}
		if i < len(digits) {
			dst = append(dst, digits[i])
		} else {
			dst = append(dst, '0')
		}
	}
	return dst
}
