package commit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

var (
	row = &debezium.Schema{Type: debezium.Struct, Fields: []debezium.Field{
		{Name: "id", Schema: &debezium.Schema{Type: debezium.Int64}},
	}}
	name = lake.Name{Namespace: "db", Table: "t"}
	errs = errors.New("the connection was lost")
)

// world is a table that several processes write, each with a catalog of its own.
type world struct {
	dir    string
	procs  map[string]*process
	tokens int
	label  map[int64]string // snapshots in order of appearance
}

// process is one process that owns a shard.
type process struct {
	shard     string
	table     *lake.Table
	committer *commit.Committer
	faults    *faults
}

// faults stands between a process and its catalog. Each commit takes the first
// of next; late is a commit that the catalog will still receive.
type faults struct {
	table.CatalogIO
	next    []string
	late    func()
	foreign func(ctx context.Context) error
	loads   int // that fail
}

func (f *faults) LoadTable(ctx context.Context, id table.Identifier) (*table.Table, error) {
	if f.loads > 0 {
		f.loads--
		return nil, errs
	}
	return f.CatalogIO.LoadTable(ctx, id)
}

func (f *faults) CommitTable(ctx context.Context, id table.Identifier, rq []table.Requirement, up []table.Update) (table.Metadata, string, error) {
	if late := f.late; late != nil {
		f.late = nil
		late()
	}
	if len(f.next) == 0 {
		return f.CatalogIO.CommitTable(ctx, id, rq, up)
	}
	fault := f.next[0]
	f.next = f.next[1:]
	switch fault {
	case "ok":
		return f.CatalogIO.CommitTable(ctx, id, rq, up)
	case "lost-before":
		return nil, "", errs
	case "lost-after":
		if _, _, err := f.CatalogIO.CommitTable(ctx, id, rq, up); err != nil {
			return nil, "", fmt.Errorf("the fault needs a commit that works: %w", err)
		}
		return nil, "", errs
	case "lost-after-and-loads-fail":
		if _, _, err := f.CatalogIO.CommitTable(ctx, id, rq, up); err != nil {
			return nil, "", fmt.Errorf("the fault needs a commit that works: %w", err)
		}
		f.loads = 3
		return nil, "", errs
	case "late":
		// The request is still on its way: it arrives before the next one.
		late := context.WithoutCancel(ctx)
		f.late = func() { _, _, _ = f.CatalogIO.CommitTable(late, id, rq, up) }
		return nil, "", errs
	case "conflict":
		return nil, "", fmt.Errorf("%w: somebody was faster", table.ErrCommitFailed)
	case "foreign":
		if err := f.foreign(ctx); err != nil {
			return nil, "", err
		}
		return f.CatalogIO.CommitTable(ctx, id, rq, up)
	case "lost-after-then-foreign":
		if _, _, err := f.CatalogIO.CommitTable(ctx, id, rq, up); err != nil {
			return nil, "", fmt.Errorf("the fault needs a commit that works: %w", err)
		}
		if err := f.foreign(ctx); err != nil {
			return nil, "", err
		}
		return nil, "", errs
	default:
		return nil, "", fmt.Errorf("unknown fault %q", fault)
	}
}

