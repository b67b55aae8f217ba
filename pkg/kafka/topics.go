package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

// TopicInfo describes a topic.
type TopicInfo struct {
	Name            string
	ID              string // changes when a topic is created anew; empty before Kafka 2.8
	Partitions      int32
	MaxMessageBytes int // the topic's max.message.bytes; 0 where reading it is not allowed
}

// TopicSpec is a topic to create.
type TopicSpec struct {
	Name        string
	Partitions  int32 // 0: the broker's default
	Replication int16 // 0: the broker's default
	Config      map[string]string
}

// Topic describes a topic. It returns ErrTopicNotFound or ErrTopicDenied where
// that is why it cannot, and never creates the topic.
func (c *Client) Topic(ctx context.Context, name string) (TopicInfo, error) {
	infos, err := c.describe(ctx, []string{name})
	if err != nil {
		return TopicInfo{}, fmt.Errorf("describe topic %s: %w", name, err)
	}
	info := infos[name]
	if info.MaxMessageBytes, err = c.maxMessageBytes(ctx, name); err != nil {
		return TopicInfo{}, fmt.Errorf("describe topic %s: %w", name, err)
	}
	return info, nil
}

// TopicID returns the id of a topic, which changes when it is created anew; it is
// empty before Kafka 2.8. The errors are those of Topic.
func (c *Client) TopicID(ctx context.Context, name string) (string, error) {
	infos, err := c.describe(ctx, []string{name})
	if err != nil {
		return "", fmt.Errorf("describe topic %s: %w", name, err)
	}
	return infos[name].ID, nil
}

