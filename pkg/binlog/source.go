package binlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"golang.org/x/sync/semaphore"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// source yields the bytes of events, header included. An event is valid until
// the next call.
type source interface {
	next(ctx context.Context) ([]byte, error)
	buffered() bool // next does not wait
	close() error
}

// maxBufferedEvents bounds the events read ahead, besides their bytes.
const maxBufferedEvents = 1024

// server reads from a server as a replica. A goroutine of go-mysql's reads
// ahead until the buffer is full; then the server waits.
type server struct {
	syncer   *replication.BinlogSyncer
	streamer *replication.BinlogStreamer
	timeout  time.Duration
	dial     client.Dialer
	closing  atomic.Bool

	buffer chan []byte
	room   *semaphore.Weighted // bytes
	limit  int64
	held   int64 // bytes of the event handed out last
	done   chan struct{}
	once   sync.Once
	ctx    context.Context // ends with the server; for waits of HandleEvent, which is given none
	cancel context.CancelFunc

	mu    sync.Mutex
	conns []net.Conn
	err   error // why reading ended, once done
}

// connect begins to read after the position.
func connect(ctx context.Context, cfg Config, from debezium.Position) (*server, error) {
	password := ""
	if cfg.Password != nil {
		var err error
		if password, err = cfg.Password(ctx); err != nil {
			return nil, fmt.Errorf("password of %s: %w", cfg.User, err)
		}
	}
	s := &server{
		timeout: cfg.ReadTimeout,
		dial:    client.Dialer(cfg.Dialer),
		buffer:  make(chan []byte, maxBufferedEvents),
		room:    semaphore.NewWeighted(int64(cfg.BufferBytes)),
		limit:   int64(cfg.BufferBytes),
		done:    make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if s.dial == nil {
		s.dial = new(net.Dialer).DialContext
	}
	syncer := replication.BinlogSyncerConfig{
		ServerID: cfg.ServerID, Localhost: cfg.ListedAs, Flavor: cfg.Flavor,
		Host: cfg.Host, Port: uint16(cfg.Port), User: cfg.User, Password: password, TLSConfig: cfg.TLS,
		Dialer: s.dialContext,
		// Events are decoded here, and a broken connection is the caller's to mend.
		RawModeEnabled: true, DisableRetrySync: true, DiscardGTIDSet: true,
		HeartbeatPeriod:         cfg.Heartbeat,
		SynchronousEventHandler: s,
		// It logs its whole configuration; what matters comes back as an error.
		Logger: slog.New(slog.DiscardHandler),
	}
	if cfg.Flavor == debezium.FlavorMariaDB {
		syncer.DumpCommandFlag = replication.BINLOG_SEND_ANNOTATE_ROWS_EVENT
	}
	s.syncer = replication.NewBinlogSyncer(syncer)
	stop := context.AfterFunc(ctx, s.cut)
	defer stop()
	if err := s.start(cfg, from); err != nil {
		_ = s.close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("read the binlog of %s:%d: %w", cfg.Host, cfg.Port, classify(err))
	}
	go s.wait()
	return s, nil
}

func (s *server) start(cfg Config, from debezium.Position) error {
	var err error
	if !from.GTIDs.IsEmpty() || cfg.GTIDMode {
		var set gomysql.GTIDSet
		if set, err = gomysql.ParseGTIDSet(cfg.Flavor, from.GTIDs.String()); err != nil {
			return fmt.Errorf("GTID set: %w", err)
		}
		s.streamer, err = s.syncer.StartSyncGTID(set)
		return err
	}
	if from.File == "" {
		return errors.New("the position names neither a GTID set nor a file")
	}
	s.streamer, err = s.syncer.StartSync(gomysql.Position{Name: from.File, Pos: uint32(from.Pos)})
	return err
}

// HandleEvent takes an event from go-mysql's goroutine and blocks while the
// buffer is full.
func (s *server) HandleEvent(e *replication.BinlogEvent) error {
	if err := s.room.Acquire(s.ctx, s.weight(e.RawData)); err != nil {
		return ErrClosed
	}
	select {
	case s.buffer <- e.RawData:
		return nil
	case <-s.ctx.Done():
		return ErrClosed
	}
}

// weight is what an event takes of the buffer: one larger than the buffer is alone in it.
func (s *server) weight(raw []byte) int64 { return min(int64(len(raw)), s.limit) }

// wait ends when go-mysql's goroutine has. The streamer's only event is its error.
func (s *server) wait() {
	defer close(s.done)
	_, err := s.streamer.GetEvent(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// next returns the next event; after the last, why reading ended.
func (s *server) next(ctx context.Context) ([]byte, error) {
	s.room.Release(s.held)
	s.held = 0
	select {
	case raw := <-s.buffer:
		s.held = s.weight(raw)
		return raw, nil
	default:
	}
	select {
	case raw := <-s.buffer:
		s.held = s.weight(raw)
		return raw, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.done:
	}
	select {
	case raw := <-s.buffer:
		s.held = s.weight(raw)
		return raw, nil
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		return nil, classify(s.err)
	}
}

func (s *server) buffered() bool { return len(s.buffer) > 0 }

func (s *server) close() error {
	s.once.Do(func() {
		s.closing.Store(true)
		s.cancel()
		s.cut()
		s.syncer.Close()
		if s.streamer != nil {
			<-s.done
		}
	})
	return nil
}

// cut closes the connections, which unblocks whoever reads from them.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
}

// dialContext is go-mysql's way to the server.
func (s *server) dialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if s.closing.Load() {
		// Closing a syncer connects once more, to kill the server's thread. The server notices by itself at its next heartbeat.
		return nil, net.ErrClosed
	}
	c, err := s.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, c)
	return &watchedConn{Conn: c, timeout: s.timeout}, nil
}

// watchedConn fails a read that waits longer than the timeout. A deadline that
// counts from the last read would also fail a reader that was held up.
type watchedConn struct {
	net.Conn
	timeout time.Duration
}

// Read reads, but not longer than the timeout.
func (c *watchedConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}
