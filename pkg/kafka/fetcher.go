package kafka

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

const (
	idCheckInterval = 10 * time.Second
	replicaLease    = 5 * time.Minute
	// With a partition left out because its buffer is full, a fetch returns
	// early, so that the partition can join the next one.
	crowdedWait = 5 * time.Millisecond
	fetchAhead  = 2 // fetches of one partition that may wait for Poll
	missingFor  = 8 // attempts until an unknown topic is taken to be deleted
	damagedFor  = 5 // attempts until what cannot be decoded is taken to be damaged in the log
)

// run starts a fetch for every broker that has partitions to read and none
// under way.
func (r *Consumer) run() {
	defer close(r.done)
	defer r.fetches.Wait()
	check := time.NewTicker(idCheckInterval)
	defer check.Stop()
	held := time.NewTicker(max(r.cfg.OpenFor/4, time.Millisecond))
	defer held.Stop()
	for {
		retry := r.dispatch()
		var timer <-chan time.Time
		if retry > 0 {
			timer = time.After(retry)
		}
		select {
		case <-r.wake:
		case <-timer:
		case <-check.C:
			r.checkIDs()
		case <-held.C:
			r.fetches.Go(r.checkHeld)
		case <-r.life.Done():
			return
		}
	}
}

// want is one partition of a fetch.
type want struct {
	*reading
	from int64
}

// dispatch returns how long until a partition that had an error is due.
func (r *Consumer) dispatch() time.Duration {
	wants, retry := r.wants()
	byBroker := make(map[*sarama.Broker][]want)
	crowded := make(map[*sarama.Broker]bool)
	for _, w := range wants {
		b, err := r.source(w.reading)
		if err != nil {
			r.mu.Lock()
			r.failedFetch(w.reading, err)
			r.mu.Unlock()
			retry = backoff(nil, 0)
			continue
		}
		if w.from < 0 {
			crowded[b] = true
			continue
		}
		if of := byBroker[b]; len(of) > 0 && (w.alone || of[0].alone) {
			continue // its turn comes
		}
		byBroker[b] = append(byBroker[b], w)
	}
	for b, of := range byBroker {
		r.start(b, of, crowded[b])
	}
	return retry
}

// wants lists the partitions to fetch; those whose buffer is full with from < 0.
func (r *Consumer) wants() (wants []want, retry time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	full := r.buffered >= r.cfg.BufferBytes
	now := time.Now()
	for _, p := range r.parts {
		switch {
		case p.paused, p.failed, p.waiting, full:
		case p.notBy.After(now):
			if left := p.notBy.Sub(now); retry == 0 || left < retry {
				retry = left
			}
		case p.buffered >= fetchAhead*r.cfg.FetchBytes:
			wants = append(wants, want{p, -1})
		default:
			wants = append(wants, want{p, p.next})
		}
	}
	return wants, retry
}

// source returns the broker to read p from.
func (r *Consumer) source(p *reading) (*sarama.Broker, error) {
	if p.replica >= 0 && time.Now().Before(p.leaseEnd) {
		if b, err := r.data.Broker(p.replica); err == nil {
			return b, nil
		}
	}
	p.replica = -1
	return r.data.Leader(p.key.Topic, p.key.Partition)
}

func (r *Consumer) start(b *sarama.Broker, wants []want, crowded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inFlight[b.ID()] || r.closed {
		return
	}
	r.inFlight[b.ID()] = true
	asked := 0
	for _, w := range wants {
		w.waiting = true
		asked += w.fetch
	}
	wait := r.cfg.MaxWait
	if crowded {
		wait = min(wait, crowdedWait)
	}
	room := float64(r.cfg.BufferBytes-r.buffered) / r.growth
	maxBytes := min(int(room), r.cfg.BufferBytes/max(2, len(r.inFlight)), asked, maxRequestBytes)
	req := fetchRequest(wait, max(maxBytes, 1), r.client.cfg.ClientRack)
	for _, w := range wants {
		req.AddBlock(w.key.Topic, w.key.Partition, w.from, int32(w.fetch), -1)
	}
	r.fetches.Go(func() { r.fetch(b, req, wants, maxBytes) })
}

// fetch takes one broker's answer. While a partition is waiting nobody else
// touches its reading, so decoding needs no lock.
func (r *Consumer) fetch(b *sarama.Broker, req *sarama.FetchRequest, wants []want, maxBytes int) {
	answer, err := b.Fetch(req)
	if err == nil && answer.ErrorCode != 0 {
		err = sarama.KError(answer.ErrorCode)
	}
	if broken(err) {
		_ = b.Close()
	}
	got := make([]arrival, len(wants))
	bytes := 0
	for i, w := range wants {
		if got[i].err = err; err == nil {
			got[i] = r.decode(w.reading, answer.GetBlock(w.key.Topic, w.key.Partition))
		}
		bytes += got[i].bytes
	}
	stale := make(map[string]struct{})
	r.mu.Lock()
	r.inFlight[b.ID()] = false
	for i, w := range wants {
		w.waiting = false
		switch {
		case r.parts[w.key] != w.reading: // assigned anew since
		case errors.Is(got[i].err, sarama.ErrIncompleteResponse) && bytes > 0: // the others have filled it
		case got[i].err != nil:
			stale[w.key.Topic] = struct{}{}
			r.failedFetch(w.reading, got[i].err)
		default:
			r.accept(w.reading, got[i])
		}
	}
	// It grows at once, so that well compressed data passes the bound only once.
	r.growth = max(1, float64(bytes)/float64(max(maxBytes, 1)), r.growth*0.99)
	r.mu.Unlock()
	if len(stale) > 0 {
		_ = r.data.RefreshMetadata(slices.Collect(maps.Keys(stale))...) // the next attempt tells
	}
	if len(stale) > 0 && r.life.Err() == nil {
		r.checkIDs()
	}
	signal(r.wake)
}

