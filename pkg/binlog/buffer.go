package binlog

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// buffer reads fields of an event. After a read past its end it is failed, and
// reads yield zeros.
type buffer struct {
	data   []byte
	failed bool
}

// bytes returns the next n bytes, borrowed.
func (b *buffer) bytes(n int) []byte {
	if n < 0 || n > len(b.data) {
		b.failed = true
		b.data = nil
		return nil
	}
	v := b.data[:n:n]
	b.data = b.data[n:]
	return v
}

// rest returns what is left.
func (b *buffer) rest() []byte { return b.bytes(len(b.data)) }

// uint reads n bytes, little-endian.
func (b *buffer) uint(n int) uint64 { return littleEndian(b.bytes(n)) }

func (b *buffer) uint8() uint8   { return uint8(b.uint(1)) }
func (b *buffer) uint16() uint16 { return uint16(b.uint(2)) }
func (b *buffer) uint32() uint32 { return uint32(b.uint(4)) }
func (b *buffer) uint64() uint64 { return b.uint(8) }

// length reads a length-encoded integer, of something that the event holds.
func (b *buffer) length() int {
	first := b.uint8()
	var n uint64
	switch first {
	case 0xfc:
		n = b.uint(2)
	case 0xfd:
		n = b.uint(3)
	case 0xfe:
		n = b.uint(8)
	default:
		n = uint64(first)
	}
	if n > 1<<31 {
		b.failed = true
		return 0
	}
	return int(n)
}

// varint reads an integer of MySQL's serialization library: as many ones as it
// has bytes behind the first, a zero, and the number.
func (b *buffer) varint() uint64 {
	if len(b.data) == 0 {
		b.failed = true
		return 0
	}
	size := bits.TrailingZeros8(^b.data[0]) + 1
	v := b.bytes(size)
	if size == 9 {
		return littleEndian(v[min(1, len(v)):])
	}
	return littleEndian(v) >> size
}

func littleEndian(b []byte) uint64 {
	var v uint64
	for _, v0 := range slices.Backward(b) {
		v = v<<8 | uint64(v0)
	}
	return v
}

func bigEndian(b []byte) uint64 {
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// header is the common header of events.
type header struct {
	seconds  uint32
	kind     byte
	serverID uint32
	size     uint32
	logPos   uint32 // where the event ends; 0 if it is not from the file
	flags    uint16
}

const (
	fileStart    = 4 // behind the magic number
	headerSize   = 19
	checksumSize = 4

	flagArtificial = 0x20
	flagIgnorable  = 0x80
)

func parseHeader(raw []byte) (header, bool) {
	if len(raw) < headerSize {
		return header{}, false
	}
	h := header{
		seconds:  binary.LittleEndian.Uint32(raw),
		kind:     raw[4],
		serverID: binary.LittleEndian.Uint32(raw[5:]),
		size:     binary.LittleEndian.Uint32(raw[9:]),
		logPos:   binary.LittleEndian.Uint32(raw[13:]),
		flags:    binary.LittleEndian.Uint16(raw[17:]),
	}
	return h, int(h.size) == len(raw)
}
