package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// ProducerConfig says how a producer sends.
type ProducerConfig struct {
	TransactionalID    string        // empty: idempotent, without transactions
	TransactionTimeout time.Duration // after which the broker aborts; 0: 60 s
	Compression        string        // none, gzip, snappy, lz4, zstd; empty: none
	BatchBytes         int           // of one partition's batch before compression; 0: 1 MB, which every broker takes
	BufferBytes        int           // of records that are not acknowledged; 0: 32 MiB
	Linger             time.Duration // how long a record may wait for company; 0: 5 ms
	DeliveryTimeout    time.Duration // for a batch or a commit to be acknowledged; 0: 2 min
}

func (c *ProducerConfig) defaults() error {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&c.TransactionTimeout, time.Minute)
	set(&c.Linger, 5*time.Millisecond)
	set(&c.DeliveryTimeout, 2*time.Minute)
	if c.BatchBytes == 0 {
		c.BatchBytes = 1_000_000
	}
	if c.BufferBytes == 0 {
		c.BufferBytes = 32 << 20
	}
	if c.BatchBytes < 0 || c.BufferBytes < 0 || c.Linger < 0 || c.DeliveryTimeout < 0 || c.TransactionTimeout < 0 {
		return errors.New("producer: a size or a time is negative")
	}
	return nil
}

func compression(name string) (sarama.CompressionCodec, error) {
	codec := sarama.CompressionNone
	if name == "" {
		return codec, nil
	}
	if err := codec.UnmarshalText([]byte(name)); err != nil {
		return codec, fmt.Errorf("--kafka-compression: %q is none of none, gzip, snappy, lz4, zstd", name)
	}
	return codec, nil
}

// Producer sends records in order per partition, each once: a retry is
// recognised by its sequence number. With a transactional id, what Begin to
// Commit encloses becomes visible to read_committed readers whole or not at
// all. The first permanent error ends the span: Send, Flush and Commit return it
// until Abort. With ErrFenced or ErrTransactionTime the producer is of no use any more. A topic's partition count is read once in a producer's life, so
// that a key keeps its partition.
//
// One goroutine sends and commits; Close may be called from another.
type Producer struct {
	cfg     ProducerConfig
	codec   sarama.CompressionCodec
	logger  *slog.Logger
	brokers []string
	data    *session // to partition leaders
	coord   *session // to the transaction coordinator
	wake    chan struct{}
	done    chan struct{} // closed when the sender has ended
	life    context.Context
	end     context.CancelFunc

	id    int64
	epoch int16

	mu       sync.Mutex
	topics   map[string]*topic
	last     *topic       // of the last record
	active   []*partition // those with something to send
	free     []*batch
	kept     int // bytes of their buffers
	packers  []*packer
	buffered int
	records  int // of them
	unacked  int // batches
	hurry    int // callers that wait for the buffer to drain
	sending  bool
	inTxn    bool
	joined   []*partition // that the open transaction holds
	began    time.Time    // when the first of them was asked for
	doubt    bool         // a batch was sent whose fate is not known: the sequences are lost
	closed   bool
	err      error
	changed  chan struct{} // closed and replaced when a waiter should look again
	resume   time.Time     // no sending before, after a retriable error
	retries  int           // rounds in a row that had one
}

type topic struct {
	name       string
	partitions []*partition
	sticky     *partition // of records without a key, until its batch is full
}

type partition struct {
	topic    *topic
	id       int32
	sequence int32
	enrolled bool // in the open transaction
	active   bool
	open     *batch
	queue    []*batch // before open, to be sent or sent again
}

// NewProducer opens a producer. With a transactional id it fences the previous
// one of that id and ends what that left open; so it reads nothing of the
// previous one's progress before.
func NewProducer(ctx context.Context, c *Client, cfg ProducerConfig) (*Producer, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	codec, err := compression(cfg.Compression)
	if err != nil {
		return nil, err
	}
	first, err := newPacker(codec)
	if err != nil {
		return nil, err
	}
	p := &Producer{
		cfg: cfg, codec: codec, packers: []*packer{first}, logger: c.logger, brokers: c.cfg.Brokers, id: -1, epoch: -1,
		wake: make(chan struct{}, 1), done: make(chan struct{}), changed: make(chan struct{}),
		topics: make(map[string]*topic),
	}
	p.life, p.end = context.WithCancel(context.WithoutCancel(ctx))
	if p.data, err = newSession(ctx, &c.cfg, readTimeout); err != nil {
		return nil, err
	}
	if p.coord, err = newSession(ctx, &c.cfg, readTimeout); err != nil {
		return nil, errors.Join(err, p.data.close())
	}
	if err := p.initID(ctx); err != nil {
		return nil, errors.Join(err, p.data.close(), p.coord.close())
	}
	go p.run()
	return p, nil
}

// Begin opens a transaction. Without a transactional id it does nothing.
func (p *Producer) Begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.failed(); err != nil || p.cfg.TransactionalID == "" {
		return err
	}
	if p.inTxn {
		return errors.New("begin a Kafka transaction: one is open")
	}
	p.inTxn = true
	return nil
}

// Send queues a copy of r. It blocks while the buffer is full, until there is
// room, the span has failed or the producer is closed.
func (p *Producer) Send(r *Record) error { return p.send(nil, r) }

