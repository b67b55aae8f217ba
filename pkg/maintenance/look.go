package maintenance

import (
	"context"
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/datafile"
)

// state is the table's files at a table snapshot.
type state struct {
	snapshot int64
	sequence int64
	live     []datafile.Live
	stats    []Stat
	lacks    [][]string // columns, by file
	gone     []string   // properties of fills whose column has gone
	others   bool       // there are further files

	manyData, manyDeletes bool // manifests
}

var errBehind = errors.New("the index does not mirror the table's current snapshot")

// look lists the files and does what the policy says.
func (m *Maintainer) look(ctx context.Context) (Did, error) {
	if m.index != nil {
		if tag, ok := m.index.Tag(); !ok || tag.SnapshotID != m.table.SnapshotID() {
			return Did{}, errBehind
		}
	}
	s, err := m.list(ctx, m.job)
	if err != nil {
		return Did{}, err
	}
	m.looked, m.files = m.cfg.Now(), len(s.live)
	if did, err := m.endFills(ctx, s); did.Action != Nothing || err != nil {
		return did, err
	}
	policy := m.cfg.Policy
	if m.idle() {
		policy = policy.whenIdle()
	}
	if m.resting() {
		policy.limit = m.cfg.InlineBytes
	}
	policy.fillFirst = m.fillNext
	switch plan := policy.Plan(s.stats); {
	case len(plan.Rewrite) > 0:
		return m.rewrite(ctx, s, plan.Rewrite)
	case !plan.Empty() || !m.cfg.Off && (s.manyData || s.manyDeletes):
		return m.replace(ctx, s, nil)
	default:
		return Did{}, nil
	}
}

// list reads the files of the current table snapshot, of which a job that goes on
// may read some.
func (m *Maintainer) list(ctx context.Context, goesOn *job) (*state, error) {
	head := m.table.Iceberg().CurrentSnapshot()
	all, err := datafile.List(ctx, m.table, head.SnapshotID)
	if err != nil {
		return nil, err
	}
	s := &state{snapshot: head.SnapshotID, sequence: head.SequenceNumber}
	if m.fills, s.gone, err = readFills(m.table); err != nil {
		return nil, err
	}
	if err := m.countManifests(ctx, s); err != nil {
		return nil, err
	}
	for _, l := range all {
		if !m.ours(l.File) {
			s.others = true
			continue
		}
		stat := Stat{
			Group: groupOf(l.File), Bytes: l.File.Bytes(), Rows: l.File.Rows(), DeleteFiles: len(l.Deletes),
			Reading: goesOn != nil && goesOn.reads(l.File),
		}
		for _, d := range l.Deletes {
			if d.Target() == l.File.Path() {
				stat.Dead += d.Rows()
			}
		}
		if stat.Dead >= stat.Rows && len(l.Deletes) > 1 { // two programs at once may delete a row twice
			deleted, err := l.Deleted(ctx, m.table)
			if err != nil {
				return nil, err
			}
			stat.Dead = int64(len(deleted))
		}
		stat.Dead = min(stat.Dead, stat.Rows)
		var lacks []string
		if stat.Dead < stat.Rows {
			if lacks, err = m.lacks(ctx, l.File); err != nil {
				return nil, err
			}
		}
		stat.Lacking = len(lacks) > 0
		s.live, s.stats, s.lacks = append(s.live, l), append(s.stats, stat), append(s.lacks, lacks)
	}
	return s, nil
}

// ours reports whether all rows of the file are the shard's.
func (m *Maintainer) ours(f datafile.File) bool {
	return m.cfg.Alone || f.Label() != "" && f.Label() == m.cfg.Label
}

// groupOf names the partition that a file is in. Values are quoted: the text <nil>
// is not null.
func groupOf(f datafile.File) string {
	return fmt.Sprintf("%d %#v", f.Iceberg().SpecID(), f.Iceberg().Partition())
}