// arrival is what a fetch brought of one partition.
type arrival struct {
	records []Record
	next    int64
	bytes   int
	block   *sarama.FetchResponseBlock
	err     error
}

func (r *Consumer) decode(p *reading, block *sarama.FetchResponseBlock) arrival {
	switch {
	case block == nil:
		return arrival{err: sarama.ErrIncompleteResponse}
	case block.Err != sarama.ErrNoError:
		return arrival{err: block.Err}
	}
	a := arrival{block: block}
	a.records, a.next, a.err = committed(r.slab(), p.key.Topic, p.key.Partition, p.next, block, p.intern)
	a.bytes = memory(a.records)
	return a
}

func (r *Consumer) slab() []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.free)
	if n == 0 {
		return nil
	}
	slab := r.free[n-1]
	r.free = r.free[:n-1]
	return slab
}

// accept queues what came of p, r.mu held.
func (r *Consumer) accept(p *reading, a arrival) {
	p.attempts, p.notBy, p.alone = 0, time.Time{}, false
	if to := a.block.PreferredReadReplica; to >= 0 && to != p.replica {
		p.replica, p.leaseEnd = to, time.Now().Add(replicaLease)
	}
	first := p.high < 0
	rewound := a.block.HighWaterMarkOffset < p.high
	p.high, p.stable = a.block.HighWaterMarkOffset, a.block.LastStableOffset
	p.held.see(p.stable, p.high)
	if rewound {
		r.fetches.Go(r.checkIDs)
	}
	if a.next == p.next && !first {
		if a.block.Partial || len(a.block.RecordsSet) > 0 { // a batch that did not fit
			p.fetch = min(2*p.fetch, maxRequestBytes)
		}
		if cap(a.records) > 0 {
			r.free = append(r.free, a.records[:0])
		}
		return
	}
	p.next, p.fetch = a.next, r.cfg.FetchBytes
	p.buffered += a.bytes
	r.buffered += a.bytes
	r.ready = append(r.ready, Fetched{
		Topic: p.key.Topic, Partition: p.key.Partition, Assignment: p.number, Records: a.records,
		Next: a.next, HighWatermark: p.high, LastStable: p.stable,
	})
	signal(r.filled)
}

// failedFetch plans another attempt at p or stops it, r.mu held.
func (r *Consumer) failedFetch(p *reading, err error) {
	p.attempts++
	p.replica = -1
	switch {
	case errors.Is(err, sarama.ErrOffsetOutOfRange):
		r.fetches.Go(func() { r.outOfRange(p) })
		p.failed = true // until that has looked
	case undecodable(err) && p.attempts < damagedFor,
		errors.Is(err, sarama.ErrUnknownTopicOrPartition) && p.attempts < missingFor,
		!errors.Is(err, sarama.ErrUnknownTopicOrPartition) && retriable(err):
		p.alone = undecodable(err) // or it would stop the others of its fetch too
		p.notBy = time.Now().Add(backoff(nil, p.attempts))
		if p.attempts == 3 {
			r.logger.Warn("partition cannot be read, trying on", "topic", p.key.Topic, "partition", p.key.Partition, "error", err)
		}
	default:
		r.stop(p, explain(err))
	}
}

// stop ends p with err, r.mu held.
func (r *Consumer) stop(p *reading, err error) {
	p.failed, p.told = true, true
	r.ready = append(r.ready, Fetched{
		Topic: p.key.Topic, Partition: p.key.Partition, Assignment: p.number, Next: p.next, HighWatermark: p.high, LastStable: p.stable,
		Err: fmt.Errorf("read %s/%d at offset %d: %w", p.key.Topic, p.key.Partition, p.next, err),
	})
	signal(r.filled)
}

// outOfRange asks the leader whether p's offset is in the log: a replica that
// lags may have said no.
func (r *Consumer) outOfRange(p *reading) {
	r.checkIDs()
	err := r.client.outOfRange(r.life, p.key.Topic, p.key.Partition, p.next)
	r.mu.Lock()
	defer r.mu.Unlock()
	var out *OffsetOutOfRangeError
	switch {
	case r.parts[p.key] != p || p.told || r.life.Err() != nil:
	case errors.As(err, &out) && (out.Asked < out.Earliest || out.Asked > out.Latest):
		r.stop(p, err)
	default:
		p.failed = false
		p.notBy = time.Now().Add(backoff(nil, p.attempts))
		signal(r.wake)
	}
}

// checkIDs stops the partitions of topics that were created anew. All are asked
// about at once: there may be thousands.
func (r *Consumer) checkIDs() {
	want := make(map[string]string)
	r.mu.Lock()
	for key := range r.parts {
		if id, ok := r.ids[key.Topic]; ok {
			want[key.Topic] = id
		}
	}
	r.mu.Unlock()
	if len(want) == 0 {
		return
	}
	answer, err := r.client.metadata(r.life, slices.Collect(maps.Keys(want)))
	if err != nil {
		return // reading tells what is wrong
	}
	for _, topic := range answer.Topics {
		id := want[topic.Name]
		if topic.Err != sarama.ErrNoError || topic.Uuid == (sarama.Uuid{}) || topic.Uuid.String() == id {
			continue
		}
		r.mu.Lock()
		for key, p := range r.parts {
			if key.Topic == topic.Name && r.ids[key.Topic] == id && !p.told {
				r.stop(p, &TopicRecreatedError{Topic: topic.Name, Want: id, Got: topic.Uuid.String()})
			}
		}
		r.mu.Unlock()
	}
}