// SendContext is Send that also ends with ctx.
func (p *Producer) SendContext(ctx context.Context, r *Record) error {
	if err := p.send(ctx.Done(), r); !errors.Is(err, errInterrupted) {
		return err
	}
	return context.Cause(ctx)
}

var errInterrupted = errors.New("interrupted")

func (p *Producer) send(done <-chan struct{}, r *Record) error {
	size, _ := sizes(r)
	stamp := r.Timestamp.UnixMilli()
	if r.Timestamp.IsZero() {
		stamp = time.Now().UnixMilli()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.buffered > 0 && p.buffered+size > p.cfg.BufferBytes && p.failed() == nil {
		p.hurry++
		p.poke()
		ok := p.wait(done)
		p.hurry--
		if !ok {
			return errInterrupted
		}
	}
	if err := p.failed(); err != nil {
		return err
	}
	if p.cfg.TransactionalID != "" && !p.inTxn {
		return errors.New("send outside a Kafka transaction")
	}
	if size > maxRequestBytes {
		return &RecordTooLargeError{Topic: r.Topic, Size: size, KeySize: len(r.Key)}
	}
	part, err := p.pick(r)
	if err != nil {
		return err
	}
	for part.open != nil && part.open.size+size > p.cfg.BatchBytes {
		p.seal(part)
		if part, err = p.pick(r); err != nil {
			return err
		}
	}
	b := part.open
	if b == nil {
		b = p.batch(part)
	}
	b.append(r, stamp, size)
	p.buffered += size
	p.records++
	if b.size >= p.cfg.BatchBytes {
		p.poke()
	}
	return nil
}

// pick returns the partition that r goes to.
func (p *Producer) pick(r *Record) (*partition, error) {
	t := p.last
	if t == nil || t.name != r.Topic {
		var err error
		if t, err = p.topic(r.Topic); err != nil {
			return nil, err
		}
		p.last = t
	}
	n := int32(len(t.partitions))
	switch {
	case r.Partition >= n:
		return nil, fmt.Errorf("send to %s/%d: the topic has %d partitions", r.Topic, r.Partition, n)
	case r.Partition >= 0:
		return t.partitions[r.Partition], nil
	case r.Key != nil:
		return t.partitions[Partition(r.Key, n)], nil
	}
	if t.sticky == nil {
		t.sticky = t.partitions[rand.IntN(int(n))]
	}
	return t.sticky, nil
}

// topic looks a topic up the first time that something is sent to it.
func (p *Producer) topic(name string) (*topic, error) {
	if t := p.topics[name]; t != nil {
		return t, nil
	}
	p.mu.Unlock()
	var ids []int32
	err := p.data.do(p.life, request{
		send:    func(*sarama.Broker) (err error) { ids, err = p.data.Partitions(name); return err },
		refresh: func() error { return p.data.RefreshMetadata(name) },
	})
	p.mu.Lock()
	if err != nil {
		return nil, fmt.Errorf("find the partitions of %s: %w", name, err)
	}
	if t := p.topics[name]; t != nil {
		return t, nil
	}
	t := &topic{name: name, partitions: make([]*partition, len(ids))}
	for i := range t.partitions {
		t.partitions[i] = &partition{topic: t, id: int32(i)}
	}
	p.topics[name] = t
	return t, nil
}

// batch opens a batch in part.
func (p *Producer) batch(part *partition) *batch {
	b := p.newBatch()
	b.partition, b.born = part, time.Now()
	part.open = b
	p.unacked++
	if !part.active {
		part.active = true
		p.active = append(p.active, part)
	}
	p.poke()
	return b
}

func (*Producer) seal(part *partition) {
	part.queue = append(part.queue, part.open)
	part.open = nil
	if part.topic.sticky == part {
		part.topic.sticky = nil
	}
}

// Flush returns once all that was sent is acknowledged.
func (p *Producer) Flush(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hurry++
	defer func() { p.hurry-- }()
	for p.unacked > 0 && p.failed() == nil {
		p.poke()
		if !p.wait(ctx.Done()) {
			return context.Cause(ctx)
		}
	}
	return p.failed()
}

// Queued returns how many records, and how many bytes of them, were sent and are not acknowledged.
func (p *Producer) Queued() (records, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.records, p.buffered
}

// Close ends the producer. What was not flushed, and a transaction that was not
// committed, is lost: the next producer of the transactional id aborts it.
func (p *Producer) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.broadcast()
	p.mu.Unlock()
	p.end()
	err := errors.Join(p.data.close(), p.coord.close())
	<-p.done
	if err != nil {
		return fmt.Errorf("close the producer: %w", err)
	}
	return nil
}

// failed is why nothing may be sent; p.mu is held.
func (p *Producer) failed() error {
	if p.closed {
		return ErrClosed
	}
	return p.err
}

// poke has the sender look again.
func (p *Producer) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *Producer) broadcast() {
	close(p.changed)
	p.changed = make(chan struct{})
	p.poke()
}

// wait gives up p.mu until something has changed, and reports false when done
// came first.
func (p *Producer) wait(done <-chan struct{}) bool {
	changed := p.changed
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-changed:
		return true
	case <-done:
		return false
	}
}
