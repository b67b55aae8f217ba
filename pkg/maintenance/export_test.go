package maintenance

import (
	"context"
	"slices"
	"time"
)

// Searching reports whether a search for orphans goes on or waits to be noted.
func (m *Maintainer) Searching() bool { return m.search != nil }

// Drain steps until there is nothing left to do, as for a table that rests.
func (m *Maintainer) Drain(ctx context.Context) error {
	for {
		m.looked, m.rest, m.changed, m.head = time.Time{}, time.Time{}, time.Time{}, m.table.SnapshotID()
		did, err := m.Step(ctx)
		switch {
		case err != nil:
			return err
		case did.Action == Busy || did.Action == Started:
			err = wait(ctx, m.job.done)
		case did.Action != Nothing:
		case m.garbage != nil:
			err = wait(ctx, m.garbage.done)
		case m.search != nil:
			err = wait(ctx, m.search.done)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Rewrite makes new files of the live rows of the named data files, which must
// share a partition, at once. Files that are no more are left out.
func (m *Maintainer) Rewrite(ctx context.Context, paths []string) (Did, error) {
	if m.job != nil {
		return Did{Action: Busy}, nil
	}
	s, err := m.list(ctx, nil)
	if err != nil {
		return Did{}, err
	}
	var pick []int
	for i := range s.live {
		if slices.Contains(paths, s.live[i].File.Path()) {
			pick = append(pick, i)
		}
	}
	if len(pick) == 0 {
		return Did{}, nil
	}
	j := m.newJob(s, pick)
	j.run(ctx, m.cfg.At, m.cfg.Now)
	return m.finish(ctx, j)
}
