package applier

import (
	"sync"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// mailbox holds what was read for one shard until it has time. A partition that
// fills it is paused, and so is one that comes when all boxes together are full.
type mailbox struct {
	consumer *kafka.Consumer
	limit    int
	room     *mailroom
	ready    chan struct{} // something has been delivered

	mu     sync.Mutex
	queue  []kafka.Fetched
	bytes  int
	taken  int // bytes that were taken and not given back
	paused []kafka.TopicPartition
	closed bool
}

// mailroom is what the mailboxes of all shards share.
type mailroom struct {
	budget

	mu   sync.Mutex
	free [][]kafka.Record // for later deliveries
}

// records returns an empty slice.
func (r *mailroom) records() []kafka.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.free)
	if n == 0 {
		return nil
	}
	last := r.free[n-1]
	r.free = r.free[:n-1]
	return last
}

const freeSlices = 32

// give returns the records of what was taken.
func (r *mailroom) give(done []kafka.Fetched) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range done {
		if records := done[i].Records; cap(records) > 0 && len(r.free) < freeSlices {
			clear(records) // or their keys and values would live on
			r.free = append(r.free, records[:0])
		}
	}
}

func newMailbox(c *kafka.Consumer, limit int, room *mailroom) *mailbox {
	return &mailbox{consumer: c, limit: limit, room: room, ready: make(chan struct{}, 1)}
}

// deliver puts a copy of f, whose records are used again, into the box.
func (m *mailbox) deliver(f *kafka.Fetched) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	own := *f
	own.Records = append(m.room.records(), f.Records...)
	m.queue = append(m.queue, own)
	bytes := size(f)
	m.bytes += bytes
	if used := m.room.used.Add(int64(bytes)); m.bytes >= m.limit || used >= m.room.limit {
		tp := kafka.TopicPartition{Topic: f.Topic, Partition: f.Partition}
		m.consumer.Pause(tp.Topic, tp.Partition)
		m.paused = append(m.paused, tp)
	}
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// take empties the box into dst.
func (m *mailbox) take(dst []kafka.Fetched) []kafka.Fetched {
	m.mu.Lock()
	defer m.mu.Unlock()
	dst = append(dst[:0], m.queue...)
	clear(m.queue)
	m.queue, m.bytes, m.taken = m.queue[:0], 0, m.taken+m.bytes
	for _, tp := range m.paused {
		m.consumer.Resume(tp.Topic, tp.Partition)
	}
	m.paused = m.paused[:0]
	return dst
}

// give returns what was taken.
func (m *mailbox) give(done []kafka.Fetched) {
	m.room.give(done)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.room.used.Add(-int64(m.taken))
	m.taken = 0
}

// open empties the box and lets deliveries in, or with false keeps them out.
func (m *mailbox) open(open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.queue)
	m.room.used.Add(-int64(m.bytes))
	m.queue, m.bytes, m.paused, m.closed = m.queue[:0], 0, m.paused[:0], !open
}

func size(f *kafka.Fetched) int {
	n := 0
	for i := range f.Records {
		n += len(f.Records[i].Key) + len(f.Records[i].Value) + 128
	}
	return n
}
