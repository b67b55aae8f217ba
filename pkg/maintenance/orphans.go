package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/keyindex"
)

var errNotExist = iofs.ErrNotExist

// propLease is the table property that lets one process search for orphans.
const propLease = "firn.orphan-lease"

const leaseFor = 2 * time.Hour

// lease says who searches, or who searched last.
type lease struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`          // the search is given up then
	Ended  time.Time `json:"ended,omitzero"` // the last search
}

var errLeased = errors.New("another process searches for orphans, or has done so lately")

// search is a search for orphans that goes on beside.
type search struct {
	done   chan struct{}
	holder string
	files  []table.OrphanFile // that it found
	err    error
}

// searchOrphans removes orphans once in a while, if no other process does.
func (m *Maintainer) searchOrphans(ctx context.Context) (Did, error) {
	if m.search != nil {
		select {
		case <-m.search.done:
			return m.endSearch(ctx)
		default:
			return Did{}, nil
		}
	}
	now := m.cfg.Now()
	if m.cfg.OrphanScan < 0 || now.Sub(m.searched) < m.cfg.OrphanScan {
		return Did{}, nil
	}
	m.searched = now
	s := &search{done: make(chan struct{}), holder: uuid.NewString()}
	err := m.putLease(ctx, lease{Holder: s.holder, Until: now.Add(leaseFor)})
	if errors.Is(err, errLeased) {
		return Did{}, nil
	}
	if err != nil {
		return Did{}, err
	}
	m.search = s
	own := *m.table
	m.beside(ctx, func(ctx context.Context) {
		defer close(s.done)
		ctx, cancel := context.WithTimeout(ctx, leaseFor)
		defer cancel()
		// At least a day old: files of a commit under way belong to no table snapshot yet.
		plan, err := own.Iceberg().PlanOrphanFiles(ctx, table.WithFilesOlderThan(m.cfg.OrphanAge))
		if err == nil {
			s.files = plan.OrphanFiles()
			_, err = own.Iceberg().ExecuteOrphanCleanup(ctx, plan)
		}
		s.err = err
	})
	return Did{Action: Orphans, Snapshot: m.table.SnapshotID()}, nil
}

func (m *Maintainer) endSearch(ctx context.Context) (Did, error) {
	s := m.search
	m.search = nil
	if s.err != nil { // the lease runs out, and the next search finds what is left
		m.cfg.Logger.Warn("search for orphans ended early", "table", m.table.Name().String(), "error", s.err)
		return Did{}, nil //nolint:nilerr // it was said, and nothing depends on it
	}
	if len(s.files) > 0 {
		var bytes int64
		for _, f := range s.files {
			bytes += f.SizeBytes
		}
		m.cfg.Logger.Info("removed files that belong to no table snapshot", "table", m.table.Name().String(),
			"files", len(s.files), "bytes", bytes)
	}
	now := m.cfg.Now()
	text, err := json.Marshal(lease{Holder: s.holder, Until: now, Ended: now})
	if err != nil {
		return Did{}, err
	}
	return Did{}, m.setProperties(ctx, map[string]string{propLease: string(text)}, nil)
}

// putLease takes the lease in a table snapshot of its own, so that of two
// processes one conflicts with the other. The error is errLeased where it is taken.
func (m *Maintainer) putLease(ctx context.Context, l lease) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	check := func(properties map[string]string) error {
		var have lease
		if s := properties[propLease]; s != "" {
			if err := json.Unmarshal([]byte(s), &have); err != nil {
				return fmt.Errorf("read property %s: %w", propLease, err)
			}
		}
		now := m.cfg.Now()
		if have.Holder != l.Holder && (now.Before(have.Until) || now.Sub(have.Ended) < m.cfg.OrphanScan) {
			return errLeased
		}
		return nil
	}
	if err := check(m.table.Properties()); err != nil {
		return err
	}
	parent := m.table.SnapshotID()
	result, err := m.committer.Replace(ctx, commit.Replacement{
		Token: uuid.NewString(), Parent: parent, Properties: map[string]string{propLease: string(text)}, Check: check,
	})
	if err != nil {
		return err
	}
	return m.retag(parent, result.Snapshot)
}

// retag tells the index of a table snapshot that moved no row.
func (m *Maintainer) retag(from, to int64) error {
	if m.index == nil {
		return nil
	}
	tag, ok := m.index.Tag()
	if !ok || tag.SnapshotID != from {
		return errBehind
	}
	tag.SnapshotID = to
	return m.index.Apply(keyindex.Delta{Tag: tag})
}
