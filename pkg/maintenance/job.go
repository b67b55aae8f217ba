package maintenance

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/firn-cdc/firn/pkg/datafile"
)

// job is a rewrite between its start and its commit.
type job struct {
	production
	sequence int64 // of the table snapshot that was read
	filled   []int // field ids of the columns whose fills it knows
	done     chan struct{}
	took     time.Duration
	err      error
}

// reads reports whether a data file is one of the job's inputs.
func (j *job) reads(f datafile.File) bool {
	return slices.ContainsFunc(j.inputs, func(in datafile.Live) bool { return in.File.Path() == f.Path() })
}

// rewrite starts a job, and finishes it if it is small.
func (m *Maintainer) rewrite(ctx context.Context, s *state, pick []int) (Did, error) {
	j := m.newJob(s, pick)
	var bytes, rows int64
	for i := range j.inputs {
		bytes += j.inputs[i].File.Bytes()
		rows += j.inputs[i].File.Rows()
	}
	free := m.job == nil && !m.cfg.Now().Before(m.rest)
	if bytes > m.cfg.InlineBytes || rows > inlineRows && free {
		m.job, m.fillNext = j, m.lacking && !m.fillNext
		m.beside(ctx, func(ctx context.Context) { j.run(ctx, m.cfg.At, m.cfg.Now) })
		return Did{Action: Started}, nil
	}
	j.run(ctx, m.cfg.At, m.cfg.Now)
	m.spent(j.took)
	return m.finish(ctx, j)
}

// inlineRows is what takes so long that the stream should not wait for it, however
// few bytes it is.
const inlineRows = 1 << 16

func (m *Maintainer) newJob(s *state, pick []int) *job {
	own := *m.table
	j := &job{sequence: s.sequence, done: make(chan struct{})}
	j.production = production{
		table: &own, key: m.cfg.Key,
		config: datafile.Config{Label: m.cfg.Label, TargetBytes: m.cfg.TargetBytes, RowGroupBytes: m.cfg.RowGroupBytes},
	}
	for _, f := range m.fills {
		j.fills, j.filled = append(j.fills, f.Fill), append(j.filled, f.Field)
	}
	for _, i := range pick {
		j.inputs, j.lacks = append(j.inputs, s.live[i]), append(j.lacks, s.lacks[i])
	}
	return j
}

func (j *job) run(ctx context.Context, at func(Point), now func() time.Time) {
	defer close(j.done)
	at(BeforeRewrite)
	start := now()
	j.err = j.production.run(ctx)
	j.took = now().Sub(start)
	if j.err == nil {
		at(AfterRewrite)
	}
}

// finish commits a job that is done, unless the table has moved away from it.
func (m *Maintainer) finish(ctx context.Context, j *job) (Did, error) {
	if j.err != nil {
		return Did{}, j.err
	}
	s, err := m.list(ctx, m.job)
	if err != nil {
		return Did{}, errors.Join(err, m.discard(ctx, j))
	}
	return m.replace(ctx, s, j)
}

// discard removes files that no commit has been asked to take.
func (m *Maintainer) discard(ctx context.Context, j *job) error {
	if j.err != nil {
		return nil //nolint:nilerr // it has removed them itself
	}
	fs, err := m.table.FileIO(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range j.files {
		errs = append(errs, fs.Remove(f.Path()))
	}
	return errors.Join(errs...)
}
