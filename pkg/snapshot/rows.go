package snapshot

import (
	"errors"
	"math"
)

// RowSet holds rows in one piece of memory, which is used again when it is filled again.
type RowSet struct {
	width int
	data  []byte
	ends  []uint32 // where each field ends in data; the highest bit marks NULL
}

const nullBit = 1 << 31

var errTooLarge = errors.New("rows of more than 2 GiB")

// Reset empties the set for rows of width fields.
func (s *RowSet) Reset(width int) {
	s.width, s.data, s.ends = width, s.data[:0], s.ends[:0]
}

// Add copies a row into the set. A nil field is NULL.
func (s *RowSet) Add(fields [][]byte) error {
	for _, f := range fields {
		s.data = append(s.data, f...)
		end := uint32(len(s.data) & math.MaxInt32)
		if f == nil {
			end |= nullBit
		}
		s.ends = append(s.ends, end)
	}
	if len(s.data) > math.MaxInt32 {
		return errTooLarge
	}
	return nil
}

// Len returns the number of rows.
func (s *RowSet) Len() int {
	if s.width == 0 {
		return 0
	}
	return len(s.ends) / s.width
}

// Size returns the bytes of all values.
func (s *RowSet) Size() int { return len(s.data) }

// Row appends the fields of row i to dst, in MySQL's text form, nil for NULL.
// They are valid until the set is filled again.
func (s *RowSet) Row(i int, dst [][]byte) [][]byte {
	first := i * s.width
	start := uint32(0)
	if first > 0 {
		start = s.ends[first-1] &^ nullBit
	}
	for _, end := range s.ends[first : first+s.width] {
		if end&nullBit != 0 {
			dst = append(dst, nil)
			continue
		}
		dst = append(dst, s.data[start:end:end])
		start = end
	}
	return dst
}
