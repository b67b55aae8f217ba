package binlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Stream reads a server's binlog over one connection. It is used by one
// goroutine at a time.
type Stream struct {
	cfg     Config
	log     *slog.Logger
	src     source
	mariadb bool
	err     error // ended the stream

	file  string
	start uint64 // of the event being read; of the transaction that holds it, if compressed
	pos   uint64 // after it
	// checksummed says that the events of this file end with a checksum.
	checksummed bool

	useGTIDs bool
	gtids    debezium.GTIDSet // executed, with prepared transactions
	tx       transaction
	tables   tables
	payload  payload // the compressed transaction being read
	xa       preparedSet
	replay   *prepared // the XA transaction whose rows are being delivered

	resume  Resume
	resumed bool // the transaction that Resume's counts are about has come

	pending  Event // the second event that one of the server's makes
	active   *Rows // the row event handed out last
	begin    Begin
	rows     Rows
	query    Query
	commit   Commit
	rollback Rollback
	beat     Heartbeat
	rotate   Rotate
}

// transaction is what is known of the transaction being read.
type transaction struct {
	gtidEvent
	began  bool // a GTID event or a BEGIN was read
	open   bool // rows may follow
	file   string
	start  uint64
	thread int64

	event   int   // events read since BEGIN, as Debezium counts
	ordinal int64 // rows of captured tables before the event being read
	rows    bool  // rows were delivered, now or before Resume, or kept
	query   []byte
	// statementEnded says that query is of a statement whose rows are over.
	statementEnded bool

	// delivered marks a transaction before Resume.Position, which is read for what it prepares only.
	delivered bool
	// skipping marks the transaction of which Resume counts rows.
	skipping bool
	// collect takes the rows of an XA transaction.
	collect *prepared
}

// Open connects and begins to read. Errors are as of Next.
func Open(ctx context.Context, cfg Config, from Resume) (*Stream, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := newStream(cfg, nil, from)
	src, err := connect(ctx, cfg, s.startPosition())
	if err != nil {
		return nil, err
	}
	s.src = src
	s.log.Info("reading binlog", "gtid", from.Position.GTIDs.String(), "file", from.Position.File, "pos", from.Position.Pos)
	return s, nil
}

func newStream(cfg Config, src source, from Resume) *Stream {
	cfg = cfg.withDefaults()
	return &Stream{
		cfg: cfg, log: cfg.Logger, src: src,
		mariadb:  cfg.Flavor == debezium.FlavorMariaDB,
		useGTIDs: !from.Position.GTIDs.IsEmpty() || cfg.GTIDMode,
		gtids:    from.Position.GTIDs,
		file:     from.Position.File, pos: from.Position.Pos,
		resume: from,
		tables: newTables(cfg),
		xa:     newPreparedSet(cfg),
	}
}

// startPosition is where the connection begins. MySQL's GTID sets have holes
// for prepared transactions; elsewhere reading begins at the oldest of them. The
// protocol has 32 bits for a place in a file: what is beyond is read from the file's start.
func (s *Stream) startPosition() debezium.Position {
	p := s.resume.Position
	if !s.resume.Prepared.IsZero() && (!s.useGTIDs || s.mariadb) {
		p = s.resume.Prepared
	}
	if !s.useGTIDs && p.Pos > math.MaxUint32 {
		p.Pos = fileStart
	}
	return p
}

// Next returns the next event. It fails with ErrDisconnected, after which a new
// stream may go on; with ErrPurged, ErrServerIDInUse, a *RowImageError,
// *StatementError, *IncidentError or *UnknownXAError, which need an operator;
// with ErrClosed; or with ctx's error, after which it may be called again.
func (s *Stream) Next(ctx context.Context) (Event, error) {
	if s.err != nil {
		return nil, s.err
	}
	ev, err := s.next(ctx)
	if err == nil {
		return ev, nil
	}
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		s.err = err
	}
	return nil, err
}

// Close ends the connection.
func (s *Stream) Close() error {
	if s.err == nil {
		s.err = ErrClosed
	}
	s.payload.close()
	s.payload = payload{}
	return errors.Join(s.xa.close(), s.src.close())
}

