package binlog

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// statementEnd is the flag of a statement's last row event.
const statementEnd = 1

const (
	rowImageRemedy    = "SET GLOBAL binlog_row_image=FULL and end the sessions that began before (or set it themselves)"
	partialJSONRemedy = "SET GLOBAL binlog_row_value_options='' and end the sessions that began before (or set it themselves)"
)

func (s *Stream) tableMap(raw, body []byte) error {
	if s.tx.statementEnded {
		s.tx.query, s.tx.statementEnded = s.tx.query[:0], false
	}
	e, err := s.tables.define(body)
	if err != nil {
		return s.errorf("table map event: %w", err)
	}
	if s.tx.collect != nil && e.captured {
		return s.xa.add(s.tx.collect, raw[:headerSize], body, s.start)
	}
	return nil
}

// keepQuery remembers the statement behind the row events that follow.
func (s *Stream) keepQuery(h header, raw, body []byte) error {
	if !s.cfg.Query {
		return nil
	}
	if s.tx.collect != nil {
		return s.xa.add(s.tx.collect, raw[:headerSize], body, s.start)
	}
	if h.kind == kindRowsQuery && len(body) > 0 {
		body = body[1:] // a length, which is too short to be right
	}
	s.tx.query = append(s.tx.query[:0], body...)
	s.tx.statementEnded = false
	return nil
}

// handleRows takes a row event. The rows of a table that nobody wants are not looked at.
func (s *Stream) handleRows(h header, raw, body []byte, kind rowsKind) (Event, error) {
	d := buffer{data: body}
	id := d.uint(6)
	s.tx.statementEnded = d.uint16()&statementEnd != 0
	if kind.v2 {
		d.bytes(int(d.uint16()) - 2)
	}
	if d.failed {
		return nil, s.errorf("row event: %w", errTruncated)
	}
	e := s.tables.byID[id]
	switch {
	case id == dummyTableID:
		return nil, nil
	case e == nil:
		return nil, s.errorf("row event of a table that was not named before it: the position to start at must be between transactions")
	case !e.captured || s.tx.delivered && s.tx.collect == nil:
		return nil, nil
	}
	if err := s.checkImages(h, &d, e, kind); err != nil {
		return nil, err
	}
	if s.tx.collect != nil {
		s.tx.rows = true
		return nil, s.xa.add(s.tx.collect, raw[:headerSize], body, s.start)
	}
	data := d.rest()
	if kind.compressed {
		var err error
		if data, err = inflateEvent(data); err != nil {
			return nil, s.errorf("row event of %s: %w", e.name, err)
		}
	}
	r := &s.rows
	scratch, spare := r.scratch, r.spare
	if cap(scratch) > maxIdleEvent {
		scratch = nil
	}
	*r = Rows{
		Table: e.table, Op: debezium.Op(kind.op),
		GTID: s.tx.gtid, File: s.place(), Pos: s.start, TsNs: s.now(h), ServerID: h.serverID,
		Thread: s.tx.thread, Query: s.tx.query, Event: s.tx.event, Row: -1, Ordinal: s.tx.ordinal,
		Compressed: s.payload.in != nil && s.replay == nil,
		data:       data, scratch: scratch, spare: spare,
	}
	if s.tx.skipping {
		if err := s.skipDelivered(r); err != nil {
			return nil, err
		}
		s.tx.rows = s.tx.rows || r.Ordinal > s.tx.ordinal
		if len(r.data) == 0 {
			s.tx.ordinal = r.Ordinal
			return nil, nil
		}
	}
	s.active = r
	s.tx.rows = true
	return r, nil
}

// skipDelivered passes over the rows that Resume counts.
func (s *Stream) skipDelivered(r *Rows) error {
	n := int64(0)
	switch {
	case s.resume.Ordinal > 0:
		n = s.resume.Ordinal - r.Ordinal
	case r.Event < s.resume.Event:
		return r.SkipAll()
	case r.Event == s.resume.Event:
		n = int64(s.resume.Row)
	}
	for ; n > 0; n-- {
		if ok, err := r.Next(&r.spare[0], &r.spare[1]); !ok {
			return err
		}
	}
	return nil
}

// checkImages reads a row event up to its images, which must hold every column whole.
func (s *Stream) checkImages(h header, d *buffer, e *tableEntry, kind rowsKind) error {
	if h.kind == kindPartialUpdateRows {
		return &RowImageError{Table: e.name, Event: "partial JSON update", Setting: partialJSONRemedy, File: s.file, Pos: s.start}
	}
	width := d.length()
	images := 1
	if kind.op == 'u' {
		images = 2
	}
	if width != len(e.table.plan) {
		return s.errorf("row event of %s has %d columns, its table map %d", e.name, width, len(e.table.plan))
	}
	for range images {
		bits := d.bytes((width + 7) / 8)
		if d.failed {
			return s.errorf("row event of %s: %w", e.name, errTruncated)
		}
		for i := range width {
			if bits[i/8]&(1<<(i%8)) == 0 {
				return &RowImageError{
					Table: e.name, Event: fmt.Sprintf("row image without column %d", i+1),
					Setting: rowImageRemedy, File: s.file, Pos: s.start,
				}
			}
		}
	}
	return nil
}
