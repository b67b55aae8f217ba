package applier

import (
	"context"
	"errors"
	"time"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/retry"
)

// errLetGo ends a wait because the group takes the shard away.
var errLetGo = errors.New("the shard is let go")

// awaitRegistry decodes a record whose schema is not known yet while the schema
// registry does not answer. What came before the record is committed first; what
// comes behind it stays in Kafka. Tables whose schemas are known go on.
func (w *work) awaitRegistry(ctx context.Context, r *kafka.Record, err error) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	w.say("waiting", err)
	ctx, cancel := context.WithCancelCause(ctx)
	joined := make(chan struct{})
	defer func() { cancel(nil); <-joined }()
	go func() {
		defer close(joined)
		select {
		case <-w.leave:
			cancel(errLetGo)
		case <-ctx.Done():
		}
	}()
	policy := retry.Policy{Min: time.Second, Max: 10 * time.Second, Logger: w.log, Retryable: func(err error) bool {
		return errors.Is(err, codec.ErrRegistryUnavailable)
	}}
	if err := policy.Do(ctx, "read a schema", func(ctx context.Context) error { return w.decoder.decode(ctx, r, &w.event) }); err != nil {
		return err
	}
	w.say("streaming", nil)
	return nil
}

// schemaChangesRead returns once the schema-change topic has been read up to its
// end. What keeps it from that is shown. A table that has followed the topic does
// not go on without it.
func (w *work) schemaChangesRead(ctx context.Context) error {
	shown := false
	err := w.feed.catchUpSaying(ctx, func(trouble error) {
		shown = true
		w.say("waiting", trouble)
	})
	if errors.Is(err, errNoSchemaTopic) {
		err = nil
		if w.schemas.done > 0 {
			return w.schemaTopicGone()
		}
	}
	if shown && err == nil {
		w.say("streaming", nil)
	}
	return err
}
