package batch

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Span is what a batch covers of one partition: the offsets from First up to,
// not including, Next. Where a span ends, its last streamed change says how
// far into the source's binlog the partition has come.
type Span struct {
	Partition   int32
	First, Next int64

	TsNs   int64  // source time of the last change; 0 before one
	Server int64  // of the last streamed change
	GTID   []byte // of the last streamed change; valid until the next Add
	File   []byte
	Pos    int64
}

func (s *Span) cover(e *debezium.Event, offset int64) {
	s.Next = offset + 1
	if e.Tombstone {
		return
	}
	src := &e.Source
	s.TsNs = src.TsNs
	if src.File == "" {
		return
	}
	s.Server, s.Pos = src.ServerID, src.Pos
	s.File = append(s.File[:0], src.File...)
	s.GTID = append(s.GTID[:0], src.GTID...)
}

func (s *Span) restart() { s.First = s.Next }

// Begin says that the batch covers a partition from offset on. Without it a
// span begins at the first record that was added, which is too late where
// control records came before.
func (b *Batch) Begin(partition int32, offset int64) {
	i, ok := b.findSpan(partition)
	if !ok {
		b.spans = slices.Insert(b.spans, i, Span{Partition: partition})
	}
	b.spans[i] = Span{Partition: partition, First: offset, Next: offset}
}

// Skip covers a partition up to, not including, next without a change: for
// records that were dead-lettered, and for the gaps that control records leave.
func (b *Batch) Skip(partition int32, next int64) {
	i, ok := b.findSpan(partition)
	if !ok {
		b.Begin(partition, next)
		return
	}
	b.spans[i].Next = max(b.spans[i].Next, next)
}

// Spans returns what the batch covers, by partition, partitions without
// progress included. It is valid until the next change of the batch.
func (b *Batch) Spans() []Span { return b.spans }

// span returns the number of the span that offset continues.
func (b *Batch) span(partition int32, offset int64) (int, error) {
	i, ok := b.findSpan(partition)
	if !ok {
		b.Begin(partition, offset)
	}
	if offset < b.spans[i].Next {
		return 0, fmt.Errorf("offset %d of partition %d comes after offset %d", offset, partition, b.spans[i].Next-1)
	}
	return i, nil
}

func (b *Batch) findSpan(partition int32) (int, bool) {
	if len(b.spans) == 1 && b.spans[0].Partition == partition {
		return 0, true
	}
	return slices.BinarySearchFunc(b.spans, partition, func(s Span, p int32) int {
		return cmp.Compare(s.Partition, p)
	})
}
