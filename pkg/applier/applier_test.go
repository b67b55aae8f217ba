package applier_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/status"
)

func TestApplier_Run(t *testing.T) {
	t.Run("creates the table and mirrors it", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 3)
		for id := range int64(40) {
			w.send(s.put(id, "first"))
		}
		must(t, w.run())
		s.holds()
		w.send(s.put(3, "again"))
		w.send(s.remove(4)...)
		w.send(s.put(100, "new"))
		must(t, w.run())
		s.holds()
	})
	t.Run("the last change to a key wins, across batches and within one", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		for i := range 140 {
			w.send(s.put(int64(i%7), fmt.Sprint("change ", i)))
		}
		must(t, w.run(func(s *setup) { s.rows = 3 }))
		s.holds()
	})
	t.Run("reads nothing twice: a table goes on where it ended", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 2)
		w.send(s.put(1, "a"), s.put(2, "b"))
		must(t, w.run())
		before := w.open("t").Properties()
		must(t, w.run())
		after := w.open("t").Properties()
		if before["firn.source-position.0-of-1"] != after["firn.source-position.0-of-1"] || before["firn.source-position.0-of-1"] == "" {
			t.Errorf("source position was %q and is %q", before["firn.source-position.0-of-1"], after["firn.source-position.0-of-1"])
		}
		s.holds()
	})
	t.Run("an index that is gone is made again", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		for id := range int64(20) {
			w.send(s.put(id, "first"))
		}
		must(t, w.run())
		must(t, os.RemoveAll(filepath.Join(w.dir, "index")))
		w.send(s.put(5, "second"))
		w.send(s.remove(6)...)
		must(t, w.run())
		s.holds()
	})
	t.Run("an index that is old follows", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		for id := range int64(20) {
			w.send(s.put(id, "first"))
		}
		must(t, w.run())
		w.send(s.put(5, "second"), s.put(30, "new"))
		w.send(s.remove(6)...)
		must(t, w.run(func(s *setup) { s.index = "another" })) // another process
		w.send(s.put(5, "third"), s.put(6, "back"), s.put(30, "newer"))
		must(t, w.run())
		s.holds()
	})
	t.Run("TRUNCATE empties the table", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 2)
		for id := range int64(20) {
			w.send(s.put(id, "first"))
		}
		must(t, w.run())
		w.send(s.put(21, "gone too"))
		w.send(s.truncate()...)
		w.send(s.put(3, "after"))
		must(t, w.run())
		s.holds()
		w.send(s.put(3, "after that"), s.put(4, "x"))
		must(t, w.run())
		s.holds()
		w.send(s.truncate()...)
		must(t, w.run())
		s.holds()
	})
	t.Run("a TRUNCATE in one partition of several stops the table", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 2)
		for id := range int64(20) {
			w.send(s.put(id, "first"))
		}
		w.send(s.truncate()[1])
		err := w.run()
		var stop *applier.StopError
		if !errors.As(err, &stop) || !strings.Contains(stop.Error(), "TRUNCATE") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("several shards of one table", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 4)
		for round := range 3 {
			for id := range int64(60) {
				w.send(s.put(id, fmt.Sprint("round ", round)))
			}
			w.send(s.remove(int64(round))...)
			must(t, w.run(func(s *setup) { s.shards, s.rows = 3, 10 }))
			s.holds()
		}
	})
	t.Run("changes of a table without a key are appended", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.key = nil
		w.send(s.put(1, "a"), s.put(1, "b"))
		w.send(s.remove(1)[0])
		must(t, w.run())
		w.send(s.put(2, "c"))
		must(t, w.run())
		want := []string{"1,a,c", "1,b,u", "1,b,d", "2,c,c"}
		if diff := cmp.Diff(want, w.read("t", "id", "v", "__op")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a table without a key begins with a TRUNCATE", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 2)
		s.key = nil
		in := func(partition int32, r *kgo.Record) *kgo.Record {
			r.Partition = partition
			return r
		}
		truncates := s.truncate()
		w.send(truncates[0], in(1, s.put(1, "a")), truncates[1], in(1, s.put(2, "b")), in(0, s.put(3, "c")))
		must(t, w.run())
		w.send(in(0, s.put(4, "d")))
		must(t, w.run())
		want := []string{"(null),(null),t", "(null),(null),t", "1,a,c", "2,b,c", "3,c,c", "4,d,c"}
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(w.read("t", "id", "v", "__op")))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a TRUNCATE is the first that is appended", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		appended := func(s *setup) {
			s.change = func(c *applier.Config) {
				c.Tables = func(debezium.TableID) applier.TableConfig { return applier.TableConfig{Append: true} }
			}
		}
		w.send(s.truncate()...)
		must(t, w.run(appended))
		w.send(s.put(1, "a"))
		must(t, w.run(appended))
		if diff := cmp.Diff([]string{"(null),(null),t", "1,a,c"}, w.read("t", "id", "v", "__op")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestApplier_SchemaChanges(t *testing.T) {
	t.Run("a new column reaches all rows without a row", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 2)
		s.ddl("CREATE TABLE t", "CREATE", text("v"))
		for id := range int64(10) {
			w.send(s.put(id, "x"))
		}
		must(t, w.run())
		s.ddl("ALTER TABLE t ADD COLUMN status VARCHAR(50) NOT NULL DEFAULT 'new'", "ALTER", text("v"), text("status", "new"))
		for id := range s.rows {
			s.rows[id] = append(s.rows[id], "new")
		}
		must(t, w.run())
		s.holds()
		w.send(s.put(3, "y", "old"))
		must(t, w.run())
		s.holds()
	})
	t.Run("events from before a column was added get its value, whenever they come", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.ddl("CREATE TABLE t", "CREATE", text("v"))
		early := []*kgo.Record{s.put(1, "a"), s.put(2, "b"), s.put(3, "c")}
		w.send(early[0])
		must(t, w.run())
		s.ddl("ALTER TABLE t ADD COLUMN status VARCHAR(50) NOT NULL DEFAULT 'new'", "ALTER", text("v"), text("status", "new"))
		for id := range s.rows {
			s.rows[id] = append(s.rows[id], "new")
		}
		w.send(early[1])
		must(t, w.run())
		w.send(early[2], s.put(4, "d", "set"))
		must(t, w.run())
		s.holds()
	})
	t.Run("a renamed column keeps its values, and older events find it", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.ddl("CREATE TABLE t", "CREATE", text("v"))
		w.send(s.put(1, "a"))
		must(t, w.run())
		late := s.put(2, "b")
		s.ddl("ALTER TABLE t RENAME COLUMN v TO w", "ALTER", text("w"))
		w.send(late)
		must(t, w.run())
		s.holds()
		w.send(s.put(1, "c"))
		must(t, w.run())
		s.holds()
	})
	t.Run("a dropped column stays and reads null in new rows", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.ddl("CREATE TABLE t", "CREATE", text("v"), text("gone"))
		w.send(s.put(1, "a", "kept"))
		must(t, w.run())
		s.ddl("ALTER TABLE t DROP COLUMN gone", "ALTER", text("v"))
		w.send(s.put(2, "b"))
		must(t, w.run())
		if diff := cmp.Diff([]string{"1,a,kept", "2,b,(null)"}, w.read("t", "id", "v", "gone")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("many statements on many columns do not hold the table up", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		var columns []debezium.Column
		var texts []string
		for i := range 200 {
			columns, texts = append(columns, text(fmt.Sprint("column_", i))), append(texts, "x")
		}
		s.ddl("CREATE TABLE t", "CREATE", columns...)
		for i := range 10 {
			s.ddl(fmt.Sprintf("ALTER TABLE t ADD INDEX (column_%d)", i), "ALTER", columns...)
			was := columns[i].Name
			columns[i].Name = fmt.Sprint("renamed_", i)
			s.ddl(fmt.Sprintf("ALTER TABLE t CHANGE %s renamed_%d VARCHAR(50)", was, i), "ALTER", columns...)
		}
		w.send(s.put(1, texts...))
		must(t, w.run())
		s.holds()
	})
	t.Run("records without schemas are read by the schema changes", func(t *testing.T) {
		w := newWorld(t)
		w.encoder = codec.NewJSON(codec.JSONOptions{})
		s := w.table("t", 1)
		s.ddl("CREATE TABLE t", "CREATE", text("v"))
		late := []*kgo.Record{s.put(1, "a"), s.put(2, "b")}
		s.ddl("ALTER TABLE t ADD COLUMN status VARCHAR(50)", "ALTER", text("v"), text("status"))
		s.rows[2] = append(s.rows[2], "")
		late = append(late, s.put(2, "c", "new"), s.put(3, "d", "new"))
		w.send(late...)
		must(t, w.run())
		if diff := cmp.Diff([]string{"1,a,(null)", "2,c,new", "3,d,new"}, w.read("t", "id", "v", "status")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("without a schema-change topic a column comes with its first row", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		w.send(s.put(1, "a"))
		must(t, w.run())
		s.columns("v", "more")
		w.send(s.put(2, "b", "c"))
		must(t, w.run())
		if diff := cmp.Diff([]string{"1,a,(null)", "2,b,c"}, w.read("t", "id", "v", "more")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestApplier_Stops(t *testing.T) {
	t.Run("a bad record stops its table and no other", func(t *testing.T) {
		w := newWorld(t)
		bad, good := w.table("bad", 1), w.table("good", 1)
		w.send(bad.put(1, "a"), good.put(1, "a"))
		w.send(&kgo.Record{Topic: bad.topic, Key: []byte("{}"), Value: []byte(`{"not":"an event"}`)})
		w.send(bad.put(2, "b"), good.put(2, "b"))
		err := w.run()
		var record *applier.BadRecordError
		if !errors.As(err, &record) || record.Topic != bad.topic || record.Offset != 1 {
			t.Errorf("the error is %v", err)
		}
		if strings.Contains(fmt.Sprint(err), "an event") {
			t.Errorf("the error quotes the record: %v", err)
		}
		good.holds()
	})
	t.Run("a table that has stopped leaves the page when it is given up", func(t *testing.T) {
		w := newWorld(t)
		bad, good := w.table("bad", 1), w.table("good", 1)
		w.send(&kgo.Record{Topic: bad.topic, Value: []byte("x")}, good.put(1, "a"))
		board := status.NewBoard("test")
		if err := w.run(func(s *setup) { s.change = func(c *applier.Config) { c.Status = board } }); err == nil {
			t.Error("the bad record was applied")
		}
		if left := board.Page().Tables; len(left) > 0 {
			t.Errorf("left on the page: %v", left)
		}
	})
	t.Run("two topics of one table", func(t *testing.T) {
		w := newWorld(t)
		a, b := w.table("a", 1), w.table("b", 1)
		w.send(a.put(1, "a"), b.put(1, "b"))
		err := w.run(func(s *setup) {
			s.change = func(c *applier.Config) { c.Naming.Map = map[string]string{"db.a": "db.x", "db.b": "db.x"} }
		})
		if _, ok := errors.AsType[*applier.NameTakenError](err); !ok {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("records that retention has removed", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		w.send(s.put(1, "a"))
		must(t, w.run())
		w.send(s.put(2, "b"), s.put(3, "c"))
		w.trim(s.topic, 2)
		w.send(s.put(4, "d"))
		err := w.run()
		var stop *applier.StopError
		if !errors.As(err, &stop) || !strings.Contains(stop.Error(), "retention") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("a topic that was created anew", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		w.send(s.put(1, "a"))
		must(t, w.run())
		_, err := w.admin.DeleteTopic(t.Context(), s.topic)
		must(t, err)
		w.connect()
		s = w.table("t", 1)
		w.send(s.put(1, "b"))
		if err := w.run(); err == nil || !strings.Contains(err.Error(), "topic") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("a topic that has got more partitions", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		w.send(s.put(1, "a"))
		must(t, w.run())
		_, err := w.admin.UpdatePartitions(t.Context(), 3, s.topic)
		must(t, err)
		s.partitions = 3
		w.send(s.put(1, "b"))
		if err := w.run(); err == nil || !strings.Contains(err.Error(), "partitions") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("a key with other columns", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		w.send(s.put(1, "a"))
		must(t, w.run())
		s.columns("v", "n")
		s.key = debezium.KeySchema(s.topic, append(s.key.Fields[:1:1], debezium.Field{Name: "n", Schema: &debezium.Schema{Type: debezium.String}}))
		w.send(s.put(2, "b", "c"))
		if err := w.run(); err == nil || !strings.Contains(err.Error(), "key") {
			t.Errorf("the error is %v", err)
		}
	})
}

// trim removes the records of partition 0 below an offset.
func (w *world) trim(topic string, below int64) {
	w.t.Helper()
	offsets := map[string]map[int32]int64{topic: {0: below}}
	must(w.t, w.deleteRecords(offsets))
}

func (w *world) deleteRecords(offsets map[string]map[int32]int64) error {
	list := make(kadm.Offsets)
	for topic, partitions := range offsets {
		for p, at := range partitions {
			list.Add(kadm.Offset{Topic: topic, Partition: p, At: at})
		}
	}
	done, err := w.admin.DeleteRecords(w.t.Context(), list)
	if err != nil {
		return err
	}
	return done.Error()
}
