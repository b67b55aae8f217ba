package kafka

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/gzip"
)

// groupProtocol names the form of what members tell each other.
const groupProtocol = "firn-shards-2"

// errLost ends an attempt to join because the group does not know this member.
var errLost = errors.New("the group does not know this member")

// claim is what a member tells the leader: the shards it holds.
type claim struct {
	Generation int32   `json:"generation"`
	Shards     []Shard `json:"shards"`
}

// tell encodes what members tell each other, compressed: the coordinator keeps
// what they say of thousands of shards in one record, whose size brokers limit.
func tell(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err = w.Write(text); err == nil {
		err = w.Close()
	}
	return out.Bytes(), err
}

// told decodes what tell has encoded.
func told(data []byte, v any) error {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return json.NewDecoder(r).Decode(v)
}

// join takes part in a rebalance and returns what this member is assigned.
func (g *Group) join(ctx context.Context) ([]Shard, error) {
	stop := context.AfterFunc(ctx, g.joins.dialer.interrupt)
	defer stop()
	g.mu.Lock()
	g.joining, g.rejoin = true, false
	g.mu.Unlock()
	for attempt := 0; ; attempt++ {
		assigned, err := g.tryJoin(ctx)
		var again *joinAgain
		var final *joinFailed
		switch {
		case err == nil:
			return assigned, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case g.isLost():
			return nil, errLost
		case errors.As(err, &again):
			attempt = -1
			continue
		case errors.Is(err, sarama.ErrUnknownMemberId), errors.Is(err, sarama.ErrIllegalGeneration),
			errors.Is(err, sarama.ErrFencedInstancedId):
			g.give(err)
			return nil, errLost
		case errors.As(err, &final):
			return nil, final.error
		case !retriable(err):
			return nil, g.explain(err)
		}
		g.logger.Debug("joining the group again", "group", g.cfg.GroupID, "error", err)
		if err := sleep(ctx, backoff(err, attempt)); err != nil {
			return nil, err
		}
		_ = g.joins.RefreshCoordinator(g.cfg.GroupID) // the next attempt tells
	}
}

// joinAgain is not an error: the coordinator wants another request.
type joinAgain struct{ error }

// joinFailed is an error that no request has brought and none will heal.
type joinFailed struct{ error }

// failed sorts an error of something other than a request to the coordinator.
func failed(err error) error {
	if Retriable(err) {
		return err
	}
	return &joinFailed{err}
}

func (g *Group) tryJoin(ctx context.Context) ([]Shard, error) {
	topics, err := g.cfg.Topics(ctx)
	if err != nil {
		return nil, failed(fmt.Errorf("list the topics: %w", err))
	}
	slices.Sort(topics)
	g.topics = topics
	g.mu.Lock()
	member, generation := g.member, g.generation
	g.mu.Unlock()
	claim, err := tell(claim{Generation: generation, Shards: g.owned})
	if err != nil {
		return nil, failed(err)
	}
	req := &sarama.JoinGroupRequest{
		Version: 5, GroupId: g.cfg.GroupID, MemberId: member, ProtocolType: "consumer",
		SessionTimeout:   int32(g.cfg.SessionTimeout / time.Millisecond),
		RebalanceTimeout: int32(g.cfg.RebalanceTimeout / time.Millisecond),
	}
	if err := req.AddGroupProtocolMetadata(groupProtocol, &sarama.ConsumerGroupMemberMetadata{Topics: topics, UserData: claim}); err != nil {
		return nil, failed(err)
	}
	joined, err := askCoordinator(g, func(b *sarama.Broker) (*sarama.JoinGroupResponse, sarama.KError, error) {
		answer, err := b.JoinGroup(req)
		if err != nil {
			return nil, 0, err
		}
		return answer, answer.Err, nil
	})
	switch {
	case errors.Is(err, sarama.ErrMemberIdRequired):
		g.mu.Lock()
		g.member = joined.MemberId
		g.mu.Unlock()
		return nil, &joinAgain{err}
	case errors.Is(err, sarama.ErrRebalanceInProgress):
		return nil, &joinAgain{err}
	case err != nil:
		return nil, err
	}
	return g.sync(ctx, joined)
}

