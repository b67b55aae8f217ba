package crash

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// lossy is a listener whose connections lose answers to commits: the broker
// has committed, and whoever asked finds the connection closed.
type lossy struct {
	net.Listener

	mu   sync.Mutex
	want int           // answers to lose
	lost chan struct{} // gets a value for each
}

func (l *lossy) listen(network, address string) (net.Listener, error) {
	inner, err := new(net.ListenConfig).Listen(context.Background(), network, address)
	l.Listener = inner
	return l, err
}

// lose has the next n answers lost.
func (l *lossy) lose(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.want, l.lost = n, make(chan struct{}, n)
}

// Accept implements net.Listener.
func (l *lossy) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lossyConn{Conn: c, of: l, commits: make(map[uint32]bool)}, nil
}

// lossyConn follows the frames that go through it: their size, and behind it
// the request's key, version and number, or the answer's number.
type lossyConn struct {
	net.Conn
	of *lossy

	mu      sync.Mutex
	frame   []byte // the beginning of the request that is being read
	skip    int    // bytes of it that are to come
	commits map[uint32]bool
}

const (
	sizeBytes  = 4
	frameStart = sizeBytes + 8
)

// Read implements net.Conn.
func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	for rest := b[:n]; len(rest) > 0; {
		if c.skip > 0 {
			some := min(c.skip, len(rest))
			c.skip, rest = c.skip-some, rest[some:]
			continue
		}
		some := min(frameStart-len(c.frame), len(rest))
		c.frame, rest = append(c.frame, rest[:some]...), rest[some:]
		if len(c.frame) < frameStart {
			break
		}
		if kmsg.Key(binary.BigEndian.Uint16(c.frame[sizeBytes:])) == kmsg.EndTxn {
			c.commits[binary.BigEndian.Uint32(c.frame[sizeBytes+4:])] = true
		}
		c.skip = int(binary.BigEndian.Uint32(c.frame)) - (frameStart - sizeBytes)
		c.frame = c.frame[:0]
	}
	return n, err
}

// Write implements net.Conn.
func (c *lossyConn) Write(b []byte) (int, error) {
	if len(b) >= sizeBytes+4 && c.loses(binary.BigEndian.Uint32(b[sizeBytes:])) {
		return 0, errors.Join(errors.New("the answer is lost"), c.Close())
	}
	return c.Conn.Write(b)
}

func (c *lossyConn) loses(number uint32) bool {
	c.mu.Lock()
	commit := c.commits[number]
	delete(c.commits, number)
	c.mu.Unlock()
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if !commit || c.of.want == 0 {
		return false
	}
	c.of.want--
	c.of.lost <- struct{}{}
	return true
}
