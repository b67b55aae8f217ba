package mysql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// session makes a result mean the same on every server. Comments of the form
// /*!80030 … */ are run by MySQL from that version on, /*M! … */ by MariaDB.
const session = `SET NAMES utf8mb4, SESSION time_zone = '+00:00', SESSION sql_mode = '', SESSION autocommit = 1,
 SESSION net_write_timeout = 28800, SESSION net_read_timeout = 600, SESSION wait_timeout = 28800,
 SESSION lock_wait_timeout = 30, SESSION sql_select_limit = 18446744073709551615, SESSION sql_quote_show_create = 1
 /*!80000 , SESSION max_execution_time = 0, SESSION information_schema_stats_expiry = 0 */
 /*!80030 , SESSION show_gipk_in_create_table_and_information_schema = ON */
 /*M! , SESSION max_statement_time = 0 */`

// Conn is a connection to a server, for one goroutine.
type Conn struct {
	net     net.Conn // TLS or the socket
	socket  net.Conn
	in      packets
	out     []byte
	version string
	busy    bool // a result is being read
	broken  bool
}

// Connect logs in and sets the session up: results are UTF-8, times UTC, and
// no SQL mode changes what a SELECT returns. Its errors are [ErrAccessDenied],
// [ErrUnreachable], [ErrTLS], or a [ServerError]; none contains the password.
func Connect(ctx context.Context, cfg *Config) (*Conn, error) {
	c, err := connect(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to %s as %s: %w", cfg.Address(), cfg.User, err)
	}
	if err := c.setup(ctx); err != nil {
		c.kill()
		return nil, fmt.Errorf("set up the session on %s: %w", cfg.Address(), err)
	}
	return c, nil
}

func connect(ctx context.Context, cfg *Config) (*Conn, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	t, err := cfg.TLSConfig()
	if err != nil {
		return nil, err
	}
	password := ""
	if cfg.Password != nil {
		if password, err = cfg.Password(ctx); err != nil {
			return nil, fmt.Errorf("read the password: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.timeout())
	defer cancel()
	return login(ctx, cfg, password, t)
}

var (
	errNoTLS         = fmt.Errorf("%w: the server offers none", ErrTLS)
	errClearPassword = fmt.Errorf("%w: the server asks for the password in clear text; set --database-ssl-mode=required", ErrTLS)
)

func login(ctx context.Context, cfg *Config, password string, t *tls.Config) (*Conn, error) {
	var d net.Dialer
	socket, err := d.DialContext(ctx, cfg.network(), cfg.Address())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	defer stop()
	first, err := greet(socket)
	if err != nil {
		_ = socket.Close()
		return nil, loginError(ctx, fmt.Errorf("%w: %w", mysql.ErrBadConn, err))
	}
	if mode, _ := parseTLSMode(cfg.SSLMode); t != nil && mode == tlsPreferred && !first.offersTLS() {
		t = nil
	}
	first.guarded = t == nil
	protocol, err := handshake(ctx, cfg, password, t, func(context.Context, string, string) (net.Conn, error) { return first, nil })
	if err != nil {
		_ = socket.Close()
		if first.tripped {
			return nil, errClearPassword
		}
		return nil, loginError(ctx, err)
	}
	c := &Conn{net: protocol.Conn.Conn, socket: socket, version: strings.TrimPrefix(protocol.GetServerVersion(), "5.5.5-")}
	if t == nil {
		c.net = socket
	}
	c.in.src = c.net
	if !stop() {
		return nil, ctx.Err()
	}
	return c, nil
}

// handshake logs in with the library, which panics where a server answers the
// request for its RSA key with an error.
func handshake(ctx context.Context, cfg *Config, password string, t *tls.Config, dial client.Dialer) (c *client.Conn, err error) {
	defer func() {
		if recover() != nil {
			c, err = nil, fmt.Errorf("%w: the server has no key to encrypt the password with; set --database-ssl-mode=required", ErrTLS)
		}
	}()
	return client.ConnectWithDialer(ctx, cfg.network(), cfg.Address(), cfg.User, password, "", dial,
		func(c *client.Conn) error {
			// Results are parsed by Rows, which knows the plain protocol only.
			c.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES)
			c.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF)
			c.SetAttributes(map[string]string{"program_name": "firn"})
			c.BufferSize = 4 << 10 // of the login alone
			c.SetTLSConfig(t)
			return nil
		})
}

// loginError gives an error of the login its type.
func loginError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("%w: no answer in time", ErrUnreachable)
		}
		return ctx.Err()
	}
	if answer, ok := errors.AsType[*mysql.MyError](err); ok {
		e := &ServerError{Code: answer.Code, State: answer.State, Message: answer.Message}
		switch e.Code {
		case CodeAccessDenied, CodeDBAccessDenied, 1130, 1698, 1820, 1862, 3118, 3159, 3955:
			return fmt.Errorf("%w: %w", ErrAccessDenied, e)
		}
		if Heals(e.Code) {
			return fmt.Errorf("%w: %w", ErrUnreachable, e)
		}
		return e
	}
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var cert *tls.CertificateVerificationError
	switch {
	case strings.Contains(err.Error(), "does not support TLS"):
		return errNoTLS
	case errors.As(err, &record), errors.As(err, &alert), errors.As(err, &cert),
		strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "x509: "):
		return fmt.Errorf("%w: %w", ErrTLS, err)
	case errors.Is(err, mysql.ErrBadConn):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

func (c *Conn) setup(ctx context.Context) error {
	if err := c.Exec(ctx, session); err != nil {
		return err
	}
	return c.Exec(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
}

// Version returns what the server calls its version, such as 8.0.31 or 10.11.6-MariaDB.
func (c *Conn) Version() string { return c.version }

// Encrypted reports whether the connection uses TLS.
func (c *Conn) Encrypted() bool {
	_, ok := c.net.(*tls.Conn)
	return ok
}

// Broken reports whether the connection can no longer be used.
func (c *Conn) Broken() bool { return c.broken }

// Close ends the connection. It does not wait for a result being read.
func (c *Conn) Close() error {
	if c.broken {
		return nil
	}
	c.broken = true
	if !c.busy {
		_ = c.net.SetWriteDeadline(time.Now().Add(time.Second))
		_ = c.send(commandQuit, "") // a courtesy: the server counts other ends as aborted
	}
	return c.socket.Close()
}

// kill closes the socket, from any goroutine.
func (c *Conn) kill() { _ = c.socket.Close() }

func (c *Conn) send(command byte, text string) error {
	n := len(text) + 1
	c.out = append(c.out[:0], byte(n), byte(n>>8), byte(n>>16), 0, command)
	c.out = append(c.out, text...)
	c.in.reset()
	_, err := c.net.Write(c.out)
	return err
}
