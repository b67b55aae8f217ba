package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// tlsMode is ordered by how much it demands.
type tlsMode int

const (
	tlsDisabled tlsMode = iota
	tlsPreferred
	tlsRequired
	tlsVerifyCA
	tlsVerifyIdentity
)

func parseTLSMode(s string) (tlsMode, error) {
	switch s {
	case "disabled", "disable":
		return tlsDisabled, nil
	case "", "preferred":
		return tlsPreferred, nil
	case "required", "trust":
		return tlsRequired, nil
	case "verify_ca", "verify-ca":
		return tlsVerifyCA, nil
	case "verify_identity", "verify-full":
		return tlsVerifyIdentity, nil
	default:
		return 0, fmt.Errorf("--database-ssl-mode: %q is none of disabled, preferred, required, verify_ca, verify_identity", s)
	}
}

// TLSConfig returns the TLS configuration of the mode, nil where it is
// disabled. In mode preferred a server may still offer no TLS: [Conn.Encrypted]
// says what the server did. A CA file is always checked against.
func (c *Config) TLSConfig() (*tls.Config, error) {
	mode, err := parseTLSMode(c.SSLMode)
	if err != nil {
		return nil, err
	}
	if mode == tlsDisabled || c.network() == "unix" && mode == tlsPreferred {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Host}
	if c.CAFile != "" {
		if t.RootCAs, err = loadCA(c.CAFile); err != nil {
			return nil, err
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load client certificate: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	switch {
	case mode == tlsVerifyIdentity:
	case mode == tlsVerifyCA || c.CAFile != "":
		t.InsecureSkipVerify = true // the host name is not checked; the chain is, below
		t.VerifyConnection = verifyChain(t.RootCAs)
	default:
		t.InsecureSkipVerify = true
	}
	return t, nil
}

func loadCA(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read CA file: %s holds no PEM certificate", file)
	}
	return pool, nil
}

// verifyChain checks that the server's certificate was issued by one of roots, nil being the system's.
func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		intermediates := x509.NewCertPool()
		for _, cert := range s.PeerCertificates[1:] {
			intermediates.AddCert(cert)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates})
		return err
	}
}
