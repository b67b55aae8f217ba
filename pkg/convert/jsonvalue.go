package convert

import (
	"encoding/base64"
	encbinary "encoding/binary"
	"math"
	mathbits "math/bits"
	"slices"
	"strconv"
)

// The column types that opaque JSON values carry.
const (
	opaqueDecimal   = 0
	opaqueTimestamp = 7
	opaqueDate      = 10
	opaqueTime      = 11
	opaqueDatetime  = 12
	opaqueNewDate   = 14
	opaqueTS2       = 17
	opaqueDatetime2 = 18
	opaqueTime2     = 19
	opaqueDecimal2  = 246
)

const upperHex = "0123456789ABCDEF"

// text prints a JSON string, escaping what must be.
func (p *jsonPrinter) text(s []byte) {
	p.dst = append(p.dst, '"')
	from := 0
	for i, c := range s {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		p.dst = append(p.dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			p.dst = append(p.dst, '\\', c)
		case '\b':
			p.dst = append(p.dst, `\b`...)
		case '\t':
			p.dst = append(p.dst, `\t`...)
		case '\n':
			p.dst = append(p.dst, `\n`...)
		case '\f':
			p.dst = append(p.dst, `\f`...)
		case '\r':
			p.dst = append(p.dst, `\r`...)
		default:
			p.dst = append(p.dst, '\\', 'u', '0', '0', upperHex[c>>4], upperHex[c&15])
		}
	}
	p.dst = append(append(p.dst, s[from:]...), '"')
}

// double prints as Java's Double.toString does where that needs no exponent,
// else with every digit of the binary fraction, as BigDecimal does.
func (p *jsonPrinter) double(f float64) {
	abs := math.Abs(f)
	if abs == 0 || abs >= 1e-3 && abs < 1e7 {
		n := len(p.dst)
		p.dst = strconv.AppendFloat(p.dst, f, 'f', -1, 64)
		if slices.Contains(p.dst[n:], '.') {
			return
		}
		p.dst = append(p.dst, ".0"...)
		return
	}
	bits := math.Float64bits(f)
	mantissa, exponent := bits&(1<<52-1), int(bits>>52&(1<<11-1))
	if exponent > 0 {
		mantissa |= 1 << 52
	} else {
		exponent = 1
	}
	fraction := 1075 - exponent - mathbits.TrailingZeros64(mantissa) // binary digits after the point, and so decimal ones
	p.dst = strconv.AppendFloat(p.dst, f, 'f', max(fraction, 0), 64)
}

func (p *jsonPrinter) opaque(kind byte, b []byte) error {
	switch kind {
	case opaqueDecimal, opaqueDecimal2:
		return p.decimal(b)
	case opaqueDate, opaqueNewDate, opaqueTime, opaqueTime2, opaqueDatetime, opaqueDatetime2, opaqueTimestamp, opaqueTS2:
		if len(b) < 8 {
			return errJSON
		}
	default:
		p.dst = append(p.dst, '"')
		if !p.exact { // the server's own form
			p.dst = append(p.dst, "base64:type"...)
			p.dst = strconv.AppendUint(p.dst, uint64(kind), 10)
			p.dst = append(p.dst, ':')
		}
		p.dst = base64.StdEncoding.AppendEncode(p.dst, b)
		p.dst = append(p.dst, '"')
		return nil
	}
	raw := int64(encbinary.LittleEndian.Uint64(b))
	p.dst = append(p.dst, '"')
	switch kind {
	case opaqueTime, opaqueTime2:
		p.time(raw)
	case opaqueDate, opaqueNewDate:
		p.date(raw)
	default:
		p.date(raw)
		p.dst = append(p.dst, ' ')
		value := int(raw >> 24)
		p.clock(value>>12%32, value>>6%64, value%64, int(raw%(1<<24)))
	}
	p.dst = append(p.dst, '"')
	return nil
}

