package mysql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	packetHeader   = 4
	maxPayload     = 1<<24 - 1
	readBuffer     = 256 << 10
	keepBuffer     = 4 << 20 // a larger buffer, grown for one long row, is not kept
	nullField      = 0xfb
	okPacket       = 0x00
	eofPacket      = 0xfe
	errPacket      = 0xff
	localInfile    = 0xfb
	maxEOFPacket   = 9
	moreResults    = 0x0008
	commandQuery   = 0x03
	commandQuit    = 0x01
	serverStateLen = 5
)

var errMalformed = errors.New("malformed packet")

// packets reads the packets of one connection. What next returns is borrowed
// from the buffer until the call after it.
type packets struct {
	src  io.Reader
	buf  []byte
	r, w int
	seq  byte
	long []byte // a payload of several packets, put together
	read int64  // bytes of payload since the last reset
}

func (p *packets) reset() {
	p.seq, p.read = 1, 0
	if cap(p.buf) > keepBuffer && p.r == p.w {
		p.buf, p.r, p.w = nil, 0, 0
	}
	if cap(p.long) > keepBuffer {
		p.long = nil
	}
}

func (p *packets) next() ([]byte, error) {
	payload, err := p.one()
	if err != nil || len(payload) < maxPayload {
		return payload, err
	}
	p.long = append(p.long[:0], payload...)
	for len(payload) == maxPayload {
		if payload, err = p.one(); err != nil {
			return nil, err
		}
		p.long = append(p.long, payload...)
	}
	return p.long, nil
}

func (p *packets) one() ([]byte, error) {
	if p.w-p.r < packetHeader {
		if err := p.fill(packetHeader); err != nil {
			return nil, err
		}
	}
	h := p.buf[p.r:]
	n := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
	if h[3] != p.seq {
		return nil, fmt.Errorf("%w: sequence %d, want %d", errMalformed, h[3], p.seq)
	}
	p.seq++
	if p.w-p.r < packetHeader+n {
		if err := p.fill(packetHeader + n); err != nil {
			return nil, err
		}
	}
	payload := p.buf[p.r+packetHeader : p.r+packetHeader+n]
	p.r += packetHeader + n
	p.read += int64(n)
	return payload, nil
}

// fill reads until n bytes are buffered.
func (p *packets) fill(n int) error {
	if p.r == p.w {
		p.r, p.w = 0, 0
	}
	if len(p.buf)-p.r < n {
		buf := p.buf
		if len(buf) < n {
			buf = make([]byte, max(n, readBuffer))
		}
		p.w = copy(buf, p.buf[p.r:p.w])
		p.buf, p.r = buf, 0
	}
	for p.w-p.r < n {
		m, err := p.src.Read(p.buf[p.w:])
		p.w += m
		if err != nil && p.w-p.r < n {
			return err
		}
	}
	return nil
}

// lenEnc reads a length-encoded integer and returns what follows it.
func lenEnc(b []byte) (n uint64, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, errMalformed
	}
	width := 0
	switch b[0] {
	case 0xfc:
		width = 2
	case 0xfd:
		width = 3
	case 0xfe:
		width = 8
	case nullField, 0xff:
		return 0, nil, errMalformed
	default:
		return uint64(b[0]), b[1:], nil
	}
	if len(b) <= width {
		return 0, nil, errMalformed
	}
	var raw [8]byte
	copy(raw[:], b[1:1+width])
	return binary.LittleEndian.Uint64(raw[:]), b[1+width:], nil
}

// lenEncBytes reads a length-encoded string and returns what follows it.
func lenEncBytes(b []byte) (s, rest []byte, err error) {
	n, rest, err := lenEnc(b)
	if err != nil || n > uint64(len(rest)) {
		return nil, nil, errMalformed
	}
	return rest[:n:n], rest[n:], nil
}

// splitRow sets fields to the values of a row of the text protocol, nil for NULL.
func splitRow(b []byte, fields [][]byte) error {
	for i := range fields {
		if len(b) == 0 {
			return errMalformed
		}
		if n := int(b[0]); n < nullField { // most values are short
			if n >= len(b) {
				return errMalformed
			}
			fields[i] = b[1 : 1+n : 1+n]
			b = b[1+n:]
			continue
		}
		if b[0] == nullField {
			fields[i], b = nil, b[1:]
			continue
		}
		var err error
		if fields[i], b, err = lenEncBytes(b); err != nil {
			return err
		}
	}
	if len(b) != 0 {
		return errMalformed
	}
	return nil
}

// parseError reads an ERR packet.
func parseError(b []byte) error {
	if len(b) < 3 {
		return errMalformed
	}
	e := &ServerError{Code: binary.LittleEndian.Uint16(b[1:])}
	b = b[3:]
	if len(b) > serverStateLen && b[0] == '#' {
		e.State, b = string(b[1:1+serverStateLen]), b[1+serverStateLen:]
	}
	e.Message = string(b)
	return e
}
