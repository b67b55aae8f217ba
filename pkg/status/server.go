package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config is what a server shows, and where.
type Config struct {
	Listen   string // host:port
	Name     string // of the binary, for the page
	Board    *Board
	Gatherer prometheus.Gatherer
	Pprof    bool // show /debug/pprof
	Logger   *slog.Logger
}

// Server answers /healthz, /readyz, /metrics, /status and /.
type Server struct {
	config   Config
	listener net.Listener
}

// Listen opens the server's port.
func Listen(ctx context.Context, config Config) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for status requests (--http-listen): %w", err)
	}
	return &Server{config: config, listener: l}, nil
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run answers requests until ctx ends, and closes the port.
func (s *Server) Run(ctx context.Context) error {
	srv := &http.Server{
		Handler:           Handler(s.config),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		if err := srv.Close(); err != nil {
			s.config.Logger.Debug("status server closed badly", "error", err)
		}
	}()
	err := srv.Serve(s.listener)
	if ctx.Err() == nil {
		return fmt.Errorf("serve status requests: %w", err)
	}
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Handler returns what the server answers with.
func Handler(config Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if config.Board.state() == Failed {
			http.Error(w, "failed", http.StatusServiceUnavailable)
			return
		}
		answer(w, "text/plain; charset=utf-8", []byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if reason := config.Board.ready(); reason != "" {
			http.Error(w, reason, http.StatusServiceUnavailable)
			return
		}
		answer(w, "text/plain; charset=utf-8", []byte("ready\n"))
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		body, err := json.MarshalIndent(config.Board.Page(), "", "  ")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, "application/json", append(body, '\n'))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		var body bytes.Buffer
		if err := writeHTML(&body, config.Name, config.Board.Page()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, "text/html; charset=utf-8", body.Bytes())
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(config.Gatherer, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(config.Logger.Handler(), slog.LevelWarn),
	}))
	if config.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// answer writes a whole body. An error means that nobody listens any more.
func answer(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}

// Fetch reads the page of the process that listens at address, host:port.
func Fetch(ctx context.Context, address string) (Page, error) {
	var p Page
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return p, fmt.Errorf("read status: address %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // where it listens on all addresses
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/status", http.NoBody)
	if err != nil {
		return p, fmt.Errorf("read status: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return p, fmt.Errorf("read status: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return p, fmt.Errorf("read status of %s: %s", address, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		return p, fmt.Errorf("read status of %s: %w", address, err)
	}
	return p, nil
}
