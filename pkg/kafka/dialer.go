package kafka

import (
	"context"
	"net"
	"sync"
	"time"
)

const dialTimeout = 10 * time.Second

// dialer opens the connections of one session and can break them all, because
// sarama's requests take no context.
type dialer struct {
	ctx context.Context

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// Dial is what sarama calls.
func (d *dialer) Dial(network, addr string) (net.Conn, error) {
	nd := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	raw, err := nd.DialContext(d.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, dialer: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns[c] = struct{}{}
	return c, nil
}

// interrupt breaks every open connection; requests that wait on one fail.
func (d *dialer) interrupt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		_ = c.Conn.Close() // it is broken on purpose
	}
	clear(d.conns)
}

type conn struct {
	net.Conn
	dialer *dialer
}

func (c *conn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.conns, c)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}
