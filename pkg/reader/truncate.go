package reader

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// empty publishes that a table is empty if its topic has records, of an earlier
// table of the name or from before a gap in what was read: rows that are gone
// would stay otherwise. What the table has comes after it.
func (s *session) empty(id debezium.TableID, source *debezium.Source) error {
	left, err := s.leftover(id)
	if err != nil || !left {
		return err
	}
	return s.truncate(id, source)
}

// leftover reports whether a table's topic has records.
func (s *session) leftover(id debezium.TableID) (bool, error) {
	offsets, err := s.cfg.Kafka.Offsets(s.life, s.cfg.Naming.Table(s.cfg.Prefix, id))
	if errors.Is(err, kafka.ErrTopicNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	left := slices.ContainsFunc(offsets, func(o kafka.PartitionOffsets) bool { return o.HighWatermark > o.Earliest })
	if left {
		s.log.Info("the topic has records of before: it begins again", "table", id.String())
	}
	return left, nil
}

// leftovers returns those of the tables whose topics have records, and looks up
// what their TRUNCATE needs. To ask Kafka about thousands takes longer than one of its
// transactions may: it is done before a span is open.
func (s *session) leftovers(ids []debezium.TableID) (map[debezium.TableID]bool, error) {
	found := make(map[debezium.TableID]bool)
	for _, id := range ids {
		left, err := s.leftover(id)
		if err == nil && left {
			_, err = s.knownTable(id)
		}
		if err != nil {
			return nil, err
		}
		found[id] = left
	}
	return found, nil
}

// truncate publishes that the table is empty: to every partition, since each
// holds some of its keys.
func (s *session) truncate(id debezium.TableID, source *debezium.Source) error {
	model, ok := s.history.Table(id)
	if !ok {
		return fmt.Errorf("TRUNCATE of %s, whose definition is not known", id)
	}
	t, err := s.setTable(id, model)
	if err != nil {
		return err
	}
	t.read(debezium.Truncate)
	if s.cfg.Skipped[debezium.Truncate] || s.cfg.Unwrap != nil { // which has no form for it
		return nil
	}
	e := debezium.Event{Row: t.plan.Row, Source: *source, Op: debezium.Truncate, TsNs: time.Now().UnixNano()}
	e.Source.DB, e.Source.Table = id.Database, id.Table
	e.Source.TsNs -= e.Source.TsNs % int64(time.Millisecond)
	value, err := s.cfg.Encoder.AppendValue(nil, &e)
	if err != nil {
		return err
	}
	for partition := range s.topics[t.topic] {
		if err := s.send(&kafka.Record{Topic: t.topic, Partition: partition, Value: value, Headers: s.headers}); err != nil {
			return err
		}
	}
	return nil
}
