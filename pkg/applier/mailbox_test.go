package applier

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// However many tables there are, what waits for all of them is bounded.
func TestMailbox_Room(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kafka.Open(t.Context(), kafka.Config{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := kafka.OpenConsumer(t.Context(), client, kafka.ConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := consumer.Close(); err != nil {
			t.Error(err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}()
	room := &mailroom{budget: budget{limit: 100_000}}
	read := kafka.Fetched{Topic: "t", Records: []kafka.Record{{Value: make([]byte, 40_000)}}}
	var boxes []*mailbox
	for range 3 {
		m := newMailbox(consumer, 80_000, room)
		m.open(true)
		m.deliver(&read)
		boxes = append(boxes, m)
	}
	for i, paused := range []int{0, 0, 1} { // the third is one too many
		if got := len(boxes[i].paused); got != paused {
			t.Errorf("box %d has paused %d partitions, want %d", i, got, paused)
		}
	}
	taken := boxes[0].take(nil)
	boxes[1].deliver(&read) // while that is being applied
	if len(boxes[1].paused) != 1 {
		t.Error("what was taken takes no room before it is given back")
	}
	boxes[0].give(taken)
	boxes[2].open(false)
	boxes[2].deliver(&read)
	boxes[1].give(boxes[1].take(nil))
	if used := room.used.Load(); used != 0 {
		t.Errorf("%d bytes are taken by nothing", used)
	}
}
