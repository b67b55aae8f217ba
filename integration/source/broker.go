package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Create creates the table's topic.
func (t *Table) Create(ctx context.Context, client *kgo.Client, partitions int32) error {
	if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, t.Topic()); err != nil {
		return fmt.Errorf("create topic %s: %w", t.Topic(), err)
	}
	return nil
}

// Ends returns the offset after the last record of each partition of a topic.
func Ends(ctx context.Context, client *kgo.Client, topic string) (map[int32]int64, error) {
	listed, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, err)
	}
	ends := make(map[int32]int64)
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	return ends, nil
}

// Members returns the ids of a group's members, by the names of their clients.
func Members(ctx context.Context, client *kgo.Client, group string) (map[string][]string, error) {
	described, err := kadm.NewClient(client).DescribeGroups(ctx, group)
	if err == nil {
		err = described.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil // nobody has joined it yet
	}
	if err != nil {
		return nil, fmt.Errorf("describe group %s: %w", group, err)
	}
	members := make(map[string][]string)
	for _, m := range described[group].Members {
		members[m.ClientID] = append(members[m.ClientID], m.MemberID)
	}
	return members, nil
}

// Joining reports whether members of a group are waiting to be told their shares.
func Joining(ctx context.Context, client *kgo.Client, group string) (bool, error) {
	described, err := kadm.NewClient(client).DescribeGroups(ctx, group)
	if err == nil {
		err = described.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("describe group %s: %w", group, err)
	}
	state := described[group].State
	return state == "PreparingRebalance" || state == "CompletingRebalance", nil
}

// Expel removes the members of a client from a group, as the coordinator does
// when it has not heard of them for the session's timeout.
func Expel(ctx context.Context, client *kgo.Client, group, name string) error {
	members, err := Members(ctx, client, group)
	if err != nil {
		return err
	}
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group = group
	for _, id := range members[name] {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = id
		request.Members = append(request.Members, member)
	}
	if len(request.Members) == 0 {
		return nil
	}
	if _, err := request.RequestWith(ctx, client); err != nil {
		return fmt.Errorf("expel %s from group %s: %w", name, group, err)
	}
	return nil
}

// Rewind sets a group's offsets of a topic to the beginning. The group has no members.
func Rewind(ctx context.Context, client *kgo.Client, group, topic string, partitions int32) error {
	var beginning kadm.Offsets
	for p := range partitions {
		beginning.AddOffset(topic, p, 0, -1)
	}
	if err := kadm.NewClient(client).CommitAllOffsets(ctx, group, beginning); err != nil {
		return fmt.Errorf("set offsets of group %s: %w", group, err)
	}
	return nil
}
