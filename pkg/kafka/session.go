package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// session is a set of connections, one per broker, with its own metadata. Kafka
// serves a connection's requests one after the other, so whatever may block (a
// fetch, a join) has a session of its own.
type session struct {
	sarama.Client
	dialer  *dialer
	cancel  context.CancelFunc
	timeout time.Duration
	logger  *slog.Logger
	brokers string
}

// newSession opens nothing yet. ctx bounds the look-up of a password, and not
// the session's life.
func newSession(ctx context.Context, cfg *Config, readTimeout time.Duration) (*session, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &dialer{ctx: life, conns: make(map[*conn]struct{})}
	sc := sarama.NewConfig()
	sc.Version = sarama.V3_6_0_0
	sc.ClientID = "firn"
	if cfg.ClientID != "" {
		sc.ClientID = cfg.ClientID
	}
	sc.RackID = cfg.ClientRack
	sc.Net.MaxOpenRequests = 1
	sc.Net.ReadTimeout = readTimeout
	sc.Net.Proxy.Enable, sc.Net.Proxy.Dialer = true, d
	sc.Metadata.Full = false
	sc.Metadata.AllowAutoTopicCreation = false
	sc.Metadata.Retry.Max = 0
	sc.Consumer.Offsets.AutoCommit.Enable = false
	sc.Consumer.Group.ResetInvalidOffsets = false
	if err := cfg.secure(life, sc); err != nil {
		cancel()
		return nil, err
	}
	client, err := sarama.NewClient(cfg.Brokers, sc)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open a Kafka session: %w", explain(err))
	}
	return &session{
		Client: client, dialer: d, cancel: cancel, timeout: cfg.requestTimeout(),
		logger: cfg.Logger, brokers: strings.Join(cfg.Brokers, ","),
	}, nil
}

// close breaks whatever is under way and ends the session.
func (s *session) close() error {
	s.cancel()
	s.dialer.interrupt()
	if err := s.Close(); err != nil && !errors.Is(err, sarama.ErrClosedClient) {
		return err
	}
	return nil
}

// request is something to ask of a broker until it is answered.
type request struct {
	broker  func() (*sarama.Broker, error) // nil: send needs none
	send    func(*sarama.Broker) error     // a KError that came with the answer is returned as it is
	refresh func() error                   // learns anew which broker to ask; may be nil
	timeout time.Duration                  // 0: the session's
}

// do sends r, again after an error that may heal, until ctx ends or the time is
// up, and says so meanwhile. Ending ctx breaks the session's connections.
func (s *session) do(ctx context.Context, r request) error {
	if r.timeout == 0 {
		r.timeout = s.timeout
	}
	stop := context.AfterFunc(ctx, s.dialer.interrupt)
	defer stop()
	deadline := time.Now().Add(r.timeout)
	silence := s.listen()
	defer silence.end()
	for attempt := 0; ; attempt++ {
		err := s.once(r)
		silence.is(err)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case s.Closed():
			return ErrClosed
		case !retriable(err), time.Now().After(deadline):
			return explain(err)
		}
		if err := sleep(ctx, backoff(err, attempt)); err != nil {
			return err
		}
		if r.refresh != nil {
			_ = r.refresh() // the next attempt tells
		}
	}
}

func (*session) once(r request) error {
	if r.broker == nil {
		return r.send(nil)
	}
	b, err := r.broker()
	if err != nil {
		return err
	}
	if err = r.send(b); broken(err) {
		_ = b.Close()
	}
	return err
}

// any returns a broker that serves cluster-wide requests.
func (s *session) any() (*sarama.Broker, error) {
	if b := s.LeastLoadedBroker(); b != nil {
		return b, nil
	}
	return nil, sarama.ErrOutOfBrokers
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// backoff is short for a transaction that is just being finished.
func backoff(err error, attempt int) time.Duration {
	if errors.Is(err, sarama.ErrConcurrentTransactions) {
		return min(time.Millisecond+time.Duration(attempt)*500*time.Microsecond, 20*time.Millisecond)
	}
	return min(50*time.Millisecond<<min(attempt, 6), 2*time.Second)
}
