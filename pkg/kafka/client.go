package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// readTimeout is how long a broker may take over an answer that it does not
// hold back on purpose.
const readTimeout = 30 * time.Second

// Client answers questions about a cluster and opens producers, consumers and
// groups in it. It may be used from any goroutine.
type Client struct {
	cfg     Config
	logger  *slog.Logger
	session *session
	cluster string
}

// Open connects to the cluster. The error says whether nobody answers
// (ErrUnreachable), the handshake fails (ErrTLS) or the credentials are refused
// (ErrAuthRefused).
func Open(ctx context.Context, cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, logger: cfg.Logger}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	c.cfg.Logger = c.logger
	if cfg.Auth == AuthIAM && cfg.Tokens == nil {
		c.cfg.Tokens = &regionTokens{region: cfg.Region}
	}
	var err error
	if c.session, err = newSession(ctx, &c.cfg, readTimeout); err != nil {
		return nil, err
	}
	answer, err := c.metadata(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to Kafka at %s: %w", strings.Join(cfg.Brokers, ","), err), c.Close())
	}
	if answer.ClusterID != nil {
		c.cluster = *answer.ClusterID
	}
	return c, nil
}

// Close ends the client's own connections. Producers, consumers and groups have
// theirs and are closed before.
func (c *Client) Close() error {
	if err := c.session.close(); err != nil {
		return fmt.Errorf("close the Kafka client: %w", err)
	}
	return nil
}

// ClusterID returns the id that the cluster gave itself.
func (c *Client) ClusterID(ctx context.Context) (string, error) {
	if c.cluster != "" {
		return c.cluster, nil
	}
	answer, err := c.metadata(ctx, nil)
	if err != nil {
		return "", fmt.Errorf("read the Kafka cluster id: %w", err)
	}
	if answer.ClusterID == nil {
		return "", errors.New("read the Kafka cluster id: the brokers report none")
	}
	return *answer.ClusterID, nil
}

// metadataVersion carries topic ids, which came with version 10.
const metadataVersion = 11

// metadata describes topics, or all topics where none is named.
func (c *Client) metadata(ctx context.Context, topics []string) (*sarama.MetadataResponse, error) {
	var answer *sarama.MetadataResponse
	err := c.session.do(ctx, request{
		broker: c.session.any,
		send: func(b *sarama.Broker) (err error) {
			answer, err = b.GetMetadata(&sarama.MetadataRequest{Version: metadataVersion, Topics: topics})
			return err
		},
		refresh: func() error { return c.session.RefreshBrokers(c.cfg.Brokers) },
	})
	return answer, err
}
