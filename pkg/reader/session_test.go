package reader

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/snapshot"
)

// A server that passes over transactions for us says where it is, from time to
// time. That must not forget how much of the next one was delivered.
func TestSession_AHeartbeatKeepsThePlaceInsideATransaction(t *testing.T) {
	r := newRig(t, 1)
	r.s.progress.Within(rigServer+":1", 7, 1000, 0, 0)
	if err := r.s.handle(&binlog.Heartbeat{Position: r.position(0)}); err != nil {
		t.Fatal(err)
	}
	if p := r.s.progress; p.GTID != rigServer+":1" || p.Event != 7 || p.Ordinal != 1000 {
		t.Errorf("place is %s, event %d, row %d", p.GTID, p.Event, p.Ordinal)
	}
	if err := r.commit(1); err != nil {
		t.Fatal(err)
	}
	if err := r.s.handle(&binlog.Heartbeat{Position: r.position(3)}); err != nil {
		t.Fatal(err)
	}
	if p := r.s.progress; p.Event != 0 || p.Ordinal != 0 || !p.Position.GTIDs.Equal(r.position(3).GTIDs) {
		t.Errorf("between transactions the place is %+v", p)
	}
}

// With its metadata the binlog may correct a definition, without a statement.
// What was read by the old one does not fit.
func TestSession_ACorrectedDefinitionDiscardsChunks(t *testing.T) {
	r := newRig(t, 1)
	s := r.s
	id := debezium.TableID{Database: rigDatabase, Table: "a"}
	r.define("CREATE TABLE a (id INT PRIMARY KEY, v INT)")
	s.beginSnapshot(id, debezium.Position{}, true)
	if err := s.advanceChunks(t.Context()); err != nil {
		t.Fatal(err)
	}
	meta := &binlog.TableMap{Table: id, Full: true, PrimaryKey: []binlog.KeyPart{{Column: 0}}}
	for _, name := range []string{"id", "w"} {
		meta.Columns = append(meta.Columns, binlog.ColumnMeta{Name: name, Type: binlog.TypeLong, SignKnown: true, Nullable: name == "w"})
	}
	if _, err := s.tableOf(meta); err != nil {
		t.Fatal(err)
	}
	if a := s.chunks.active[id]; !a.stale {
		t.Error("the chunk being read is still wanted")
	}
	list, keyless, err := s.selectList(id)
	if want := "`id`, `w`"; list != want || keyless || err != nil {
		t.Errorf("select list %s (%v), want %s", list, err, want)
	}
}

