// Package maintenance keeps a table's files few, whole and free of dead rows
// while it is written: it merges small files and position deletes, rewrites files
// with many dead rows, gives old rows the values of added columns, merges
// manifests, expires table snapshots and removes orphans.
//
// It works for the goroutine that owns the shard, between its commits. Long
// reading and writing goes on beside it; what was deleted meanwhile is deleted
// again in the new file. When to call it is the owner's matter.
package maintenance

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/keyindex"
	"github.com/firn-cdc/firn/pkg/lake"
)

// Config says how a table is maintained. Zero sizes, counts and ages are the
// defaults.
type Config struct {
	Policy
	Label string           // of the shard's data files
	Alone bool             // the table has no other shard: files without a label are ours, too
	Key   *debezium.Schema // of record keys; nil for a table without a key, whose rows keep their order

	RowGroupBytes int64
	InlineBytes   int64         // a rewrite of up to so many bytes is done at once, not beside; the default is 8 MiB
	Share         float64       // of the time that may be spent on rewrites; the default is 0.15. Merges of up to InlineBytes do not wait for it
	Interval      time.Duration // between looks where nothing seems to be due, and until a table rests; the default is 1 min
	MaxManifests  int           // small ones, beyond which they are merged; the default is 2

	SnapshotMaxAge   time.Duration // at least 1 h; the default is 2 h
	SnapshotMinCount int           // the default is 100
	OrphanAge        time.Duration // at least 24 h; the default is 72 h
	OrphanScan       time.Duration // between searches for orphans; the default is 24 h, negative is never

	Now    func() time.Time // nil: the clock
	Logger *slog.Logger

	// At is told of the points that a crash test stops at: see Point. It may be nil.
	At func(Point)
}

// Point is a moment in maintenance.
type Point string

// The points of a rewrite, in order; package commit has those of its commit.
const (
	BeforeRewrite Point = "before-rewrite"
	AfterRewrite  Point = "after-rewrite" // files are written, nothing is committed
	BeforeIndex   Point = "before-index"  // committed, the index does not know
	AfterExpire   Point = "after-expire"  // table snapshots are gone, their files are not
)

func (c Config) withDefaults() Config {
	c.Policy = c.Policy.withDefaults()
	setDefault(&c.InlineBytes, 8<<20)
	setDefault(&c.Share, 0.15)
	setDefault(&c.Interval, time.Minute)
	setDefault(&c.MaxManifests, 2)
	setDefault(&c.SnapshotMaxAge, 2*time.Hour)
	setDefault(&c.SnapshotMinCount, 100)
	setDefault(&c.OrphanAge, 72*time.Hour)
	setDefault(&c.OrphanScan, 24*time.Hour)
	c.SnapshotMaxAge = max(c.SnapshotMaxAge, time.Hour)
	c.OrphanAge = max(c.OrphanAge, 24*time.Hour)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.At == nil {
		c.At = func(Point) {}
	}
	return c
}

