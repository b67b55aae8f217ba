package reader

import (
	"time"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// transactions publishes transaction metadata: where each transaction of the
// server begins and ends, with counts, and in each event its place. The counts
// are in session.progress, so that they are saved with the events they count.
type transactions struct {
	total int64                    // events of the transaction
	block debezium.Transaction     // reused for every event
	index map[debezium.TableID]int // of a table's count, in progress.Published.Counts
}

// openTransactions takes up what is saved, if metadata is wanted.
func (s *session) openTransactions() {
	if !s.cfg.Transactions {
		s.progress.Published = checkpoint.Transaction{}
		return
	}
	s.metadata = &transactions{index: make(map[debezium.TableID]int)}
	for _, c := range s.progress.Published.Counts {
		s.metadata.total += c.Events
	}
}

// begins publishes the beginning of a transaction, unless that was done before a
// restart. One that was never ended is ended by it.
func (s *session) begins(b *binlog.Begin) error {
	if s.metadata == nil || s.undone[s.transaction] {
		return nil
	}
	id := debezium.TransactionID(b.GTID, b.File, b.At)
	if s.progress.Published.ID == id {
		return nil
	}
	if err := s.ends(b.TsNs); err != nil {
		return err
	}
	s.progress.Published = checkpoint.Transaction{ID: id}
	return s.sendBoundary(&debezium.TransactionBoundary{ID: id, TsMs: b.TsNs / int64(time.Millisecond)})
}

// ends publishes the end of the transaction whose beginning was published.
func (s *session) ends(tsNs int64) error {
	published := s.progress.Published
	if published.ID == "" {
		return nil
	}
	s.progress.Published = checkpoint.Transaction{}
	s.metadata.total = 0
	clear(s.metadata.index)
	return s.sendBoundary(&debezium.TransactionBoundary{
		ID: published.ID, TsMs: tsNs / int64(time.Millisecond), Ended: true, Counts: published.Counts,
	})
}

// place counts an event of the transaction being read and returns its place.
func (s *session) place(id debezium.TableID) *debezium.Transaction {
	m, published := s.metadata, &s.progress.Published
	i, ok := m.index[id]
	if !ok {
		name := id.String()
		for i = 0; i < len(published.Counts) && published.Counts[i].Table != name; i++ {
		}
		if i == len(published.Counts) {
			published.Counts = append(published.Counts, debezium.TableCount{Table: name})
		}
		m.index[id] = i
	}
	m.total++
	published.Counts[i].Events++
	m.block = debezium.Transaction{ID: published.ID, TotalOrder: m.total, DataCollectionOrder: published.Counts[i].Events}
	return &m.block
}

func (s *session) sendBoundary(b *debezium.TransactionBoundary) error {
	if s.takeover != nil {
		s.takeover.atBoundary(b.ID, b.Ended)
	}
	topic := s.cfg.Naming.Transactions(s.cfg.Prefix)
	if err := s.ensureTopic(kafka.TopicSpec{
		Name: topic, Partitions: s.cfg.TopicPartitions, Replication: s.cfg.TopicReplicas, Config: s.cfg.TopicConfig,
	}); err != nil {
		return err
	}
	key, err := s.cfg.Structs.AppendStructKey(nil, topic, debezium.TransactionKeySchema(), b.Key())
	if err != nil {
		return err
	}
	value, err := s.cfg.Structs.AppendStructValue(nil, topic, debezium.TransactionValueSchema(), b.Value())
	if err != nil {
		return err
	}
	return s.send(&kafka.Record{Topic: topic, Partition: kafka.Unassigned, Key: key, Value: value})
}
