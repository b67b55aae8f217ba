package kafka

import (
	"encoding/binary"
	"math/bits"
	"reflect"
	"time"
	"unsafe"

	"github.com/IBM/sarama"
)

const (
	freshBytes     = 4 << 10 // of a new batch's buffer: thousands of partitions may have one each
	recordOverhead = 21      // most bytes that a record's lengths and deltas take on the wire
	recordMemory   = 160
)

// batch is the records of one partition that travel together, in the form of
// the wire (https://kafka.apache.org/documentation/#recordbatch), so that what
// a caller sent may be reused at once.
type batch struct {
	partition *partition
	records   []byte
	count     int
	born      time.Time
	first     int64 // timestamps, ms
	max       int64
	size      int // bytes, estimated upwards: what is charged to the producer's buffer
	keySize   int // of the first record

	packed  []byte              // records, compressed
	encoded *sarama.RecordBatch // made at the first attempt, so that a retry is the same bytes
	unused  []*sarama.Record    // sarama only counts them
}

// sizes returns what r adds to a batch on the wire, at most, and what it takes
// in memory once it has been read.
func sizes(r *Record) (wire, memory int) {
	n := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value) + 10
	}
	return n + recordOverhead, n + recordMemory + 64*len(r.Headers)
}

func (b *batch) append(r *Record, stamp int64, size int) {
	if b.count == 0 {
		b.first, b.max, b.keySize = stamp, stamp, len(r.Key)
	}
	b.max = max(b.max, stamp)
	b.size += size
	delta, offset := stamp-b.first, int64(b.count)
	b.count++
	n := 1 + varintSize(delta) + varintSize(offset) + bytesSize(r.Key) + bytesSize(r.Value) + varintSize(int64(len(r.Headers)))
	for i := range r.Headers {
		n += varintSize(int64(len(r.Headers[i].Key))) + len(r.Headers[i].Key) + bytesSize(r.Headers[i].Value)
	}
	w := binary.AppendVarint(grow(b.records, size), int64(n))
	w = append(w, 0) // attributes
	w = binary.AppendVarint(w, delta)
	w = binary.AppendVarint(w, offset)
	w = appendBytes(w, r.Key)
	w = appendBytes(w, r.Value)
	w = binary.AppendVarint(w, int64(len(r.Headers)))
	for i := range r.Headers {
		w = binary.AppendVarint(w, int64(len(r.Headers[i].Key)))
		w = append(w, r.Headers[i].Key...)
		w = appendBytes(w, r.Headers[i].Value)
	}
	b.records = w
}

// grow makes room for n bytes more, in few steps: what it grows for is copied.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(make([]byte, 0, max(4*cap(b), len(b)+n)), b...)
}

// bytesSize is what appendBytes appends.
func bytesSize(p []byte) int {
	if p == nil {
		return 1
	}
	return varintSize(int64(len(p))) + len(p)
}

// appendBytes keeps nil apart from empty: the first is a null.
func appendBytes(dst, p []byte) []byte {
	if p == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(p))), p...)
}

func varintSize(v int64) int {
	zigzag := uint64(v<<1) ^ uint64(v>>63)
	return (bits.Len64(zigzag|1) + 6) / 7
}

// split halves a batch that the broker found too large. No part of it was
// written, so the halves take its sequence numbers.
func (b *batch) split() (*batch, *batch) {
	half := b.count / 2
	part := func(size int) *batch {
		return &batch{partition: b.partition, born: b.born, first: b.first, max: b.max, size: size}
	}
	first := part(b.size * half / b.count)
	second := part(b.size - first.size) // the sum stays what was charged
	rest := b.records
	for i := range b.count {
		n, size := binary.Varint(rest)
		record := rest[size : size+int(n)]
		rest = rest[size+int(n):]
		if i < half {
			first.again(record)
		} else {
			second.again(record)
		}
	}
	return first, second
}

// again appends a record of a batch with the same first timestamp.
func (b *batch) again(record []byte) {
	_, stamp := binary.Varint(record[1:])
	_, offset := binary.Varint(record[1+stamp:])
	head, tail := record[:1+stamp], record[1+stamp+offset:]
	if b.count == 0 {
		n, _ := binary.Varint(tail)
		b.keySize = max(int(n), 0)
	}
	b.records = binary.AppendVarint(b.records, int64(len(head)+varintSize(int64(b.count))+len(tail)))
	b.records = append(b.records, head...)
	b.records = binary.AppendVarint(b.records, int64(b.count))
	b.records = append(b.records, tail...)
	b.count++
}

// encode numbers a batch that has not been sent. Its sequence is final: a
// later attempt is the same batch to the broker.
func (p *Producer) encode(b *batch) (*sarama.RecordBatch, error) {
	packer := p.packer()
	defer p.returnPacker(packer)
	var err error
	if b.packed, err = packer.pack(b.packed[:0], b.records); err != nil {
		return nil, err
	}
	if cap(b.unused) < b.count {
		b.unused = make([]*sarama.Record, b.count)
	}
	encoded := &sarama.RecordBatch{
		Version: 2, Codec: p.codec, Records: b.unused[:b.count],
		FirstTimestamp: time.UnixMilli(b.first), MaxTimestamp: time.UnixMilli(b.max), LastOffsetDelta: int32(b.count - 1),
		ProducerID: p.id, ProducerEpoch: p.epoch, FirstSequence: b.partition.sequence,
		IsTransactional: p.cfg.TransactionalID != "",
	}
	setRecords(encoded, b.packed)
	return encoded, nil
}

// setRecords gives a batch its records in the form of the wire, compressed.
// sarama sends them as they are, but keeps the field to itself, where it puts
// what it has made of Records with three copies and an allocation for each.
func setRecords(b *sarama.RecordBatch, packed []byte) {
	field := reflect.ValueOf(b).Elem().FieldByName("compressedRecords")
	*(*[]byte)(unsafe.Pointer(field.UnsafeAddr())) = packed
}

// recycle keeps b and its buffers for reuse, p.mu held.
func (p *Producer) recycle(b *batch) {
	if size := cap(b.records) + cap(b.packed); p.kept+size <= p.cfg.BufferBytes {
		p.kept += size
		*b = batch{records: b.records[:0], packed: b.packed[:0], unused: b.unused}
		p.free = append(p.free, b)
	}
}

// newBatch returns an empty batch, p.mu held.
func (p *Producer) newBatch() *batch {
	last := len(p.free) - 1
	if last < 0 {
		return &batch{records: make([]byte, 0, freshBytes)}
	}
	b := p.free[last]
	p.free = p.free[:last]
	p.kept -= cap(b.records) + cap(b.packed)
	return b
}