func setDefault[T int | int64 | float64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Maintainer maintains one shard of a table. The goroutine that owns the shard
// calls it.
type Maintainer struct {
	cfg       Config
	table     *lake.Table
	index     *keyindex.Index // nil: the table has no key
	committer *commit.Committer

	job     *job      // goes on beside; nil: none
	rest    time.Time // no other before
	head    int64     // table snapshot at the last step
	changed time.Time // since when it is that of somebody else
	looked  time.Time
	files   int // data files at the last look
	columns *columns
	fills   []Fill // at the last list

	lacking  bool // files of the shard lack a column's value, at the last look
	fillNext bool // the next rewrite beside is one that gives it

	expired  time.Time
	garbage  *garbage // is being removed; nil: none
	searched time.Time
	search   *search // goes on; nil: none

	background sync.WaitGroup
	closing    chan struct{}
	end        func() // closes closing
}

// New returns the maintainer of a table that the committer has taken over and
// that the index, if it is not nil, mirrors.
func New(cfg Config, t *lake.Table, ix *keyindex.Index, c *commit.Committer) *Maintainer {
	closing := make(chan struct{})
	return &Maintainer{
		cfg: cfg.withDefaults(), table: t, index: ix, committer: c, columns: newColumns(),
		closing: closing, end: sync.OnceFunc(func() { close(closing) }),
	}
}

// Action is what a step did.
type Action string

// The actions.
const (
	Nothing   Action = ""
	Started   Action = "started a rewrite" // which goes on beside
	Busy      Action = "a rewrite goes on"
	Rewrote   Action = "rewrote files"
	Merged    Action = "merged deletes"
	Abandoned Action = "abandoned a rewrite" // another program removed its files
	Manifests Action = "merged manifests"
	Filled    Action = "finished a fill"
	Expired   Action = "expired table snapshots"
	Orphans   Action = "removed orphans"
)

// Did says what a step did.
type Did struct {
	Action         Action
	Removed, Added int // data files
	RemovedDeletes int
	AddedDeletes   int
	Rows, Bytes    int64 // written
	Snapshot       int64 // that the table has now, if the step committed one
}

// Committed reports whether the step made a table snapshot.
func (d *Did) Committed() bool { return d.Snapshot != 0 }

// Step does the next thing that is due, if there is one, within the budget. The
// table and the index are of one snapshot before it and after it. The errors of
// the commit are those of commit.Committer: after a ForeignError and the like the
// table has to be opened again, and the Maintainer closed. After any other error
// the index may be behind the table.
func (m *Maintainer) Step(ctx context.Context) (Did, error) {
	m.note()
	did, err := m.step(ctx)
	m.head = m.table.SnapshotID()
	if err != nil {
		return did, fmt.Errorf("maintain table %s: %w", m.table.Name(), err)
	}
	if did.Action != Nothing && did.Action != Busy {
		m.cfg.Logger.Debug("maintained table", "table", m.table.Name().String(), "action", string(did.Action),
			"removed", did.Removed, "added", did.Added, "removed_deletes", did.RemovedDeletes, "rows", did.Rows, "bytes", did.Bytes)
	}
	return did, nil
}

func (m *Maintainer) step(ctx context.Context) (Did, error) {
	if m.table.SnapshotID() == 0 {
		return Did{}, nil
	}
	if m.ready() {
		j := m.job
		m.job = nil
		m.spent(j.took)
		return m.finish(ctx, j)
	}
	if m.due() {
		if did, err := m.look(ctx); did.Action != Nothing || err != nil {
			return did, err
		}
	}
	if m.cfg.Off || m.table.Properties()["gc.enabled"] == "false" { // other tables have its files, too
		return m.waiting(), nil
	}
	if did, err := m.expire(ctx); did.Action != Nothing || err != nil {
		return did, err
	}
	if did, err := m.searchOrphans(ctx); did.Action != Nothing || err != nil {
		return did, err
	}
	return m.waiting(), nil
}

// waiting is what a step says that found nothing to do.
func (m *Maintainer) waiting() Did {
	if m.job != nil {
		return Did{Action: Busy}
	}
	return Did{}
}

func (m *Maintainer) ready() bool {
	if m.job == nil {
		return false
	}
	select {
	case <-m.job.done:
		return true
	default:
		return false
	}
}

// Ready is closed when a rewrite that went on beside waits for Step to commit it.
// It is nil when there is none.
func (m *Maintainer) Ready() <-chan struct{} {
	if m.job == nil {
		return nil
	}
	return m.job.done
}

// Resting returns how long a fill waits for the budget; 0 where none does.
func (m *Maintainer) Resting() time.Duration {
	if !m.lacking || m.job != nil {
		return 0
	}
	return max(m.rest.Sub(m.cfg.Now()), 0)
}

// Close ends what goes on beside. What it wrote and did not commit is removed.
func (m *Maintainer) Close(ctx context.Context) error {
	m.end()
	m.background.Wait()
	if m.job == nil {
		return nil
	}
	j := m.job
	m.job = nil
	return m.discard(ctx, j)
}

// beside runs f until it ends or the Maintainer is closed.
func (m *Maintainer) beside(ctx context.Context, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m.background.Go(func() {
		defer cancel()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			select {
			case <-m.closing:
				cancel()
			case <-ctx.Done():
			}
		}()
		f(ctx)
		cancel()
		<-closed
	})
}

// note remembers when the table was last changed by anything but maintenance.
func (m *Maintainer) note() {
	if head := m.table.SnapshotID(); head != m.head {
		m.head, m.changed = head, m.cfg.Now()
	}
}

// idle reports whether the table rests.
func (m *Maintainer) idle() bool { return m.cfg.Now().Sub(m.changed) >= m.cfg.Interval }

// spent puts off what would take more than the share of the time.
func (m *Maintainer) spent(took time.Duration) {
	if now := m.cfg.Now(); m.rest.Before(now) {
		m.rest = now
	}
	m.rest = m.rest.Add(time.Duration(float64(took) * (1/m.cfg.Share - 1)))
}

// resting reports whether the share of the time is used up.
func (m *Maintainer) resting() bool { return m.job != nil || m.cfg.Now().Before(m.rest) }

// due reports, without asking the table, whether a look may find something.
func (m *Maintainer) due() bool {
	if m.cfg.Now().Sub(m.looked) >= m.cfg.Interval {
		return true
	}
	if m.lacking && !m.resting() {
		return true // a fill takes many rewrites: none waits for the interval
	}
	if m.index == nil {
		return false
	}
	files := m.index.Files()
	deletes, spoiled := 0, false
	var rows, dead int64
	for _, f := range files {
		deletes, rows, dead = deletes+f.DeleteFiles, rows+f.Rows, dead+f.Dead
		spoiled = spoiled || float64(f.Dead) >= fileDeadRows*float64(f.Rows)
	}
	if (spoiled || m.cfg.tooMany(dead, rows)) && !m.resting() {
		return true
	}
	return deletes > len(files) || len(files)-m.files >= m.cfg.MinFiles
}
