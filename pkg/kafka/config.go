package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"
)

// The ways to authenticate, the values of --kafka-auth.
const (
	AuthNone     = "none"
	AuthIAM      = "iam"
	AuthSCRAM256 = "scram-sha-256"
	AuthSCRAM512 = "scram-sha-512"
	AuthPlain    = "plain"
	AuthMTLS     = "mtls"
)

// TokenProvider issues the tokens of --kafka-auth=iam. Token is called for
// every connection, so it keeps a token for as long as that is good.
type TokenProvider interface {
	Token(ctx context.Context) (string, error)
}

// Config says how to reach a cluster.
type Config struct {
	Brokers  []string // host:port
	Auth     string   // one of the Auth constants; empty is none
	User     string
	Password func(context.Context) (string, error) // asked for every connection; with PLAIN, for every session
	Tokens   TokenProvider                         // for iam; nil: the default AWS credentials in Region
	Region   string                                // for iam
	TLS      bool                                  // implied by iam and mtls
	CAFile   string
	CertFile string
	KeyFile  string

	ClientRack     string // reads come from a replica in this rack where there is one
	ClientID       string
	RequestTimeout time.Duration // how long a request is retried; 0: 30 s
	Logger         *slog.Logger
}

const defaultRequestTimeout = 30 * time.Second

// Validate reports everything that is wrong with c, each error naming its flag.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("--bootstrap-servers: give at least one host:port"))
	}
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			errs = append(errs, fmt.Errorf("--bootstrap-servers: %q is not host:port", b))
		}
	}
	errs = append(errs, c.validateAuth()...)
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("--kafka-cert-file, --kafka-key-file: one without the other"))
	}
	if !c.tls() && (c.CAFile != "" || c.CertFile != "" || c.KeyFile != "") {
		errs = append(errs, errors.New("--kafka-tls: off, but a certificate file is given"))
	}
	if c.RequestTimeout < 0 {
		errs = append(errs, errors.New("request timeout: negative"))
	}
	return errors.Join(errs...)
}

func (c *Config) validateAuth() []error {
	var errs []error
	switch c.Auth {
	case "", AuthNone:
	case AuthIAM:
		if c.Tokens == nil && c.Region == "" {
			errs = append(errs, errors.New("--aws-region: needed with --kafka-auth=iam"))
		}
	case AuthSCRAM256, AuthSCRAM512, AuthPlain:
		if c.User == "" {
			errs = append(errs, fmt.Errorf("--kafka-user: needed with --kafka-auth=%s", c.Auth))
		}
		if c.Password == nil {
			errs = append(errs, fmt.Errorf("--kafka-password-file: a password is needed with --kafka-auth=%s "+
				"(FIRN_KAFKA_PASSWORD, --kafka-password-file or --kafka-secret-arn)", c.Auth))
		}
	case AuthMTLS:
		if c.CertFile == "" && c.KeyFile == "" {
			errs = append(errs, errors.New("--kafka-cert-file, --kafka-key-file: needed with --kafka-auth=mtls"))
		}
	default:
		known := []string{AuthNone, AuthIAM, AuthSCRAM512, AuthSCRAM256, AuthPlain, AuthMTLS}
		errs = append(errs, fmt.Errorf("--kafka-auth: %q is none of %s", c.Auth, strings.Join(known, ", ")))
	}
	return errs
}

// tls reports whether connections are encrypted.
func (c *Config) tls() bool {
	return c.TLS || slices.Contains([]string{AuthIAM, AuthMTLS}, c.Auth)
}

func (c *Config) requestTimeout() time.Duration {
	if c.RequestTimeout > 0 {
		return c.RequestTimeout
	}
	return defaultRequestTimeout
}
