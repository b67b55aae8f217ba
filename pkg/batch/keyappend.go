package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// The first byte of each written value. Numbers have one per sign and length,
// tagZero in the middle, so that they sort by it first.
const (
	tagEnd    = 0x00 // ends arrays
	tagNull   = 0x01
	tagBytes  = 0x02
	tagString = 0x03
	tagStruct = 0x05
	tagArray  = 0x06
	tagNegBig = 0x0b
	tagZero   = 0x14
	tagPosBig = 0x1d
	tagFloat  = 0x21
)

// AppendNull appends a null.
func AppendNull(dst []byte) []byte { return append(dst, tagNull) }

// AppendUint appends a number that is not negative.
func AppendUint(dst []byte, v uint64) []byte {
	n := (bits.Len64(v) + 7) / 8
	dst = append(dst, byte(tagZero+n))
	dst = binary.BigEndian.AppendUint64(dst, v<<(64-8*n))
	return dst[:len(dst)-8+n]
}

// AppendInt appends a number.
func AppendInt(dst []byte, v int64) []byte {
	if v >= 0 {
		return AppendUint(dst, uint64(v))
	}
	u := -uint64(v)
	n := (bits.Len64(u) + 7) / 8
	dst = append(dst, byte(tagZero-n))
	dst = binary.BigEndian.AppendUint64(dst, ^u<<(64-8*n))
	return dst[:len(dst)-8+n]
}

// AppendDecimal appends a number given as big-endian two's complement, the
// form of a Connect Decimal's unscaled value, of at most 255 bytes.
func AppendDecimal(dst []byte, unscaled []byte) ([]byte, error) {
	switch {
	case len(unscaled) == 0:
		return dst, errors.New("a decimal of no bytes")
	case len(unscaled) > 255:
		return dst, fmt.Errorf("a decimal of %d bytes", len(unscaled))
	case len(unscaled) <= 8:
		v := int64(int8(unscaled[0]))
		for _, b := range unscaled[1:] {
			v = v<<8 | int64(b)
		}
		return AppendInt(dst, v), nil
	}
	var buf [255]byte
	mag := buf[:copy(buf[:], unscaled)]
	neg := mag[0]&0x80 != 0
	if neg {
		negate(mag)
	}
	mag = bytes.TrimLeft(mag, "\x00")
	flip := byte(0)
	if neg {
		flip = 0xff
	}
	switch n := len(mag); {
	case n <= 8 && neg:
		dst = append(dst, byte(tagZero-n))
	case n <= 8:
		dst = append(dst, byte(tagZero+n))
	case neg:
		dst = append(dst, tagNegBig, ^byte(n))
	default:
		dst = append(dst, tagPosBig, byte(n))
	}
	for _, b := range mag {
		dst = append(dst, b^flip)
	}
	return dst, nil
}

// negate makes the two's complement of p.
func negate(p []byte) {
	carry := true
	for i := len(p) - 1; i >= 0; i-- {
		p[i] = ^p[i]
		if carry {
			p[i]++
			carry = p[i] == 0
		}
	}
}

// AppendFloat appends a floating-point number. -0 sorts before 0.
func AppendFloat(dst []byte, f float64) []byte {
	u := math.Float64bits(f)
	if u>>63 != 0 {
		u = ^u
	} else {
		u |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(append(dst, tagFloat), u)
}

// AppendString appends a string.
func AppendString(dst, s []byte) []byte { return appendEscaped(append(dst, tagString), s) }

// AppendBytes appends bytes.
func AppendBytes(dst, p []byte) []byte { return appendEscaped(append(dst, tagBytes), p) }

// appendEscaped ends p by a zero byte, and zero bytes inside by 0xff, which
// begins no value.
func appendEscaped(dst, p []byte) []byte {
	for {
		i := bytes.IndexByte(p, 0)
		if i < 0 {
			dst = append(dst, p...)
			return append(dst, 0)
		}
		dst = append(dst, p[:i+1]...)
		dst = append(dst, 0xff)
		p = p[i+1:]
	}
}

// Append appends a key to dst. An error names the field, never its value.
func (k *Key) Append(dst []byte, values []debezium.Value) ([]byte, error) {
	if len(values) != len(k.fields) {
		return dst, fmt.Errorf("key has %d values for %d fields", len(values), len(k.fields))
	}
	return appendFields(dst, k.fields, values)
}

func appendFields(dst []byte, fields []keyField, values []debezium.Value) ([]byte, error) {
	var err error
	for i := range fields {
		if dst, err = fields[i].append(dst, &values[i]); err != nil {
			return dst, fmt.Errorf("key field %s: %w", fields[i].name, err)
		}
	}
	return dst, nil
}

func (f *keyField) append(dst []byte, v *debezium.Value) ([]byte, error) {
	if v.Type == debezium.Null {
		return append(dst, tagNull), nil
	}
	if v.Type != f.schema.Type {
		return dst, fmt.Errorf("a %s where its schema has %s", v.Type, f.schema.Type)
	}
	switch f.kind {
	case keyInt, keyMicros:
		return AppendInt(dst, v.I), nil
	case keyMillis:
		if v.I > math.MaxInt64/1000 || v.I < math.MinInt64/1000 {
			return dst, errors.New("a time out of range")
		}
		return AppendInt(dst, v.I*1000), nil
	case keyNanos:
		if v.I%1000 != 0 {
			return dst, errors.New("a time finer than microseconds")
		}
		return AppendInt(dst, v.I/1000), nil
	case keyZoned:
		us, err := parseZoned(v.B)
		return AppendInt(dst, us), err
	case keyBits:
		return appendBits(dst, v.B)
	case keyDecimal:
		return AppendDecimal(dst, v.B)
	case keyFloat:
		return AppendFloat(dst, v.Float()), nil
	case keyString:
		return AppendString(dst, v.B), nil
	case keyBytes:
		return AppendBytes(dst, v.B), nil
	case keyStruct:
		if len(v.Elems) != len(f.elems) {
			return dst, fmt.Errorf("%d values for %d fields", len(v.Elems), len(f.elems))
		}
		return appendFields(append(dst, tagStruct), f.elems, v.Elems)
	case keyArray:
		return f.appendArray(dst, v.Elems)
	default:
		return dst, fmt.Errorf("unknown kind %d of key", f.kind)
	}
}

func (f *keyField) appendArray(dst []byte, elems []debezium.Value) ([]byte, error) {
	dst = append(dst, tagArray)
	for i := range elems {
		var err error
		if dst, err = f.elems[0].append(dst, &elems[i]); err != nil {
			return dst, err
		}
	}
	return append(dst, tagEnd), nil
}

// appendBits appends the number in the little-endian bytes of a BIT column.
func appendBits(dst, p []byte) ([]byte, error) {
	if len(p) > 8 {
		return dst, fmt.Errorf("%d bytes of bits", len(p))
	}
	var u uint64
	for i, b := range p {
		u |= uint64(b) << (8 * i)
	}
	return AppendUint(dst, u), nil
}
