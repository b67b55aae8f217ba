package binlog

import "io"

// handleXA takes an XA statement. The server logs an XA transaction twice: its
// rows up to XA PREPARE, and what became of it.
func (s *Stream) handleXA(h header, action, xid string) (Event, error) {
	switch action {
	case "START", "BEGIN":
		s.collect(xid)
		return nil, nil
	case "END", "PREPARE":
		return nil, nil
	case "COMMIT":
		return s.xaCommit(h, xid)
	case "ROLLBACK":
		if p := s.xa.find(xid); p != nil {
			if err := s.xa.drop(p); err != nil {
				return nil, s.errorf("XA ROLLBACK: %w", err)
			}
		}
		return s.endOf(h), nil
	default:
		return nil, s.errorf("unknown statement XA %s", action)
	}
}

// collect begins to keep the rows of an XA transaction.
func (s *Stream) collect(xid string) {
	s.beginHere()
	s.tx.open = true
	before := s.resume.Prepared
	if !s.tx.delivered {
		before = s.before()
	}
	s.tx.collect = &prepared{xid: xid, gtid: s.tx.gtid, start: before}
	s.xa.start(s.tx.collect)
}

// xaPrepare ends the rows of an XA transaction, which in one phase is its commit too.
func (s *Stream) xaPrepare(h header, body []byte) (Event, error) {
	p := s.tx.collect
	if p == nil {
		return nil, s.errorf("XA PREPARE without XA START: the position to start at must be between transactions")
	}
	s.tx.collect = nil
	if onePhase := len(body) > 0 && body[0] != 0; onePhase {
		return s.deliver(h, p)
	}
	if old := s.xa.find(p.xid); old != nil { // sent again
		if err := s.xa.drop(old); err != nil {
			return nil, s.errorf("XA PREPARE: %w", err)
		}
	}
	p.ready = true
	return s.endOf(h), nil
}

func (s *Stream) xaCommit(h header, xid string) (Event, error) {
	p := s.xa.find(xid)
	switch {
	case p != nil:
		return s.deliver(h, p)
	case s.tx.delivered || s.cfg.IgnoreUnknownXA:
		return s.endOf(h), nil
	default:
		return nil, &UnknownXAError{XID: xid, File: s.file, Pos: s.start}
	}
}

// deliver hands out the rows of a prepared transaction as part of the one that commits it.
func (s *Stream) deliver(h header, p *prepared) (Event, error) {
	if err := p.rewind(); err != nil {
		return nil, s.errorf("read rows of prepared XA transaction: %w", err)
	}
	p.tsNs, p.serverID = s.now(h), h.serverID
	begun := s.beginTransaction(h)
	if s.tx.delivered {
		if err := s.xa.drop(p); err != nil {
			return nil, s.errorf("XA COMMIT: %w", err)
		}
		return s.endOf(h), nil
	}
	s.replay = p
	return begun, nil
}

func (p *prepared) nextInMemory() (event []byte, pos uint64, err error) {
	if p.read == len(p.memory) {
		return nil, 0, io.EOF
	}
	d := buffer{data: p.memory[p.read:]}
	pos = d.uint64()
	event = d.bytes(int(d.uint32()))
	p.read = len(p.memory) - len(d.data)
	return event, pos, nil
}
