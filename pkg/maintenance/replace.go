package maintenance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"

	"github.com/google/uuid"

	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/keyindex"
)

// change is a replacement in the making.
type change struct {
	state   *state
	job     *job // nil: only deletes
	request commit.Replacement
	did     Did
	removed []string            // data files
	merged  []string            // data files whose delete files became one
	dead    map[uint32][]uint32 // by new file, rows deleted since they were read
}

// replace commits what a job has written, drops files without live rows and
// merges delete files, in one table snapshot, and tells the index.
func (m *Maintainer) replace(ctx context.Context, s *state, j *job) (Did, error) {
	c := &change{state: s, job: j, dead: make(map[uint32][]uint32)}
	c.request = commit.Replacement{Token: uuid.NewString(), Parent: s.snapshot, OwnFiles: true}
	var inputs map[string]bool
	if j != nil {
		ok, err := m.takeJob(ctx, c)
		if err != nil || !ok {
			return Did{Action: Abandoned}, errors.Join(err, m.discard(ctx, j))
		}
		inputs = make(map[string]bool)
		for i := range j.inputs {
			inputs[j.inputs[i].File.Path()] = true
		}
	}
	if err := m.takeRest(ctx, c, inputs); err != nil {
		return Did{}, err
	}
	if s.manyData {
		c.request.MergeManifests = smallManifest
	}
	if len(c.request.Remove)+len(c.request.RemoveDeletes) == 0 && !s.manyData {
		return Did{}, nil
	}
	var err error
	if c.request.Summary, err = commit.Summary(m.table); err != nil {
		return Did{}, err
	}
	result, err := m.committer.Replace(ctx, c.request)
	if err != nil {
		return Did{}, err
	}
	m.cfg.At(BeforeIndex)
	c.did.Snapshot = result.Snapshot
	c.did.Removed, c.did.Added = len(c.request.Remove), len(c.request.Add)
	c.did.RemovedDeletes, c.did.AddedDeletes = len(c.request.RemoveDeletes), len(c.request.AddDeletes)
	switch {
	case len(c.request.Remove) > 0:
		c.did.Action = Rewrote
	case len(c.request.RemoveDeletes) > 0:
		c.did.Action = Merged
	default:
		c.did.Action = Manifests
	}
	return c.did, m.apply(ctx, c)
}

// takeJob puts the job's files in the place of its inputs. It reports false where
// another program has removed or changed one of them.
func (m *Maintainer) takeJob(ctx context.Context, c *change) (bool, error) {
	now := make(map[string]*datafile.Live, len(c.state.live))
	for i := range c.state.live {
		now[c.state.live[i].File.Path()] = &c.state.live[i]
	}
	starts := make([]int64, 0, len(c.job.files)) // of each new file's rows among all
	var rows int64
	for _, f := range c.job.files {
		starts = append(starts, rows)
		rows += f.Rows()
		c.did.Bytes += f.Bytes()
	}
	c.did.Rows = rows
	if m.missed(c.job) {
		return false, nil
	}
	for i := range c.job.inputs {
		in := &c.job.inputs[i]
		live, ok := now[in.File.Path()]
		if !ok {
			return false, nil
		}
		if !follows(in, live) {
			return false, nil
		}
		deleted, err := live.Deleted(ctx, m.table)
		if err != nil {
			return false, err
		}
		dead := 0 // before it was read
		for _, to := range c.job.moved[i] {
			if to == gone {
				dead++
			}
		}
		for _, row := range deleted {
			to := c.job.moved[i][row]
			if to == gone {
				dead--
				continue
			}
			f := sort.Search(len(starts), func(k int) bool { return starts[k] > int64(to) }) - 1
			c.dead[uint32(f)] = append(c.dead[uint32(f)], uint32(int64(to)-starts[f]))
		}
		if dead > 0 { // rows live again
			return false, nil
		}
		c.remove(live)
	}
	c.request.Add, c.request.Sequence = c.job.files, c.job.sequence
	return true, m.writeDeletes(ctx, c)
}

// missed reports whether a fill has been recorded that the job could have applied
// and has not: its files would have nulls in the place of nothing.
func (m *Maintainer) missed(j *job) bool {
	for _, f := range m.fills {
		_, has := j.table.Iceberg().Schema().FindFieldByID(f.Field)
		if has && !slices.Contains(j.filled, f.Field) {
			return true
		}
	}
	return false
}

// follows reports whether all deletes that have come since a file was read can be
// taken away with it.
func follows(in, live *datafile.Live) bool {
	return !slices.ContainsFunc(live.Deletes, func(d datafile.File) bool {
		before := slices.ContainsFunc(in.Deletes, func(o datafile.File) bool { return o.Path() == d.Path() })
		return !before && d.Target() != live.File.Path()
	})
}

