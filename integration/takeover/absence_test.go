//go:build integration

package takeover_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/pkg/kafka"
)

func plainJSON(more map[string]string) map[string]string {
	properties := map[string]string{
		"provide.transaction.metadata": "true", "key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false",
	}
	maps.Copy(properties, more)
	return properties
}

// What happened to tables while nobody read is followed from where Debezium was
// killed, and Debezium goes on with what became of them.
func TestTakeover_TablesRenamedAndDroppedMeanwhile(t *testing.T) {
	w := newWorld(t, surroundings{kind: server.MySQL9, properties: plainJSON(nil)})
	w.load.more = []string{"moves", "goes"}
	for _, name := range w.load.more {
		w.must(w.load.exec("CREATE TABLE " + name + " (id INT PRIMARY KEY, v INT)"))
	}
	w.streaming()
	w.publish(500)
	w.must(w.worker.Kill())
	w.Logf("Debezium killed, topics have %d records", w.records())
	w.must(w.load.stop())
	w.must(w.load.exec("RENAME TABLE moves TO moved"))
	w.must(w.load.exec("DROP TABLE goes"))
	w.load.more = []string{"moved"}
	w.load.start()
	w.firn(0)
	w.must(w.worker.Start(w.Context()))
	w.must(w.worker.Streaming(w.Context(), connector))
	w.publish(500)
	w.must(w.load.stop())
	w.must(w.load.exec("CREATE TABLE goes (id INT PRIMARY KEY, name VARCHAR(10))"))
	w.must(w.load.exec("INSERT INTO goes VALUES (1, 'another')"))
	w.load.more = []string{"moved"}
	w.load.start()
	w.publish(500)
	w.must(w.worker.Kill())
	w.judge()
}

// A connector that was killed in its first snapshot leaves rows behind it; in
// the end the topic says what the table has, changes between the two included.
func TestTakeover_KilledInItsSnapshot(t *testing.T) {
	w := newWorld(t, surroundings{kind: server.MySQL9, properties: plainJSON(map[string]string{"table.include.list": database + ".large"})})
	const rows = 200_000
	w.must(w.load.exec("CREATE TABLE large (id INT PRIMARY KEY, v INT)"))
	w.must(w.load.exec(fmt.Sprintf("SET SESSION cte_max_recursion_depth = %d", rows)))
	w.must(w.load.exec(fmt.Sprintf("INSERT INTO large WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < %d) SELECT id, id FROM n", rows)))
	w.create()
	offset := ""
	w.until("Debezium has saved an offset of its snapshot", func() bool {
		offset = w.offset()
		return strings.Contains(offset, "snapshot") && w.records() > 1000
	})
	w.must(w.worker.Kill())
	before := w.records()
	w.Logf("Debezium killed, topics have %d records", before)
	if before >= rows {
		t.Fatalf("the snapshot was over: %d records", before)
	}
	w.must(w.load.exec("UPDATE large SET v = -v WHERE id % 3 = 0"))
	w.must(w.load.exec("DELETE FROM large WHERE id % 5 = 0"))
	w.toEnd(w.kafka.Addr, "--connect-offset-topic="+server.ConnectOffsets)
	w.isLarge()

	w.must(w.worker.Start(w.Context()))
	w.must(w.worker.Streaming(w.Context(), connector))
	n := w.records()
	w.must(w.load.exec("DELETE FROM large WHERE id % 7 = 0"))
	w.publish(1)
	w.must(w.worker.Kill())
	w.toEnd(w.kafka.Addr, "--connect-offset-topic="+server.ConnectOffsets)
	w.Logf("%d records, of which %d after Debezium went on", w.records(), w.records()-n)
	w.isLarge()

	// As if it had been killed in its snapshot long ago.
	w.must(w.load.exec("FLUSH BINARY LOGS"))
	w.must(w.load.exec("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY"))
	producer, err := kafka.NewProducer(w.Context(), w.client, kafka.ProducerConfig{})
	w.must(err)
	defer producer.Close()
	key := fmt.Sprintf("[%q,{\"server\":%q}]", connector, prefix)
	w.must(producer.Send(&kafka.Record{Topic: server.ConnectOffsets, Partition: kafka.Unassigned, Key: []byte(key), Value: []byte(offset)}))
	w.must(producer.Flush(w.Context()))
	n = w.records()
	w.toEnd(w.kafka.Addr, "--connect-offset-topic="+server.ConnectOffsets)
	w.Logf("%d records, of which %d after the binlog had gone", w.records(), w.records()-n)
	w.isLarge()
	if w.said("deleted since stay in its topics") != 1 {
		t.Error("it is not said that deleted rows stay")
	}
}

// isLarge holds what the topic of the table large says in the end against the table.
func (w *world) isLarge() {
	w.Helper()
	want := make(map[int]int)
	result, err := w.load.db.QueryContext(w.Context(), "SELECT id, v FROM large")
	w.must(err)
	defer result.Close()
	for result.Next() {
		var id, v int
		w.must(result.Scan(&id, &v))
		want[id] = v
	}
	w.must(result.Err())
	got, ops := w.rows(prefix + "." + database + ".large")
	lost, ghosts := 0, 0
	for id, v := range want {
		if other, ok := got[id]; !ok || other != v {
			lost++
		}
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			ghosts++
		}
	}
	w.Logf("large has %d rows; by %v the topic has %d, of which %d are gone, and %d lack or are old", len(want), ops, len(got), ghosts, lost)
	if lost > 0 || ghosts > 0 {
		w.Errorf("the topic does not say what the table has")
	}
}

// rows are those that a topic has after all of its records, and how many of
// each operation it has.
func (w *world) rows(topic string) (rows map[int]int, ops map[string]int) {
	rows, ops = make(map[int]int), make(map[string]int)
	offsets, err := w.client.Offsets(w.Context(), topic)
	w.must(err)
	for _, o := range offsets {
		w.must(w.client.ReadAll(w.Context(), topic, o.Partition, o.Earliest, func(r *kafka.Record) error {
			if r.Value == nil {
				return nil
			}
			var key struct{ ID int }
			var value struct {
				Op    string
				After *struct{ V int }
			}
			if err := json.Unmarshal(r.Key, &key); err != nil {
				return err
			}
			if err := json.Unmarshal(r.Value, &value); err != nil {
				return err
			}
			ops[value.Op]++
			if delete(rows, key.ID); value.After != nil {
				rows[key.ID] = value.After.V
			}
			return nil
		}))
	}
	return rows, ops
}
