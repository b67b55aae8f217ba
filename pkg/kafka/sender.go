package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	maxRequestBytes = 99 << 20 // sarama refuses requests of 100 MiB
	roundBytes      = 4 << 20  // of batches in flight, which bounds the encoding's copies
	produceTimeout  = 15 * time.Second
)

// run sends in rounds: of every partition that is due its oldest batch, one
// request per leader, all answers awaited. So at most one batch of a partition
// is in flight, and none overtakes another.
func (p *Producer) run() {
	defer close(p.done)
	for {
		round, wait := p.round()
		if len(round) > 0 {
			p.deliver(round)
			continue
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-p.wake:
		case <-timer:
		case <-p.life.Done():
			return
		}
	}
}

// round takes the batches to send now, or says how long to wait for more.
func (p *Producer) round() (round []*batch, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed() != nil || len(p.active) == 0 {
		return nil, 0
	}
	now := time.Now()
	if wait := p.resume.Sub(now); wait > 0 {
		return nil, wait
	}
	due, wait := p.due(now)
	if !due {
		return nil, wait
	}
	bytes := 0
	rest := p.active[:0]
	var served []*partition
	for _, part := range p.active {
		if len(part.queue) == 0 && part.open != nil {
			p.seal(part)
		}
		if len(part.queue) == 0 {
			part.active = false
			continue
		}
		if b := part.queue[0]; bytes == 0 || bytes+b.size <= roundBytes {
			bytes += b.size
			round = append(round, b)
			part.queue = part.queue[1:]
			served = append(served, part)
			continue
		}
		rest = append(rest, part)
	}
	p.active = append(rest, served...) // who had to wait is first the next time
	p.sending = len(round) > 0
	return round, 0
}

// due reports whether something is to be sent now, else when.
func (p *Producer) due(now time.Time) (bool, time.Duration) {
	if p.hurry > 0 {
		return true, 0
	}
	wait := p.cfg.Linger
	for _, part := range p.active {
		if len(part.queue) > 0 {
			return true, 0
		}
		if part.open == nil {
			continue
		}
		left := p.cfg.Linger - now.Sub(part.open.born)
		if left <= 0 || part.open.size >= p.cfg.BatchBytes {
			return true, 0
		}
		wait = min(wait, left)
	}
	return false, wait
}

// deliver sends a round and takes its answers.
func (p *Producer) deliver(round []*batch) {
	results := p.attempt(round)
	p.mu.Lock()
	defer p.mu.Unlock()
	retry := false
	for i, b := range round {
		if p.settle(b, results[i]) {
			retry = true
		}
	}
	p.resume, p.retries = time.Time{}, p.retries+1
	if retry {
		p.resume = time.Now().Add(min(10*time.Millisecond<<min(p.retries, 6), 500*time.Millisecond))
	} else {
		p.retries = 0
	}
	p.sending = false
	p.broadcast()
}

// attempt sends every batch once and returns each one's result.
func (p *Producer) attempt(round []*batch) []error {
	results := make([]error, len(round))
	if err := p.enroll(round); err != nil {
		for i := range results {
			results[i] = err
		}
		return results
	}
	leaders := make(map[*sarama.Broker][]int)
	for i, b := range round {
		leader, err := p.data.Leader(b.partition.topic.name, b.partition.id)
		if err != nil {
			results[i] = err
			continue
		}
		leaders[leader] = append(leaders[leader], i)
	}
	var wg sync.WaitGroup
	for leader, of := range leaders {
		wg.Go(func() { p.produce(leader, of, round, results) })
	}
	wg.Wait()
	stale := make(map[string]struct{})
	for i, b := range round {
		if results[i] != nil && retriable(results[i]) {
			stale[b.partition.topic.name] = struct{}{}
		}
	}
	for name := range stale {
		_ = p.data.RefreshMetadata(name) // the next attempt tells
	}
	return results
}

// produce sends the batches of one leader.
func (p *Producer) produce(leader *sarama.Broker, of []int, round []*batch, results []error) {
	req := &sarama.ProduceRequest{
		RequiredAcks: sarama.WaitForAll, Timeout: int32(produceTimeout / time.Millisecond), Version: 8,
	}
	if p.cfg.TransactionalID != "" {
		req.TransactionalID = &p.cfg.TransactionalID
	}
	sent := make([]int, 0, len(of))
	for _, i := range of {
		b := round[i]
		if b.encoded == nil {
			if b.encoded, results[i] = p.encode(b); results[i] != nil {
				continue
			}
		}
		req.AddBatch(b.partition.topic.name, b.partition.id, b.encoded)
		sent = append(sent, i)
	}
	if len(sent) == 0 {
		return
	}
	answer, err := leader.Produce(req)
	if broken(err) {
		_ = leader.Close()
	}
	for _, i := range sent {
		results[i] = err
		if err != nil {
			continue
		}
		block := answer.GetBlock(round[i].partition.topic.name, round[i].partition.id)
		switch {
		case block == nil:
			results[i] = sarama.ErrIncompleteResponse
		case block.Err != sarama.ErrNoError && block.Err != sarama.ErrDuplicateSequenceNumber:
			results[i] = block.Err
		}
	}
}

