package maintenance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"
)

const (
	expireEvery = 10 * time.Minute
	expireSoon  = 20  // table snapshots that are not left for the next time
	expireMost  = 100 // table snapshots at once
)

// garbage is the removal of files that only expired table snapshots had.
type garbage struct {
	done  chan struct{}
	files int
	err   error
}

// expire takes the oldest table snapshots that are due out of the table, and
// removes their files beside. Files that are left by a crash in between are
// orphans.
func (m *Maintainer) expire(ctx context.Context) (Did, error) {
	if !m.swept() {
		return Did{}, nil
	}
	before := m.table.Iceberg()
	older, n := m.cutoff(before.Metadata())
	if n == 0 || n < expireSoon && m.cfg.Now().Sub(m.expired) < expireEvery {
		return Did{}, nil
	}
	m.expired = m.cfg.Now()
	txn := before.NewTransaction()
	err := txn.ExpireSnapshots(table.WithOlderThan(older), table.WithRetainLast(m.cfg.SnapshotMinCount), table.WithPostCommit(false))
	if err != nil {
		return Did{}, fmt.Errorf("expire table snapshots: %w", err)
	}
	after, err := txn.Commit(ctx)
	if err != nil {
		// The head has moved or the answer was lost; the next time finds out.
		m.cfg.Logger.Debug("table snapshots not expired", "table", m.table.Name().String(), "error", err)
		return Did{}, m.table.Reload(ctx)
	}
	m.table.Set(after)
	if len(after.Metadata().Snapshots()) == len(before.Metadata().Snapshots()) {
		return Did{}, nil // tags or branches keep them
	}
	m.cfg.At(AfterExpire)
	m.sweep(ctx, before.Metadata(), after.Metadata())
	return Did{Action: Expired}, nil
}

// swept reports whether no removal goes on.
func (m *Maintainer) swept() bool {
	if m.garbage == nil {
		return true
	}
	select {
	case <-m.garbage.done:
	default:
		return false
	}
	if m.garbage.err != nil {
		m.cfg.Logger.Warn("files of expired table snapshots are left until orphans are removed",
			"table", m.table.Name().String(), "error", m.garbage.err)
	}
	m.garbage = nil
	return true
}

// cutoff returns the age at which to expire now, and how many table snapshots are
// older: those that are due, or the oldest of them.
func (m *Maintainer) cutoff(meta table.Metadata) (age time.Duration, n int) {
	now := m.cfg.Now()
	all := slices.Clone(meta.Snapshots())
	slices.SortFunc(all, func(a, b table.Snapshot) int { return int(a.SequenceNumber - b.SequenceNumber) })
	all = all[:max(len(all)-m.cfg.SnapshotMinCount, 0)]
	for n < len(all) && n < expireMost && now.Sub(time.UnixMilli(all[n].TimestampMs)) > m.cfg.SnapshotMaxAge {
		n++
	}
	if n == 0 {
		return 0, 0
	}
	// The library asks for more than the age, in milliseconds of its own clock.
	return max(time.Since(time.UnixMilli(all[n-1].TimestampMs))-time.Millisecond, 0), n
}

// sweep removes what only the table snapshots had that are no longer in the table.
func (m *Maintainer) sweep(ctx context.Context, before, after table.Metadata) {
	var gone []table.Snapshot
	for _, s := range before.Snapshots() {
		if after.SnapshotByID(s.SnapshotID) == nil {
			gone = append(gone, s)
		}
	}
	g := &garbage{done: make(chan struct{})}
	m.garbage = g
	t := m.table.Iceberg()
	m.beside(ctx, func(ctx context.Context) {
		defer close(g.done)
		fs, err := t.FS(ctx)
		if err != nil {
			g.err = err
			return
		}
		paths, err := unreachable(ctx, fs, gone, anchors(after))
		if err != nil {
			g.err = err
			return
		}
		g.files, g.err = len(paths), remove(ctx, fs, paths)
	})
}

// anchors returns the table snapshots to which a file of an older one belongs if
// it belongs to any: where history is one line, its oldest is enough, since no
// file comes back.
func anchors(meta table.Metadata) []table.Snapshot {
	all := meta.Snapshots()
	head := meta.CurrentSnapshot()
	if head == nil {
		return all
	}
	line := table.AncestorsOf(head.SnapshotID, meta.SnapshotByID)
	var oldest table.Snapshot
	n := 0
	for _, s := range line {
		oldest = s
		n++
	}
	if n != len(all) {
		return all
	}
	return []table.Snapshot{oldest}
}

// unreachable returns the files that the table snapshots gone have and kept have not.
func unreachable(ctx context.Context, fs icebergio.IO, gone, kept []table.Snapshot) ([]string, error) {
	manifests := make(map[string]bool)
	var list []iceberg.ManifestFile
	for i := range kept {
		of, err := kept[i].Manifests(fs)
		if err != nil {
			return nil, err
		}
		for _, f := range of {
			if !manifests[f.FilePath()] {
				manifests[f.FilePath()] = true
				list = append(list, f)
			}
		}
	}
	dead := make(map[string]bool)
	for i := range gone {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		of, err := gone[i].Manifests(fs)
		if err != nil {
			return nil, err
		}
		dead[gone[i].ManifestList] = true
		for _, f := range of {
			if manifests[f.FilePath()] || dead[f.FilePath()] {
				continue
			}
			dead[f.FilePath()] = true
			for e, err := range f.Entries(fs, false) {
				if err != nil {
					return nil, err
				}
				dead[e.DataFile().FilePath()] = true
			}
		}
	}
	for _, f := range list {
		for e, err := range f.Entries(fs, true) {
			if err != nil {
				return nil, err
			}
			delete(dead, e.DataFile().FilePath())
		}
	}
	paths := make([]string, 0, len(dead))
	for p := range dead {
		paths = append(paths, p)
	}
	return paths, nil
}

const parallelRemoves = 8

// remove removes files. One that is not there is removed.
func remove(ctx context.Context, fs icebergio.IO, paths []string) error {
	if bulk, ok := fs.(icebergio.BulkRemovableIO); ok {
		_, err := bulk.DeleteFiles(ctx, paths)
		return err
	}
	var group errgroup.Group
	group.SetLimit(parallelRemoves)
	for _, p := range paths {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fs.Remove(p); err != nil && !errors.Is(err, errNotExist) {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}
