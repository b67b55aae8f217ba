package kafka

import (
	"fmt"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy/xerial"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// packer compresses batches, one at a time.
type packer struct {
	codec sarama.CompressionCodec
	out   appender
	gzip  *gzip.Writer
	lz4   *lz4.Writer
	zstd  *zstd.Encoder
}

func newPacker(codec sarama.CompressionCodec) (*packer, error) {
	p := &packer{codec: codec}
	var err error
	switch codec {
	case sarama.CompressionNone, sarama.CompressionSnappy:
	case sarama.CompressionGZIP:
		p.gzip = gzip.NewWriter(nil)
	case sarama.CompressionLZ4:
		p.lz4 = lz4.NewWriter(nil)
		// The batch has a checksum of its own.
		err = p.lz4.Apply(lz4.BlockSizeOption(lz4.Block256Kb), lz4.ChecksumOption(false))
	case sarama.CompressionZSTD:
		p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20))
	default:
		err = fmt.Errorf("unknown compression %d", codec)
	}
	return p, err
}

// pack appends src, compressed, to dst.
func (p *packer) pack(dst, src []byte) ([]byte, error) {
	var err error
	switch p.codec {
	case sarama.CompressionGZIP:
		p.out.b = dst
		p.gzip.Reset(&p.out)
		if _, err = p.gzip.Write(src); err == nil {
			err = p.gzip.Close()
		}
		dst = p.out.b
	case sarama.CompressionSnappy:
		dst = xerial.Encode(dst, src)
	case sarama.CompressionLZ4:
		p.out.b = dst
		p.lz4.Reset(&p.out)
		if _, err = p.lz4.Write(src); err == nil {
			err = p.lz4.Close()
		}
		dst = p.out.b
	case sarama.CompressionZSTD:
		dst = p.zstd.EncodeAll(src, dst)
	default:
		dst = append(dst, src...)
	}
	if err != nil {
		return nil, fmt.Errorf("compress a batch: %w", err)
	}
	return dst, nil
}

// appender writes into a slice.
type appender struct{ b []byte }

// Write appends.
func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// packer returns a packer that nobody uses; there are as many as leaders that
// are sent to at a time.
func (p *Producer) packer() *packer {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.packers) - 1
	if last < 0 {
		packer, _ := newPacker(p.codec) // NewProducer has made one of its kind
		return packer
	}
	packer := p.packers[last]
	p.packers = p.packers[:last]
	return packer
}

func (p *Producer) returnPacker(packer *packer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.packers = append(p.packers, packer)
}
