package binlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Fields and compression types of a TRANSACTION_PAYLOAD event
// (https://dev.mysql.com/doc/dev/mysql-server/latest/classbinary__log_1_1codecs_1_1binary_1_1Transaction__payload.html).
const (
	payloadEnd         = 0
	payloadCompression = 2

	compressionZstd = 0
	compressionNone = 255

	// maxIdleEvent is how large a buffer is kept between transactions.
	maxIdleEvent = 1 << 20

	// maxZstdWindow is that of zstd's highest level, 22, which the server allows.
	maxZstdWindow = 1 << 27
)

// payload yields the events of a compressed transaction. It inflates as it
// goes, so that it holds one event and zstd's window.
type payload struct {
	zstd  *zstd.Decoder
	in    io.Reader // nil between transactions
	event []byte

	seconds uint32 // of the event itself: Debezium has no other time for what is in it
}

// open begins with the body of a TRANSACTION_PAYLOAD event, which it borrows.
func (p *payload) open(body []byte) error {
	d := buffer{data: body}
	compression := compressionZstd
	for kind := d.length(); kind != payloadEnd && !d.failed; kind = d.length() {
		value := buffer{data: d.bytes(d.length())}
		if kind == payloadCompression {
			compression = value.length()
		}
	}
	if d.failed {
		return errTruncated
	}
	in := bytes.NewReader(d.rest())
	switch compression {
	case compressionNone:
		p.in = in
		return nil
	case compressionZstd:
	default:
		return fmt.Errorf("transaction is compressed by unknown method %d", compression)
	}
	var err error
	if p.zstd == nil {
		p.zstd, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	} else {
		err = p.zstd.Reset(in)
	}
	if err != nil {
		return fmt.Errorf("open compressed transaction: %w", err)
	}
	p.in = p.zstd
	return nil
}

// next returns the next event, or io.EOF after the last.
func (p *payload) next() ([]byte, error) {
	p.event = append(p.event[:0], make([]byte, headerSize)...)
	if _, err := io.ReadFull(p.in, p.event); err != nil {
		p.in = nil
		if cap(p.event) > maxIdleEvent {
			p.event = nil
		}
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("inflate transaction: %w", err)
	}
	h, _ := parseHeader(p.event)
	if h.size < headerSize {
		return nil, errTruncated
	}
	var err error
	if p.event, err = readBody(p.in, p.event, int(h.size)); err != nil {
		return nil, fmt.Errorf("inflate transaction: %w", err)
	}
	return p.event, nil
}

// readBody extends event from in to size. It grows with what arrives: the size
// may be a lie.
func readBody(in io.Reader, event []byte, size int) ([]byte, error) {
	const step = 1 << 20
	for len(event) < size {
		have := len(event)
		want := min(size, max(cap(event), have+step))
		if cap(event) < want {
			event = append(make([]byte, 0, max(want, min(size, 2*have))), event...)
		}
		event = event[:want]
		if _, err := io.ReadFull(in, event[have:]); err != nil {
			return nil, err
		}
	}
	return event, nil
}

func (p *payload) close() {
	if p.zstd != nil {
		p.zstd.Close()
	}
}
