package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
)

var errShortKey = errors.New("key ends early")

// Decode reads a key that Append wrote under the same form.
func (k *Key) Decode(key []byte) ([]debezium.Value, error) {
	values, rest, err := decodeFields(k.fields, key)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes after the key", len(rest))
	}
	return values, nil
}

func decodeFields(fields []keyField, p []byte) ([]debezium.Value, []byte, error) {
	values := make([]debezium.Value, len(fields))
	for i := range fields {
		var err error
		if values[i], p, err = fields[i].decode(p); err != nil {
			return nil, nil, fmt.Errorf("key field %s: %w", fields[i].name, err)
		}
	}
	return values, p, nil
}

func (f *keyField) decode(p []byte) (debezium.Value, []byte, error) {
	v := debezium.Value{Type: f.schema.Type}
	if len(p) == 0 {
		return v, nil, errShortKey
	}
	if p[0] == tagNull {
		return debezium.Value{}, p[1:], nil
	}
	var err error
	switch f.kind {
	case keyFloat:
		if p[0] != tagFloat || len(p) < 9 {
			return v, nil, errShortKey
		}
		v.I = int64(unorderFloat(binary.BigEndian.Uint64(p[1:])))
		p = p[9:]
	case keyString:
		v.B, p, err = decodeEscaped(tagString, p)
	case keyBytes:
		v.B, p, err = decodeEscaped(tagBytes, p)
	case keyStruct:
		if p[0] != tagStruct {
			return v, nil, fmt.Errorf("key has 0x%02x for a struct", p[0])
		}
		v.Elems, p, err = decodeFields(f.elems, p[1:])
	case keyArray:
		v.Elems, p, err = f.decodeArray(p)
	default:
		var n *big.Int
		if n, p, err = decodeNumber(p); err == nil {
			err = f.setNumber(&v, n)
		}
	}
	return v, p, err
}

func (f *keyField) decodeArray(p []byte) ([]debezium.Value, []byte, error) {
	if p[0] != tagArray {
		return nil, nil, fmt.Errorf("key has 0x%02x for an array", p[0])
	}
	elems := []debezium.Value{}
	for p = p[1:]; len(p) > 0; {
		if p[0] == tagEnd {
			return elems, p[1:], nil
		}
		var v debezium.Value
		var err error
		if v, p, err = f.elems[0].decode(p); err != nil {
			return nil, nil, err
		}
		elems = append(elems, v)
	}
	return nil, nil, errShortKey
}

// setNumber gives v the number as the field's schema has it.
func (f *keyField) setNumber(v *debezium.Value, n *big.Int) error {
	switch f.kind {
	case keyDecimal:
		v.B = twosComplement(n)
		return nil
	case keyBits:
		if !n.IsUint64() {
			return errors.New("key's bits are out of range")
		}
		v.B = littleEndian(n.Uint64(), f.schema)
		return nil
	default:
		if !n.IsInt64() {
			return errors.New("key's number is out of range")
		}
	}
	v.I = n.Int64()
	switch f.kind {
	case keyMillis:
		v.I /= 1000
	case keyNanos:
		v.I *= 1000
	case keyZoned:
		v.B, v.I = time.UnixMicro(v.I).UTC().AppendFormat(nil, time.RFC3339Nano), 0
	default:
	}
	return nil
}

func unorderFloat(u uint64) uint64 {
	if u>>63 != 0 {
		return u &^ (1 << 63)
	}
	return ^u
}

func decodeEscaped(tag byte, p []byte) ([]byte, []byte, error) {
	if p[0] != tag {
		return nil, nil, fmt.Errorf("key has 0x%02x for 0x%02x", p[0], tag)
	}
	out := []byte{}
	for p = p[1:]; ; {
		i := bytes.IndexByte(p, 0)
		if i < 0 {
			return nil, nil, errShortKey
		}
		out = append(out, p[:i]...)
		if i+1 == len(p) || p[i+1] != 0xff {
			return out, p[i+1:], nil
		}
		out = append(out, 0)
		p = p[i+2:]
	}
}

func decodeNumber(p []byte) (*big.Int, []byte, error) {
	tag := int(p[0])
	p = p[1:]
	n, neg := tag-tagZero, tag < tagZero
	switch {
	case tag < tagNegBig || tag > tagPosBig:
		return nil, nil, fmt.Errorf("key has 0x%02x for a number", tag)
	case tag == tagNegBig || tag == tagPosBig:
		if len(p) == 0 {
			return nil, nil, errShortKey
		}
		n = int(p[0])
		if neg {
			n = int(^p[0])
		}
		p = p[1:]
	case neg:
		n = -n
	}
	if len(p) < n {
		return nil, nil, errShortKey
	}
	mag := bytes.Clone(p[:n])
	if neg {
		for i := range mag {
			mag[i] = ^mag[i]
		}
	}
	v := new(big.Int).SetBytes(mag)
	if neg {
		v.Neg(v)
	}
	return v, p[n:], nil
}

// twosComplement returns n in the fewest bytes, big-endian.
func twosComplement(n *big.Int) []byte {
	bitLen := n.BitLen()
	if n.Sign() < 0 {
		bitLen = new(big.Int).Not(n).BitLen()
	}
	size := bitLen/8 + 1
	out := make([]byte, size)
	if n.Sign() >= 0 {
		return n.FillBytes(out)
	}
	mod := new(big.Int).Lsh(big.NewInt(1), uint(8*size))
	return mod.Add(mod, n).FillBytes(out)
}

// littleEndian returns the bytes that a BIT column of the schema's length has.
func littleEndian(u uint64, s *debezium.Schema) []byte {
	out := binary.LittleEndian.AppendUint64(nil, u)
	length, _ := s.Param("length")
	n, err := strconv.Atoi(length)
	if err != nil || n < 1 || n > 64 {
		return bytes.TrimRight(out, "\x00")
	}
	return out[:(n+7)/8]
}

// parseZoned returns the microseconds since 1970 of an ISO 8601 time with zone.
func parseZoned(p []byte) (int64, error) {
	t, err := time.Parse(time.RFC3339Nano, string(p))
	if err != nil {
		return 0, errors.New("not a timestamp with zone")
	}
	if t.Nanosecond()%1000 != 0 {
		return 0, errors.New("a time finer than microseconds")
	}
	if y := t.Year(); y < -200000 || y > 200000 {
		return 0, errors.New("a time out of range")
	}
	return t.Unix()*1e6 + int64(t.Nanosecond()/1000), nil
}
