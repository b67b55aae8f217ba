// Package reader moves row changes from MySQL to Kafka: it snapshots the
// captured tables, follows the binlog, and saves its place together with the
// records behind which it is safe to resume. Per key, records are in commit
// order.
//
// A Reader runs sessions, each from what the last one saved; a session is one
// goroutine that owns all state. What a value means is package convert's
// matter, what it looks like package codec's, what is durable package
// checkpoint's.
package reader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/retry"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// version is the connector version in source blocks: of the Debezium whose
// format this is.
const version = "3.6.1.Final"

// Reader reads one server under one topic prefix.
type Reader struct {
	cfg       Config
	log       *slog.Logger
	connector string // mysql or mariadb
	metrics   *telemetry.Reader
	bytes     int64           // published
	undone    map[string]bool // transactions that the server rolled back after their rows were read
	blocked   error           // nothing was published since the schema registry did not answer
}

// New returns a reader. The configuration must be valid.
func New(cfg Config) *Reader {
	return &Reader{cfg: cfg, log: cfg.Logger, undone: make(map[string]bool)}
}

// Run reads until ctx ends, the work is done (StopAtEnd, SnapshotInitialOnly),
// or something is wrong that waiting does not heal. What was read by then is
// durable when it returns. Lost connections are made again.
func (r *Reader) Run(ctx context.Context) error {
	policy := retry.Policy{Min: r.cfg.ReconnectMin, Max: r.cfg.ReconnectMax, Retryable: r.heals, Logger: r.log}
	err := policy.Run(ctx, "read "+r.cfg.MySQL.Address(), r.session)
	stopped := ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) // between two sessions: nothing is to be saved
	if stopped || errors.Is(err, errDone) {
		err = nil
	}
	if err != nil {
		r.cfg.Status.Fail(err)
	}
	return err
}

// heals reports whether an error may be gone after a while, or after beginning
// again at the last saved position.
func (r *Reader) heals(err error) bool {
	switch {
	case errors.Is(err, codec.ErrRegistryUnavailable):
		r.blocked = err
	case errors.Is(err, binlog.ErrDisconnected), errors.Is(err, mysql.ErrUnreachable), errors.Is(err, mysql.ErrClosed),
		mysql.IsServerError(err, mysql.CodeLockWaitTimeout, mysql.CodeDeadlock), errors.Is(err, errRestart), kafka.Retriable(err):
	default:
		return false
	}
	r.cfg.Status.SetNotReady(err.Error())
	if r.metrics != nil {
		r.metrics.Lag.Waits(time.Now().UnixNano()) // nobody knows what there is to read meanwhile
	}
	return true
}

func (r *Reader) at(point Point) {
	if r.cfg.At != nil {
		r.cfg.At(point)
	}
}

// session reads from the last saved position until an error. It works once it is
// open.
func (r *Reader) session(ctx context.Context, works func()) (err error) {
	s := newSession(ctx, r)
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	works()
	torn, err := s.loop(ctx)
	s.metrics.Connected.Store(false)
	if ctx.Err() != nil { // asked to stop
		r.cfg.Status.SetState(status.Stopping)
		return s.drain(ctx, torn)
	}
	switch {
	case errors.Is(err, errDone):
		return errors.Join(err, s.giveBack(ctx, true))
	case errors.Is(err, binlog.ErrDisconnected):
		s.metrics.Disconnected()
	case errors.Is(err, binlog.ErrServerIDInUse):
		return s.superseded(ctx, err)
	}
	return err
}

// superseded returns why another client has our server id: a reader of the same
// prefix has it by right, and our producer is fenced.
func (s *session) superseded(ctx context.Context, inUse error) error {
	if s.cfg.Delivery != ExactlyOnce || s.stated {
		return inUse
	}
	err := s.openSpan()
	if err == nil {
		err = s.endSpan(ctx)
	}
	if errors.Is(err, kafka.ErrFenced) {
		return err
	}
	return inUse
}

// drainTime bounds how long a stopping reader waits for Kafka.
const drainTime = 20 * time.Second

// drain makes what was read durable, though ctx has ended. A span that is torn, or
// of which the position is not reached, is given up and comes again.
func (s *session) drain(ctx context.Context, torn bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if !torn && !s.stated {
		if err := s.endSpan(ctx); err != nil {
			return fmt.Errorf("save what was read: %w", err)
		}
	}
	return s.giveBack(ctx, true)
}

// contextHeaders are the headers of every record: who wrote it.
func (r *Reader) contextHeaders() []kafka.Header {
	if !r.cfg.Headers {
		return nil
	}
	return []kafka.Header{
		{Key: debezium.HeaderContextLogical, Value: []byte(r.cfg.Prefix)},
		{Key: debezium.HeaderContextTask, Value: []byte("0")},
		{Key: debezium.HeaderContextConnector, Value: []byte(r.connector)},
		{Key: debezium.HeaderContextRun, Value: []byte(r.cfg.RunID)},
	}
}
