package applier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/keyindex"
	"github.com/firn-cdc/firn/pkg/lake"
)

// errReopen asks for a new session: somebody else has been at the table.
var errReopen = errors.New("table was created by another process")

// flush commits the batch as one table snapshot. It returns once that is durable
// and the index mirrors it.
func (w *work) flush(ctx context.Context) error {
	w.began, w.oldest = time.Time{}, 0
	if w.batch == nil || w.batch.Empty() && !w.progressDue() {
		return nil
	}
	started := time.Now()
	if len(w.batch.Schemas()) == 0 && w.key == nil && !w.schemas.appending {
		switch {
		case w.table == nil: // deletes of rows that never were
			w.empty()
			return nil
		case w.batch.Key() == nil: // a TRUNCATE of a table that was there before: the key of its rows is to come
			return nil
		}
	}
	if w.table == nil {
		if err := w.create(ctx); err != nil {
			return err
		}
	}
	if !w.schemas.appending {
		if w.key != nil && w.batch.Key() != nil && !w.key.Same(w.batch.Key()) {
			return w.keyChanged()
		}
	}
	if w.keeper == nil { // the table's maker was killed before its first commit, or is not ours
		if err := w.settle(ctx, w.batchKey()); err != nil {
			return err
		}
		if err := w.schemaChanges(ctx); err != nil {
			return err
		}
	}
	if err := w.evolve(ctx); err != nil {
		return err
	}
	c, err := w.prepare(ctx)
	if err != nil {
		if errors.Is(err, keyindex.ErrCorrupt) {
			return errors.Join(err, w.mirror.index.Reset())
		}
		return err
	}
	w.cfg.At(AfterUpload)
	result, err := w.committer.Commit(ctx, c.request)
	w.measure(c, err, started)
	if err != nil {
		return err
	}
	w.cfg.At(BeforeIndex)
	if err := w.mirror.apply(w.table, c, result.Snapshot); err != nil {
		return err
	}
	w.cfg.At(AfterIndex)
	w.due = true
	w.saved = time.Now()
	w.committed(ctx, c, started)
	w.empty()
	w.lagging()
	if c.truncated {
		return w.pending()
	}
	return nil
}

// change is a batch on its way into the table.
type change struct {
	config    datafile.Config
	request   commit.Request
	delta     keyindex.Delta
	data      []datafile.File // by number in delta.Files
	deletes   map[uint32]datafile.File
	upserted  int
	deleted   int
	truncated bool
}

// prepare writes the batch's files.
func (w *work) prepare(ctx context.Context) (*change, error) {
	c := &change{request: commit.Request{
		Token: uuid.NewString(), SchemaOffset: w.schemas.committable(), SchemaTopicID: w.schemas.topic, Offsets: make(map[int32]commit.Span),
	}}
	for _, s := range w.batch.Spans() {
		c.request.Offsets[s.Partition] = commit.Span{From: s.First, To: s.Next}
	}
	var err error
	if c.request.SourcePosition, err = sourcePosition(w.committer.State().SourcePosition, w.batch.Spans()); err != nil {
		return nil, err
	}
	if c.config, err = w.files(); err != nil {
		return nil, err
	}
	if err := w.recordMode(c); err != nil {
		return nil, err
	}
	if err := w.emptied(c); err != nil {
		return nil, err
	}
	w.begunAnew(c)
	if w.schemas.appending {
		return c, w.prepareAppend(ctx, c)
	}
	if err := w.settle(ctx, w.batchKey()); err != nil {
		return nil, err
	}
	c.request.Parent = w.mirror.snapshot
	w.cfg.At(BeforeUpload)
	keys := w.batch.AppendKeys(nil)
	found := make([]bool, len(keys))
	dead := make(map[uint32][]uint32)
	if w.batch.Truncated() {
		c.truncated = true
		c.request.Remove, err = w.mirror.all(w.name.String())
	} else {
		err = w.mirror.index.Lookup(ctx, keys, func(i int, at keyindex.Location) {
			found[i] = true
			dead[at.File] = append(dead[at.File], at.Row)
		})
	}
	if err != nil {
		return nil, err
	}
	if err := w.writeRows(ctx, c, keys, found); err != nil {
		return nil, err
	}
	return c, w.writeDeletes(ctx, c, dead)
}

// writeRows writes the rows of the batch that live, and notes where they are.
func (w *work) writeRows(ctx context.Context, c *change, keys [][]byte, found []bool) error {
	gone := make([]bool, len(keys))
	written, err := datafile.Write(ctx, w.table, func(yield func(*debezium.Schema, []debezium.Value) bool) {
		for i, e := range w.batch.Sorted() {
			if e.Deleted {
				gone[i] = true
				continue
			}
			if !yield(w.schemas.target(e.Schema), e.Values) {
				return
			}
		}
	}, c.config)
	if err != nil {
		return err
	}
	c.request.Data = written.Files
	first := len(c.delta.Files)
	for _, f := range written.Files {
		c.delta.Files = append(c.delta.Files, keyindex.File{ID: w.mirror.index.NewFileID(), Path: f.Path(), Rows: f.Rows()})
		c.data = append(c.data, f)
	}
	next := 0
	for i, key := range keys {
		if gone[i] {
			if found[i] {
				c.delta.Deletes = append(c.delta.Deletes, key)
				c.deleted++
			}
			continue
		}
		at := written.Locations[next]
		next++
		c.delta.Puts = append(c.delta.Puts, keyindex.Put{Key: key, At: keyindex.Location{File: c.delta.Files[first+int(at.File)].ID, Row: at.Row}})
	}
	c.upserted = next
	return nil
}

