package reader

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// Retention must not remove statements, which those who apply the rows follow.
func TestPublishChange_TheTopicKeepsAll(t *testing.T) {
	r := newRig(t, 1)
	part := schemahistory.Part{Database: rigDatabase, DDL: "CREATE DATABASE d"}
	if err := r.s.publishChange(*r.s.here(), restart{}, part, true); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(r.cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	described, err := kadm.NewClient(client).DescribeTopicConfigs(t.Context(), rigPrefix)
	if err != nil {
		t.Fatal(err)
	}
	topic, err := described.On(rigPrefix, nil)
	if err != nil || topic.Err != nil {
		t.Fatal(err, topic.Err)
	}
	got := make(map[string]string)
	for _, c := range topic.Configs {
		got[c.Key] = c.MaybeValue()
	}
	for key, want := range keptForEver() {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}
