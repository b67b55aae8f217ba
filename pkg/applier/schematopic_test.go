package applier_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/status"
)

// deleteSchemaTopic deletes the schema-change topic; the next statement makes it anew.
func (w *world) deleteSchemaTopic() {
	w.t.Helper()
	_, err := w.admin.DeleteTopic(w.t.Context(), prefix)
	must(w.t, err)
	w.connect()
}

// snapshot is what a new snapshot of the reader's begins with, the definition
// aside: a TRUNCATE, and then all rows.
func (s *source) snapshot() []*kgo.Record {
	rows := maps.Clone(s.rows)
	records := s.truncate()
	for i := range records { // one place in the source, as it is one event
		records[i].Value = records[0].Value
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		records = append(records, s.put(id, rows[id]...))
	}
	return records
}

// followed returns a table that has followed two statements.
func followed(t *testing.T, partitions int32) (*world, *source) {
	t.Helper()
	w := newWorld(t)
	s := w.table("t", partitions)
	s.ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(50))", "CREATE", text("v"))
	w.send(s.put(1, "a"), s.put(2, "b"), s.put(3, "c"))
	must(t, w.run())
	s.ddl("ALTER TABLE t ADD COLUMN x VARCHAR(50) NOT NULL DEFAULT 'x'", "ALTER", text("v"), text("x", "x"))
	w.send(s.put(4, "d", "y"))
	must(t, w.run())
	for id := range int64(3) {
		s.rows[id+1] = append(s.rows[id+1], "x")
	}
	s.holds()
	return w, s
}

// anew makes the schema-change topic anew: the table as it is, and a column more.
func (s *source) anew() {
	s.w.t.Helper()
	s.w.deleteSchemaTopic()
	s.ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(50), x VARCHAR(50))", "CREATE", text("v"), text("x", "x"))
	s.ddl("ALTER TABLE t RENAME COLUMN v TO w", "ALTER", text("w"), text("x", "x"))
}

func stopsForSchemaTopic(t *testing.T, err error) {
	t.Helper()
	var stop *applier.StopError
	if !errors.As(err, &stop) || !strings.Contains(stop.Reason, "was deleted and created again") {
		t.Errorf("the error is %v", err)
	}
}

func TestApplier_SchemaTopicCreatedAnew(t *testing.T) {
	t.Run("its statements are not taken for followed ones: the table stops", func(t *testing.T) {
		w, s := followed(t, 1)
		s.anew()
		w.send(s.put(1, "after", "x"))
		stopsForSchemaTopic(t, w.run())
	})
	t.Run("a table without changes stops as well: it may have missed a statement", func(t *testing.T) {
		w, s := followed(t, 1)
		s.anew()
		stopsForSchemaTopic(t, w.run())
	})
	t.Run("a table is whole again with the TRUNCATE before a new snapshot", func(t *testing.T) {
		w, s := followed(t, 3)
		w.send(s.put(5, "not applied", "y"))
		w.deleteSchemaTopic()
		s.ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(50), n VARCHAR(50))", "CREATE", text("v"), text("n")) // the old topic had a statement more
		for id, row := range s.rows {
			s.rows[id] = []string{row[0], "new"}
		}
		w.send(s.snapshot()...)
		s.ddl("ALTER TABLE t RENAME COLUMN v TO w", "ALTER", text("w"), text("n"))
		w.send(s.put(6, "f", "z"))
		must(t, w.run())
		s.holds()
		s.ddl("ALTER TABLE t ADD COLUMN y VARCHAR(50) NOT NULL DEFAULT 'y'", "ALTER", text("w"), text("n"), text("y", "y"))
		for id := range s.rows {
			s.rows[id] = append(s.rows[id], "y")
		}
		w.send(s.put(7, "g", "z", "y"))
		must(t, w.run())
		s.holds()
	})
	t.Run("a TRUNCATE from before the new topic's definition heals nothing", func(t *testing.T) {
		w, s := followed(t, 1)
		w.send(s.truncate()...)
		s.anew()
		stopsForSchemaTopic(t, w.run())
	})
	t.Run("several shards stop", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 2)
		s.ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(50))", "CREATE", text("v"))
		for id := range int64(20) {
			w.send(s.put(id, "a"))
		}
		sharded := func(s *setup) { s.shards = 2 }
		must(t, w.run(sharded))
		w.deleteSchemaTopic()
		s.ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(50))", "CREATE", text("v"))
		w.send(s.snapshot()...)
		stopsForSchemaTopic(t, w.run(sharded))
	})
	t.Run("what an earlier version recorded is of the topic that there is", func(t *testing.T) {
		w, s := followed(t, 1)
		w.forgetSchemaTopic()
		s.ddl("ALTER TABLE t RENAME COLUMN v TO w", "ALTER", text("w"), text("x", "x"))
		w.send(s.put(5, "e", "z"))
		must(t, w.run())
		s.holds()
		if id := w.schemaTopic(); id == "" {
			t.Error("the table does not record the topic's id")
		}
		s.anew()
		stopsForSchemaTopic(t, w.run())
	})
	t.Run("what an earlier version recorded is not beyond the topic's end", func(t *testing.T) {
		w, s := followed(t, 1)
		w.forgetSchemaTopic()
		w.deleteSchemaTopic()
		s.ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(50), x VARCHAR(50))", "CREATE", text("v"), text("x", "x"))
		stopsForSchemaTopic(t, w.run())
	})
}