// writeDeletes writes the position deletes of what the batch replaces.
func (w *work) writeDeletes(ctx context.Context, c *change, dead map[uint32][]uint32) error {
	c.delta.Dead = make(map[uint32]int, len(dead))
	c.deletes = make(map[uint32]datafile.File, len(dead))
	numbers := make([]uint32, 0, len(dead))
	for id := range dead {
		numbers = append(numbers, id)
	}
	slices.Sort(numbers)
	deletes := make([]datafile.Deletes, 0, len(numbers))
	for _, id := range numbers {
		live := w.mirror.files[id]
		if live == nil {
			return fmt.Errorf("%w: file %d is not in the table", keyindex.ErrCorrupt, id)
		}
		deletes = append(deletes, datafile.Deletes{File: live.File, Rows: dead[id]})
		c.delta.Dead[id] = len(dead[id])
	}
	files, err := datafile.WriteDeletes(ctx, w.table, deletes, c.config)
	if err != nil {
		return err
	}
	c.request.Deletes = files
	for i, id := range numbers {
		c.deletes[id] = files[i]
	}
	return nil
}

// prepareAppend writes every change as a row, with its operation.
func (w *work) prepareAppend(ctx context.Context, c *change) error {
	c.request.Parent = w.table.SnapshotID()
	w.cfg.At(BeforeUpload)
	var row []debezium.Value
	written, err := datafile.Write(ctx, w.table, func(yield func(*debezium.Schema, []debezium.Value) bool) {
		for _, e := range w.batch.Sorted() {
			row = append(row[:0], e.Values...)
			row = append(row, opValue(e.Op))
			if !yield(w.schemas.target(e.Schema), row) {
				return
			}
		}
	}, c.config)
	if err != nil {
		return err
	}
	c.request.Data = written.Files
	c.upserted = len(written.Locations)
	return nil
}

func (w *work) files() (datafile.Config, error) {
	fills, err := w.fills()
	return datafile.Config{Label: w.shard.name, TargetBytes: w.cfg.TargetFileSize, Fills: fills}, err
}

// batchKey returns the form of the batch's keys; a batch that is a TRUNCATE
// alone has none.
func (w *work) batchKey() *batch.Key {
	if key := w.batch.Key(); key != nil {
		return key
	}
	return w.key
}

// recordMode has the commit record how rows are told apart, where the table
// does not say so.
func (w *work) recordMode(c *change) error {
	properties := w.table.Properties()
	mode, key := modeAppend, ""
	if !w.schemas.appending {
		mode = modeUpsert
		var err error
		if key, err = keyRecord(w.batchKey().Schema()); err != nil {
			return err
		}
	}
	partitions := strconv.Itoa(w.count)
	deletes := strconv.FormatBool(w.unwrapped.deletes)
	if properties[propMode] == mode && properties[propKey] == key && properties[propPartitions] == partitions &&
		(properties[propUnwrapped] == deletes || properties[propUnwrapped] == "" && !w.unwrapped.deletes) {
		return nil
	}
	c.request.Properties = map[string]string{propMode: mode, propPartitions: partitions}
	if w.unwrapped.deletes || properties[propUnwrapped] != "" {
		c.request.Properties[propUnwrapped] = deletes
	}
	if key != "" {
		c.request.Properties[propKey] = key
	}
	return nil
}

// create makes the table for the rows of the batch and takes it over.
func (w *work) create(ctx context.Context) error {
	var key []string
	if !w.schemas.appending {
		for i := range w.batch.Key().Schema().Fields {
			key = append(key, w.batch.Key().Schema().Fields[i].Name)
		}
	}
	var row *debezium.Schema // nil where all that is appended so far has no row, as TRUNCATE has none
	if schemas := w.batch.Schemas(); len(schemas) > 0 {
		row = schemas[0]
	}
	t, err := w.cfg.Catalog.LoadOrCreate(ctx, w.name, w.schemas.target(row), key, lake.CreateOptions{
		Owner: w.owner(), Properties: w.config.Properties, Partition: w.config.Partition,
	})
	if err != nil {
		return err
	}
	w.table = t
	if err := w.takeOver(ctx); err != nil {
		return err
	}
	if state := w.committer.State(); state.Known {
		return errReopen
	}
	return nil
}

// apply brings the mirror to the table snapshot that a change became.
func (m *mirror) apply(t *lake.Table, c *change, snapshot int64) error {
	if m.index == nil { // appended
		return nil
	}
	c.delta.Tag = m.tag(t, snapshot)
	if c.truncated {
		c.delta.Clear, c.delta.Dead, c.delta.Deletes = true, nil, nil
		m.files, m.numbers = make(map[uint32]*datafile.Live), make(map[string]uint32)
	}
	if err := m.index.Apply(c.delta); err != nil {
		return errors.Join(err, m.index.Reset())
	}
	for i, f := range c.delta.Files {
		live := datafile.NewLive(c.data[i])
		m.files[f.ID], m.numbers[f.Path] = &live, f.ID
	}
	for id, f := range c.deletes {
		if live := m.files[id]; live != nil {
			live.Deletes = append(live.Deletes, f)
		}
	}
	m.snapshot = snapshot
	return nil
}

// all returns all files of the shard, which a TRUNCATE removes.
func (m *mirror) all(table string) ([]datafile.File, error) {
	var files []datafile.File
	for _, l := range m.files {
		if m.shard.id.of > 1 && l.File.Label() != m.shard.name {
			return nil, &StopError{
				Reason: "the source was truncated, and table " + table + " has files with rows of several shards, which another program wrote",
				Remedy: "start with --shards 1",
			}
		}
		files = append(append(files, l.File), l.Deletes...)
	}
	return files, nil
}
