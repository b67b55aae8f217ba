package commit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/apache/iceberg-go/table"
)

// Attempts before a commit is given up. Conflicts with other shards are many and
// harmless; lost answers and failed writes are neither.
const (
	maxConflicts = 100
	maxFailures  = 8
)

// final wraps an error that no retry heals.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

func stop(err error) error { return final{err} }

// loop calls attempt until it says it is done, loading the table anew in between,
// so that every attempt stands on what the catalog says and not on what was
// answered.
func (c *Committer) loop(ctx context.Context, attempt func() (done bool, err error)) error {
	conflicts, failures := 0, 0
	for {
		done, err := attempt()
		var end final
		switch {
		case err == nil && done:
			if failures > 0 {
				c.cfg.Logger.Info("commit went through", "table", c.table.Name().String(), "failures", failures)
			}
			return nil
		case errors.As(err, &end):
			return end.error
		case ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case errors.Is(err, table.ErrCommitFailed):
			conflicts++
		default:
			failures++
			c.cfg.Logger.Info("commit failed or its answer was lost", "table", c.table.Name().String(), "error", err)
		}
		if conflicts > maxConflicts || failures > maxFailures {
			return fmt.Errorf("after %d conflicts and %d failures: %w", conflicts, failures, err)
		}
		if err := c.reload(ctx, conflicts, failures); err != nil {
			return err
		}
	}
}

// reload loads the table after a pause, however often it takes.
func (c *Committer) reload(ctx context.Context, conflicts, failures int) error {
	for more := 0; ; more++ {
		if err := c.pause(ctx, conflicts, failures+more); err != nil {
			return err
		}
		err := c.table.Reload(ctx)
		if err == nil || ctx.Err() != nil || more == maxFailures {
			return err
		}
	}
}

const (
	firstPause    = 25 * time.Millisecond
	conflictPause = 500 * time.Millisecond // the most after a conflict: the others are quick, too
	failurePause  = 10 * time.Second
)

// pause waits between half and all of a time that doubles with every try.
func (c *Committer) pause(ctx context.Context, conflicts, failures int) error {
	most := conflictPause
	if failures > 0 {
		most = failurePause
	}
	d := min(most, firstPause<<min(conflicts+failures, 10))
	d = d/2 + rand.N(d/2)
	if c.cfg.Pause != nil {
		d = c.cfg.Pause(conflicts + failures)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