// The position is not behind a statement until its end has come: a span that
// ended between them would publish the statement again after a restart.
func TestSession_NoSpanEndsBetweenAStatementAndItsPosition(t *testing.T) {
	r := newRig(t, 1)
	s := r.s
	s.cfg.SpanBytes = 1
	r.define("CREATE TABLE a (id INT PRIMARY KEY)")
	r.define("CREATE TABLE b (id INT PRIMARY KEY)")
	a := &snapshotTable{id: debezium.TableID{Database: rigDatabase, Table: "a"}}
	s.chunks.active[a.id], s.chunks.order = a, []*snapshotTable{a}
	for range 2 {
		w := &window{chunk: new(snapshot.Chunk)}
		w.chunk.Rows.Reset(1)
		if err := w.chunk.Rows.Add([][]byte{[]byte("1")}); err != nil {
			t.Fatal(err)
		}
		a.windows = append(a.windows, w)
	}
	if err := r.query("ALTER TABLE b ADD COLUMN v INT", 1); err != nil {
		t.Fatal(err)
	}
	if err := s.advanceChunks(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !s.span.open {
		t.Error("the span ended behind the statement")
	}
	if err := r.commit(1); err != nil {
		t.Fatal(err)
	}
	if err := s.advanceChunks(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.span.open || len(a.windows) != 1 {
		t.Errorf("behind its end the span is open (%t), %d chunks wait", s.span.open, len(a.windows))
	}
}

// A statement that rows follow in its transaction has a place of its own: a span
// that ends behind it saves that, or the statement would be published again after
// a restart.
func TestSession_ASpanMayEndBehindAStatementWithRows(t *testing.T) {
	r := newRig(t, 1)
	create := &binlog.Query{
		Database: rigDatabase, SQL: "CREATE TABLE a (id INT PRIMARY KEY) START TRANSACTION", GTID: rigServer + ":1",
		File: "b.000001", Pos: 100, Event: 1, InTransaction: true,
	}
	if err := r.s.handle(create); err != nil {
		t.Fatal(err)
	}
	got, err := r.published()
	if want := `p {"databaseName":"d"} ` + create.SQL; err != nil || got != want {
		t.Fatalf("published %q (%v), want %q", got, err, want)
	}
	r.restart()
	r.s.resumed = r.s.resumption().Event
	if err := r.s.handle(create); err != nil {
		t.Fatal(err)
	}
	if got, err := r.published(); err != nil || got != "" {
		t.Errorf("published once more: %q (%v)", got, err)
	}
}

// A server that died while it wrote a transaction gives its GTID to the next one.
// What of the first was read is given up, and the second is published.
func TestSession_TheGTIDOfAnUnfinishedTransactionIsGivenAgain(t *testing.T) {
	r := newRig(t, 1)
	s := r.s
	r.define("CREATE TABLE a (id INT PRIMARY KEY)")
	m := &binlog.TableMap{
		Table: debezium.TableID{Database: rigDatabase, Table: "a"}, Full: true, PrimaryKey: []binlog.KeyPart{{Column: 0}},
		Columns: []binlog.ColumnMeta{{Name: "id", Type: binlog.TypeLong, SignKnown: true}},
	}
	gtid := rigServer + ":1"
	begin := func(file string) {
		if err := s.handle(&binlog.Begin{GTID: gtid, File: file, Pos: 4}); err != nil {
			t.Fatal(err)
		}
	}
	begin("b.000001")
	if err := s.handle(&binlog.Rollback{GTID: gtid}); !errors.Is(err, errRestart) {
		t.Fatal(err)
	}
	begin("b.000001") // again, after the restart
	if err := s.handle(&binlog.Rows{Table: m, Op: debezium.Create, GTID: gtid, Ordinal: 3}); err != nil {
		t.Fatal(err)
	}
	if p := &s.progress; p.GTID != "" || p.Ordinal != 0 {
		t.Errorf("the place is within a transaction that is none: %s, row %d", p.GTID, p.Ordinal)
	}
	if err := s.handle(&binlog.Rollback{GTID: gtid}); err != nil {
		t.Fatal(err)
	}
	begin("b.000002")
	if s.undone[s.transaction] {
		t.Error("the transaction that has its GTID is passed over")
	}
}

// What of a rolled back transaction is saved cannot be taken back. A place that was saved within
// the transaction before it, whose end the same span has, is none of it.
func TestSession_ARollbackBehindAPlaceWithinATransaction(t *testing.T) {
	for name, gtids := range map[string]bool{"with GTIDs": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			s := r.s
			within := func(tx int) error {
				gtid := ""
				if gtids {
					gtid = fmt.Sprintf("%s:%d", rigServer, tx)
				}
				err := s.handle(&binlog.Begin{GTID: gtid, File: "b.000001", Pos: uint64(100*tx + 4)})
				s.progress.Within(gtid, 2, 1, 0, 0)
				return errors.Join(err, s.openSpan())
			}
			commit := func(tx int) error {
				p := r.position(tx)
				if !gtids {
					p.GTIDs = debezium.GTIDSet{}
				}
				return s.handle(&binlog.Commit{Position: p})
			}
			if err := errors.Join(commit(1), within(2), s.endSpan(t.Context()), commit(2), within(3)); err != nil {
				t.Fatal(err)
			}
			if err := s.handle(&binlog.Rollback{}); !errors.Is(err, errRestart) {
				t.Errorf("nothing of the transaction is saved: got %v, want %v", err, errRestart)
			}
			if err := s.endSpan(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.transaction = "another"
			if err := s.handle(&binlog.Rollback{}); err == nil || errors.Is(err, errRestart) {
				t.Errorf("a row of the transaction is saved: got %v, want the reader to stop", err)
			}
		})
	}
}

// A server that has nothing more leaves nothing to save: the age of what is saved
// begins again, unless the rest of a transaction is to come.
func TestSession_AnIdleServerKeepsTheCheckpointYoung(t *testing.T) {
	r := newRig(t, 1)
	if err := r.commit(1); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.s.openSpan(), r.s.endSpan(t.Context())); err != nil {
		t.Fatal(err)
	}
	saved := &r.s.metrics.CheckpointNs
	for _, tt := range []struct {
		name   string
		within bool
	}{{"idle", false}, {"in a transaction", true}} {
		if tt.within {
			r.s.progress.Within(rigServer+":2", 7, 1000, 0, 0)
		}
		saved.Store(1)
		if err := r.s.handle(&binlog.Heartbeat{Position: r.position(1)}); err != nil {
			t.Fatal(err)
		}
		if young := saved.Load() != 1; young == tt.within {
			t.Errorf("%s: the checkpoint is young again: %t", tt.name, young)
		}
	}
}

