package reader

import (
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// CheckTopics refuses tables that would share a topic, which differ only in
// characters that Kafka does not allow, or behind the length that it allows, or are
// routed to one: their rows could not be told apart.
func CheckTopics(naming debezium.Naming, prefix string, tables []debezium.TableID) error {
	var errs []error
	by := make(map[string]debezium.TableID, len(tables))
	for _, id := range tables {
		topic := naming.Table(prefix, id)
		if other, ok := by[topic]; ok && naming.Records(prefix, other) != naming.Records(prefix, id) {
			errs = append(errs, fmt.Errorf("shared-topic: the tables %s and %s would be routed to one topic, %s; "+
				"change --topic-route, or leave one of them out (--table-include-list, --table-exclude-list)", other, id, topic))
		} else if ok {
			errs = append(errs, fmt.Errorf("shared-topic: the tables %s and %s would share the topic %s, whose name cannot have all their characters; "+
				"leave one of them out (--table-include-list, --table-exclude-list), or rename it", other, id, topic))
		}
		if topic == naming.SchemaChanges(prefix) || topic == naming.Transactions(prefix) || topic == naming.Heartbeats(prefix) {
			errs = append(errs, fmt.Errorf("shared-topic: the topic of table %s, %s, is that of schema changes, transactions or heartbeats; "+
				"change --topic-delimiter, --topic-transaction, --topic-heartbeat-name or --topic-route, or leave the table out", id, topic))
		}
		by[topic] = id
	}
	return errors.Join(errs...)
}

// checkTopics is CheckTopics of the captured tables where the stream is.
func (s *session) checkTopics() error {
	var captured []debezium.TableID
	for _, id := range s.history.Tables() {
		if s.cfg.Captured(id) {
			captured = append(captured, id)
		}
	}
	return CheckTopics(s.cfg.Naming, s.cfg.Prefix, captured)
}
