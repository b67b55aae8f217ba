// Package mysql connects to a MySQL or MariaDB server, checks that its changes
// can be captured, names its parts, reads query results without copying them, and
// cuts statements into tokens.
//
// A connection belongs to one goroutine. Ending the context of a call closes
// the connection, whatever it is doing; reconnecting is the caller's. Reading
// the binlog is package binlog's.
package mysql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPort           = 3306
	defaultConnectTimeout = 30 * time.Second
)

// Config says how to reach a server.
type Config struct {
	Host string // a name, an address, or the path of a Unix socket
	Port int    // 0 is 3306
	User string
	// Password is asked at every connect, so it may be a token that expires. Nil means none.
	Password func(ctx context.Context) (string, error)

	// SSLMode is one of Debezium's values for MySQL (disabled, preferred, required, verify_ca,
	// verify_identity) or for MariaDB (disable, trust, verify-ca, verify-full). Empty is preferred.
	SSLMode                   string
	CAFile, CertFile, KeyFile string // PEM
	// TokenAuth says that the password is a bearer token, such as RDS IAM's, so nothing may go unencrypted.
	TokenAuth bool

	ConnectTimeout time.Duration // of dialing, TLS and login together; 0 is 30 s
}

// Validate reports everything that is wrong with the configuration, each by its flag.
func (c *Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Host == "" {
		add("--database-hostname: required")
	}
	if c.Port < 0 || c.Port > 65535 {
		add("--database-port: %d is not a port", c.Port)
	}
	if c.User == "" {
		add("--database-user: required")
	}
	mode, err := parseTLSMode(c.SSLMode)
	if err != nil {
		errs = append(errs, err)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		add("--database-cert-file and --database-key-file: give both or neither")
	}
	if mode == tlsDisabled && (c.CAFile != "" || c.CertFile != "") {
		add("--database-ssl-mode: %s would ignore the certificates given; use required, verify_ca or verify_identity", c.SSLMode)
	}
	if c.TokenAuth && err == nil && mode < tlsRequired {
		add("--database-ssl-mode: --database-auth rds-iam sends a token in clear text and needs required, verify_ca or verify_identity")
	}
	if c.ConnectTimeout < 0 {
		add("--connect-timeout-ms: %s is negative", c.ConnectTimeout)
	}
	return errors.Join(errs...)
}

// Address returns host:port, or the path of the socket.
func (c *Config) Address() string {
	if c.network() == "unix" {
		return c.Host
	}
	port := c.Port
	if port == 0 {
		port = defaultPort
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(port))
}

func (c *Config) network() string {
	if strings.HasPrefix(c.Host, "/") {
		return "unix"
	}
	return "tcp"
}

func (c *Config) timeout() time.Duration {
	if c.ConnectTimeout == 0 {
		return defaultConnectTimeout
	}
	return c.ConnectTimeout
}
