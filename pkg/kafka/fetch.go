package kafka

import (
	"cmp"
	"encoding/binary"
	"reflect"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// fetchVersion is the newest that sarama encodes without leader epochs; it has
// the rack of the reader.
const fetchVersion = 11

// committed appends the records of block from offset from on that a
// read_committed reader sees, and returns the offset to read next. That may move
// without a record: aborted data, control records and what compaction removed
// have offsets too.
func committed(dst []Record, topic string, partition int32, from int64, block *sarama.FetchResponseBlock, intern map[string]string) ([]Record, int64, error) {
	next := from
	aborted := slices.Clone(block.AbortedTransactions)
	slices.SortFunc(aborted, func(a, b *sarama.AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	var producers map[int64]struct{} // of the aborted transactions that are open at the batch
	for _, set := range block.RecordsSet {
		batch := set.RecordBatch
		if batch == nil {
			return dst, next, errLegacyFormat
		}
		if batch.PartialTrailingRecord {
			break // the rest of it comes with the next fetch
		}
		for len(aborted) > 0 && aborted[0].FirstOffset <= batch.LastOffset() {
			if producers == nil {
				producers = make(map[int64]struct{})
			}
			producers[aborted[0].ProducerID] = struct{}{}
			aborted = aborted[1:]
		}
		_, drop := producers[batch.ProducerID]
		switch {
		case batch.Control:
			if drop && abortMarker(batch) {
				delete(producers, batch.ProducerID)
			}
		case drop && batch.IsTransactional:
		default:
			dst = appendRecords(dst, topic, partition, from, batch, intern)
		}
		next = max(next, batch.LastOffset()+1)
	}
	if len(block.RecordsSet) == 0 && !block.Partial {
		next = max(next, afterEmptyBatches(block))
	}
	return dst, next, nil
}

// abortMarker reports whether a control batch ends an aborted transaction.
func abortMarker(batch *sarama.RecordBatch) bool {
	if len(batch.Records) == 0 || len(batch.Records[0].Key) < 4 {
		return false
	}
	return binary.BigEndian.Uint16(batch.Records[0].Key[2:]) == uint16(sarama.ControlRecordAbort)
}

func appendRecords(dst []Record, topic string, partition int32, from int64, batch *sarama.RecordBatch, intern map[string]string) []Record {
	dst = slices.Grow(dst, len(batch.Records))
	for _, rec := range batch.Records {
		offset := batch.FirstOffset + rec.OffsetDelta
		if offset < from {
			continue // a batch is answered whole
		}
		r := Record{
			Topic: topic, Partition: partition, Offset: offset, Key: rec.Key, Value: rec.Value,
			Timestamp: batch.FirstTimestamp.Add(rec.TimestampDelta),
		}
		if batch.LogAppendTime {
			r.Timestamp = batch.MaxTimestamp
		}
		if len(rec.Headers) > 0 {
			r.Headers = make([]Header, len(rec.Headers))
			for i, h := range rec.Headers {
				r.Headers[i] = Header{Key: internString(intern, h.Key), Value: h.Value}
			}
		}
		dst = append(dst, r)
	}
	return dst
}

// internString returns the one string of a header key: there are few.
func internString(known map[string]string, b []byte) string {
	if s, ok := known[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(known) < 1000 {
		known[s] = s
	}
	return s
}

// afterEmptyBatches returns the offset after batches that compaction has left
// without a record, or 0. sarama leaves them out of RecordsSet and keeps the
// offset to itself; without it a reader would ask for the same batch for ever.
func afterEmptyBatches(block *sarama.FetchResponseBlock) int64 {
	next := reflect.ValueOf(block).Elem().FieldByName("recordsNextOffset")
	if next.IsValid() && next.Kind() == reflect.Pointer && !next.IsNil() {
		return next.Elem().Int()
	}
	return 0
}

// memory is what records hold, their share of a fetch's buffer included.
func memory(records []Record) int {
	n := 0
	for i := range records {
		_, m := sizes(&records[i])
		n += m
	}
	return n
}

// fetchRequest asks for read_committed records; more than a batch is answered
// with one batch at least.
func fetchRequest(wait time.Duration, maxBytes int, rack string) *sarama.FetchRequest {
	return &sarama.FetchRequest{
		Version: fetchVersion, MaxWaitTime: int32(wait / time.Millisecond), MinBytes: 1, MaxBytes: int32(maxBytes),
		Isolation: sarama.ReadCommitted, SessionEpoch: -1, RackID: rack,
	}
}
