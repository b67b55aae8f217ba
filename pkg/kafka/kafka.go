// Package kafka talks to Kafka: security, topics and their offsets, a
// transactional producer, a read_committed consumer and a group that shares
// out tables.
//
// It owns connections, retries of what may heal, and the order of records in a
// partition. Callers own what a record means, when a span of records commits,
// and where the applier's offsets are kept; the group's offsets are for lag
// tools alone. Everything stands on sarama's protocol layer: its producer and
// consumers can neither say which answer was lost nor bound memory in bytes.
package kafka

// TopicPartition names one partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}
