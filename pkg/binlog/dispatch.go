package binlog

import (
	"github.com/firn-cdc/firn/pkg/debezium"
)

// handle takes one of the server's events and returns ours, or nil.
func (s *Stream) handle(h header, raw, body []byte) (Event, error) {
	switch h.kind {
	case kindTableMap:
		return nil, s.tableMap(raw, body)
	case kindQuery, kindQueryCompressed, kindExecuteLoadQuery:
		return s.handleQuery(h, body)
	case kindXID:
		return s.endOf(h), nil
	case kindRowsQuery, kindAnnotateRows:
		return nil, s.keepQuery(h, raw, body)
	case kindGTID, kindTaggedGTID, kindMariaDBGTID, kindAnonymousGTID:
		return s.handleGTID(h, body)
	case kindXAPrepare:
		return s.xaPrepare(h, body)
	case kindTransactionPay:
		s.payload.seconds = h.seconds
		if err := s.payload.open(body); err != nil {
			return nil, s.errorf("%w", err)
		}
		return nil, nil
	default:
		if kind := rowsKindOf(h.kind); kind.op != 0 {
			return s.handleRows(h, raw, body, kind)
		}
		return s.handleOther(h, raw, body)
	}
}

// handleOther takes the events that are about the log itself.
func (s *Stream) handleOther(h header, raw, body []byte) (Event, error) {
	d := buffer{data: body}
	switch h.kind {
	case kindRotate:
		pos, name := d.uint64(), d.rest()
		if d.failed {
			return nil, s.errorf("rotate event: %w", errTruncated)
		}
		ev := s.abandon()
		s.file, s.pos, s.start = string(name), pos, pos
		s.rotate = Rotate{File: s.file, Pos: pos}
		if ev != nil {
			s.rollback.Position = s.position()
			s.pending = &s.rotate
			return ev, nil
		}
		return &s.rotate, nil
	case kindFormatDescription:
		const crc32 = 1
		// The last five bytes are the algorithm of the file's checksums and this event's own.
		s.checksummed = len(body) >= checksumSize+1 && raw[len(raw)-checksumSize-1] == crc32
		s.tables.forgetIDs()
		return s.abandon(), nil
	case kindHeartbeat:
		if s.tx.began || !s.useGTIDs && s.position().CompareFile(s.resume.Position) < 0 {
			return nil, nil
		}
		s.beat = Heartbeat{Position: s.position(), Prepared: s.xa.oldest()}
		if name := d.rest(); len(name) > 0 && h.logPos != 0 {
			s.beat.Position.File, s.beat.Position.Pos = string(name), uint64(h.logPos)
			if s.beat.Position.File == s.file {
				s.beat.Position.Pos = extend(s.pos, h.logPos)
			}
		}
		return &s.beat, nil
	case kindIncident:
		d.uint16()
		return nil, &IncidentError{Message: string(d.bytes(int(d.uint8()))), File: s.file, Pos: s.start}
	case kindStop, kindIntvar, kindRand, kindUserVar, kindAppendBlock, kindDeleteFile, kindBeginLoadQuery, kindIgnorable,
		kindPreviousGTIDs, kindTransactionCtx, kindViewChange, kindHeartbeatV2, kindBinlogCheckpoint, kindMariaDBGTIDList, kindStartEncryption:
		return nil, nil
	default:
		if h.flags&flagIgnorable != 0 {
			return nil, nil
		}
		return nil, s.errorf("unknown event type %d", h.kind)
	}
}

// abandon ends a transaction that the server did not write to its end.
func (s *Stream) abandon() Event {
	tx := s.tx
	s.tx = transaction{}
	if tx.collect != nil {
		_ = s.xa.drop(tx.collect) // an unlinked file: closing it cannot fail in a way that matters
		return nil
	}
	if !tx.open || tx.delivered {
		return nil
	}
	s.rollback = Rollback{GTID: tx.gtid, Position: s.position()}
	return &s.rollback
}

