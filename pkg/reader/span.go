package reader

import (
	"context"
	"fmt"
	"time"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// span is the records between two saved positions: one Kafka transaction in
// exactly-once mode.
type span struct {
	open    bool
	began   time.Time
	bytes   int
	records int
}

// send adds a record to the span, which it opens if none is. The producer
// copies it.
func (s *session) send(record *kafka.Record) error {
	if s.takeover != nil {
		if in, err := s.inKafka(record); in || err != nil {
			return err
		}
	}
	if err := s.openSpan(); err != nil {
		return err
	}
	s.span.bytes += len(record.Key) + len(record.Value)
	s.span.records++
	return s.producer.SendContext(s.patience, record)
}

func (s *session) openSpan() error {
	if s.span.open {
		return nil
	}
	s.at(BeforePublish)
	if s.cfg.Delivery == ExactlyOnce {
		if err := s.producer.Begin(); err != nil {
			return fmt.Errorf("begin a kafka transaction: %w", err)
		}
	}
	s.span = span{open: true, began: time.Now()}
	return nil
}

// full reports whether the span should end though more is waiting.
func (s *session) full() bool {
	return s.span.open && (s.span.bytes >= s.cfg.SpanBytes || time.Since(s.span.began) >= s.cfg.SpanTime)
}

// endSpan makes the span durable together with the position behind it. In
// exactly-once mode they are one transaction; otherwise the position is
// written only when every record before it is acknowledged.
func (s *session) endSpan(ctx context.Context) error {
	if !s.span.open {
		return nil
	}
	begin := time.Now()
	records, err := s.format().Records(&s.progress, s.saved)
	if err != nil {
		return err
	}
	s.at(AfterPublish)
	if s.cfg.Delivery == AtLeastOnce {
		if err := s.producer.Flush(ctx); err != nil {
			return err
		}
		s.at(InsideKafkaCommit)
	}
	for _, r := range records {
		if err := s.producer.SendContext(ctx, &kafka.Record{Topic: s.cfg.OffsetTopic, Partition: 0, Key: r.Key, Value: r.Value}); err != nil {
			return err
		}
	}
	if s.plain != nil {
		err = s.plain.Flush(ctx) // the history, before the rows that need it
	}
	if err == nil {
		err = s.producer.Flush(ctx)
	}
	if err == nil && s.cfg.Delivery == ExactlyOnce {
		s.at(InsideKafkaCommit)
		err = s.producer.Commit(ctx)
	}
	if err != nil {
		return fmt.Errorf("make %d records durable: %w", s.span.records, err)
	}
	s.at(AfterKafkaCommit)
	s.saved = s.progress.Clone()
	s.durable(time.Since(begin))
	s.span = span{}
	s.lastSave = time.Now()
	if s.unsaid {
		s.unsaid = false
		s.settled()
	}
	return nil
}

// endWholeSpan is endSpan, but the end of ctx gives it time: of a commit that is
// left in the middle nobody knows whether it was done, and then neither whether
// Debezium may go on from the place that was saved before.
func (s *session) endWholeSpan(ctx context.Context) error {
	whole, cancel := outlast(ctx)
	defer cancel()
	return s.endSpan(whole)
}

// outlast returns a context that ends some time after ctx: a stopping reader ends
// what it is at, and does not wait longer for Kafka.
func outlast(ctx context.Context) (longer context.Context, cancel context.CancelFunc) {
	longer, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(drainTime)
		defer timer.Stop()
		select {
		case <-longer.Done():
		case <-timer.C:
			end()
		}
	})
	return longer, func() { stop(); end() }
}

// save writes a position that moved without a record, now and then, so that a
// restart does not read again what nobody wanted.
func (s *session) save(ctx context.Context) error {
	if s.span.open || s.stated || time.Since(s.lastSave) < s.cfg.SaveInterval || s.progress.SamePlace(s.saved) {
		return nil
	}
	if err := s.openSpan(); err != nil {
		return err
	}
	return s.endWholeSpan(ctx)
}
