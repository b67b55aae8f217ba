package reader

import (
	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// Report is told what a reader does, on its goroutine: whoever wants to show it
// sets the functions. Any may be nil.
type Report struct {
	Event         func(op debezium.Op)                             // a row change was read
	Commit        func(gtid string, tsNs int64)                    // a transaction was read whole
	Idle          func()                                           // the server has nothing more
	Durable       func(p *checkpoint.Checkpoint, records, n int)   // records and their bytes were saved, with the place behind them
	State         func(state string, err error)                    // starting, snapshot, streaming, stopping, failed
	NeedsSnapshot func(table debezium.TableID, reasons []string)   // a table changed without row events
	Table         func(table debezium.TableID, rows int64, s bool) // rows that a snapshot published; whether it is finished
}

func (s *session) counted(op debezium.Op) {
	if s.cfg.Report.Event != nil {
		s.cfg.Report.Event(op)
	}
}

func (s *session) committed(c *binlog.Commit) {
	if s.cfg.Report.Commit != nil {
		s.cfg.Report.Commit(c.GTID, c.TsNs)
	}
}

func (s *session) idle() {
	if s.cfg.Report.Idle != nil {
		s.cfg.Report.Idle()
	}
}

func (s *session) durable(records, bytes int) {
	if s.cfg.Report.Durable != nil {
		s.cfg.Report.Durable(&s.saved, records, bytes)
	}
}

func (r *Reader) state(state string, err error) {
	if r.cfg.Report.State != nil {
		r.cfg.Report.State(state, err)
	}
}
