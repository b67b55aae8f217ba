package binlog

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"fmt"
	"io"
	"slices"
)

// inflate appends size bytes of deflated data to dst.
func inflate(dst, data []byte, size int, wrapped bool) ([]byte, error) {
	var r io.Reader = flate.NewReader(bytes.NewReader(data))
	if wrapped {
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return dst, fmt.Errorf("inflate: %w", err)
		}
		r = z
	}
	start := len(dst)
	// A deflated byte holds at most 1032: a size that is not true must not take the memory it asks for.
	if size > len(data)*1032+1032 {
		return dst, errTruncated
	}
	dst = slices.Grow(dst, size)[:start+size]
	if _, err := io.ReadFull(r, dst[start:]); err != nil {
		return dst[:start], fmt.Errorf("inflate: %w", err)
	}
	return dst, nil
}

// inflateEvent inflates the body of a compressed event of MariaDB.
func inflateEvent(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, errTruncated
	}
	sizeBytes := int(data[0] & 7)
	if method := data[0] >> 4 & 7; method != 0 || sizeBytes == 0 || sizeBytes > 4 || 1+sizeBytes > len(data) {
		return nil, fmt.Errorf("unknown event compression %#x", data[0])
	}
	size := int(bigEndian(data[1 : 1+sizeBytes]))
	return inflate(nil, data[1+sizeBytes:], size, true)
}
