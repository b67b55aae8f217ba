package reader

import (
	"time"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/status"
)

// observe makes the metrics when the server is first known.
func (s *session) observe(captured int) {
	if s.metrics == nil {
		s.metrics = s.cfg.Metrics(s.connector)
		s.cfg.Status.SetLag(s.metrics.Lag.Seconds)
	}
	s.metrics.GTIDMode.Store(s.server.GTIDMode)
	s.metrics.CapturedTables.Store(int64(captured))
}

// read counts a row change of a table.
func (t *table) read(op debezium.Op) { t.counters.Rows(byte(op), 1) }

// committed notes a transaction of the source that was read whole.
func (s *session) committed(c *binlog.Commit) {
	s.metrics.Committed(c.GTID)
	if c.TsNs != 0 {
		s.metrics.Lag.At(c.TsNs)
	}
}

// idle notes that the server has nothing more at the moment.
func (s *session) idle() {
	s.metrics.Lag.Idle()
	if !s.span.open && s.progress.SamePlace(s.saved) {
		s.metrics.CheckpointNs.Store(time.Now().UnixNano())
	}
}

// durable notes a span that was saved.
func (s *session) durable(took time.Duration) {
	m := s.metrics
	m.CommitDuration.Observe(took.Seconds())
	m.Bytes.Add(float64(s.span.bytes))
	m.CheckpointNs.Store(time.Now().UnixNano())
	m.BinlogPosition.Store(int64(s.saved.Position.Pos))
	s.bytes += int64(s.span.bytes)
	if s.blocked != nil && s.span.records > 0 {
		s.blocked = nil
		s.settled()
	}
	all, created, updated, deleted := m.Events()
	position := status.Position{File: s.saved.Position.File, Pos: s.saved.Position.Pos, GTIDSet: s.saved.Position.GTIDs.String()}
	s.cfg.Status.Update(func(p *status.Page) {
		p.Position = &position
		p.Events = &status.Events{Read: all, Created: created, Updated: updated, Deleted: deleted, Bytes: s.bytes}
	})
}

// recovered notes a record of the schema history that was read.
func (s *session) recovered() {
	s.metrics.History.Recovered.Add(1)
	s.metrics.History.LastRecoveredNs.Store(time.Now().UnixNano())
}

// settled says whether the snapshot is done and the stream is read.
func (s *session) settled() {
	m := &s.metrics.Snapshot
	m.Tables.Store(int64(len(s.progress.Snapshot)))
	m.Remaining.Store(int64(len(s.chunks.queue) + len(s.chunks.active) + len(s.unknown)))
	m.Skipped.Store(s.cfg.Snapshot == SnapshotNoData)
	done, now := s.snapshotsDone(), time.Now().UnixNano()
	switch was := m.Running.Swap(!done); {
	case was && done:
		m.FinishedNs.Store(now)
	case !was && !done:
		m.StartedNs.Store(now)
		m.FinishedNs.Store(0)
	}
	m.Completed.Store(done)
	if done {
		s.cfg.Status.SetState(status.Streaming)
		s.cfg.Status.SetReady()
	} else {
		s.cfg.Status.SetState(status.Snapshot)
		s.cfg.Status.SetNotReady("the snapshot is not finished")
	}
	if s.blocked != nil {
		s.cfg.Status.SetNotReady(s.blocked.Error())
	}
}

// published notes the progress of a table's snapshot.
func (s *session) published(t *snapshotTable, state string) {
	progress := status.Progress{State: state, Rows: t.rows, Chunks: t.chunks}
	if t.spec != nil {
		progress.Total = t.spec.Rows
	}
	s.cfg.Status.UpdateTable(t.id.String(), func(p *status.Table) {
		if p.ReaderTable == nil {
			p.ReaderTable = new(status.ReaderTable)
		}
		p.Topic, p.State, p.Snapshot = s.cfg.Naming.Table(s.cfg.Prefix, t.id), state, progress
	})
}

// mark notes why a table needs a new snapshot, or, if unlogged is empty, that it
// needs none. That is saved with the progress.
func (s *session) mark(id debezium.TableID, unlogged string) {
	if s.progress.Snapshot[id].Unlogged != unlogged {
		s.progress.Mark(id, unlogged)
		s.needsSnapshot(id, unlogged)
	}
}

// needsSnapshot shows a table whose rows changed without row events.
func (s *session) needsSnapshot(id debezium.TableID, unlogged string) {
	s.metrics.Table(id.String()).NeedsSnapshot(unlogged != "")
	s.cfg.Status.UpdateTable(id.String(), func(p *status.Table) {
		if p.ReaderTable == nil {
			p.ReaderTable = new(status.ReaderTable)
		}
		p.NeedsSnapshot = unlogged
	})
}