func (w *world) load(t *testing.T, wrap func(table.CatalogIO) table.CatalogIO) *lake.Table {
	t.Helper()
	c, err := lake.OpenCatalog(t.Context(), lake.Config{Type: lake.SQL, Warehouse: "file://" + w.dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if wrap != nil {
		c.Wrap(wrap)
	}
	tbl, err := c.LoadOrCreate(t.Context(), name, row, []string{"id"}, lake.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

func (w *world) open(t *testing.T, proc, shard string) error {
	p := &process{shard: shard}
	p.table = w.load(t, func(c table.CatalogIO) table.CatalogIO {
		p.faults = &faults{CatalogIO: c, foreign: func(ctx context.Context) error { return w.foreign(ctx, t) }}
		return p.faults
	})
	var err error
	p.committer, err = commit.Open(p.table, commit.Config{
		Shard: shard, Owner: lake.Owner{GroupID: "g", TopicID: "topic"},
		Pause: func(int) time.Duration { return 0 },
	})
	if err == nil {
		w.procs[proc] = p
	}
	return err
}

// write makes one data file with one row.
func (w *world) write(ctx context.Context, tbl *lake.Table, label string) ([]datafile.File, error) {
	w.tokens++
	written, err := datafile.Write(ctx, tbl, func(yield func(*debezium.Schema, []debezium.Value) bool) {
		yield(row, []debezium.Value{debezium.Int(debezium.Int64, int64(w.tokens))})
	}, datafile.Config{Label: label})
	if err != nil {
		return nil, err
	}
	return written.Files, nil
}

// foreign appends as a program would that knows nothing of firn.
func (w *world) foreign(ctx context.Context, t *testing.T) error {
	tbl := w.load(t, nil)
	files, err := w.write(ctx, tbl, "foreign")
	if err != nil {
		return err
	}
	txn := tbl.Iceberg().NewTransaction()
	if err := txn.NewRowDelta(nil).AddRows(files[0].Iceberg()).Commit(ctx); err != nil {
		return err
	}
	_, err = txn.Commit(ctx)
	return err
}

func (w *world) rollback(t *testing.T, back int) error {
	tbl := w.load(t, nil)
	s := tbl.Iceberg().CurrentSnapshot()
	for range back {
		s = tbl.Iceberg().SnapshotByID(*s.ParentSnapshotID)
	}
	txn := tbl.Iceberg().NewTransaction()
	if err := txn.RollbackToSnapshot(s.SnapshotID); err != nil {
		return err
	}
	_, err := txn.Commit(t.Context())
	return err
}

// expire removes all table snapshots but the current one.
func (w *world) expire(t *testing.T) error {
	tbl := w.load(t, nil)
	txn := tbl.Iceberg().NewTransaction()
	if err := txn.ExpireSnapshots(table.WithOlderThan(0), table.WithRetainLast(1)); err != nil {
		return err
	}
	_, err := txn.Commit(t.Context())
	return err
}

// print shows the current history, what the table records, and its live files.
func (w *world) print(t *testing.T) string {
	tbl := w.load(t, nil)
	meta := tbl.Iceberg().Metadata()
	var b strings.Builder
	if s := meta.CurrentSnapshot(); s != nil {
		chain := table.AncestorsOf(s.SnapshotID, meta.SnapshotByID)
		slices.Reverse(chain)
		var history []string
		for _, s := range chain {
			history = append(history, fmt.Sprintf("%s(%s)", w.name(s.SnapshotID), strings.Join(w.added(t, tbl, s), ",")))
		}
		b.WriteString(strings.Join(history, " ") + "\n")
	}
	for _, shard := range []string{"0", "1"} {
		p := &process{shard: shard}
		c, err := commit.Open(tbl, commit.Config{Shard: shard})
		if err != nil {
			fmt.Fprintf(&b, "shard %s: %v\n", p.shard, w.plain(err))
			continue
		}
		if s := c.State(); s.Known {
			fmt.Fprintf(&b, "shard %s at [%v]", shard, offsets(s.Offsets))
			if s.RolledBack {
				b.WriteString(" (rolled back)")
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func offsets(m map[int32]int64) string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%d:%d", p, m[p]))
	}
	return strings.Join(out, " ")
}

func (w *world) name(id int64) string {
	if _, ok := w.label[id]; !ok {
		w.label[id] = fmt.Sprintf("s%d", len(w.label)+1)
	}
	return w.label[id]
}

// plain replaces what differs from run to run.
func (w *world) plain(err error) string {
	var foreign *commit.ForeignError
	var fenced *commit.FencedError
	switch {
	case errors.As(err, &foreign):
		return fmt.Sprintf("ForeignError diverged=%v since=%s head=%s snapshots=%d", foreign.Diverged,
			w.name(foreign.Parent), w.name(foreign.Head), len(foreign.Snapshots))
	case errors.As(err, &fenced):
		return "FencedError"
	}
	text := err.Error()
	for id, label := range w.label {
		if id == 0 {
			continue
		}
		text = strings.ReplaceAll(text, fmt.Sprint(id), label)
	}
	return text
}

// added lists the files that a table snapshot added, and fails if one of them was
// added by another one too.
func (w *world) added(t *testing.T, tbl *lake.Table, s table.Snapshot) []string {
	t.Helper()
	fs, err := tbl.FileIO(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := s.Manifests(fs)
	if err != nil {
		t.Fatal(err)
	}
	var added []string
	seen := make(map[string]bool)
	for _, m := range manifests {
		for e, err := range m.Entries(fs, false) {
			if err != nil {
				t.Fatal(err)
			}
			path := e.DataFile().FilePath()
			if seen[path] {
				t.Errorf("file %s is twice in table snapshot %s", path, w.name(s.SnapshotID))
			}
			seen[path] = true
			if e.Status() == iceberg.EntryStatusADDED && e.SnapshotID() == s.SnapshotID {
				added = append(added, datafile.FromIceberg(e.DataFile()).Label())
			}
		}
	}
	slices.Sort(added)
	return added
}
