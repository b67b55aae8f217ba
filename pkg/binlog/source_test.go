package binlog

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	mysqlserver "github.com/go-mysql-org/go-mysql/server"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// replicaServer speaks the server's side of replication over a pipe. It sends
// events, and then stays silent, hangs up, or fails.
type replicaServer struct {
	mysqlserver.EmptyReplicationHandler
	events  [][]byte
	forever bool  // send the events again and again
	fail    error // instead of events
	hangUp  bool  // after them

	sent   atomic.Int64 // bytes
	dials  atomic.Int64
	stream *replication.BinlogStreamer
}

func (*replicaServer) HandleRegisterSlave([]byte) error { return nil }

func (*replicaServer) HandleQuery(query string) (*gomysql.Result, error) {
	if !strings.HasPrefix(query, "SHOW") {
		return gomysql.NewResult(nil), nil
	}
	r, err := gomysql.BuildSimpleTextResultset([]string{"Variable_name", "Value"}, [][]any{{"binlog_checksum", "CRC32"}})
	return gomysql.NewResult(r), err
}

func (f *replicaServer) HandleBinlogDump(gomysql.Position) (*replication.BinlogStreamer, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	s := f.stream
	go func() {
		for {
			for _, raw := range f.events {
				if err := s.AddEventToStreamer(&replication.BinlogEvent{RawData: raw}); err != nil {
					return
				}
			}
			if f.forever {
				continue
			}
			if f.hangUp { // when the last event has been taken: it is sent again behind itself
				_ = s.AddEventToStreamer(&replication.BinlogEvent{RawData: f.events[len(f.events)-1]})
				f.stop()
			}
			return
		}
	}()
	return s, nil
}

// stop ends the goroutines that serve.
func (f *replicaServer) stop() {
	f.stream.AddErrorToStreamer(io.EOF)
	f.stream.AddErrorToStreamer(io.EOF)
}

func (f *replicaServer) HandleBinlogDumpGTID(*gomysql.MysqlGTIDSet) (*replication.BinlogStreamer, error) {
	return f.HandleBinlogDump(gomysql.Position{})
}

// dial is Config.Dialer.
func (f *replicaServer) dial(context.Context, string, string) (net.Conn, error) {
	f.dials.Add(1)
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		c, err := mysqlserver.NewDefaultServer().NewConn(&countingConn{Conn: far, sent: &f.sent}, "u", "p", f)
		for err == nil {
			err = c.HandleCommand()
		}
	}()
	return near, nil
}

type countingConn struct {
	net.Conn
	sent *atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sent.Add(int64(n))
	return n, err
}

func (f *replicaServer) config() Config {
	f.stream = replication.NewBinlogStreamerWithChanSize(1)
	return Config{
		Host: "h", Port: 1, User: "u", ServerID: 7, Flavor: debezium.FlavorMySQL, Dialer: f.dial, GTIDMode: true,
		Password: func(context.Context) (string, error) { return "p", nil },
	}
}