// forgetSchemaTopic leaves the properties as an earlier version wrote them.
func (w *world) forgetSchemaTopic() {
	w.t.Helper()
	const shard = "firn.kafka.offsets.0-of-1"
	t := w.open("t")
	var record map[string]json.RawMessage
	must(w.t, json.Unmarshal([]byte(t.Properties()[shard]), &record))
	delete(record, "schema_topic_id")
	old, err := json.Marshal(record)
	must(w.t, err)
	txn := t.Iceberg().NewTransaction()
	must(w.t, txn.SetProperties(iceberg.Properties{shard: string(old)}))
	must(w.t, txn.RemoveProperties([]string{"firn.schema-altered-topic-id"}))
	_, err = txn.Commit(w.t.Context())
	must(w.t, err)
}

// schemaTopic returns the id that the table records.
func (w *world) schemaTopic() string {
	w.t.Helper()
	var record struct {
		ID string `json:"schema_topic_id"`
	}
	must(w.t, json.Unmarshal([]byte(w.open("t").Properties()["firn.kafka.offsets.0-of-1"]), &record))
	return record.ID
}

func TestApplier_SchemaTopicCreatedAnewWhileRunning(t *testing.T) {
	start := func(t *testing.T, w *world) (board *status.Board, stop func() error) {
		t.Helper()
		board = status.NewBoard("")
		running := w.setup()
		running.change = func(c *applier.Config) { c.Status = board }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		ended := make(chan error)
		go func() { ended <- running.run(ctx, false) }()
		until(t, "the table is open", func() bool { return tableIs(board, "streaming") })
		return board, func() error { cancel(); return <-ended }
	}
	t.Run("the table stops", func(t *testing.T) {
		w, s := followed(t, 1)
		board, stop := start(t, w)
		s.anew()
		w.send(s.put(1, "after", "x"))
		until(t, "the table stops", func() bool { return tableIs(board, "stopped") })
		stopsForSchemaTopic(t, stop())
	})
	t.Run("a table that is snapshotted anew goes on", func(t *testing.T) {
		w, s := followed(t, 2)
		_, stop := start(t, w)
		w.deleteSchemaTopic()
		s.ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(50), n VARCHAR(50))", "CREATE", text("v"), text("n"))
		for id, row := range s.rows {
			s.rows[id] = []string{row[0], "new"}
		}
		w.send(s.snapshot()...)
		s.ddl("ALTER TABLE t RENAME COLUMN v TO w", "ALTER", text("w"), text("n"))
		w.send(s.put(6, "f", "z"))
		until(t, "the rows are there", func() bool {
			columns := w.open("t").Columns()
			return slices.Contains(columns, "w") && len(w.read("t", "id")) == len(s.rows)
		})
		must(t, stop())
		s.holds()
	})
	t.Run("a table waits for a topic that it has followed", func(t *testing.T) {
		w, s := followed(t, 1)
		w.deleteSchemaTopic()
		before := w.open("t").SnapshotID()
		board := status.NewBoard("")
		running := w.setup()
		running.change = func(c *applier.Config) { c.Status = board }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended := make(chan error)
		go func() { ended <- running.run(ctx, false) }()
		s.columns("v", "x", "z")
		w.send(s.put(9, "a", "b", "c")) // by a statement that nobody has seen
		until(t, "the table says what it waits for", func() bool {
			return slices.ContainsFunc(board.Page().Tables, func(t status.Table) bool {
				return strings.Contains(t.Error, "schema-change topic "+prefix+", which table db.t has followed, does not exist")
			})
		})
		cancel()
		must(t, <-ended)
		if after := w.open("t"); after.SnapshotID() != before || slices.Contains(after.Columns(), "z") {
			t.Error("the table has changed")
		}
	})
}

func tableIs(board *status.Board, state string) bool {
	return slices.ContainsFunc(board.Page().Tables, func(t status.Table) bool { return t.State == state })
}

// Retention removes old statements from a topic that another program has made.
func TestApplier_StatementsThatRetentionHasRemoved(t *testing.T) {
	w, s := followed(t, 1)
	w.trim(prefix, w.end(prefix))
	s.ddl("ALTER TABLE t RENAME COLUMN v TO w, ADD COLUMN y VARCHAR(50) NOT NULL DEFAULT 'y', DROP COLUMN x", "ALTER", text("w"), text("y", "y"))
	for id, row := range s.rows {
		s.rows[id] = []string{row[0], "y"}
	}
	w.send(s.put(5, "e", "z"))
	must(t, w.run())
	s.holds()
	w.send(s.put(1, "again", "z"))
	must(t, w.run())
	s.holds()
}
