package reader

import (
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/snapshot"
	"github.com/firn-cdc/firn/pkg/status"
)

// chunkPatience is how long the snapshot of a table may stand still before that is said.
const chunkPatience = 30 * time.Second

// waits is how long a table's snapshot has stood still, and what of that was said.
type waits struct {
	since  time.Time       // when that was noticed; zero: it has moved since
	logged map[string]bool // reasons; each is logged once
}

// over notes that the snapshot has moved.
func (w *waits) over() { w.since = time.Time{} }

// Why a table's snapshot stands still, and what to do.
const (
	waitsForStream = "its rows wait until the reader has come to where the server was when they were read: they follow as the reader's lag shrinks"
	waitsForDDL    = "the server has another definition of the table than the reader has come to, or none: it goes on when the reader has no lag. " +
		"If it has none, the statement was not logged: undo it, execute it logged, and restart; or leave the table out"
	waitsForTableLock = "the server does not give the table to read: a statement or an open transaction holds a lock on it. " +
		"End that: SHOW FULL PROCESSLIST lists both, sys.schema_table_lock_waits of MySQL who waits for whom"
	waitsForWriteLock = "LOCK TABLES … READ waits for a statement or an open transaction that writes to the table: end that, SHOW FULL PROCESSLIST lists both"
	waitsForCommit    = "the server's binlog has transactions that its tables do not show yet: it goes on when gtid_executed has what the reader has read. " +
		"If the server was reset or restored, take a new snapshot with another prefix"
	waitsForRows = "the server has not answered the SELECT of a chunk: it is busy, or a lock is on the table. SHOW FULL PROCESSLIST tells what the SELECT waits for"
)

// waitsFor returns why a table's snapshot does not move; empty if another table is what it waits for.
func (s *session) waitsFor(t *snapshotTable) string {
	switch {
	case t.blocked:
		return waitsForDDL
	case t.locked:
		return waitsForTableLock
	case len(t.windows) > 0 && !t.windows[0].passed(s.position), t.all && t.pass && !t.reached(s.position):
		return waitsForStream
	case !t.asked:
		return ""
	}
	switch t.worker.reader.Stage() {
	case snapshot.Committing:
		return waitsForCommit
	case snapshot.Locking:
		return waitsForWriteLock
	case snapshot.Selecting:
		return waitsForRows
	default: // its definition is being read, or a connection made
		return waitsForTableLock
	}
}

// noteWaits says of which tables the snapshot has stood still for long: in the log
// once for each reason, and on the status page while it lasts.
func (s *session) noteWaits(now time.Time) {
	for id := range s.standing {
		if s.chunks.active[id] == nil {
			s.showWait(id, "")
		}
	}
	for _, t := range s.chunks.order {
		w, reason := &t.waits, s.waitsFor(t)
		switch {
		case reason == "":
			w.over()
		case w.since.IsZero():
			w.since = now
		}
		if reason == "" || now.Sub(w.since) < chunkPatience {
			s.showWait(t.id, "")
			continue
		}
		s.showWait(t.id, reason)
		if w.logged[reason] {
			continue
		}
		if w.logged == nil {
			w.logged = make(map[string]bool)
		}
		w.logged[reason] = true
		s.log.Warn("table snapshot waits", "table", t.id.String(), "reason", reason, "rows", t.rows)
	}
}

// showWait shows why a table's snapshot stands still, or, if reason is empty, that it does not.
func (s *session) showWait(id debezium.TableID, reason string) {
	if s.standing[id] == reason {
		return
	}
	if s.standing[id] = reason; reason == "" {
		delete(s.standing, id)
	}
	s.cfg.Status.UpdateTable(id.String(), func(p *status.Table) {
		if p.ReaderTable == nil {
			p.ReaderTable = new(status.ReaderTable)
		}
		p.Waits = reason
	})
}