func TestOpen(t *testing.T) {
	inBubble := func(name string, fn func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, fn) })
	}
	inBubble("every event of a connection that breaks is delivered before the error", func(t *testing.T) {
		f := &replicaServer{events: readEvents(t, "testdata/mysql9/transactions.binlog"), hangUp: true}
		s, err := Open(t.Context(), f.config(), Resume{})
		if err != nil {
			t.Fatal(err)
		}
		commits := 0
		err = each(t, s, func(ev Event) {
			if _, ok := ev.(*Commit); ok {
				commits++
			}
		})
		if !errors.Is(err, ErrDisconnected) && err != nil || commits != 21 {
			t.Errorf("got %d commits and %v, want 21 and ErrDisconnected", commits, err)
		}
		if _, again := s.Next(t.Context()); !errors.Is(again, ErrDisconnected) {
			t.Errorf("then got %v, want ErrDisconnected again", again)
		}
		if err := s.Close(); err != nil || f.dials.Load() != 1 {
			t.Errorf("close: %v after %d connections, want nil after 1", err, f.dials.Load())
		}
	})
	inBubble("silence is a broken connection", func(t *testing.T) {
		f := &replicaServer{events: readEvents(t, "testdata/mysql9/tagged.binlog")[:1]}
		s, err := Open(t.Context(), f.config(), Resume{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.stop()
		defer s.Close()
		if _, err := s.Next(t.Context()); !errors.Is(err, ErrDisconnected) {
			t.Errorf("got %v, want ErrDisconnected", err)
		}
	})
	inBubble("a reader that is held up holds up the server, and loses nothing", func(t *testing.T) {
		events := readEvents(t, "testdata/mysql9/compressed.binlog")
		f := &replicaServer{events: events[2 : len(events)-1], forever: true}
		cfg := f.config()
		cfg.BufferBytes = 10_000
		s, err := Open(t.Context(), cfg, Resume{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.stop()
		s.checksummed = true // the events' file says so in its first event, which is not sent
		synctest.Wait()
		const readAhead = 1 << 16 // of the connection itself
		if sent := f.sent.Load(); sent > int64(cfg.BufferBytes)+readAhead+4096 || sent < int64(cfg.BufferBytes) {
			t.Errorf("the server could send %d bytes", sent)
		}
		for range 100 {
			if _, err := s.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: got %v, want ErrClosed", err)
		}
	})
	inBubble("the end of a wait does not end the stream", func(t *testing.T) {
		f := &replicaServer{}
		s, err := Open(t.Context(), f.config(), Resume{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.stop()
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 2 {
			if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the context's error", err)
			}
		}
	})
	inBubble("an error of the server says what to do", func(t *testing.T) {
		for _, test := range []struct {
			code    uint16
			message string
			want    error
			do      string
		}{
			{1236, "Cannot replicate because the source purged required binary logs.", ErrPurged, "new snapshot"},
			{1236, "Could not find first log file name in binary log index file", ErrPurged, "new snapshot"},
			{1236, "Could not find GTID state requested by slave in any binlog files.", ErrPurged, "new snapshot"},
			{1236, "A replica with the same server_uuid/server_id as this replica has connected to the source", ErrServerIDInUse, "--database-server-id"},
			{4052, "A slave with the same server_uuid/server_id is already connected", ErrServerIDInUse, "--database-server-id"},
			{1236, "Replica has more GTIDs than the source has, using the source's SERVER_UUID", nil, "lost its last transactions"},
			{1236, "log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source", nil, "SET GLOBAL max_allowed_packet"},
			{1053, "Server shutdown in progress", ErrDisconnected, ""},
			{1227, "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s)", nil, "REPLICATION SLAVE"},
		} {
			f := &replicaServer{fail: gomysql.NewError(test.code, test.message)}
			s, err := Open(t.Context(), f.config(), Resume{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Next(t.Context())
			for _, kind := range []error{ErrPurged, ErrServerIDInUse, ErrDisconnected} {
				if errors.Is(err, kind) != errors.Is(kind, test.want) {
					t.Errorf("%s: got %v", test.message, err)
				}
			}
			if !strings.Contains(err.Error(), test.do) || !strings.Contains(err.Error(), test.message) {
				t.Errorf("%s: got %v, want it and %q", test.message, err, test.do)
			}
			_ = s.Close()
		}
	})
	inBubble("a password that cannot be had, and a server that cannot be reached", func(t *testing.T) {
		f := &replicaServer{}
		cfg := f.config()
		refused := errors.New("refused")
		cfg.Password = func(context.Context) (string, error) { return "", refused }
		if _, err := Open(t.Context(), cfg, Resume{}); !errors.Is(err, refused) || f.dials.Load() != 0 {
			t.Errorf("got %v after %d connections, want the password's error", err, f.dials.Load())
		}
		cfg = f.config()
		cfg.Dialer = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		}
		if _, err := Open(t.Context(), cfg, Resume{}); !errors.Is(err, ErrDisconnected) {
			t.Errorf("got %v, want ErrDisconnected", err)
		}
		cfg = f.config()
		cfg.Dialer = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done() // nobody answers
			return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
		}
		if _, err := Open(t.Context(), cfg, Resume{}); !errors.Is(err, ErrDisconnected) {
			t.Errorf("nobody answers: got %v, want ErrDisconnected", err)
		}
		cfg = f.config()
		cfg.GTIDMode = false
		if _, err := Open(t.Context(), cfg, Resume{}); err == nil {
			t.Error("a position that names nothing was accepted")
		}
		if _, err := Open(t.Context(), Config{}, Resume{}); err == nil {
			t.Error("an empty configuration was accepted")
		}
	})
}
