package kafka

import "time"

// Record is one encoded event in, or on its way to, a topic's partition.
type Record struct {
	Topic     string
	Partition int32 // when producing, Unassigned leaves it to the key
	Offset    int64 // set when consumed
	Timestamp time.Time
	Key       []byte // nil: the record has no key
	Value     []byte // nil: a tombstone
	Headers   []Header
}

// Header returns the value of the record's header of that name; false: it has none.
func (r *Record) Header(key string) ([]byte, bool) {
	for i := range r.Headers {
		if r.Headers[i].Key == key {
			return r.Headers[i].Value, true
		}
	}
	return nil, false
}

// Unassigned asks the producer to choose the partition as Kafka's default
// partitioner does: murmur2 of the key bytes, sticky without a key.
const Unassigned int32 = -1

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}
