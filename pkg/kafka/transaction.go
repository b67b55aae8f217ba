package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

var errAborted = errors.New("the Kafka transaction is being aborted")

// Commit makes the transaction visible and returns once that is durable;
// without a transactional id it is Flush. A transaction that nothing was sent in
// costs nothing. On an error the caller aborts; with ErrCommitUnknown the
// transaction may be committed or not, and only reading the topics tells.
func (p *Producer) Commit(ctx context.Context) error {
	if err := p.Flush(ctx); err != nil {
		return fmt.Errorf("commit the Kafka transaction: %w", err)
	}
	if p.cfg.TransactionalID == "" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.inTxn {
		return errors.New("commit a Kafka transaction: none is open")
	}
	if len(p.joined) > 0 {
		p.mu.Unlock()
		err := p.endTxn(ctx, true)
		p.mu.Lock()
		if err != nil {
			return p.fail(fmt.Errorf("commit the Kafka transaction: %w", err))
		}
	}
	p.leave()
	return nil
}

// Abort drops what was sent since Begin, ends the error that ended the span and
// readies the producer for the next Begin. It returns ErrFenced when another
// producer has taken over, and ErrTransactionTime when the broker has given the
// transaction up for its age; such a producer is of no use any more.
func (p *Producer) Abort(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case errors.Is(p.err, ErrFenced), errors.Is(p.err, ErrTransactionTime):
		return p.err
	case p.err == nil:
		p.err = errAborted
	}
	p.drop()
	for p.sending {
		if !p.wait(ctx.Done()) {
			return context.Cause(ctx)
		}
	}
	if p.closed {
		return ErrClosed
	}
	doubt, enrolled := p.doubt, len(p.joined)
	p.mu.Unlock()
	err := p.abort(ctx, doubt, enrolled)
	p.mu.Lock()
	if err != nil {
		p.err = fmt.Errorf("abort the Kafka transaction: %w", err)
		return p.err
	}
	p.leave()
	p.err, p.doubt = nil, false
	return nil
}

func (p *Producer) abort(ctx context.Context, doubt bool, enrolled int) error {
	if enrolled > 0 {
		err := p.endTxn(ctx, false)
		if err != nil && (!doubt || ctx.Err() != nil || errors.Is(err, ErrFenced)) {
			return err
		}
	}
	if !doubt {
		return nil
	}
	// A new epoch: sequences start at 0, and an old batch that still travels is refused.
	if err := p.initID(ctx); err != nil {
		return err
	}
	for _, t := range p.topics {
		for _, part := range t.partitions {
			part.sequence = 0
		}
	}
	return nil
}

// leave forgets the ended transaction.
func (p *Producer) leave() {
	for _, part := range p.joined {
		part.enrolled = false
	}
	p.inTxn, p.joined = false, p.joined[:0]
}

// endTxn commits or aborts. Asking again for what was done is answered with
// success, so only an error after an unanswered attempt leaves a doubt.
func (p *Producer) endTxn(ctx context.Context, commit bool) error {
	lost := false
	err := p.coordinate(ctx, func(b *sarama.Broker) error {
		answer, err := b.EndTxn(&sarama.EndTxnRequest{
			Version: 3, TransactionalID: p.cfg.TransactionalID, ProducerID: p.id, ProducerEpoch: p.epoch, TransactionResult: commit,
		})
		if err == nil && answer.Err != sarama.ErrNoError {
			err = answer.Err
		}
		// A coordinator that could not write may have written all the same.
		if err != nil && retriable(err) && !errors.Is(err, sarama.ErrConcurrentTransactions) {
			lost = true
		}
		return err
	})
	switch {
	case err == nil:
		return nil
	case commit && (lost || ctx.Err() != nil):
		return fmt.Errorf("%w: %w", ErrCommitUnknown, err)
	default:
		return err
	}
}

// initID gets a producer id, or with one in hand its next epoch.
func (p *Producer) initID(ctx context.Context) error {
	req := &sarama.InitProducerIDRequest{
		Version: 4, ProducerID: p.id, ProducerEpoch: p.epoch, TransactionTimeout: p.cfg.TransactionTimeout,
	}
	r := request{
		broker: p.coord.any,
		send: func(b *sarama.Broker) error {
			answer, err := b.InitProducerID(req)
			if err != nil {
				return err
			}
			if answer.Err != sarama.ErrNoError {
				return answer.Err
			}
			p.id, p.epoch = answer.ProducerID, answer.ProducerEpoch
			return nil
		},
		refresh: func() error { return p.coord.RefreshBrokers(p.brokers) },
		timeout: p.cfg.DeliveryTimeout,
	}
	var err error
	if p.cfg.TransactionalID == "" {
		req.ProducerID, req.ProducerEpoch = -1, -1
		err = p.coord.do(ctx, r)
	} else {
		req.TransactionalID = &p.cfg.TransactionalID
		err = p.coordinate(ctx, r.send)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sarama.ErrInvalidTransactionTimeout):
		err = fmt.Errorf("%w: %s is more than the broker's transaction.max.timeout.ms", err, p.cfg.TransactionTimeout)
	case errors.Is(err, sarama.ErrTransactionalIDAuthorizationFailed):
		err = fmt.Errorf("transactional id %s needs WRITE and DESCRIBE: %w", p.cfg.TransactionalID, err)
	}
	return fmt.Errorf("initialise the producer id: %w", err)
}
