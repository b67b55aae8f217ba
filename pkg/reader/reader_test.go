package reader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// watcher is a log that does something when a message comes.
type watcher struct {
	message string
	do      func()
}

func (w watcher) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(w.message)) {
		w.do()
	}
	return len(line), nil
}

// A reader that is asked to stop while it waits to connect again has nothing
// to save: that is no failure.
func TestReader_StopsWhileDisconnected(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil { // nobody answers there
		t.Fatal(err)
	}
	cfg := newRig(t, 1).s.cfg
	cfg.MySQL = &mysql.Config{Host: "127.0.0.1", Port: port, User: "u"}
	cfg.ReconnectMin, cfg.ReconnectMax = time.Hour, time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := errors.New("asked to stop")
	cfg.Logger = slog.New(slog.NewTextHandler(watcher{"retrying", func() { cancel(asked) }}, nil))
	if err := New(cfg).Run(ctx); err != nil {
		t.Errorf("got %v", err)
	}
	if !errors.Is(context.Cause(ctx), asked) {
		t.Error("it did not try again")
	}
}

// While there is no connection nobody knows what there is to read: a reader that
// was idle is not up to date any more.
func TestReader_WhileDisconnectedItIsBehindAndNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := status.NewBoard("test")
		board.SetReady()
		r := New(Config{Status: board})
		r.metrics = telemetry.NewReader(prometheus.NewRegistry(), rigPrefix, "mysql")
		r.metrics.Lag.Idle()
		if !r.heals(fmt.Errorf("read the stream: %w", binlog.ErrDisconnected)) {
			t.Fatal("a lost connection is not made again")
		}
		time.Sleep(2 * time.Second)
		if page := board.Page(); page.Ready || page.Reason == "" {
			t.Errorf("the page says ready: %t (%s)", page.Ready, page.Reason)
		}
		if lag := r.metrics.Lag.Seconds(); lag != 2 {
			t.Errorf("the lag is %v s, want 2", lag)
		}
	})
}
