package reader

import (
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// tails are the ends of a topic's partitions, behind the saved place.
type tails struct {
	partitions []tail
	// loose counts the records of each place in all partitions; nil: they were not read.
	loose map[place]int
}

// tail is the end of one partition.
type tail struct {
	blind bool // it does not tell what is in it
	open  bool // what is published may be in it
	at    place

	records int // of at's transaction (of a server without GTIDs: of its event), repeated ones as well
	run     int // of them, the most that one run of a connector wrote: none is repeated in those
	same    int // records of such a run with at's very place

	seen, seenSame int // records of at's transaction, and with at's place, that were asked about
}

// has reports whether a record that is about to be published is in the partition.
func (t *tail) has(by *takeover) bool {
	switch {
	case t.blind:
		return by.covered
	case !t.open:
		return by.covered && !by.last
	}
	in := t.upTo(by)
	return in || by.covered && !by.last
}

// upTo reports whether a record is not behind the tail, and counts it.
func (t *tail) upTo(by *takeover) bool {
	here := &by.here
	if t.at.gtid != "" && here.gtid != "" {
		if here.gtid != t.at.gtid {
			t.open = t.seen == 0
			return t.open // its transaction is to come
		}
		t.seen++
		if by.packed || here.file != t.at.file { // pos does not tell: rows share it, or it is of another server
			return t.seen <= t.run
		}
		if t.seen > t.records {
			return false
		}
	} else if by.packed && here.pos == t.at.pos && here.file == t.at.file {
		t.seen++
		return t.seen <= t.run
	}
	switch order := here.compare(&t.at); {
	case order < 0:
		return true
	case order == 0:
		t.seenSame++
		return t.seenSame <= t.same
	default:
		t.open = t.at.gtid != "" && here.gtid != "" // else it has been passed
		return false
	}
}

// commits ends a transaction.
func (t *tail) commits(gtid string) {
	if t.open && t.at.gtid == gtid {
		t.open = false
	}
}

// tailWindow is how many records of a partition are read at first.
const tailWindow = 32

// readTails reads how far the partitions of a record's topic came; of records
// without a key, which may be in any of them, the places of all.
func (s *session) readTails(r *kafka.Record) (*tails, error) {
	topic := r.Topic
	offsets, err := s.cfg.Kafka.Offsets(s.life, topic)
	if errors.Is(err, kafka.ErrTopicNotFound) {
		return &tails{partitions: make([]tail, max(1, s.topics[topic]))}, nil
	}
	if err != nil {
		return nil, err
	}
	all := &tails{partitions: make([]tail, len(offsets))}
	blind := 0
	for i, o := range offsets {
		scan, err := readBack(s, topic, o, func() *tailScan { return &tailScan{s: s, topic: topic} })
		if err != nil {
			return nil, err
		}
		if err := sameForms(topic, &scan.forms, r); err != nil {
			return nil, err
		}
		if all.partitions[i], err = s.tailOf(topic, o, scan); err != nil {
			return nil, err
		}
		if all.partitions[i].blind {
			blind++
		}
	}
	if blind > 0 {
		s.log.Warn("records that do not tell where they are from, or that retention has removed: what Debezium published behind its last saved offset comes twice",
			"topic", topic, "partitions", blind)
	}
	if r.Key == nil && len(offsets) > 1 {
		all.loose, err = s.readLoose(topic, offsets)
	}
	return all, err
}

// backScan goes over the records of the end of a partition.
type backScan interface {
	add(r *kafka.Record) error
	enough() bool // what is further back does not matter
}

// readBack scans the end of a partition, from further and further back, until
// that is enough or began with the first record.
func readBack[S backScan](s *session, topic string, o kafka.PartitionOffsets, begin func() S) (S, error) {
	for window := int64(tailWindow); ; window *= 8 {
		from := max(o.Earliest, o.HighWatermark-window)
		scan := begin()
		err := s.cfg.Kafka.ReadAll(s.life, topic, o.Partition, from, scan.add)
		if err != nil || scan.enough() || from == o.Earliest {
			return scan, err
		}
	}
}

func (s *session) tailOf(topic string, o kafka.PartitionOffsets, scan *tailScan) (tail, error) {
	t := scan.tail
	switch {
	case !t.at.none():
		t.open = true
	case !scan.told && (scan.untold || o.Earliest > 0 && o.Earliest == o.HighWatermark):
		t.blind = true
	}
	if t.at.gtid != "" && !s.takeover.until.GTIDs.ContainsGTID(t.at.gtid) {
		return t, fmt.Errorf("topic %s partition %d ends with a row of transaction %s, which the server does not have: "+
			"what was published is of another server, or of transactions that this one has lost; take a new snapshot under another topic prefix",
			topic, o.Partition, t.at.gtid)
	}
	return t, nil
}

// tailScan goes over the end of a partition.
type tailScan struct {
	s     *session
	topic string
	tail
	whole  bool // a record from before the tail's transaction was seen
	told   bool // some record told where it is from
	untold bool // some record did not
	forms  forms
	writer string
	wrote  int // records of the run under way, and those of them with the tail's place
	repeat int
}

func (c *tailScan) add(r *kafka.Record) error {
	c.forms.note(r)
	if r.Value == nil && !c.isBoundary() { // a tombstone belongs to the delete before it
		c.count(r)
		return nil
	}
	at, snapshot, err := c.s.placeOf(c.topic, r)
	switch {
	case err != nil:
		return fmt.Errorf("topic %s partition %d offset %d: %w", c.topic, r.Partition, r.Offset, err)
	case at.none():
		c.untold = true
		return nil
	}
	c.told = true
	switch {
	case c.s.streamed(&at):
		c.tail, c.whole, c.wrote, c.repeat = tail{}, true, 0, 0
	case snapshot:
	default:
		c.follow(at)
		c.count(r)
	}
	return nil
}

func (c *tailScan) enough() bool { return c.whole }

func (c *tailScan) isBoundary() bool { return c.topic == c.s.cfg.Naming.Transactions(c.s.cfg.Prefix) }

// follow makes at the tail.
func (c *tailScan) follow(at place) {
	same := c.at == at
	together := at.gtid != "" && at.gtid == c.at.gtid || at.gtid == "" && c.at.gtid == "" && at.file == c.at.file && at.pos == c.at.pos
	if !together {
		c.whole = c.whole || !c.at.none()
		c.tail, c.wrote = tail{}, 0
	}
	c.at = at
	if !same {
		c.same, c.repeat = 0, 0
	}
}

// count counts a record of the tail's transaction.
func (c *tailScan) count(r *kafka.Record) {
	if c.at.none() {
		return
	}
	header, _ := r.Header(debezium.HeaderContextRun)
	writer := string(header)
	if writer != c.writer {
		c.writer, c.wrote, c.repeat = writer, 0, 0
	}
	c.records++
	c.wrote++
	c.repeat++
	c.same = max(c.same, c.repeat)
	if writer != "" || c.isBoundary() || c.topic == c.s.cfg.Naming.SchemaChanges(c.s.cfg.Prefix) {
		c.run = max(c.run, c.wrote)
	}
}

// streamed reports whether a place is not behind where the stream is.
func (s *session) streamed(p *place) bool {
	if p.gtid != "" {
		return s.position.GTIDs.ContainsGTID(p.gtid)
	}
	return debezium.Position{File: p.file, Pos: p.pos}.CompareFile(s.position) <= 0
}

// maxLoose bounds the places of keyless rows that are remembered.
const maxLoose = 500_000

// readLoose counts the places of all records of a topic behind where the stream is.
func (s *session) readLoose(topic string, offsets []kafka.PartitionOffsets) (map[place]int, error) {
	loose := make(map[place]int)
	for _, o := range offsets {
		scan, err := readBack(s, topic, o, func() *looseScan {
			return &looseScan{s: s, topic: topic, found: make(map[place]int), room: maxLoose - len(loose)}
		})
		if err != nil {
			return nil, err
		}
		for at, n := range scan.found {
			loose[at] += n
		}
	}
	return loose, nil
}

// looseScan counts the places of a partition's records.
type looseScan struct {
	s     *session
	topic string
	found map[place]int
	room  int
	whole bool // a record from where the stream has been was seen
}

func (c *looseScan) enough() bool { return c.whole }

func (c *looseScan) add(r *kafka.Record) error {
	at, snapshot, err := c.s.placeOf(c.topic, r)
	switch {
	case err != nil || r.Value == nil || at.none():
	case c.s.streamed(&at):
		c.whole = true
	case !snapshot:
		c.found[at]++
	}
	if len(c.found) > c.room {
		return fmt.Errorf("topic %s has more than %d rows without a key behind the saved place, more than fit into memory: "+
			"give the table a key (--message-key-columns), or let Debezium save its offset before it is stopped", c.topic, maxLoose)
	}
	return err
}
