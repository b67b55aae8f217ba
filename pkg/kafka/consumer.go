package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ConsumerConfig says how a consumer reads ahead.
type ConsumerConfig struct {
	BufferBytes int           // of records that Poll has not returned; 0: 32 MiB. A fetch under way may pass it
	FetchBytes  int           // asked of one partition at a time; 0: 1 MiB
	MaxWait     time.Duration // how long a broker waits for a record; 0: 250 ms
	OpenFor     time.Duration // how long a transaction may hold a partition back before the log names it; 0: 30 s
}

func (c *ConsumerConfig) defaults() error {
	if c.BufferBytes == 0 {
		c.BufferBytes = 32 << 20
	}
	if c.FetchBytes == 0 {
		c.FetchBytes = fetchBytes
	}
	if c.MaxWait == 0 {
		c.MaxWait = fetchWait
	}
	if c.OpenFor == 0 {
		c.OpenFor = openFor
	}
	if c.OpenFor < 0 || c.BufferBytes < 0 || c.FetchBytes < 0 || c.MaxWait < 0 {
		return errors.New("consumer: a size or a time is negative")
	}
	return nil
}

// Fetched is what Poll has of one partition: records, progress without records,
// or the error that stopped it.
type Fetched struct {
	Topic         string
	Partition     int32
	Assignment    int64 // the number of the Assign that it was read for
	Records       []Record
	First         int64 // what the last Poll, or Assign, ended with
	Next          int64 // one past the last offset that this accounts for; gaps are normal
	HighWatermark int64
	LastStable    int64
	Err           error // ErrOffsetOutOfRange, ErrTopicNotFound, ErrTopicRecreated, ErrTopicDenied; Assign starts the partition again
}

// Consumer reads partitions as its caller assigns them, committed records only,
// each once and in order. It remembers no offset anywhere. A partition that
// cannot be read stops alone; a broker that is away is waited for.
//
// Any goroutine may call it, one at a time Poll.
type Consumer struct {
	cfg    ConsumerConfig
	client *Client
	logger *slog.Logger
	data   *session
	life   context.Context
	end    context.CancelFunc
	done   chan struct{}
	wake   chan struct{} // for the dispatcher
	filled chan struct{} // for Poll

	mu       sync.Mutex
	parts    map[TopicPartition]*reading
	ids      map[string]string // expected topic ids
	assigned int64             // how often Assign was called
	ready    []Fetched
	polled   []Fetched // returned by the last Poll
	free     [][]Record
	buffered int
	inFlight map[int32]bool // brokers that a fetch waits on
	growth   float64        // of records over their compressed bytes, as last seen
	fetches  sync.WaitGroup
	closed   bool
}

// reading is a partition that is being read.
type reading struct {
	key      TopicPartition
	number   int64 // of its assignment
	next     int64 // to fetch
	position int64 // handed out by Poll
	high     int64
	stable   int64
	buffered int
	waiting  bool // part of a fetch
	paused   bool
	failed   bool // no fetch until Assign
	told     bool // Poll has the error, or will
	fetch    int  // bytes to ask for: more after a batch that did not fit
	intern   map[string]string
	attempts int       // in a row without an answer
	alone    bool      // fetched without others, after an answer that could not be decoded
	notBy    time.Time // no fetch before
	replica  int32     // preferred broker, -1: the leader
	leaseEnd time.Time // of the preference
	held     held
}

// OpenConsumer opens a consumer without partitions.
func OpenConsumer(ctx context.Context, c *Client, cfg ConsumerConfig) (*Consumer, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	data, err := newSession(ctx, &c.cfg, readTimeout)
	if err != nil {
		return nil, fmt.Errorf("open a consumer: %w", err)
	}
	r := &Consumer{
		cfg: cfg, client: c, logger: c.logger, data: data, growth: 1,
		done: make(chan struct{}), wake: make(chan struct{}, 1), filled: make(chan struct{}, 1),
		parts: make(map[TopicPartition]*reading), ids: make(map[string]string), inFlight: make(map[int32]bool),
	}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	go r.run()
	return r, nil
}

// Assign reads a partition from offset on. One that is assigned already starts
// again there, and what was read ahead of it is dropped. What Poll has returned
// before may still be on its way to whoever wants it: the number of the assignment
// tells.
func (r *Consumer) Assign(topic string, partition int32, offset int64) (assignment int64) {
	key := TopicPartition{Topic: topic, Partition: partition}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(key)
	r.assigned++
	r.parts[key] = r.reading(key, r.assigned, offset)
	signal(r.wake)
	return r.assigned
}

