package retry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firn-cdc/firn/pkg/retry"
)

var errFlaky, errFatal = errors.New("flaky"), errors.New("fatal")

func policy(log *bytes.Buffer) retry.Policy {
	return retry.Policy{
		Min: 100 * time.Millisecond, Max: 10 * time.Second,
		Retryable: func(err error) bool { return !errors.Is(err, errFatal) },
		Logger:    slog.New(slog.NewTextHandler(log, nil)),
	}
}

func TestPolicy_Do(t *testing.T) {
	tests := []struct {
		name    string
		results []error
		limit   time.Duration
		want    error
		calls   int
		begun   int // lines of the log
		ended   int
	}{
		{"success at once says nothing", []error{nil}, 0, nil, 1, 0, 0},
		{"failures that heal are said once at each end", []error{errFlaky, errFlaky, errFlaky, nil}, 0, nil, 4, 1, 1},
		{"what does not heal is returned at once", []error{errFatal, nil}, 0, errFatal, 1, 0, 0},
		{"what stops healing is returned", []error{errFlaky, errFatal}, 0, errFatal, 2, 1, 0},
		{"the limit ends it with the last error", []error{errFlaky, errFlaky, errFlaky, errFlaky, errFlaky, errFlaky, errFlaky, nil}, 2 * time.Second, errFlaky, 5, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				p := policy(&log)
				p.Limit = tt.limit
				calls := 0
				err := p.Do(t.Context(), "call", func(context.Context) error {
					calls++
					return tt.results[calls-1]
				})
				if !errors.Is(err, tt.want) {
					t.Errorf("got error %v, want %v", err, tt.want)
				}
				if tt.limit == 0 && calls != tt.calls || tt.limit > 0 && (calls < tt.calls-1 || calls > tt.calls+1) {
					t.Errorf("%d calls, want %d", calls, tt.calls)
				}
				begun, ended := strings.Count(log.String(), "msg=retrying"), strings.Count(log.String(), `msg="retry succeeded"`)
				if begun != tt.begun || ended != tt.ended {
					t.Errorf("begun is said %d times, ended %d times; want %d and %d:\n%s", begun, ended, tt.begun, tt.ended, log.String())
				}
			})
		})
	}
}

func TestPolicy_PausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var pauses []time.Duration
		last := time.Now()
		err := policy(&log).Do(t.Context(), "call", func(context.Context) error {
			pauses = append(pauses, time.Since(last))
			last = time.Now()
			if len(pauses) == 12 {
				return nil
			}
			return errFlaky
		})
		if err != nil {
			t.Fatal(err)
		}
		most := 100 * time.Millisecond
		for i, p := range pauses[1:] {
			if p < most/2 || p > most {
				t.Errorf("pause %d is %v, want between %v and %v", i+1, p, most/2, most)
			}
			most = min(2*most, 10*time.Second)
		}
	})
}

func TestPolicy_LongWorkStartsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var start, pause time.Time
		calls := 0
		err := policy(&log).Run(t.Context(), "session", func(_ context.Context, works func()) error {
			calls++
			switch calls {
			case 6: // works for a minute, and breaks
				works()
				time.Sleep(time.Minute)
				synctest.Wait()
				start = time.Now()
				if got := strings.Count(log.String(), `msg="retry succeeded"`); got != 1 {
					t.Errorf("success is said %d times while the call works, want once", got)
				}
				return errFlaky
			case 7:
				pause = time.Now()
				return nil
			default:
				return errFlaky
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := pause.Sub(start); got > 100*time.Millisecond {
			t.Errorf("the pause after a minute's work is %v, want the shortest again", got)
		}
		if got := strings.Count(log.String(), "msg=retrying"); got != 2 {
			t.Errorf("begun is said %d times, want twice:\n%s", got, log.String())
		}
	})
}

func TestPolicy_ContextEndsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reason := errors.New("stopping")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(reason) })
		start := time.Now()
		err := retry.Policy{Min: time.Minute, Max: time.Minute}.Do(ctx, "call", func(context.Context) error { return errFlaky })
		if !errors.Is(err, reason) || !errors.Is(err, errFlaky) {
			t.Errorf("got error %v, want %v and %v", err, errFlaky, reason)
		}
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("ended after %v", got)
		}
	})
}

// Nobody answers, and it takes a call longer than the longest pause to find that
// out: nothing has succeeded, and what may go on for so long does not go on for ever.
func TestPolicy_ALongWaitIsNoSuccess(t *testing.T) {
	wait := func(ctx context.Context, p retry.Policy) (calls int, err error) {
		err = p.Run(ctx, "call", func(context.Context, func()) error {
			if calls++; calls == 4 {
				return nil
			}
			time.Sleep(15 * time.Second)
			return errFlaky
		})
		return calls, err
	}
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := policy(&log)
		if calls, err := wait(t.Context(), p); calls != 4 || err != nil {
			t.Errorf("%d calls, error %v", calls, err)
		}
		begun, ended := strings.Count(log.String(), "msg=retrying"), strings.Count(log.String(), `msg="retry succeeded"`)
		if begun != 1 || ended != 1 {
			t.Errorf("begun is said %d times, ended %d times; want once each:\n%s", begun, ended, log.String())
		}
		p.Limit = 5 * time.Second
		if calls, err := wait(t.Context(), p); calls != 1 || !errors.Is(err, errFlaky) {
			t.Errorf("with a limit: %d calls, error %v; want one that fails", calls, err)
		}
	})
}