func (s *Stream) handleGTID(h header, body []byte) (Event, error) {
	var e gtidEvent
	var err error
	switch h.kind {
	case kindGTID:
		e, err = parseGTID(body)
	case kindTaggedGTID:
		e, err = parseTaggedGTID(body)
	case kindMariaDBGTID:
		e, err = parseMariaDBGTID(body, h.serverID)
	default: // anonymous: Debezium does not use its time either
		if s.useGTIDs {
			return nil, s.errorf("a transaction without a GTID, which cannot be resumed by GTID set: SET GLOBAL gtid_mode=ON, or start from a file and position")
		}
	}
	if err != nil {
		return nil, s.errorf("GTID event: %w", err)
	}
	ended := s.abandon()
	s.tx = transaction{gtidEvent: e, began: true, file: s.file, start: s.start, thread: e.thread}
	s.tx.delivered = s.wasDelivered()
	if e.xid != "" {
		s.collect(e.xid)
	}
	if h.kind != kindMariaDBGTID || e.standalone || e.xid != "" {
		return ended, nil
	}
	begun := s.beginTransaction(h)
	if ended != nil {
		s.pending = begun
		return ended, nil
	}
	return begun, nil
}

// wasDelivered reports whether the transaction that begins is before the
// position to resume after: see startPosition.
func (s *Stream) wasDelivered() bool {
	if s.useGTIDs {
		return s.mariadb && !s.resume.Prepared.IsZero() && s.resume.Position.GTIDs.ContainsGTID(s.tx.gtid)
	}
	at := debezium.Position{File: s.tx.file, Pos: s.tx.start}
	return at.CompareFile(s.resume.Position) < 0
}

// beginHere starts a transaction at this event, unless a GTID event did.
func (s *Stream) beginHere() {
	if s.tx.began {
		return
	}
	s.tx.began, s.tx.file, s.tx.start = true, s.file, s.start
	s.tx.delivered = s.wasDelivered()
}

// before is where reading may resume to read the current transaction.
func (s *Stream) before() debezium.Position {
	p := s.position()
	p.File, p.Pos = s.tx.file, s.tx.start
	return p
}

// beginTransaction opens a transaction of row changes.
func (s *Stream) beginTransaction(h header) Event {
	s.beginHere()
	s.tx.open = true
	s.tx.event = 0
	if s.tx.delivered {
		return nil
	}
	r := &s.resume
	if !s.resumed && (r.Ordinal > 0 || r.Event > 0 || r.Row > 0) && (r.GTID == "" || r.GTID == s.tx.gtid) {
		s.tx.skipping = true
		s.resumed = true
	}
	s.begin = Begin{
		GTID: s.tx.gtid, Position: s.before(), File: s.tx.file, Pos: s.tx.start, At: s.start,
		TsNs: s.now(h), Thread: s.tx.thread, ServerID: h.serverID,
	}
	return &s.begin
}

// endOf ends the transaction at an event.
func (s *Stream) endOf(h header) Event { return s.endTransaction(s.now(h), h.serverID) }

func (s *Stream) endTransaction(tsNs int64, serverID uint32) Event {
	tx := s.tx
	s.tx = transaction{query: tx.query[:0]}
	if tx.delivered {
		return nil
	}
	s.addGTID(tx.gtid)
	s.commit = Commit{
		GTID: tx.gtid, Position: s.position(), Prepared: s.xa.oldest(),
		TsNs: tsNs, ServerID: serverID,
	}
	if s.useGTIDs {
		s.commit.Executed = s.gtids
	}
	return &s.commit
}

func (s *Stream) addGTID(gtid string) {
	if !s.useGTIDs || gtid == "" {
		return
	}
	// It was made from numbers, and is of the server's own kind.
	if err := s.gtids.Add(gtid); err != nil {
		s.err = s.errorf("%w", err)
	}
}
