package kafka

import (
	"context"
	"log/slog"
	"time"
)

const (
	openFor = 30 * time.Second
	// openLongest is how long brokers let a transaction be open
	// (transaction.max.timeout.ms): one that is older is not ended by itself.
	openLongest = 15 * time.Minute
	openAgain   = 5 * time.Minute // between two words about one transaction
)

// held is for how long the last stable offset of a partition has stood still
// below the high watermark: what comes after is not read until the transaction
// that begins there has ended.
type held struct {
	at    int64
	since time.Time // zero: it does not stand still
	said  time.Time // when the log last named the transaction
}

// see takes note of what a fetch brought.
func (h *held) see(stable, high int64) {
	switch {
	case stable >= high:
		*h = held{}
	case h.since.IsZero() || h.at != stable:
		*h = held{at: stable, since: time.Now()}
	}
}

// due reports whether it is time to say something, and that it was said.
func (h *held) due(after time.Duration) bool {
	now := time.Now()
	if h.since.IsZero() || now.Sub(h.since) < after || !h.said.IsZero() && now.Sub(h.said) < openAgain {
		return false
	}
	h.said = now
	return true
}

// checkHeld names the transactions that hold partitions back.
func (r *Consumer) checkHeld() {
	due := make(map[TopicPartition]held)
	r.mu.Lock()
	for key, p := range r.parts {
		if p.held.due(r.cfg.OpenFor) {
			due[key] = p.held
		}
	}
	r.mu.Unlock()
	for key, h := range due {
		r.client.sayHeld(r.life, key, h)
	}
}

// sayHeld names the transaction that holds a partition back.
func (c *Client) sayHeld(ctx context.Context, key TopicPartition, h held) {
	attrs := []any{"topic", key.Topic, "partition", key.Partition, "offset", h.at, "duration", time.Since(h.since).Round(time.Second)}
	open, err := c.OpenTransactions(ctx, key.Topic, key.Partition)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		attrs = append(attrs, "error", err)
	case len(open) == 0: // it has ended just now
		return
	default:
		first := &open[0]
		attrs = append(attrs, "transactional_id", first.TransactionalID, "producer_id", first.ProducerID, "last_write", first.LastWrite)
	}
	level := slog.LevelWarn
	if time.Since(h.since) > openLongest {
		level = slog.LevelError
	}
	c.logger.Log(ctx, level, "an open transaction holds back all records behind it: start its producer again, "+
		"or end the transaction with kafka-transactions.sh abort --topic … --partition … --start-offset …", attrs...)
}
