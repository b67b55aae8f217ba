package kafka

import (
	"cmp"
	"slices"
)

// Shard is the unit of ownership: the partitions p of a topic with p % Of ==
// Index. While a topic's partition count stands, so do its shards.
type Shard struct {
	Topic      string  `json:"topic"`
	Index      int32   `json:"index"`
	Of         int32   `json:"of"`
	Partitions []int32 `json:"partitions"`
}

func (s Shard) equal(o Shard) bool {
	return s.Topic == o.Topic && s.Index == o.Index && s.Of == o.Of && slices.Equal(s.Partitions, o.Partitions)
}

// without returns the shards of a that are not in b.
func without(a, b []Shard) []Shard {
	var out []Shard
	for _, s := range a {
		if !slices.ContainsFunc(b, s.equal) {
			out = append(out, s)
		}
	}
	return out
}

// shardsOf cuts a topic into at most n shards.
func shardsOf(topic string, partitions, n int32) []Shard {
	n = min(max(n, 1), partitions)
	out := make([]Shard, n)
	for i := range out {
		out[i] = Shard{Topic: topic, Index: int32(i), Of: n}
	}
	for p := range partitions {
		out[p%n].Partitions = append(out[p%n].Partitions, p)
	}
	return out
}

// claimant is a member as the group's leader sees it.
type claimant struct {
	id         string
	topics     []string // that it would read, sorted
	owned      []Shard
	generation int32 // in which it got them
}

// balance shares shards out: each to one member that reads its topic, as evenly
// as that allows, and to the member that has it where evenness allows that.
func balance(members []claimant, shards []Shard) map[string][]Shard {
	b := balancer{members: make(map[string]*load, len(members)), claims: claims(members)}
	for _, m := range members {
		b.order = append(b.order, &load{claimant: m, topics: make(map[string]int)})
		b.members[m.id] = b.order[len(b.order)-1]
	}
	slices.SortFunc(b.order, func(x, y *load) int { return cmp.Compare(x.id, y.id) })
	var free []Shard
	for _, s := range shards {
		if owner := b.owner(s); owner != nil && owner.reads(s.Topic) {
			owner.take(s)
		} else {
			free = append(free, s)
		}
	}
	for _, s := range free {
		if m := b.least(s.Topic); m != nil {
			m.take(s)
		}
	}
	b.even()
	out := make(map[string][]Shard, len(members))
	for _, m := range b.order {
		out[m.id] = m.shards
	}
	return out
}

// release leaves out of each member's target what another still holds: that one
// sees it missing, lets go and joins again, and then the target is given.
func release(members []claimant, target map[string][]Shard) map[string][]Shard {
	held := claims(members)
	out := make(map[string][]Shard, len(target))
	for id, shards := range target {
		out[id] = slices.DeleteFunc(slices.Clone(shards), func(s Shard) bool {
			return slices.ContainsFunc(s.Partitions, func(p int32) bool {
				owner, ok := held[TopicPartition{Topic: s.Topic, Partition: p}]
				return ok && owner != id
			})
		})
	}
	return out
}

// claims says who holds each partition. Of two that say so, the one with the
// later generation does.
func claims(members []claimant) map[TopicPartition]string {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b claimant) int {
		return cmp.Or(cmp.Compare(b.generation, a.generation), cmp.Compare(a.id, b.id))
	})
	held := make(map[TopicPartition]string)
	for _, m := range members {
		for _, s := range m.owned {
			for _, p := range s.Partitions {
				if key := (TopicPartition{Topic: s.Topic, Partition: p}); held[key] == "" {
					held[key] = m.id
				}
			}
		}
	}
	return held
}

type balancer struct {
	members map[string]*load
	order   []*load // by id
	claims  map[TopicPartition]string
}

// load is a member and what it is to have.
type load struct {
	claimant
	topics map[string]int // its shards by topic
	shards []Shard
}

func (l *load) reads(topic string) bool {
	_, ok := slices.BinarySearch(l.claimant.topics, topic)
	return ok
}

func (l *load) take(s Shard) {
	l.shards = append(l.shards, s)
	l.topics[s.Topic]++
}

// owner returns the member that holds all of s.
func (b *balancer) owner(s Shard) *load {
	var owner string
	for i, p := range s.Partitions {
		id := b.claims[TopicPartition{Topic: s.Topic, Partition: p}]
		if i > 0 && id != owner {
			return nil
		}
		owner = id
	}
	return b.members[owner]
}

// least returns the member with the fewest shards that reads topic, among
// equals the one with the fewest of that topic.
func (b *balancer) least(topic string) *load {
	var best *load
	for _, m := range b.order {
		if !m.reads(topic) {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(len(m.shards), len(best.shards)), cmp.Compare(m.topics[topic], best.topics[topic])) < 0 {
			best = m
		}
	}
	return best
}

// even moves shards until no move makes two members more equal.
func (b *balancer) even() {
	for b.move() {
	}
}

func (b *balancer) move() bool {
	from := slices.Clone(b.order)
	slices.SortStableFunc(from, func(x, y *load) int { return cmp.Compare(len(y.shards), len(x.shards)) })
	for _, m := range from {
		for i, s := range slices.Backward(m.shards) { // what came last is held by nobody else

			if to := b.least(s.Topic); to != nil && len(to.shards)+1 < len(m.shards) {
				m.shards = slices.Delete(m.shards, i, i+1)
				m.topics[s.Topic]--
				to.take(s)
				return true
			}
		}
	}
	return false
}
