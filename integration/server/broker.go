package server

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Broker is a Kafka broker inside this process.
type Broker struct {
	Addr    string
	Cluster *kfake.Cluster
}

// StartBroker starts a broker on a free port of loopback. Topics that are
// created without a number of partitions get partitions of them.
func StartBroker(partitions int, options ...kfake.Opt) (*Broker, error) {
	all := append([]kfake.Opt{kfake.NumBrokers(1), kfake.DefaultNumPartitions(partitions)}, options...)
	cluster, err := kfake.NewCluster(all...)
	if err != nil {
		return nil, fmt.Errorf("start kafka broker: %w", err)
	}
	return &Broker{Addr: cluster.ListenAddrs()[0], Cluster: cluster}, nil
}

// Stop ends the broker and forgets its records.
func (b *Broker) Stop() { b.Cluster.Close() }

// ForJava has a broker offer no version of a request whose answer Java's client
// fails on.
func ForJava() kfake.Opt {
	versions := kversion.Tip()
	versions.SetMaxKeyVersion(int16(kmsg.CreateTopics), 4)
	versions.SetMaxKeyVersion(int16(kmsg.DescribeTopicPartitions), -1)
	return kfake.MaxVersions(versions)
}
