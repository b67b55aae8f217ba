package binlog

import "github.com/firn-cdc/firn/pkg/mysql"

// handleQuery takes a statement.
func (s *Stream) handleQuery(h header, body []byte) (Event, error) {
	q, err := s.parse(h, body)
	if err != nil {
		return nil, s.errorf("query event: %w", err)
	}
	switch string(q.sql) {
	case "BEGIN":
		if s.tx.open { // by MariaDB's GTID event
			return nil, nil
		}
		s.tx.thread = int64(q.thread)
		return s.beginTransaction(h), nil
	case "COMMIT":
		return s.endOf(h), nil
	case "ROLLBACK":
		return s.rollBack(h), nil
	}
	s.query = Query{Began: int64(h.seconds) * 1e6}
	s.query.readStatus(q.status)
	sql := string(q.sql)
	scan := scanner{lex: mysql.NewLexer(sql, s.query.SQLMode, s.mariadb)}
	word := scan.action()
	switch word {
	case "SAVEPOINT", "RELEASE":
		return nil, nil
	case "ROLLBACK":
		if s.tx.rows {
			return nil, s.errorf("ROLLBACK TO SAVEPOINT after rows of captured tables, which cannot be taken back: keep non-transactional and temporary tables out of such transactions, and take a new snapshot")
		}
		return nil, nil
	case "XA":
		s.tx.thread = int64(q.thread)
		action := scan.verb()
		return s.handleXA(h, action, xid(scan.lex.Rest()))
	}
	if changesRows(word) {
		if err := s.checkStatement(q, word, scan); err != nil {
			return nil, err
		}
		if s.tx.open {
			return nil, nil
		}
		return s.endOf(h), nil
	}
	return s.statement(h, q, sql), nil
}

func (*Stream) parse(h header, body []byte) (queryEvent, error) {
	if h.kind == kindExecuteLoadQuery {
		return parseLoadQuery(body)
	}
	q, err := parseQuery(body)
	if err == nil && h.kind == kindQueryCompressed {
		q.sql, err = inflateEvent(q.sql)
	}
	return q, err
}

// statement completes the event of a statement, and makes that of its end.
func (s *Stream) statement(h header, q queryEvent, sql string) Event {
	s.beginHere()
	open, skipped := s.tx.open, s.tx.delivered || s.tx.noop
	if s.tx.skipping && (s.resume.Ordinal > 0 || s.tx.event < s.resume.Event) {
		skipped = true
	}
	e := &s.query
	e.Database, e.SQL, e.GTID, e.File, e.Pos, e.End = string(q.database), sql, s.tx.gtid, s.file, s.start, s.pos
	e.TsNs, e.Thread, e.ServerID, e.Event, e.InTransaction = s.now(h), int64(q.thread), h.serverID, s.tx.event, open
	var end Event
	if !open {
		end = s.endOf(h)
	}
	if skipped {
		return end
	}
	s.pending = end
	return &s.query
}

// rollBack ends a transaction that the server logged and rolled back.
func (s *Stream) rollBack(h header) Event {
	rows, delivered, gtid := s.tx.rows, s.tx.delivered, s.tx.gtid
	if s.tx.collect != nil {
		_ = s.xa.drop(s.tx.collect) // as in abandon
		rows = false
	}
	end := s.endOf(h)
	if delivered || !rows {
		return end
	}
	s.rollback = Rollback{GTID: gtid, Position: s.commit.Position}
	return &s.rollback
}

// checkStatement refuses a change of rows that was logged without them, if it
// may be of a captured table.
func (s *Stream) checkStatement(q queryEvent, word string, behind scanner) error {
	if s.tx.delivered {
		return nil
	}
	database := string(q.database)
	changed := "a table, from database " + database
	toTarget := behind
	if id, ok := toTarget.target(word, database); ok {
		if !s.cfg.CapturesDatabase(id.Database) || !s.cfg.Captures(id) {
			return nil
		}
		changed = id.String()
	} else if !s.mayChangeCaptured(database, behind) {
		return nil
	}
	if word == "SELECT" {
		changed = "a stored function, from database " + database
	}
	return &StatementError{Target: changed, Verb: word, Thread: int64(q.thread), File: s.file, Pos: s.start}
}

// mayChangeCaptured reports whether a statement's default database, or one that
// it names, is captured.
func (s *Stream) mayChangeCaptured(database string, behind scanner) bool {
	if database != "" && s.cfg.CapturesDatabase(database) {
		return true
	}
	word := behind.next()
	for word.Kind != mysql.TokenEnd {
		next := behind.next()
		if next.Is(".") && word.IsName() && s.cfg.CapturesDatabase(word.Text) {
			return true
		}
		word = next
	}
	return behind.failed
}
