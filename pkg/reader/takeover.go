package reader

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// place is where in the binlog a record is from, as its source block says it.
type place struct {
	gtid string // "" of a server without
	file string
	pos  uint64
	row  int32
}

func (p *place) none() bool { return p.gtid == "" && p.file == "" }

// compare orders places of one file series.
func (p *place) compare(o *place) int {
	a, b := debezium.Position{File: p.file, Pos: p.pos}, debezium.Position{File: o.file, Pos: o.pos}
	return cmp.Or(a.CompareFile(b), cmp.Compare(p.row, o.row))
}

// takeover keeps a reader from publishing what Debezium, killed before it saved
// its offset, has published behind it. Reading begins at the transaction that the
// offset is in. Partitions are independent: of each, the last record tells how far
// it came, and what is up to there is in it.
type takeover struct {
	from  checkpoint.Checkpoint // the offset: of the transaction after it, the counts tell what surely is in Kafka
	until debezium.Position     // what is behind cannot be in Kafka
	gtids bool                  // transactions are known by their GTIDs

	here    place // what is being published is from; none: from nowhere in the binlog
	packed  bool  // here is in a compressed transaction: its rows share a pos
	covered bool  // the offset says that here was published
	last    bool  // of what it says, this is the last row: some of its records may lack

	counted bool // the transaction that the counts are about has come
	within  bool // it is being read

	topics map[string]*tails
	passed int64 // records that were not published again
}

// beginTakeover readies a takeover where something may be in Kafka behind the
// saved place: Debezium has run, or may have. The stream must begin with the
// transaction that the place is in.
func (s *session) beginTakeover(ctx context.Context, conn *mysql.Conn) error {
	if s.cfg.ConnectOffsetTopic == "" && !s.saved.TakingOver {
		return nil
	}
	now, err := conn.Position(ctx)
	if err != nil {
		return err
	}
	if s.progress.TakingOver = !s.saved.Position.AtOrAfter(now); !s.progress.TakingOver {
		return nil
	}
	s.takeover = &takeover{
		from: s.progress.Clone(), until: now, topics: make(map[string]*tails),
		gtids: s.server.GTIDMode || !s.progress.Position.GTIDs.IsEmpty(),
	}
	s.progress.Published = checkpoint.Transaction{} // it is counted again
	s.log.Info("looking in Kafka for what was published behind the saved place",
		"gtid", s.saved.Position.GTIDs.String(), "file", s.saved.Position.File, "pos", s.saved.Position.Pos)
	return nil
}

// endTakeover ends it when the stream has passed all that was there at its beginning.
func (s *session) endTakeover() error {
	t := s.takeover
	if t == nil || s.stated || !s.position.AtOrAfter(t.until) {
		return nil
	}
	s.log.Info("what is published from here on is not in Kafka yet",
		"passed_over", t.passed, "gtid", s.position.GTIDs.String(), "file", s.position.File, "pos", s.position.Pos)
	s.takeover, s.progress.TakingOver = nil, false
	return s.openSpan() // which saves that
}

// begins follows the beginning of a transaction.
func (t *takeover) begins(b *binlog.Begin) {
	from := &t.from
	if !t.counted && (from.Event > 0 || from.Row > 0 || from.Ordinal > 0) && (from.GTID == "" || from.GTID == b.GTID) {
		t.counted, t.within = true, true
	}
}

// commits follows its end.
func (t *takeover) commits(gtid string) {
	t.within = false
	if gtid == "" {
		return
	}
	for _, topic := range t.topics {
		for i := range topic.partitions {
			topic.partitions[i].commits(gtid)
		}
	}
}

// atRow says that what is published next is a row of the stream.
func (t *takeover) atRow(rows *binlog.Rows) {
	t.here = t.known(place{gtid: rows.GTID, file: rows.File, pos: rows.Pos, row: int32(rows.Row)})
	t.packed = rows.Compressed
	t.covered, t.last = t.covers(rows)
}

// covers reports whether the offset says that a row was published, and whether it
// is the last one of which it does. Debezium saves the offset of a row with the
// first of its records: a changed key has three.
func (t *takeover) covers(rows *binlog.Rows) (covered, last bool) {
	from := &t.from
	switch {
	case !t.within:
		return false, false
	case from.Ordinal > 0: // ours, with all of its records
		return rows.Ordinal <= from.Ordinal, false
	case rows.Event == from.Event:
		return rows.Row < from.Row, rows.Row == from.Row-1
	default:
		return rows.Event < from.Event, false
	}
}

// behind reports whether the rows of an event are all behind what the offset says.
func (t *takeover) behind(rows *binlog.Rows) bool {
	if !t.within {
		return true
	}
	if t.from.Ordinal > 0 {
		return rows.Ordinal >= t.from.Ordinal
	}
	return rows.Event >= t.from.Event
}

// atStatement says that what is published next is by a statement.
func (t *takeover) atStatement(q *binlog.Query) {
	t.here = t.known(place{gtid: q.GTID, file: q.File, pos: q.Pos})
	t.packed, t.last = false, false
	t.covered = t.within && q.InTransaction && q.Event < t.from.Event
}

// atBoundary says that what is published next is where a transaction begins or ends.
func (t *takeover) atBoundary(id string, ended bool) {
	t.here = boundaryPlace(id)
	t.packed, t.last = false, false
	t.covered = t.within && !ended
}

// known leaves a GTID out where the offset has none: a server that had them before
// or has them later is read by file.
func (t *takeover) known(p place) place {
	if !t.gtids && p.file != "" {
		p.gtid = ""
	}
	return p
}

// nowhere says that what is published next is of no place in the binlog.
func (t *takeover) nowhere() { t.here = place{} }

// boundaryPlace reads the id of a transaction.
func boundaryPlace(id string) place {
	rest, named := strings.CutPrefix(id, "file=")
	file, digits, ok := strings.Cut(rest, ",pos=")
	pos, err := strconv.ParseUint(digits, 10, 64)
	if !named || !ok || err != nil {
		return place{gtid: id}
	}
	return place{file: file, pos: pos}
}

// inKafka reports whether a record that is about to be published is in Kafka. A
// topic is read before the first record goes there: later, the reader would wait
// for its own transaction.
func (s *session) inKafka(r *kafka.Record) (bool, error) {
	t := s.takeover
	if r.Topic == s.cfg.HistoryTopic || r.Topic == s.cfg.Naming.Heartbeats(s.cfg.Prefix) {
		return false, nil
	}
	topic, ok := t.topics[r.Topic]
	if !ok {
		var err error
		if topic, err = s.readTails(r); err != nil {
			return false, fmt.Errorf("take over: %w", err)
		}
		t.topics[r.Topic] = topic
	}
	if t.here.none() {
		return false, nil
	}
	in := t.inTopic(topic, r)
	if in {
		t.passed++
	}
	return in, nil
}

func (t *takeover) inTopic(topic *tails, r *kafka.Record) bool {
	partition := r.Partition
	switch {
	case partition != kafka.Unassigned:
	case r.Key != nil:
		partition = kafka.Partition(r.Key, int32(len(topic.partitions)))
	case len(topic.partitions) == 1:
		partition = 0
	default:
		return t.inSomePartition(topic)
	}
	return topic.partitions[partition].has(t)
}

// inSomePartition is for rows without a key, which went to any partition.
func (t *takeover) inSomePartition(topic *tails) bool {
	if n := topic.loose[t.here]; n > 0 && !t.packed {
		topic.loose[t.here] = n - 1
		return true
	}
	return t.covered && !t.last
}
