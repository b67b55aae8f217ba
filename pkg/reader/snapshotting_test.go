package reader

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/snapshot"
)

// TestSnapshotting merges chunks with the stream, as the scripts in
// testdata/snapshotting say:
//
//	table                       a table by its DDL, known before the stream begins
//	snapshot TABLE [added]      it is to be read: in the first snapshot, or added later
//	resume TABLE[=KEY] …        the tables of the first snapshot that a restart goes on with, after a row
//	chunk TABLE high=N [done] [key=COLUMN] [pass [first]] [gone] [unfit] [err=CODE]   a worker hands back the rows of the input, seen up to transaction N
//	advance                     the session looks at the chunks; prints what it asks for and publishes
//	insert, update, delete TABLE tx=N   rows of the input, which transaction N changed
//	many TABLE                  so many inserts that they are not remembered one by one
//	most TABLE                  as many as just are
//	commit tx=N                 the stream has passed transaction N
//	ddl tx=N                    a statement, which is transaction N
//	unlogged POLICY             --on-unlogged-change
//	state                       prints the saved progress
//	waits at=N                  N seconds after the first: prints which tables the log and the status page say to wait
//	waiting                     prints whether a chunk has come that nobody has looked at
func TestSnapshotting(t *testing.T) {
	datadriven.Walk(t, "testdata/snapshotting", func(t *testing.T, path string) {
		var r *rig
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if r == nil || d.Cmd == "session" {
				parallelism := 2
				d.MaybeScanArgs(t, "parallelism", &parallelism)
				r = newRig(t, parallelism)
			}
			out, err := r.run(d)
			if err != nil {
				return "error: " + err.Error()
			}
			return out
		})
	})
}

func (r *rig) run(d *datadriven.TestData) (string, error) {
	name := ""
	if len(d.CmdArgs) > 0 {
		name = d.CmdArgs[0].Key
	}
	id := debezium.TableID{Database: rigDatabase, Table: name}
	tx := 0
	d.MaybeScanArgs(r.t, "tx", &tx)
	switch d.Cmd {
	case "session":
		return "", nil
	case "unlogged":
		r.s.cfg.Unlogged = UnloggedChange(name)
		return "", nil
	case "table":
		r.define(d.Input)
		return "", nil
	case "snapshot":
		r.s.beginSnapshot(id, debezium.Position{}, !d.HasArg("added"))
		return "", nil
	case "resume":
		for _, arg := range d.CmdArgs {
			id.Table = arg.Key
			if r.s.progress.Begin(id, debezium.Position{}); len(arg.Vals) > 0 {
				r.s.progress.Read(id, []string{"id"}, arg.Vals, 1)
			}
		}
		r.s.resumeSnapshots()
		return "", nil
	case "chunk":
		return "", r.answer(d, name)
	case "advance":
		if err := r.s.advanceChunks(r.t.Context()); err != nil {
			return "", err
		}
		records, err := r.published()
		return strings.TrimSpace(r.asks() + "\n" + records), err
	case "insert", "update", "delete":
		op := map[string]debezium.Op{"insert": debezium.Create, "update": debezium.Update, "delete": debezium.Delete}[d.Cmd]
		for line := range strings.Lines(d.Input) {
			if err := r.change(op, name, line, tx); err != nil {
				return "", err
			}
		}
		return r.published()
	case "many", "most":
		t, n := r.s.chunks.active[id], maxChanged
		if d.Cmd == "many" {
			n++
		}
		for i := range n {
			t.change(strconv.AppendInt(nil, int64(i), 10))
		}
		return "", nil
	case "commit":
		d.ScanArgs(r.t, "tx", &tx)
		return "", r.commit(tx)
	case "ddl":
		if err := r.query(d.Input, tx); err != nil {
			return "", err
		}
		if err := r.commit(tx); err != nil {
			return "", err
		}
		return r.published()
	case "state":
		return r.state(), nil
	case "waits":
		seconds := 0
		d.ScanArgs(r.t, "at", &seconds)
		r.s.noteWaits(time.Unix(int64(1e9+seconds), 0))
		return r.saidToWait(), nil
	case "waiting":
		return strconv.FormatBool(r.s.chunks.waiting()), nil
	default:
		d.Fatalf(r.t, "unknown command %q", d.Cmd)
		return "", nil
	}
}

// The operator gave a table without a key one for its records, of which several
// rows may be: the stream's record of a key is newer than all of them.
func TestSnapshotting_ARecordKeyOfATableWithoutAKey(t *testing.T) {
	r := newRig(t, 1)
	s := r.s
	s.cfg.Convert.Rules.Key = func(debezium.TableID, []debezium.Column) []string { return []string{"k"} }
	r.define("CREATE TABLE a (k INT, v INT)")
	s.beginSnapshot(debezium.TableID{Database: rigDatabase, Table: "a"}, debezium.Position{}, true)
	if err := s.advanceChunks(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.asks()
	if err := r.change(debezium.Create, "a", "1 11", 1); err != nil {
		t.Fatal(err)
	}
	pass := &snapshot.Chunk{High: debezium.Position{GTIDs: r.position(1).GTIDs}, First: true, Done: true}
	pass.Rows.Reset(2)
	for _, row := range []string{"1 10", "2 20", "1 9"} {
		if err := pass.Rows.Add(parseRow(row)); err != nil {
			t.Fatal(err)
		}
	}
	s.chunks.answers <- answer{table: r.asked["a"].table, spec: new(snapshot.Table), chunk: pass}
	if err := errors.Join(s.advanceChunks(t.Context()), r.commit(1), s.advanceChunks(t.Context())); err != nil {
		t.Fatal(err)
	}
	got, err := r.published()
	want := `a {"k":1} c after={"k":1,"v":11}` + "\n" + `a {"k":2} r after={"k":2,"v":20} snapshot=last`
	if err != nil || got != want {
		t.Errorf("published %s (%v), want %s", got, err, want)
	}
}
