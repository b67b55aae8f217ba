package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// secure writes c's encryption and authentication into sc. ctx lives as long as
// the connections do: passwords and tokens are asked for again with each. Of PLAIN
// sarama keeps one password, asked for when sc's client is made.
func (c *Config) secure(ctx context.Context, sc *sarama.Config) error {
	if c.tls() {
		conf, err := c.tlsConfig()
		if err != nil {
			return err
		}
		sc.Net.TLS.Enable, sc.Net.TLS.Config = true, conf
	}
	sasl := &sc.Net.SASL
	switch c.Auth {
	case "", AuthNone, AuthMTLS:
		return nil
	case AuthIAM:
		sasl.Mechanism = sarama.SASLTypeOAuth
		sasl.TokenProvider = &saslTokens{ctx: ctx, tokens: c.Tokens}
	case AuthSCRAM256:
		sasl.Mechanism = sarama.SASLTypeSCRAMSHA256
		sasl.SCRAMClientGeneratorFunc = c.scram(ctx, scram.SHA256)
	case AuthSCRAM512:
		sasl.Mechanism = sarama.SASLTypeSCRAMSHA512
		sasl.SCRAMClientGeneratorFunc = c.scram(ctx, scram.SHA512)
	case AuthPlain:
		sasl.Mechanism = sarama.SASLTypePlaintext
	default:
		return fmt.Errorf("--kafka-auth: unknown value %q", c.Auth)
	}
	sasl.Enable, sasl.Handshake, sasl.Version = true, true, sarama.SASLHandshakeV1
	sasl.User = c.User
	if c.Password != nil && c.Auth != AuthIAM {
		password, err := c.Password(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", errCredentials, err)
		}
		sasl.Password = password
	}
	return nil
}

func (c *Config) tlsConfig() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("--kafka-ca-file: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--kafka-ca-file: %s holds no PEM certificate", c.CAFile)
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("--kafka-cert-file, --kafka-key-file: %w", err)
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}

// saslTokens is a TokenProvider as sarama calls it, without a context.
type saslTokens struct {
	ctx    context.Context
	tokens TokenProvider
}

func (t *saslTokens) Token() (*sarama.AccessToken, error) {
	token, err := t.tokens.Token(t.ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: issue an IAM token: %w", errCredentials, err)
	}
	return &sarama.AccessToken{Token: token}, nil
}

func (c *Config) scram(ctx context.Context, hash scram.HashGeneratorFcn) func() sarama.SCRAMClient {
	return func() sarama.SCRAMClient {
		return &scramClient{ctx: ctx, hash: hash, password: c.Password}
	}
}

// scramClient is one SCRAM conversation. It asks for the password itself, so
// that a rotated one is taken up by the next connection.
type scramClient struct {
	ctx          context.Context
	hash         scram.HashGeneratorFcn
	password     func(context.Context) (string, error)
	conversation *scram.ClientConversation
}

func (s *scramClient) Begin(user, _, authzID string) error {
	password, err := s.password(s.ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errCredentials, err)
	}
	client, err := s.hash.NewClient(user, password, authzID)
	if err != nil {
		// The library's error may repeat what it could not normalise.
		return errors.New("prepare SCRAM: user or password holds a character that SASLprep forbids")
	}
	s.conversation = client.NewConversation()
	return nil
}

func (s *scramClient) Step(challenge string) (string, error) { return s.conversation.Step(challenge) }

func (s *scramClient) Done() bool { return s.conversation.Done() }
