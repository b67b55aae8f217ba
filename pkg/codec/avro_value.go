package codec

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// avroScanner reads Avro's binary form.
type avroScanner struct {
	b []byte
	i int
}

func (s *avroScanner) fail(reason string) error { return &FormatError{Reason: reason, Offset: s.i} }

func (s *avroScanner) long() (int64, error) {
	n, size := binary.Varint(s.b[s.i:])
	if size <= 0 {
		return 0, s.fail("a number does not end")
	}
	s.i += size
	return n, nil
}

// take reads n bytes.
func (s *avroScanner) take(n int64) ([]byte, error) {
	if n < 0 || n > int64(len(s.b)-s.i) {
		return nil, s.fail("a length beyond the end")
	}
	b := s.b[s.i : s.i+int(n) : s.i+int(n)]
	s.i += int(n)
	return b, nil
}

func (s *avroScanner) sized() ([]byte, error) {
	n, err := s.long()
	if err != nil {
		return nil, err
	}
	return s.take(n)
}

func (s *avroScanner) text() ([]byte, error) {
	b, err := s.sized()
	if err == nil && !utf8.Valid(b) {
		err = s.fail("a string is not UTF-8")
	}
	return b, err
}

// isNull reads the index of a union's branch.
func (s *avroScanner) isNull(r *avroReader) (bool, error) {
	if r.empty {
		return true, nil
	}
	if !r.union {
		return false, nil
	}
	branch, err := s.long()
	if err == nil && branch != 0 && branch != 1 {
		err = s.fail("a union has no such branch")
	}
	return branch == r.null, err
}

// value reads one value into v, whose Elems it reuses.
func (s *avroScanner) value(r *avroReader, v *debezium.Value) error {
	v.Type, v.I, v.B, v.Elems = r.schema.Type, 0, nil, v.Elems[:0]
	isNull, err := s.isNull(r)
	if isNull || err != nil {
		v.Type = debezium.Null
		return err
	}
	switch r.schema.Type {
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
		if v.I, err = s.long(); err == nil && !fits(r.schema.Type, v.I) {
			err = s.fail("a number is too large for its type")
		}
	case debezium.String:
		if r.symbols != nil {
			v.B, err = s.symbol(r)
		} else {
			v.B, err = s.text()
		}
	case debezium.Bytes:
		if r.fixed > 0 {
			v.B, err = s.take(int64(r.fixed))
		} else {
			v.B, err = s.sized()
		}
	case debezium.Boolean:
		var b []byte
		if b, err = s.take(1); err == nil {
			v.I = int64(b[0] & 1)
		}
	case debezium.Float32:
		var b []byte
		if b, err = s.take(4); err == nil {
			v.I = int64(math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))))
		}
	case debezium.Float64:
		var b []byte
		if b, err = s.take(8); err == nil {
			v.I = int64(binary.LittleEndian.Uint64(b))
		}
	case debezium.Struct:
		v.Elems, err = s.structure(r, v.Elems)
	case debezium.Array, debezium.Map:
		err = s.elements(r, v)
	default:
		err = s.fail("a type that cannot be decoded")
	}
	return err
}

func fits(t debezium.Type, n int64) bool {
	switch t {
	case debezium.Int8:
		return n == int64(int8(n))
	case debezium.Int16:
		return n == int64(int16(n))
	case debezium.Int32:
		return n == int64(int32(n))
	default:
		return true
	}
}

func (s *avroScanner) symbol(r *avroReader) ([]byte, error) {
	n, err := s.long()
	if err == nil && (n < 0 || n >= int64(len(r.symbols))) {
		err = s.fail("an enum has no such symbol")
	}
	if err != nil {
		return nil, err
	}
	return r.symbols[n], nil
}

func (s *avroScanner) structure(r *avroReader, dst []debezium.Value) ([]debezium.Value, error) {
	dst = resize(dst, len(r.fields))
	for i := range r.fields {
		if err := s.value(&r.fields[i], &dst[i]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// elements reads the blocks of an array or map.
func (s *avroScanner) elements(r *avroReader, v *debezium.Value) error {
	for {
		count, err := s.long()
		if err == nil && count < 0 { // the block's size in bytes follows
			count = -count
			_, err = s.long()
		}
		if err != nil || count == 0 {
			return err
		}
		if count < 0 || count > int64(len(s.b)-s.i) {
			return s.fail("more elements than bytes")
		}
		for range count {
			if r.schema.Type == debezium.Map {
				key, err := s.text()
				if err != nil {
					return err
				}
				v.Elems = resize(v.Elems, len(v.Elems)+1)
				v.Elems[len(v.Elems)-1] = debezium.Value{Type: debezium.String, B: key}
			}
			v.Elems = resize(v.Elems, len(v.Elems)+1)
			if err := s.value(r.items, &v.Elems[len(v.Elems)-1]); err != nil {
				return err
			}
		}
	}
}