// Without GTIDs, too, the history knows a table at a place inside the transaction
// that made it, behind its statement.
func TestSession_AStatementWithRowsIsKnownInsideItsTransaction(t *testing.T) {
	for name, gtid := range map[string]string{"with GTIDs": rigServer + ":2", "without": ""} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			s := r.s
			if gtid != "" {
				if err := r.commit(1); err != nil {
					t.Fatal(err)
				}
			}
			for _, event := range []binlog.Event{
				&binlog.Begin{GTID: gtid, File: "b.000001", Pos: 104, At: 183},
				&binlog.Query{
					Database: rigDatabase, SQL: "CREATE TABLE a (id INT PRIMARY KEY) START TRANSACTION", GTID: gtid, File: "b.000001", Pos: 250, End: 400,
					Event: 1, InTransaction: true,
				},
			} {
				if err := s.handle(event); err != nil {
					t.Fatal(err)
				}
			}
			r.restart()
			s.openHistory()
			if err := s.replayHistory(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, ok := s.history.Table(debezium.TableID{Database: rigDatabase, Table: "a"}); !ok || s.progress.Event != 2 {
				t.Errorf("at event %d of the transaction the table is known: %t", s.progress.Event, ok)
			}
		})
	}
}

func TestOutlast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		longer, cancel := outlast(ctx)
		defer cancel()
		stop()
		time.Sleep(drainTime - time.Second)
		if err := longer.Err(); err != nil {
			t.Errorf("ended before its time: %v", err)
		}
		time.Sleep(2 * time.Second)
		if longer.Err() == nil {
			t.Error("goes on for ever")
		}
	})
}

// Kafka takes nothing, and the reader is asked to stop: it does not wait until what
// it has sent is given up.
func TestSession_AFullBufferDoesNotHoldUpAStop(t *testing.T) {
	r := newRig(t, 1)
	s := r.s
	topic := kafka.TopicSpec{Name: "p.d.a", Partitions: 1}
	if err := s.ensureTopic(topic); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	r.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	s.impatient()
	record := &kafka.Record{Topic: topic.Name, Value: make([]byte, 1<<20)}
	for sent := 0; ; sent += len(record.Value) {
		err := s.send(record)
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil || sent > 2*s.cfg.BufferBytes {
			t.Fatalf("after %d bytes: %v", sent, err)
		}
	}
}
