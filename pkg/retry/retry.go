// Package retry repeats what may heal: with growing pauses, for as long as the
// caller allows, and said in the log once when it begins and once when it
// ends. Which errors may heal is the caller's knowledge.
package retry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Policy says how something is repeated.
type Policy struct {
	Min, Max  time.Duration    // the pauses, growing from one to the other; 0: 100 ms and 30 s
	Limit     time.Duration    // how long failures may go on, from the beginning of the first call; 0: until ctx ends
	Retryable func(error) bool // whether an error may heal; nil: every error may
	Logger    *slog.Logger     // nil: nothing is said
}

// Do calls fn until it returns nil, an error that does not heal, or ctx ends;
// what names it in the log. The error is fn's last, joined with the cause of
// ctx's end where that came during a pause. How long a call takes says nothing: it
// may wait for somebody who does not answer.
func (p Policy) Do(ctx context.Context, what string, fn func(context.Context) error) error {
	return p.Run(ctx, what, func(ctx context.Context, _ func()) error { return fn(ctx) })
}

// Run is Do for what goes on once it has begun, which fn says by calling works. If
// it then goes on for longer than the longest pause, the series of failures is
// over: the next begins with the shortest pause again, and with a fresh limit.
func (p Policy) Run(ctx context.Context, what string, fn func(ctx context.Context, works func()) error) error {
	if p.Min <= 0 {
		p.Min = 100 * time.Millisecond
	}
	if p.Max <= 0 {
		p.Max = 30 * time.Second
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	s := series{policy: p, what: what}
	for {
		err := s.call(ctx, fn)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || p.Retryable != nil && !p.Retryable(err) {
			return err
		}
		pause := s.next()
		if p.Limit > 0 && time.Since(s.began)+pause > p.Limit {
			return fmt.Errorf("%s: given up after %v: %w", what, time.Since(s.began).Round(time.Millisecond), err)
		}
		if s.attempts == 1 {
			p.Logger.Warn("retrying", "what", what, "error", err)
		} else {
			p.Logger.Debug("still retrying", "what", what, "attempts", s.attempts, "error", err)
		}
		if cause := sleep(ctx, pause); cause != nil {
			return errors.Join(err, cause)
		}
	}
}

// series is failures in a row.
type series struct {
	policy   Policy
	what     string
	attempts int       // that failed
	began    time.Time // the first of them
}

// call calls fn. If it works for long enough, failures are over.
func (s *series) call(ctx context.Context, fn func(context.Context, func()) error) error {
	var healed *time.Timer
	start := time.Now()
	err := fn(ctx, func() {
		if healed == nil {
			failures, began := s.attempts, s.began
			healed = time.AfterFunc(s.policy.Max, func() { s.ended(failures, began) })
		}
	})
	switch {
	case healed != nil && !healed.Stop():
		s.attempts = 0
	case err == nil:
		s.ended(s.attempts, s.began)
	}
	if s.attempts == 0 {
		s.began = start
		if healed != nil {
			s.began = time.Now() // it worked until then
		}
	}
	return err
}

// ended says that failures are over, if there were any.
func (s *series) ended(failures int, began time.Time) {
	if failures == 0 {
		return
	}
	s.policy.Logger.Info("retry succeeded", "what", s.what, "attempts", failures, "duration", time.Since(began).Round(time.Millisecond))
}

// next counts a failure and returns how long to wait: half of the pause is
// fixed and half is chance, so that many who failed together come back apart.
func (s *series) next() time.Duration {
	pause := s.policy.Max
	if shift := s.attempts; shift < 30 && s.policy.Min<<shift > 0 {
		pause = min(pause, s.policy.Min<<shift)
	}
	s.attempts++
	return pause/2 + rand.N(pause/2+1)
}

// sleep waits, or returns why it did not.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