// date prints the date of a packed datetime.
func (p *jsonPrinter) date(raw int64) {
	value := raw >> 24
	months := int(value>>22) % (1 << 17)
	for _, limit := range []int{1000, 100, 10} {
		if months/13 < limit {
			p.dst = append(p.dst, '0')
		}
	}
	p.dst = strconv.AppendInt(p.dst, int64(months/13), 10)
	p.dst = append(p.dst, '-')
	p.two(months % 13)
	p.dst = append(p.dst, '-')
	p.two(int(value>>17) % 32)
}

// time prints a packed time. Debezium takes a negative one apart bit by bit,
// without its sign, and prints something that is no time.
func (p *jsonPrinter) time(raw int64) {
	if raw < 0 && !p.exact {
		p.dst = append(p.dst, '-')
		raw = -raw
	}
	value := int(raw >> 24)
	hour := value >> 12 % 1024
	if raw < 0 {
		hour = -hour
		if hour < 0 {
			p.dst = append(p.dst, '-')
			hour = -hour
		}
	}
	p.clock(hour, value>>6%64, value%64, int(raw%(1<<24)))
}

func (p *jsonPrinter) clock(hour, minute, second, micros int) {
	p.two(hour)
	p.dst = append(p.dst, ':')
	p.two(minute)
	p.dst = append(p.dst, ':')
	p.two(second)
	if micros == 0 && p.exact {
		return
	}
	p.dst = append(p.dst, '.')
	for _, limit := range []int{10, 100, 1000, 10000, 100000} {
		if micros < limit {
			p.dst = append(p.dst, '0')
		}
	}
	for p.exact && micros%10 == 0 {
		micros /= 10
	}
	p.dst = strconv.AppendInt(p.dst, int64(micros), 10)
}

func (p *jsonPrinter) two(n int) {
	if n < 10 {
		p.dst = append(p.dst, '0')
	}
	p.dst = strconv.AppendInt(p.dst, int64(n), 10)
}

// decimalDigits is the number of bytes that hold 0 to 9 digits of a packed decimal.
var decimalDigits = [10]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

// decimal prints a packed DECIMAL, which its precision and scale precede.
func (p *jsonPrinter) decimal(b []byte) error {
	if len(b) < 3 {
		return errJSON
	}
	precision, scale := int(b[0]), int(b[1])
	whole := precision - scale
	if whole < 0 || len(b)-2 < whole/9*4+decimalDigits[whole%9]+scale/9*4+decimalDigits[scale%9] {
		return errJSON
	}
	var packed [40]byte
	if len(b)-2 > len(packed) {
		return errJSON
	}
	data := packed[:copy(packed[:], b[2:])]
	negative := data[0]&0x80 == 0
	data[0] ^= 0x80
	if negative {
		p.dst = append(p.dst, '-')
		for i := range data {
			data[i] = ^data[i]
		}
	}
	from := len(p.dst)
	data = p.group(data, whole%9)
	for range whole / 9 {
		data = p.group(data, 9)
	}
	first := from
	for first < len(p.dst) && p.dst[first] == '0' {
		first++
	}
	p.dst = append(p.dst[:from], p.dst[first:]...)
	if len(p.dst) == from {
		p.dst = append(p.dst, '0')
	}
	if scale == 0 {
		return nil
	}
	p.dst = append(p.dst, '.')
	for range scale / 9 {
		data = p.group(data, 9)
	}
	p.group(data, scale%9)
	return nil
}

// group prints the next digits of a packed decimal, all of them, and returns what follows.
func (p *jsonPrinter) group(data []byte, digits int) []byte {
	size := decimalDigits[digits]
	var n uint32
	for _, b := range data[:size] {
		n = n<<8 | uint32(b)
	}
	from := len(p.dst)
	for range digits {
		p.dst = append(p.dst, '0')
	}
	for i := len(p.dst) - 1; i >= from; i-- {
		p.dst[i] = byte('0' + n%10)
		n /= 10
	}
	return data[size:]
}
