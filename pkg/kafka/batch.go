package kafka

import (
	"time"

	"github.com/IBM/sarama"
)

const (
	arenaBytes     = 64 << 10
	keptBlocks     = 128
	keptBatches    = 8
	keptRecords    = 8192 // the longest records array that is kept for reuse
	recordOverhead = 21   // most bytes that a record's lengths and deltas take on the wire
	recordMemory   = 160
)

// batch is the records of one partition that travel together. Keys and values
// are copied into its arena, so that what a caller sent may be reused at once.
type batch struct {
	partition *partition
	records   []sarama.Record
	headers   []sarama.RecordHeader
	arena     [][]byte // blocks; the last is being filled
	blocks    *blocks
	born      time.Time
	first     int64 // timestamps, ms
	max       int64
	wire      int // bytes before compression, estimated upwards
	memory    int // bytes charged to the producer's buffer

	encoded *sarama.RecordBatch // made at the first attempt, so that a retry is the same bytes
	shared  bool                // the arena belongs to another batch too: no reuse
}

// sizes returns what r adds to a batch on the wire and in memory.
func sizes(r *Record) (wire, memory int) {
	n := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value) + 10
	}
	return n + recordOverhead, n + recordMemory + 64*len(r.Headers)
}

func (b *batch) append(r *Record, stamp int64, wire, memory int) {
	if len(b.records) == 0 {
		b.first, b.max = stamp, stamp
	}
	b.max = max(b.max, stamp)
	rec := sarama.Record{
		TimestampDelta: time.Duration(stamp-b.first) * time.Millisecond,
		Key:            b.copy(r.Key),
		Value:          b.copy(r.Value),
	}
	if len(r.Headers) > 0 {
		rec.Headers = make([]*sarama.RecordHeader, len(r.Headers))
		b.headers = grow(b.headers, len(r.Headers))
		for i, h := range r.Headers {
			b.headers = append(b.headers, sarama.RecordHeader{Key: b.copyString(h.Key), Value: b.copy(h.Value)})
			rec.Headers[i] = &b.headers[len(b.headers)-1]
		}
	}
	b.records = append(b.records, rec)
	b.wire += wire
	b.memory += memory
}

// grow makes room for n more without moving what pointers lead to.
func grow(s []sarama.RecordHeader, n int) []sarama.RecordHeader {
	if len(s)+n <= cap(s) {
		return s
	}
	return make([]sarama.RecordHeader, 0, max(256, n))
}

// copy keeps nil apart from empty: the first is a null on the wire.
func (b *batch) copy(p []byte) []byte {
	if p == nil {
		return nil
	}
	room := b.room(len(p))
	copy(room, p)
	return room
}

func (b *batch) copyString(s string) []byte {
	room := b.room(len(s))
	copy(room, s)
	return room
}

func (b *batch) room(n int) []byte {
	last := len(b.arena) - 1
	if last < 0 || cap(b.arena[last])-len(b.arena[last]) < n {
		b.arena = append(b.arena, b.blocks.take(n))
		last++
	}
	block := b.arena[last]
	b.arena[last] = block[:len(block)+n]
	return b.arena[last][len(block) : len(block)+n : len(block)+n]
}

// split halves a batch that the broker found too large. No part of it was
// written, so the halves take its sequence numbers.
func (b *batch) split() (*batch, *batch) {
	half := len(b.records) / 2
	part := func(records []sarama.Record, share int) *batch {
		return &batch{
			partition: b.partition, blocks: b.blocks, records: records, born: b.born, first: b.first, max: b.max,
			wire: b.wire * share / len(b.records), memory: b.memory * share / len(b.records), shared: true,
		}
	}
	first, second := part(b.records[:half:half], half), part(b.records[half:], len(b.records)-half)
	second.memory = b.memory - first.memory // the sum stays what was charged
	return first, second
}

// blocks are arena blocks to use again, guarded by the producer's lock.
type blocks struct{ free [][]byte }

func (l *blocks) take(n int) []byte {
	last := len(l.free) - 1
	if n > arenaBytes || last < 0 {
		return make([]byte, 0, max(arenaBytes, n))
	}
	block := l.free[last]
	l.free = l.free[:last]
	return block
}

// recycle keeps b and its arena for reuse, p.mu held.
func (p *Producer) recycle(b *batch) {
	if b.shared {
		return
	}
	for _, block := range b.arena {
		if cap(block) == arenaBytes && len(p.blocks.free) < keptBlocks {
			p.blocks.free = append(p.blocks.free, block[:0])
		}
	}
	if cap(b.records) > keptRecords || len(p.free) >= keptBatches {
		return
	}
	clear(b.records)
	clear(b.arena)
	*b = batch{records: b.records[:0], arena: b.arena[:0], blocks: &p.blocks}
	p.free = append(p.free, b)
}