// Topics lists the topics that this user may describe, internal ones left out,
// by name.
func (c *Client) Topics(ctx context.Context) ([]string, error) {
	answer, err := c.metadata(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	var names []string
	for _, t := range answer.Topics {
		if t.Err == sarama.ErrNoError && !t.IsInternal {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// describe returns the topics' ids and partition counts, and fails where one of
// them cannot be described.
func (c *Client) describe(ctx context.Context, names []string) (map[string]TopicInfo, error) {
	if len(names) == 0 {
		return nil, nil
	}
	answer, err := c.metadata(ctx, names)
	if err != nil {
		return nil, err
	}
	infos := make(map[string]TopicInfo, len(names))
	for _, t := range answer.Topics {
		if t.Err != sarama.ErrNoError && t.Err != sarama.ErrLeaderNotAvailable {
			return nil, fmt.Errorf("topic %s: %w", t.Name, explain(t.Err))
		}
		info := TopicInfo{Name: t.Name, Partitions: int32(len(t.Partitions))}
		if t.Uuid != (sarama.Uuid{}) {
			info.ID = t.Uuid.String()
		}
		infos[t.Name] = info
	}
	for _, n := range names {
		if _, ok := infos[n]; !ok {
			return nil, fmt.Errorf("topic %s: %w", n, ErrTopicNotFound)
		}
	}
	return infos, nil
}

func (c *Client) maxMessageBytes(ctx context.Context, topic string) (int, error) {
	const setting = "max.message.bytes"
	var answer *sarama.DescribeConfigsResponse
	err := c.session.do(ctx, request{
		broker: c.session.any,
		send: func(b *sarama.Broker) (err error) {
			answer, err = b.DescribeConfigs(&sarama.DescribeConfigsRequest{Version: 2, Resources: []*sarama.ConfigResource{{
				Type: sarama.TopicResource, Name: topic, ConfigNames: []string{setting},
			}}})
			return err
		},
		refresh: func() error { return c.session.RefreshBrokers(c.cfg.Brokers) },
	})
	if err != nil {
		return 0, err
	}
	for _, r := range answer.Resources {
		if code := sarama.KError(r.ErrorCode); code != sarama.ErrNoError {
			if errors.Is(explain(code), ErrDenied) {
				return 0, nil
			}
			return 0, fmt.Errorf("read %s: %w", setting, explain(code))
		}
		for _, e := range r.Configs {
			if e.Name == setting {
				return strconv.Atoi(e.Value)
			}
		}
	}
	return 0, nil
}

// EnsureTopic creates a topic unless it exists, in which case it is left as it
// is. When it returns, the topic's partitions can be written to.
func (c *Client) EnsureTopic(ctx context.Context, spec TopicSpec) (created bool, err error) {
	detail := &sarama.TopicDetail{
		NumPartitions: -1, ReplicationFactor: -1, ConfigEntries: make(map[string]*string, len(spec.Config)),
	}
	if spec.Partitions > 0 {
		detail.NumPartitions = spec.Partitions
	}
	if spec.Replication > 0 {
		detail.ReplicationFactor = spec.Replication
	}
	for k, v := range spec.Config {
		detail.ConfigEntries[k] = &v
	}
	if _, err := c.describe(ctx, []string{spec.Name}); err == nil {
		return false, c.awaitLeaders(ctx, spec.Name)
	} else if !errors.Is(err, ErrTopicNotFound) {
		return false, fmt.Errorf("create topic %s: %w", spec.Name, err)
	}
	if created, err = c.createTopic(ctx, spec.Name, detail); err != nil {
		return false, fmt.Errorf("create topic %s: %w", spec.Name, err)
	}
	if err := c.awaitLeaders(ctx, spec.Name); err != nil {
		return created, fmt.Errorf("create topic %s: %w", spec.Name, err)
	}
	return created, nil
}

func (c *Client) createTopic(ctx context.Context, name string, detail *sarama.TopicDetail) (bool, error) {
	details := map[string]*sarama.TopicDetail{name: detail}
	var reason string
	err := c.session.do(ctx, request{
		broker: func() (*sarama.Broker, error) { return c.controller(ctx, name) },
		send: func(b *sarama.Broker) error {
			defer func() { _ = b.Close() }() // its error would say nothing about the topic
			answer, err := b.CreateTopics(sarama.NewCreateTopicsRequest(sarama.V3_6_0_0, details, readTimeout/2, false))
			if err != nil {
				return err
			}
			result, ok := answer.TopicErrors[name]
			if !ok {
				return sarama.ErrIncompleteResponse
			}
			if result.ErrMsg != nil {
				reason = *result.ErrMsg
			}
			if result.Err != sarama.ErrNoError {
				return result.Err
			}
			return nil
		},
	})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, sarama.ErrTopicAlreadyExists):
		return false, nil
	case errors.Is(err, sarama.ErrInvalidReplicationFactor):
		return false, fmt.Errorf("--topic-replication: %w: %s", err, reason)
	case errors.Is(err, sarama.ErrInvalidPartitions):
		return false, fmt.Errorf("--topic-partitions: %w: %s", err, reason)
	case errors.Is(err, sarama.ErrInvalidConfig):
		return false, fmt.Errorf("--topic-config: %w: %s", err, reason)
	case reason != "":
		return false, fmt.Errorf("%w: %s", err, reason)
	default:
		return false, err
	}
}

// controller opens a connection to the broker that creates topics. It asks by the topic
// to create: to be told of thousands of others for each would take long.
func (c *Client) controller(ctx context.Context, topic string) (*sarama.Broker, error) {
	answer, err := c.metadata(ctx, []string{topic})
	if err != nil {
		return nil, err
	}
	for _, b := range answer.Brokers {
		if b.ID() == answer.ControllerID {
			return b, b.Open(c.session.Config())
		}
	}
	return nil, sarama.ErrControllerNotAvailable
}

// awaitLeaders returns once every partition of topic has a leader.
func (c *Client) awaitLeaders(ctx context.Context, topic string) error {
	deadline := time.Now().Add(c.cfg.requestTimeout())
	for attempt := 0; ; attempt++ {
		answer, err := c.metadata(ctx, []string{topic})
		if err != nil {
			return err
		}
		missing := len(answer.Topics) == 0
		for _, t := range answer.Topics {
			missing = missing || t.Err != sarama.ErrNoError || len(t.Partitions) == 0
			for _, p := range t.Partitions {
				missing = missing || p.Leader < 0
			}
		}
		if !missing {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait for the partition leaders of %s: %w", topic, sarama.ErrLeaderNotAvailable)
		}
		if err := sleep(ctx, backoff(nil, attempt)); err != nil {
			return err
		}
	}
}