func (s *Stream) next(ctx context.Context) (Event, error) {
	if ev := s.pending; ev != nil {
		s.pending = nil
		return ev, nil
	}
	if s.active != nil {
		if err := s.active.SkipAll(); err != nil {
			return nil, err
		}
		s.tx.ordinal = s.active.Ordinal
		s.active = nil
	}
	for {
		raw, err := s.read(ctx)
		if err != nil {
			return nil, err
		}
		if raw == nil { // the end of what was read in the place of an event
			if s.pending != nil {
				ev := s.pending
				s.pending = nil
				return ev, nil
			}
			continue
		}
		h, body, err := s.locate(raw)
		if err != nil {
			return nil, err
		}
		ev, err := s.handle(h, raw, body)
		if err != nil {
			return nil, err
		}
		if h.kind != kindAnnotateRows || s.cfg.Query {
			s.tx.event++
		}
		if ev != nil {
			return ev, nil
		}
	}
}

// read returns the next event from where the stream is: a prepared
// transaction, a compressed one, or the server. nil ends the first two.
func (s *Stream) read(ctx context.Context) ([]byte, error) {
	if s.replay != nil {
		raw, pos, err := s.replay.next()
		if errors.Is(err, io.EOF) {
			p := s.replay
			s.replay = nil
			err = s.xa.drop(p)
			s.pending = s.endTransaction(p.tsNs, p.serverID)
			return nil, err
		}
		s.start = pos
		return raw, err
	}
	if s.payload.in != nil {
		raw, err := s.payload.next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return raw, err
	}
	return s.src.next(ctx)
}

// locate reads an event's header, moves the stream's place over it, and returns its body.
func (s *Stream) locate(raw []byte) (header, []byte, error) {
	h, ok := parseHeader(raw)
	if len(raw) < headerSize {
		return h, nil, s.errorf("read event: %w", errTruncated)
	}
	if s.replay != nil {
		return h, raw[headerSize:], nil
	}
	if !ok {
		return h, nil, s.errorf("read event: %d bytes where its header says %d", len(raw), h.size)
	}
	if s.payload.in != nil {
		h.seconds = s.payload.seconds
		return h, raw[headerSize:], nil
	}
	switch {
	case h.kind == kindHeartbeat, h.kind == kindHeartbeatV2, h.flags&flagArtificial != 0:
	case h.logPos != 0:
		s.pos = extend(s.pos, h.logPos)
		s.start = s.pos - min(uint64(h.size), s.pos)
	case h.kind != kindFormatDescription && h.kind != kindRotate:
		// MariaDB 11.4 leaves the position of events inside a transaction to the reader.
		s.start = s.pos
		s.pos += uint64(h.size)
	}
	if s.checksummed && h.kind != kindFormatDescription {
		if len(raw) < headerSize+checksumSize {
			return h, nil, s.errorf("read event: %w", errTruncated)
		}
		raw = raw[:len(raw)-checksumSize]
	}
	return h, raw[headerSize:], nil
}

// extend returns the position after pos whose low half is low: headers hold 32
// bits, and files may be larger. The head of a file may be sent again, though.
func extend(pos uint64, low uint32) uint64 {
	const wrap = 1 << 32
	next := pos&^(wrap-1) | uint64(low)
	if next < pos && pos-next > wrap/2 {
		next += wrap
	}
	return next
}

// Buffered reports whether the next event may be had without waiting for the
// server.
func (s *Stream) Buffered() bool {
	return s.err != nil || s.pending != nil || s.replay != nil || s.payload.in != nil || s.src.buffered()
}

// place is the file that the event being read is from.
func (s *Stream) place() string {
	if s.replay != nil {
		return s.replay.start.File
	}
	return s.file
}

// errorf makes an error that says where in the binlog it was met.
func (s *Stream) errorf(format string, args ...any) error {
	return fmt.Errorf("binlog %s:%d: %w", s.place(), s.start, fmt.Errorf(format, args...))
}

// position is where reading may resume after the event that was read last.
func (s *Stream) position() debezium.Position {
	p := debezium.Position{File: s.file, Pos: s.pos}
	if s.useGTIDs {
		p.GTIDs = s.gtids
		if !s.mariadb {
			p.GTIDs = s.xa.without(p.GTIDs)
		}
	}
	return p
}

// now returns the time that Debezium's source block has for an event.
func (s *Stream) now(h header) int64 {
	if s.tx.micros != 0 {
		return int64(s.tx.micros) * 1000
	}
	return int64(h.seconds) * 1e9
}
