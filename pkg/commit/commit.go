// Package commit puts a batch's files and the Kafka offsets that they cover into
// one table snapshot, exactly once: whatever answers are lost, however often a
// process is killed, and whoever else writes to the table.
//
// The table is the truth. A batch commits only while the table records the
// batch's first offsets and this process's epoch; every attempt is pinned to the
// table snapshot that was checked. Files are never deleted here.
package commit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/lake"
)

// Config is what a Committer needs.
type Config struct {
	Shard  string // names the set of Kafka partitions; stays the same while the set does
	Owner  lake.Owner
	Logger *slog.Logger

	// At is told of the points that a crash test stops at: see Point. It may be nil.
	At func(Point)

	// Pause is waited before the n-th retry in a row; nil is exponential up to 10 s.
	Pause func(n int) time.Duration
}

// Point is a moment in a commit.
type Point string

// The points, in order.
const (
	BeforeTakeOver Point = "before-take-over"
	AfterTakeOver  Point = "after-take-over"
	BeforeCommit   Point = "before-commit" // files are staged, the catalog has not been asked
	AfterCommit    Point = "after-commit"  // the catalog has answered yes
	BeforeReplace  Point = "before-replace"
	AfterReplace   Point = "after-replace"
)

// Span is what a batch covers of a partition: from the first offset to the one
// after the last.
type Span struct{ From, To int64 }

// Request is one batch.
type Request struct {
	Token          string // a new UUID; the same when the batch is tried again
	Parent         int64  // the table snapshot that the deletes were looked up in
	Data, Deletes  []datafile.File
	Remove         []datafile.File // files that leave the table with their rows, and the deletes that name them; excludes Deletes
	Offsets        map[int32]Span
	SchemaOffset   int64  // next to read of the schema-change topic; -1 leaves what is recorded
	SchemaTopicID  string // of that topic
	SourcePosition string // "" leaves what is recorded

	Properties map[string]string // further table properties
	Summary    map[string]string // further entries of the snapshot's summary

	replace *Replacement
}

// Result is the table snapshot that a batch became.
type Result struct {
	Snapshot int64
	Found    bool // the answer was lost and the commit found in the table's history
	Attempts int
}

// Committer commits the batches of one shard. One goroutine owns it and its table.
type Committer struct {
	table *lake.Table
	cfg   Config
	uuid  string // of the table
	epoch string // "" before TakeOver
	state record
	known bool // the table records something about the shard
	back  bool // the table was rolled back
}

// State is what the table records about the shard.
type State struct {
	Known          bool            // false: nothing was ever committed
	Offsets        map[int32]int64 // next to read, by partition
	SchemaOffset   int64           // -1: none
	SchemaTopicID  string          // of the topic that SchemaOffset is of; "" where an earlier version wrote it
	SourcePosition string
	RolledBack     bool // the table was rolled back, and this is what its snapshot says
}

// State returns what was recorded when the table was last opened, taken over or
// committed to.
func (c *Committer) State() State {
	return State{
		Known: c.known, Offsets: maps.Clone(c.state.Offsets), SchemaOffset: c.state.schemaOffset, SchemaTopicID: c.state.SchemaTopicID,
		SourcePosition: c.state.sourcePosition, RolledBack: c.back,
	}
}

// Table returns the table.
func (c *Committer) Table() *lake.Table { return c.table }

// Commit makes the batch one table snapshot. Errors that the caller must tell
// apart are FencedError, OffsetsError, ForeignError and ReplacedError: in each
// case the batch has not been committed and must be dropped. After any other error
// it may have been: the next TakeOver tells. The files stay in every case.
func (c *Committer) Commit(ctx context.Context, req Request) (Result, error) {
	if c.epoch == "" {
		return Result{}, fmt.Errorf("commit to %s: %w", c.table.Name(), errNotOwned)
	}
	if req.Token == "" {
		return Result{}, fmt.Errorf("commit to %s: no token", c.table.Name())
	}
	var res Result
	err := c.loop(ctx, func() (bool, error) {
		s, err := c.examine(&req)
		if err != nil {
			return false, stop(err)
		}
		if s != nil {
			res.Snapshot, res.Found = s.SnapshotID, true
			return true, c.adopt(&req)
		}
		res.Attempts++
		if err := c.try(ctx, &req); err != nil {
			return false, err
		}
		res.Snapshot = c.table.SnapshotID()
		return true, c.adopt(&req)
	})
	if err != nil {
		return Result{}, fmt.Errorf("commit to %s: %w", c.table.Name(), err)
	}
	return res, nil
}