// remove takes a data file and the delete files that name it alone away.
func (c *change) remove(live *datafile.Live) {
	c.removed = append(c.removed, live.File.Path())
	c.request.Remove = append(c.request.Remove, live.File)
	for _, d := range live.Deletes {
		if d.Target() == live.File.Path() {
			c.request.RemoveDeletes = append(c.request.RemoveDeletes, d)
		}
	}
}

// writeDeletes deletes in the new files what was deleted in the old ones meanwhile.
func (m *Maintainer) writeDeletes(ctx context.Context, c *change) error {
	var deletes []datafile.Deletes
	for i, f := range c.job.files {
		if rows := c.dead[uint32(i)]; len(rows) > 0 {
			slices.Sort(rows)
			deletes = append(deletes, datafile.Deletes{File: f, Rows: rows})
		}
	}
	return m.addDeletes(ctx, c, deletes)
}

func (m *Maintainer) addDeletes(ctx context.Context, c *change, deletes []datafile.Deletes) error {
	if len(deletes) == 0 {
		return nil
	}
	files, err := datafile.WriteDeletes(ctx, m.table, deletes, datafile.Config{Label: m.cfg.Label})
	if err != nil {
		return err
	}
	c.request.AddDeletes = append(c.request.AddDeletes, files...)
	return nil
}

// takeRest drops and merges what the job has not to do with.
func (m *Maintainer) takeRest(ctx context.Context, c *change, inputs map[string]bool) error {
	if m.cfg.Off {
		return nil
	}
	plan := m.cfg.Plan(c.state.stats)
	for _, i := range plan.Drop {
		if live := &c.state.live[i]; !inputs[live.File.Path()] {
			c.remove(live)
		}
	}
	var deletes []datafile.Deletes
	for i := range c.state.live {
		live := &c.state.live[i]
		few := 2
		if c.state.manyDeletes {
			few = 1
		}
		if len(live.Deletes) < few || inputs[live.File.Path()] || slices.Contains(plan.Drop, i) || !replaceable(live) {
			continue
		}
		rows, err := live.Deleted(ctx, m.table)
		if err != nil {
			return err
		}
		deletes = append(deletes, datafile.Deletes{File: live.File, Rows: rows})
		c.request.RemoveDeletes = append(c.request.RemoveDeletes, live.Deletes...)
		c.merged = append(c.merged, live.File.Path())
	}
	return m.addDeletes(ctx, c, deletes)
}

// replaceable reports whether all deletes of a file are position deletes of it alone.
func replaceable(live *datafile.Live) bool {
	return !slices.ContainsFunc(live.Deletes, func(d datafile.File) bool { return d.Target() != live.File.Path() })
}

// apply tells the index where the rows are now.
func (m *Maintainer) apply(ctx context.Context, c *change) error {
	if m.index == nil {
		return nil
	}
	tag, ok := m.index.Tag()
	if !ok || tag.SnapshotID != c.request.Parent {
		return errBehind
	}
	tag.SnapshotID = c.did.Snapshot
	ids := make(map[string]uint32)
	for _, f := range m.index.Files() {
		ids[f.Path] = f.ID
	}
	delta := keyindex.Delta{Tag: tag}
	for _, path := range c.removed {
		id, ok := ids[path]
		if !ok {
			return fmt.Errorf("%w: it lacks a data file", errBehind)
		}
		delta.Removed = append(delta.Removed, id)
	}
	for _, path := range c.merged {
		id, ok := ids[path]
		if !ok {
			return fmt.Errorf("%w: it lacks a data file", errBehind)
		}
		delta.Merged = append(delta.Merged, id)
	}
	if c.job != nil {
		at := make(map[string]uint32)
		for i, f := range c.job.files {
			file := keyindex.File{ID: m.index.NewFileID(), Path: f.Path(), Rows: f.Rows(), Dead: int64(len(c.dead[uint32(i)]))}
			if file.Dead > 0 {
				file.DeleteFiles = 1
			}
			at[f.Path()] = file.ID
			delta.Files = append(delta.Files, file)
		}
		delta.Moved = m.moved(ctx, c, at)
	}
	return m.index.Apply(delta)
}

// moved reads the keys of the new files' live rows.
func (m *Maintainer) moved(ctx context.Context, c *change, at map[string]uint32) iter.Seq2[keyindex.Put, error] {
	return keyindex.Puts(func(found func(keyindex.Put) error) error {
		form, err := newKeyForm(m.table, m.cfg.Key)
		if err != nil {
			return err
		}
		var key []byte
		for i, f := range c.job.files {
			dead := c.dead[uint32(i)]
			id := at[f.Path()]
			err := datafile.ScanKeys(ctx, m.table, m.cfg.Key, []datafile.Live{datafile.NewLive(f)},
				func(_ datafile.File, row uint32, values []debezium.Value) error {
					if len(dead) > 0 && dead[0] == row {
						dead = dead[1:]
						return nil
					}
					var err error
					if key, err = form.form.Append(key[:0], values); err != nil {
						return err
					}
					return found(keyindex.Put{Key: key, At: keyindex.Location{File: id, Row: row}})
				})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
