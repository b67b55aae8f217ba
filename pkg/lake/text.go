package lake

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// appendTime prints a TIME as MySQL does: -838:59:59.000000. digits are those of
// the column's fraction; with digits < 0, as events do not tell them, a whole
// second has no fraction and any other six digits.
func appendTime(dst []byte, micros int64, digits int) []byte {
	const second = 1_000_000
	u := uint64(micros)
	if micros < 0 {
		dst = append(dst, '-')
		u = -u
	}
	fraction := u % second
	seconds := u / second
	dst = appendPadded(dst, seconds/3600, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, seconds/60%60, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, seconds%60, 2)
	if digits < 0 || digits > 6 {
		digits = 0
		if fraction != 0 {
			digits = 6
		}
	}
	if digits == 0 {
		return dst
	}
	dst = append(dst, '.')
	whole := len(dst)
	return appendPadded(dst, fraction, 6)[:whole+digits]
}

func appendPadded(dst []byte, n uint64, width int) []byte {
	var scratch [20]byte
	s := strconv.AppendUint(scratch[:0], n, 10)
	for range width - len(s) {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

// appendDecimal prints a Connect Decimal in full.
func appendDecimal(dst, unscaled []byte, scale int) []byte {
	n := new(big.Int).SetBytes(unscaled)
	if len(unscaled) > 0 && unscaled[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(unscaled))))
	}
	if n.Sign() < 0 {
		dst = append(dst, '-')
		n.Neg(n)
	}
	digits := n.Append(nil, 10)
	if scale <= 0 {
		dst = append(dst, digits...)
		for range -scale {
			dst = append(dst, '0')
		}
		return dst
	}
	if whole := len(digits) - scale; whole > 0 {
		dst = append(dst, digits[:whole]...)
		return append(append(dst, '.'), digits[whole:]...)
	}
	dst = append(dst, "0."...)
	for range scale - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

var errTimestamp = errors.New("the text is no ISO 8601 timestamp")

// parseDate reads 2017-09-15, with or without a Z, as days since 1970.
func parseDate(b []byte) (int64, error) {
	days, rest, ok := leadingDate(b)
	if !ok || len(rest) > 0 && string(rest) != "Z" {
		return 0, errors.New("the text is no ISO 8601 date")
	}
	return days, nil
}

// parseTimestamp reads 2018-06-20T13:37:03.123456Z, or with an offset such as
// +02:00, as microseconds since 1970. Digits beyond the sixth must be zero.
func parseTimestamp(b []byte) (int64, error) {
	days, b, ok := leadingDate(b)
	if !ok || len(b) < 6 || b[0] != 'T' && b[0] != ' ' || b[3] != ':' {
		return 0, errTimestamp
	}
	hour, ok1 := twoDigits(b[1:])
	minute, ok2 := twoDigits(b[4:])
	if !ok1 || !ok2 {
		return 0, errTimestamp
	}
	b = b[6:]
	var second int64
	if len(b) >= 3 && b[0] == ':' {
		if second, ok = twoDigits(b[1:]); !ok {
			return 0, errTimestamp
		}
		b = b[3:]
	}
	micros, b, ok := fraction(b)
	if !ok {
		return 0, errTimestamp
	}
	offset, ok := zone(b)
	if !ok || hour > 23 || minute > 59 || second > 59 {
		return 0, errTimestamp
	}
	return ((days*24+hour)*3600+minute*60+second-offset)*1_000_000 + micros, nil
}

// leadingDate reads year-month-day; a year has at least four digits.
func leadingDate(b []byte) (days int64, rest []byte, ok bool) {
	n := 0
	negative := len(b) > 0 && b[0] == '-'
	if negative || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	year := 0
	for n < len(b) && n < 7 && b[n] >= '0' && b[n] <= '9' {
		year = year*10 + int(b[n]-'0')
		n++
	}
	if n < 4 || len(b) < n+6 || b[n] != '-' || b[n+3] != '-' {
		return 0, nil, false
	}
	if negative {
		year = -year
	}
	month, ok1 := twoDigits(b[n+1:])
	day, ok2 := twoDigits(b[n+4:])
	if !ok1 || !ok2 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, nil, false
	}
	t := time.Date(year, time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
	if t.Day() != int(day) {
		return 0, nil, false
	}
	return t.Unix() / 86400, b[n+6:], true
}

func twoDigits(b []byte) (int64, bool) {
	if len(b) < 2 || b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, false
	}
	return int64(b[0]-'0')*10 + int64(b[1]-'0'), true
}

func fraction(b []byte) (micros int64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '.' {
		return 0, b, true
	}
	n := 1
	for ; n < len(b) && b[n] >= '0' && b[n] <= '9'; n++ {
		switch {
		case n <= 6:
			micros = micros*10 + int64(b[n]-'0')
		case b[n] != '0':
			return 0, nil, false
		}
	}
	for i := n; i <= 6; i++ {
		micros *= 10
	}
	return micros, b[n:], n > 1
}

// zone reads Z, nothing, or an offset, in seconds east of UTC.
func zone(b []byte) (seconds int64, ok bool) {
	if len(b) == 0 || string(b) == "Z" {
		return 0, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hours, ok := twoDigits(b[1:])
	if !ok {
		return 0, false
	}
	var minutes int64
	switch {
	case len(b) == 3:
	case len(b) == 6 && b[3] == ':':
		minutes, ok = twoDigits(b[4:])
	case len(b) == 5:
		minutes, ok = twoDigits(b[3:])
	default:
		return 0, false
	}
	seconds = hours*3600 + minutes*60
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, ok
}

// parseTime reads what appendTime prints.
func parseTime(s string) (int64, error) {
	bad := errors.New("the text is no TIME")
	rest, negative := strings.CutPrefix(s, "-")
	part := strings.SplitN(rest, ":", 3)
	if len(part) != 3 {
		return 0, bad
	}
	second, frac, _ := strings.Cut(part[2], ".")
	if len(frac) > 6 {
		return 0, bad
	}
	frac += "000000"[len(frac):]
	var us int64
	for i, p := range []string{part[0], part[1], second, frac} {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return 0, bad
		}
		us = us*[]int64{1, 60, 60, 1_000_000}[i] + int64(n)
	}
	if negative {
		us = -us
	}
	return us, nil
}

// appendParsedDecimal appends the unscaled value of what appendDecimal prints,
// as Connect writes it.
func appendParsedDecimal(dst []byte, s string) ([]byte, error) {
	n, ok := new(big.Int).SetString(strings.Replace(s, ".", "", 1), 10)
	if !ok {
		return dst, errors.New("the text is no decimal number")
	}
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		m := new(big.Int).Not(n)
		size = m.BitLen()/8 + 1
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	at := len(dst)
	dst = append(dst, make([]byte, size)...)
	n.FillBytes(dst[at:])
	return dst, nil
}
