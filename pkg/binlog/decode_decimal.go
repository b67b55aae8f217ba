package binlog

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// decimalBytes is the size of a group of 0 to 9 digits.
var decimalBytes = [...]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

// maxInt64Digits is the precision up to which a decimal is an int64.
const maxInt64Digits = 18

// planDecimal decodes MySQL's binary decimal: groups of nine digits, big-endian,
// the sign in the first bit, all bits inverted if negative.
func planDecimal(precision, scale int) columnPlan {
	if scale > precision || precision == 0 {
		return columnPlan{decode: func(*columnPlan, *mysql.Value, []byte, *Rows) (int, error) {
			return 0, fmt.Errorf("decimal of %d digits with %d after the point", precision, scale)
		}}
	}
	whole := precision - scale
	p := columnPlan{meta: whole, scale: scale, decode: decodeDecimalText}
	p.size = whole/9*4 + decimalBytes[whole%9] + scale/9*4 + decimalBytes[scale%9]
	if precision <= maxInt64Digits {
		p.decode = decodeDecimal
	}
	return p
}

// decimalGroups reads the groups of a decimal one by one.
type decimalGroups struct {
	data  []byte
	mask  byte
	first bool
}

func (g *decimalGroups) next(size int) uint32 {
	var v uint32
	for _, b := range g.data[:size] {
		b ^= g.mask
		if g.first {
			b ^= 0x80
			g.first = false
		}
		v = v<<8 | uint32(b)
	}
	g.data = g.data[size:]
	return v
}

func groupsOf(data []byte) (g decimalGroups, negative bool) {
	g = decimalGroups{data: data, first: true}
	if data[0]&0x80 == 0 {
		g.mask = 0xff
		negative = true
	}
	return g, negative
}

func decodeDecimal(c *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	if c.size == 4 && c.meta == 9 { // one group, no scale
		n := int64(binary.BigEndian.Uint32(data) ^ 0x80000000)
		if data[0]&0x80 == 0 {
			n = -int64(^binary.BigEndian.Uint32(data) ^ 0x80000000)
		}
		*v = mysql.Value{Kind: mysql.Decimal, I: n}
		return 4, nil
	}
	g, negative := groupsOf(data[:c.size])
	n := int64(g.next(decimalBytes[c.meta%9]))
	for range c.meta / 9 {
		n = n*1e9 + int64(g.next(4))
	}
	for range c.scale / 9 {
		n = n*1e9 + int64(g.next(4))
	}
	if rest := c.scale % 9; rest > 0 {
		n = n*powersOfTen[rest] + int64(g.next(decimalBytes[rest]))
	}
	if negative {
		n = -n
	}
	*v = mysql.Value{Kind: mysql.Decimal, I: n}
	return c.size, nil
}

var powersOfTen = [...]int64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

func decodeDecimalText(c *columnPlan, v *mysql.Value, data []byte, r *Rows) (int, error) {
	g, negative := groupsOf(data[:c.size])
	start := len(r.scratch)
	b := r.scratch
	if negative {
		b = append(b, '-')
	}
	digits := len(b)
	b = appendGroup(b, g.next(decimalBytes[c.meta%9]), c.meta%9, digits)
	for range c.meta / 9 {
		b = appendGroup(b, g.next(4), 9, digits)
	}
	if len(b) == digits {
		b = append(b, '0')
	}
	if c.scale > 0 {
		b = append(b, '.')
		for range c.scale / 9 {
			b = appendGroup(b, g.next(4), 9, 0)
		}
		b = appendGroup(b, g.next(decimalBytes[c.scale%9]), c.scale%9, 0)
	}
	r.scratch = b
	*v = mysql.Value{Kind: mysql.DecimalText, B: b[start:]}
	return c.size, nil
}

// appendGroup appends n with width digits, or without leading zeros where no
// digit follows index digits yet.
func appendGroup(b []byte, n uint32, width, digits int) []byte {
	if len(b) == digits {
		if n == 0 {
			return b
		}
		return strconv.AppendUint(b, uint64(n), 10)
	}
	for w := width - 1; w > 0 && int64(n) < powersOfTen[w]; w-- {
		b = append(b, '0')
	}
	if width == 0 {
		return b
	}
	return strconv.AppendUint(b, uint64(n), 10)
}