// settle records the result of one attempt at b, p.mu held. It reports whether b
// is to be sent again.
func (p *Producer) settle(b *batch, err error) (again bool) {
	part := b.partition
	switch {
	case err == nil:
		part.sequence = advance(part.sequence, b.count)
		p.release(b)
		return false
	case p.failed() != nil:
		p.doubt = true // nobody will ask whether it was written
		p.release(b)
		return false
	case errors.Is(err, sarama.ErrMessageSizeTooLarge) || errors.Is(err, sarama.ErrMessageSetSizeTooLarge):
		if b.count > 1 {
			first, second := b.split()
			p.unacked++
			part.queue = append([]*batch{first, second}, part.queue...)
			return false
		}
	case retriable(err) && time.Since(b.born) < p.cfg.DeliveryTimeout:
		p.logger.Debug("batch is sent again", "topic", part.topic.name, "partition", part.id, "error", err)
		part.queue = append([]*batch{b}, part.queue...)
		return true
	}
	_ = p.fail(p.produceError(b, err)) // who sends, flushes or commits gets it
	p.release(b)
	return false
}

// advance adds n to a sequence number, which wraps before its sign bit.
func advance(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) & 0x7fffffff)
}

// fail ends the span, and returns why.
func (p *Producer) fail(err error) error {
	if p.err == nil {
		p.err = p.outlived(err)
	}
	p.doubt = true
	p.drop()
	return p.err
}

// outlived tells a transaction that the broker gave up for its age from one that
// another producer has ended: to the broker they are the same.
func (p *Producer) outlived(err error) error {
	if !errors.Is(err, ErrFenced) || len(p.joined) == 0 || time.Since(p.began) < p.cfg.TransactionTimeout {
		return err
	}
	late := fmt.Errorf("%w (%s)", ErrTransactionTime, p.cfg.TransactionTimeout)
	if errors.Is(err, ErrCommitUnknown) {
		return fmt.Errorf("%w: %w", ErrCommitUnknown, late)
	}
	return late
}

// drop forgets what waits to be sent.
func (p *Producer) drop() {
	for _, part := range p.active {
		queued := part.queue
		if part.open != nil {
			queued = append(queued, part.open)
		}
		for _, b := range queued {
			if b.encoded != nil {
				p.doubt = true // an attempt was made
			}
			p.release(b)
		}
		part.queue, part.open, part.active = nil, nil, false
	}
	p.active = nil
}

func (p *Producer) release(b *batch) {
	p.unacked--
	p.buffered -= b.size
	p.records -= b.count
	p.recycle(b)
}

func (p *Producer) produceError(b *batch, err error) error {
	e := &ProduceError{Topic: b.partition.topic.name, Partition: b.partition.id, Records: b.count, Size: b.size, err: explain(err)}
	switch {
	case errors.Is(err, sarama.ErrMessageSizeTooLarge), errors.Is(err, sarama.ErrMessageSetSizeTooLarge):
		e.err = &RecordTooLargeError{Topic: e.Topic, Size: b.size, KeySize: b.keySize}
	case retriable(err):
		e.err = fmt.Errorf("not acknowledged within %s: %w", p.cfg.DeliveryTimeout, e.err)
	}
	return e
}

// enroll adds the round's partitions to the open transaction.
func (p *Producer) enroll(round []*batch) error {
	if p.cfg.TransactionalID == "" {
		return nil
	}
	names := make(map[string][]int32)
	var fresh []*partition
	for _, b := range round {
		if part := b.partition; !part.enrolled {
			names[part.topic.name] = append(names[part.topic.name], part.id)
			fresh = append(fresh, part)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	began := time.Now()
	err := p.coordinate(p.life, func(b *sarama.Broker) error {
		answer, err := b.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: p.cfg.TransactionalID, ProducerID: p.id, ProducerEpoch: p.epoch, TopicPartitions: names,
		})
		if err != nil {
			return err
		}
		return enrollError(answer)
	})
	// An answer may be lost: what was asked for counts as part of the transaction.
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.joined) == 0 {
		p.began = began
	}
	p.joined = append(p.joined, fresh...)
	for _, part := range fresh {
		part.enrolled = true
	}
	if err != nil {
		return fmt.Errorf("add partitions to the transaction: %w", err)
	}
	return nil
}

func enrollError(answer *sarama.AddPartitionsToTxnResponse) error {
	var skipped error
	for topic, partitions := range answer.Errors {
		for _, part := range partitions {
			switch part.Err {
			case sarama.ErrNoError:
			case sarama.ErrOperationNotAttempted: // because of another one
				skipped = part.Err
			default:
				return fmt.Errorf("%s/%d: %w", topic, part.Partition, part.Err)
			}
		}
	}
	return skipped
}

// coordinate asks the transaction coordinator.
func (p *Producer) coordinate(ctx context.Context, send func(*sarama.Broker) error) error {
	return p.coord.do(ctx, request{
		broker:  func() (*sarama.Broker, error) { return p.coord.TransactionCoordinator(p.cfg.TransactionalID) },
		send:    send,
		refresh: func() error { return p.coord.RefreshTransactionCoordinator(p.cfg.TransactionalID) },
		timeout: p.cfg.DeliveryTimeout,
	})
}
