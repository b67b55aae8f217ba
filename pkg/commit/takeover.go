package commit

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/firn-cdc/firn/pkg/lake"
)

// Open reads what the loaded table records about a shard. A table that was
// rolled back resumes from what its current snapshot or the nearest ancestor
// records; where none does, the error is a RollbackError. Nothing is written.
func Open(t *lake.Table, cfg Config) (*Committer, error) {
	if cfg.Shard == "" || strings.ContainsAny(cfg.Shard, "\" \n") {
		return nil, fmt.Errorf("open table %s: %q is no name of a shard", t.Name(), cfg.Shard)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Committer{table: t, cfg: cfg, uuid: t.UUID()}
	if err := c.read(); err != nil {
		return nil, fmt.Errorf("open table %s: %w", t.Name(), err)
	}
	return c, nil
}

// read takes the state from the table as it is loaded.
func (c *Committer) read() error {
	name := c.table.Name().String()
	if c.table.UUID() != c.uuid {
		return &ReplacedError{Table: name, Ours: c.uuid, Theirs: c.table.UUID()}
	}
	if err := c.cfg.Owner.Check(name, c.table.Properties()); err != nil {
		return err
	}
	meta := c.table.Iceberg().Metadata()
	r, err := readRecord(c.table.Properties(), c.cfg.Shard)
	if err != nil {
		return err
	}
	c.state, c.known, c.back = record{schemaOffset: -1}, false, false
	if r == nil {
		return nil
	}
	if rolledBack(meta, c.cfg.Shard, r) {
		if r, err = nearest(meta, c.cfg.Shard); err != nil {
			return err
		}
		if r == nil {
			return &RollbackError{Table: name, Shard: c.cfg.Shard, Head: c.table.SnapshotID()}
		}
		c.back = true
	}
	c.state, c.known = *r, true
	return nil
}

// TakeOver makes this process the only one that can commit to the shard: it
// writes a new epoch in a table snapshot of its own, which every earlier
// process's attempt, even one under way, conflicts with. State is then what the
// table records, and the table's snapshot the parent of the first batch.
func (c *Committer) TakeOver(ctx context.Context) error {
	token := uuid.NewString()
	err := c.loop(ctx, func() (bool, error) {
		if done, err := c.tookOver(token); done || err != nil {
			return done, err
		}
		if err := c.read(); err != nil {
			return false, stop(err)
		}
		next := c.state.clone()
		next.Token = token
		props := c.cfg.Owner.Properties()
		epoch := nextEpoch(c.table.Properties()[propEpoch+c.cfg.Shard], token)
		maps.Copy(props, map[string]string{propEpoch + c.cfg.Shard: epoch})
		if err := c.snapshot(ctx, next, snapshotParts{properties: props, before: BeforeTakeOver, after: AfterTakeOver}); err != nil {
			return false, err
		}
		return c.tookOver(token)
	})
	if err != nil {
		return fmt.Errorf("take over table %s: %w", c.table.Name(), err)
	}
	c.cfg.Logger.Info("took over table", "table", c.table.Name().String(), "shard", c.cfg.Shard, "epoch", c.epoch)
	return nil
}

// tookOver reports whether the loaded table carries the epoch of this takeover.
func (c *Committer) tookOver(token string) (bool, error) {
	epoch := c.table.Properties()[propEpoch+c.cfg.Shard]
	if !strings.HasSuffix(epoch, ":"+token) {
		return false, nil
	}
	r, err := readRecord(c.table.Properties(), c.cfg.Shard)
	if err != nil {
		return false, stop(err)
	}
	if r == nil || r.Token != token {
		return false, nil
	}
	back := c.back
	c.epoch, c.state, c.known, c.back = epoch, *r, len(r.Offsets) > 0, back
	return true, nil
}

// nextEpoch counts takeovers, for people, and is unique by its token.
func nextEpoch(last, token string) string {
	count, _, _ := strings.Cut(last, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		n = 0
	}
	return strconv.FormatInt(n+1, 10) + ":" + token
}

// Summary returns what a table snapshot that no batch makes must carry on in its
// summary, so that a rollback to it knows the offsets: maintenance copies it.
func Summary(t *lake.Table) (map[string]string, error) { return summary(t.Properties()) }

// Reset forgets everything that the table records about its source, so that it
// can be fed from the beginning or from elsewhere. Its rows stay.
func Reset(ctx context.Context, t *lake.Table) error {
	var names []string
	for k := range t.Properties() {
		if strings.HasPrefix(k, "firn.") {
			names = append(names, k)
		}
	}
	if len(names) == 0 {
		return nil
	}
	txn := t.Iceberg().NewTransaction()
	if err := txn.RemoveProperties(names); err != nil {
		return fmt.Errorf("reset table %s: %w", t.Name(), err)
	}
	tbl, err := txn.Commit(ctx)
	if err != nil {
		return fmt.Errorf("reset table %s: %w", t.Name(), err)
	}
	t.Set(tbl)
	return nil
}