func (r *Consumer) reading(key TopicPartition, number, offset int64) *reading {
	return &reading{
		key: key, number: number, next: offset, position: offset, high: -1, stable: -1, replica: -1,
		fetch: r.cfg.FetchBytes, intern: make(map[string]string),
	}
}

// Unassign stops reading a partition. Poll returns nothing more of it.
func (r *Consumer) Unassign(topic string, partition int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(TopicPartition{Topic: topic, Partition: partition})
	signal(r.wake)
}

// ExpectTopicID has the topic's partitions stop with ErrTopicRecreated once the
// topic's id is another than id. It is compared regularly and after whatever may
// be a sign of it. An empty id ends the watch.
func (r *Consumer) ExpectTopicID(topic, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id == "" {
		delete(r.ids, topic)
		return
	}
	r.ids[topic] = id
}

// Pause keeps what was read ahead of a partition from Poll and reads no more.
func (r *Consumer) Pause(topic string, partition int32) { r.pause(topic, partition, true) }

// Hold is a Pause that takes no room from the other partitions, however long it
// lasts: what was read ahead is dropped, and read again after Resume.
func (r *Consumer) Hold(topic string, partition int32) {
	key := TopicPartition{Topic: topic, Partition: partition}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.parts[key]
	if p == nil {
		return
	}
	r.forget(key)
	held := r.reading(key, p.number, p.position)
	held.paused = true
	r.parts[key] = held
	signal(r.wake)
}

// Resume ends Pause and Hold.
func (r *Consumer) Resume(topic string, partition int32) { r.pause(topic, partition, false) }

func (r *Consumer) pause(topic string, partition int32, paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.parts[TopicPartition{Topic: topic, Partition: partition}]; p != nil {
		p.paused = paused
	}
	signal(r.wake)
	signal(r.filled)
}

// Position returns the offset after what Poll has returned of a partition, and
// its ends as the last fetch saw them (-1 before the first).
func (r *Consumer) Position(topic string, partition int32) (next, highWatermark, lastStable int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.parts[TopicPartition{Topic: topic, Partition: partition}]
	if p == nil {
		return 0, 0, 0, false
	}
	return p.position, p.high, p.stable, true
}

// HeldSince returns since when a partition has had records that an open
// transaction holds back, the zero time if it has none.
func (r *Consumer) HeldSince(topic string, partition int32) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.parts[TopicPartition{Topic: topic, Partition: partition}]
	if p == nil {
		return time.Time{}
	}
	return p.held.since
}

// Poll waits for something of an unpaused partition and returns all there is,
// each partition's in order. The slices are used again by the next Poll, the
// keys and values in them are not. It fails with ctx and once the consumer is
// closed.
func (r *Consumer) Poll(ctx context.Context) ([]Fetched, error) {
	for {
		if out, err := r.take(); len(out) > 0 || err != nil {
			return out, err
		}
		select {
		case <-r.filled:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-r.life.Done():
			return nil, ErrClosed
		}
	}
}

func (r *Consumer) take() ([]Fetched, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	r.recycle()
	kept := r.ready[:0]
	for _, f := range r.ready {
		p := r.parts[TopicPartition{Topic: f.Topic, Partition: f.Partition}]
		if p.paused {
			kept = append(kept, f)
			continue
		}
		f.First, p.position = p.position, f.Next
		r.buffered -= p.buffered
		p.buffered = 0
		r.polled = append(r.polled, f)
	}
	clear(r.ready[len(kept):])
	r.ready = kept
	signal(r.wake)
	return r.polled, nil
}

// recycle takes back the slices of the last Poll.
func (r *Consumer) recycle() {
	for _, f := range r.polled {
		if cap(f.Records) > 0 && len(r.free) < 16 {
			clear(f.Records) // or old keys and values would live on
			r.free = append(r.free, f.Records[:0])
		}
	}
	clear(r.polled)
	r.polled = r.polled[:0]
}

// forget drops a partition and what was read ahead of it, r.mu held.
func (r *Consumer) forget(key TopicPartition) {
	p := r.parts[key]
	if p == nil {
		return
	}
	r.buffered -= p.buffered
	delete(r.parts, key)
	kept := r.ready[:0]
	for _, f := range r.ready {
		if f.Topic != key.Topic || f.Partition != key.Partition {
			kept = append(kept, f)
		}
	}
	clear(r.ready[len(kept):])
	r.ready = kept
}

// Close ends the consumer; a Poll that waits returns ErrClosed.
func (r *Consumer) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.mu.Unlock()
	r.end()
	err := r.data.close()
	<-r.done
	if err != nil {
		return fmt.Errorf("close the consumer: %w", err)
	}
	return nil
}

// signal is a wake-up that one waiter needs once.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
