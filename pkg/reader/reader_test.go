package reader

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/firn-cdc/firn/pkg/mysql"
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
