package kafka

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShardsOf(t *testing.T) {
	for _, tt := range []struct {
		partitions, n int32
		want          [][]int32
	}{
		{0, 3, [][]int32{}},
		{1, 3, [][]int32{{0}}},
		{6, 1, [][]int32{{0, 1, 2, 3, 4, 5}}},
		{7, 3, [][]int32{{0, 3, 6}, {1, 4}, {2, 5}}},
	} {
		got := [][]int32{}
		for i, s := range shardsOf("t", tt.partitions, tt.n) {
			if s.Index != int32(i) {
				t.Errorf("shard %d has index %d", i, s.Index)
			}
			got = append(got, s.Partitions)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%d partitions, %d shards: %s", tt.partitions, tt.n, diff)
		}
	}
}

// Members come, go and change their topics. After every change each shard that
// somebody reads has one owner, shares differ by one at most where all read all,
// and nothing moves without need; while shards move, none has two owners.
func TestBalance_AnyHistory(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			var shards []Shard
			var topics []string
			for i := range 1 + rng.IntN(6) {
				topic := fmt.Sprint("t", i)
				topics = append(topics, topic)
				shards = append(shards, shardsOf(topic, 1+rng.Int32N(12), 1+rng.Int32N(4))...)
			}
			var members []claimant
			for generation := range int32(12) {
				switch {
				case len(members) < 2 || rng.IntN(3) > 0:
					members = append(members, claimant{id: fmt.Sprint("m", generation), topics: topics, generation: -1})
				default:
					i := rng.IntN(len(members))
					members = slices.Delete(members, i, i+1)
				}
				members = settle(t, members, shards, generation)
			}
		})
	}
}

// settle runs generations until nobody has anything to let go of.
func settle(t *testing.T, members []claimant, shards []Shard, generation int32) []claimant {
	t.Helper()
	before := claims(members)
	for round := 0; ; round++ {
		target := balance(members, shards)
		given := release(members, target)
		again := false
		held := make(map[TopicPartition]string)
		for i, m := range members {
			for _, s := range slices.Concat(m.owned, without(given[m.id], m.owned)) { // what it lets go of, it has until then
				for _, p := range s.Partitions {
					key := TopicPartition{Topic: s.Topic, Partition: p}
					if held[key] != "" && held[key] != m.id {
						t.Fatalf("%v has two owners, %s and %s", key, held[key], m.id)
					}
					held[key] = m.id
				}
			}
			again = again || len(without(m.owned, given[m.id])) > 0
			members[i].owned, members[i].generation = given[m.id], generation
		}
		if !again {
			break
		}
		if round > 3 {
			t.Fatal("the group does not settle")
		}
	}
	after := claims(members)
	low, high, kept, could := len(shards), 0, 0, 0
	for _, m := range members {
		low, high = min(low, len(m.owned)), max(high, len(m.owned))
	}
	total := 0
	for _, s := range shards {
		key := TopicPartition{Topic: s.Topic, Partition: s.Partitions[0]}
		if after[key] == "" {
			t.Fatalf("%v has no owner", s)
		}
		if old := before[key]; old != "" {
			could++
			if old == after[key] {
				kept++
			}
		}
		total++
	}
	if high-low > 1 {
		t.Fatalf("shares from %d to %d", low, high)
	}
	// One who comes takes its share, one who goes leaves only its own.
	if moved, need := could-kept, (total+len(members)-1)/len(members); moved > need {
		t.Fatalf("%d shards moved, %d would do", moved, need)
	}
	return members
}

func TestBalance_OnlyReadersOfATopicOwnIt(t *testing.T) {
	members := []claimant{{id: "a", topics: []string{"x", "y"}}, {id: "b", topics: []string{"y"}}, {id: "c"}}
	shards := slices.Concat(shardsOf("x", 4, 4), shardsOf("y", 4, 4), shardsOf("z", 1, 1))
	counts := make(map[string]int)
	for id, of := range balance(members, shards) {
		for _, s := range of {
			counts[id+s.Topic]++
		}
	}
	if diff := cmp.Diff(map[string]int{"ax": 4, "by": 4}, counts); diff != "" {
		t.Error(diff)
	}
}

// A process that was away says that it owns what others have got since.
func TestClaims_TheLaterGenerationHolds(t *testing.T) {
	shards := shardsOf("t", 2, 1)
	members := []claimant{
		{id: "a-zombie", topics: []string{"t"}, owned: shards, generation: 3},
		{id: "b-owner", topics: []string{"t"}, owned: shards, generation: 7},
	}
	target := release(members, balance(members, shards))
	if len(target["a-zombie"]) != 0 || len(target["b-owner"]) != 1 {
		t.Errorf("got %v", target)
	}
}

// Another number of shards cuts a topic into other sets: no new one may be given
// while a partition of it is held in an old one.
func TestRelease_OldShardsAreLetGoOfFirst(t *testing.T) {
	topics := []string{"t"}
	members := []claimant{
		{id: "a", topics: topics, owned: shardsOf("t", 4, 2)[:1], generation: 1},
		{id: "b", topics: topics, owned: shardsOf("t", 4, 2)[1:], generation: 1},
	}
	target := release(members, balance(members, shardsOf("t", 4, 1)))
	if len(target["a"])+len(target["b"]) != 0 {
		t.Errorf("given while held: %v", target)
	}
}

// The coordinator keeps what members say in a record that may have 1 MB, of which
// the names of the topics, twice, are most.
func TestTell_ThousandsOfShardsAreShort(t *testing.T) {
	want := claim{Generation: 7}
	for i := range 5000 {
		want.Shards = append(want.Shards, shardsOf(fmt.Sprintf("prefix.tenant_%04d.customer_orders", i*7919%5000), 1, 1)...)
	}
	data, err := tell(want)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 100_000 {
		t.Errorf("5,000 shards take %d bytes", len(data))
	}
	var got claim
	if err := told(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
