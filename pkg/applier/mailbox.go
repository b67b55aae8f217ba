package applier

import (
	"sync"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// mailbox holds what was read for one shard until it has time. A partition that
// fills it is paused.
type mailbox struct {
	consumer *kafka.Consumer
	limit    int
	ready    chan struct{} // something has been delivered

	mu     sync.Mutex
	queue  []kafka.Fetched
	bytes  int
	paused []kafka.TopicPartition
	free   [][]kafka.Record
	closed bool
}

func newMailbox(c *kafka.Consumer, limit int) *mailbox {
	return &mailbox{consumer: c, limit: limit, ready: make(chan struct{}, 1)}
}

// deliver puts a copy of f, whose records are used again, into the box.
func (m *mailbox) deliver(f *kafka.Fetched) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	own := *f
	if n := len(m.free); n > 0 {
		own.Records = append(m.free[n-1][:0], f.Records...)
		m.free = m.free[:n-1]
	} else {
		own.Records = append([]kafka.Record(nil), f.Records...)
	}
	m.queue = append(m.queue, own)
	m.bytes += size(f)
	if m.bytes >= m.limit {
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
	m.queue, m.bytes = m.queue[:0], 0
	for _, tp := range m.paused {
		m.consumer.Resume(tp.Topic, tp.Partition)
	}
	m.paused = m.paused[:0]
	return dst
}

// give returns the records of what was taken, for later deliveries.
func (m *mailbox) give(done []kafka.Fetched) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range done {
		if r := done[i].Records; cap(r) > 0 && len(m.free) < 8 {
			clear(r) // or their keys and values would live on
			m.free = append(m.free, r[:0])
		}
	}
}

// open empties the box and lets deliveries in, or with false keeps them out.
func (m *mailbox) open(open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.queue)
	m.queue, m.bytes, m.paused, m.closed = m.queue[:0], 0, m.paused[:0], !open
}

func size(f *kafka.Fetched) int {
	n := 0
	for i := range f.Records {
		n += len(f.Records[i].Key) + len(f.Records[i].Value) + 128
	}
	return n
}