// try stages and commits the batch against the table as it is loaded, whose head
// examine has allowed.
func (c *Committer) try(ctx context.Context, req *Request) error {
	next := c.state.clone()
	next.Token = req.Token
	for p, span := range req.Offsets {
		if next.Offsets == nil {
			next.Offsets = make(map[int32]int64)
		}
		next.Offsets[p] = span.To
	}
	if req.SchemaOffset >= 0 {
		next.schemaOffset, next.SchemaTopicID = req.SchemaOffset, req.SchemaTopicID
	}
	if req.SourcePosition != "" {
		next.sourcePosition = req.SourcePosition
	}
	parts := snapshotParts{
		data: req.Data, deletes: req.Deletes, remove: req.Remove, replace: req.replace, properties: req.Properties, summary: req.Summary,
		before: BeforeCommit, after: AfterCommit,
	}
	if req.replace != nil {
		if check := req.replace.Check; check != nil {
			if err := check(c.table.Properties()); err != nil {
				return stop(err)
			}
		}
		parts.before, parts.after = BeforeReplace, AfterReplace
	}
	return c.snapshot(ctx, next, parts)
}

type snapshotParts struct {
	data, deletes       []datafile.File
	remove              []datafile.File
	replace             *Replacement
	properties, summary map[string]string
	before, after       Point
}

// snapshot commits one table snapshot that records next, pinned to the head that
// is loaded.
func (c *Committer) snapshot(ctx context.Context, next record, parts snapshotParts) error {
	tbl := c.table.Iceberg()
	next.TopicID = c.cfg.Owner.TopicID
	next.Sequence = tbl.Metadata().LastSequenceNumber() + 1
	props, err := next.properties(c.cfg.Shard)
	if err != nil {
		return stop(err)
	}
	maps.Copy(props, parts.properties)
	all := maps.Clone(map[string]string(tbl.Properties()))
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, props)
	sum, err := summary(all)
	if err != nil {
		return stop(err)
	}
	maps.Copy(sum, parts.summary)
	sum[summaryToken], sum[summaryShard] = next.Token, c.cfg.Shard

	txn := tbl.NewTransaction()
	if err := txn.AssertRefSnapshotID(""); err != nil {
		return fmt.Errorf("pin table snapshot: %w", err)
	}
	if err := txn.SetProperties(props); err != nil {
		return fmt.Errorf("stage properties: %w", err)
	}
	if err := stageFiles(ctx, txn, tbl, sum, parts); err != nil {
		return fmt.Errorf("stage files: %w", err)
	}
	c.at(parts.before)
	committed, err := txn.Commit(ctx)
	if err != nil {
		return err
	}
	c.at(parts.after)
	c.table.Set(committed)
	return nil
}

// stageFiles adds the files, or nothing: an empty append moves the head as well,
// which is what a takeover and a batch without net changes need.
func stageFiles(ctx context.Context, txn *table.Transaction, tbl *table.Table, sum iceberg.Properties, parts snapshotParts) error {
	if parts.replace != nil {
		if done, err := parts.replace.stage(ctx, txn, sum); done || err != nil {
			return err
		}
	}
	if len(parts.remove) > 0 {
		return removeFiles(ctx, txn, sum, parts)
	}
	if len(parts.data)+len(parts.deletes) > 0 {
		return txn.NewRowDelta(sum).AddRows(unwrap(parts.data)...).AddDeletes(unwrap(parts.deletes)...).Commit(ctx)
	}
	schema, err := table.SchemaToArrowSchema(tbl.Schema(), nil, true, false)
	if err != nil {
		return err
	}
	nothing, err := array.NewRecordReader(schema, nil)
	if err != nil {
		return err
	}
	defer nothing.Release()
	return txn.Append(ctx, nothing, sum)
}

// removeFiles takes files out of the table and puts the batch's in.
func removeFiles(ctx context.Context, txn *table.Transaction, sum iceberg.Properties, parts snapshotParts) error {
	if len(parts.deletes) > 0 {
		return stop(errors.New("a batch that removes files has position deletes"))
	}
	var data, deletes []iceberg.DataFile
	for _, f := range unwrap(parts.remove) {
		if f.ContentType() == iceberg.EntryContentData {
			data = append(data, f)
		} else {
			deletes = append(deletes, f)
		}
	}
	return txn.ReplaceFiles(ctx, data, unwrap(parts.data), deletes, sum)
}

func unwrap(files []datafile.File) []iceberg.DataFile {
	out := make([]iceberg.DataFile, 0, len(files))
	for _, f := range files {
		out = append(out, f.Iceberg())
	}
	return out
}

func (c *Committer) at(p Point) {
	if c.cfg.At != nil {
		c.cfg.At(p)
	}
}

// adopt takes the committed state from the table as it is loaded.
func (c *Committer) adopt(req *Request) error {
	r, err := readRecord(c.table.Properties(), c.cfg.Shard)
	if err != nil {
		return stop(err)
	}
	if r == nil {
		return stop(errors.New("the committed table has no record of the shard"))
	}
	if r.Token == req.Token { // else another process has gone on from our commit
		c.state, c.known, c.back = *r, true, false
	}
	return nil
}