// sync hands in the leader's assignment and gets this member's.
func (g *Group) sync(ctx context.Context, joined *sarama.JoinGroupResponse) ([]Shard, error) {
	g.mu.Lock()
	g.member, g.contact = joined.MemberId, time.Now()
	g.mu.Unlock()
	req := &sarama.SyncGroupRequest{
		Version: 3, GroupId: g.cfg.GroupID, MemberId: joined.MemberId, GenerationId: joined.GenerationId,
	}
	g.counts = nil
	if joined.LeaderId == joined.MemberId {
		if err := g.lead(ctx, joined, req); err != nil {
			return nil, failed(err)
		}
	}
	synced, err := askCoordinator(g, func(b *sarama.Broker) (*sarama.SyncGroupResponse, sarama.KError, error) {
		answer, err := b.SyncGroup(req)
		if err != nil {
			return nil, 0, err
		}
		return answer, answer.Err, nil
	})
	if errors.Is(err, sarama.ErrRebalanceInProgress) {
		return nil, &joinAgain{err}
	}
	if err != nil {
		return nil, err
	}
	var shards []Shard
	if len(synced.MemberAssignment) > 0 {
		assignment, err := synced.GetMemberAssignment()
		if err != nil {
			return nil, failed(fmt.Errorf("decode the assignment: %w", err))
		}
		if err := told(assignment.UserData, &shards); err != nil {
			return nil, failed(fmt.Errorf("decode the assignment: %w", err))
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost != nil {
		return nil, errLost
	}
	g.generation, g.joining, g.contact = joined.GenerationId, false, time.Now()
	return shards, nil
}

// lead computes every member's assignment.
func (g *Group) lead(ctx context.Context, joined *sarama.JoinGroupResponse, req *sarama.SyncGroupRequest) error {
	metadata, err := joined.GetMembers()
	if err != nil {
		return fmt.Errorf("decode the members' subscriptions: %w", err)
	}
	members := make([]claimant, 0, len(metadata))
	var topics []string
	for id, m := range metadata {
		var c claim
		if err := told(m.UserData, &c); err != nil {
			return fmt.Errorf("decode the shards of member %s: %w", id, err)
		}
		slices.Sort(m.Topics)
		members = append(members, claimant{id: id, topics: m.Topics, owned: c.Shards, generation: c.Generation})
		topics = append(topics, m.Topics...)
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	counts, err := g.partitions(ctx, topics)
	if err != nil {
		return err
	}
	var shards []Shard
	for i, topic := range topics {
		shards = append(shards, shardsOf(topic, counts[i], int32(g.cfg.Shards))...)
	}
	if slices.Equal(topics, g.topics) {
		g.counts = counts
	}
	for id, of := range release(members, balance(members, shards)) {
		data, err := tell(of)
		if err != nil {
			return err
		}
		a := &sarama.ConsumerGroupMemberAssignment{UserData: data, Topics: make(map[string][]int32)}
		for _, s := range of {
			a.Topics[s.Topic] = append(a.Topics[s.Topic], s.Partitions...)
		}
		if err := req.AddGroupAssignmentMember(id, a); err != nil {
			return err
		}
	}
	return nil
}

// partitions returns the topics' partition counts; 0 for one that is not there
// or may not be described.
func (g *Group) partitions(ctx context.Context, topics []string) ([]int32, error) {
	counts := make([]int32, len(topics))
	if len(topics) == 0 {
		return counts, nil
	}
	answer, err := g.client.metadata(ctx, topics)
	if err != nil {
		return nil, err
	}
	for _, t := range answer.Topics {
		if i, ok := slices.BinarySearch(topics, t.Name); ok {
			counts[i] = int32(len(t.Partitions))
		}
	}
	return counts, nil
}

// askCoordinator sends one request that the coordinator may hold back.
func askCoordinator[T any](g *Group, send func(*sarama.Broker) (T, sarama.KError, error)) (T, error) {
	var zero T
	b, err := g.joins.Coordinator(g.cfg.GroupID)
	if err != nil {
		return zero, err
	}
	answer, code, err := send(b)
	if err != nil {
		if broken(err) {
			_ = b.Close()
		}
		return zero, err
	}
	if code != sarama.ErrNoError {
		return answer, code
	}
	return answer, nil
}

func (g *Group) explain(err error) error {
	switch {
	case errors.Is(err, sarama.ErrInconsistentGroupProtocol):
		return fmt.Errorf("--group-id: %s is in use by another kind of consumer: %w", g.cfg.GroupID, err)
	case errors.Is(err, sarama.ErrInvalidSessionTimeout):
		return fmt.Errorf("a session timeout of %s is outside of the broker's group.min.session.timeout.ms and "+
			"group.max.session.timeout.ms: %w", g.cfg.SessionTimeout, err)
	default:
		return explain(err)
	}
}
