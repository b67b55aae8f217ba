package binlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// prepared is an XA transaction whose rows wait for XA COMMIT: table maps and
// row events of captured tables, in memory or in a file.
type prepared struct {
	xid   string
	gtid  string
	start debezium.Position // before its XA START

	// What the commit says.
	tsNs     int64
	serverID uint32

	memory []byte // records: pos, length, event
	read   int    // of memory
	file   *os.File
	w      *bufio.Writer
	r      *bufio.Reader
	event  []byte
	ready  bool // XA PREPARE was read
}

const recordHeader = 8 + 4

// preparedSet holds the XA transactions that are prepared and not ended, oldest first.
type preparedSet struct {
	dir    string
	limit  int // bytes held in memory
	memory int
	all    []*prepared
}

func newPreparedSet(cfg Config) preparedSet {
	return preparedSet{dir: cfg.PreparedDir, limit: cfg.PreparedSize}
}

// oldest is where the oldest prepared transaction starts, or zero.
func (s *preparedSet) oldest() debezium.Position {
	for _, p := range s.all {
		if p.ready {
			return p.start
		}
	}
	return debezium.Position{}
}

// without returns the set without the prepared transactions.
func (s *preparedSet) without(set debezium.GTIDSet) debezium.GTIDSet {
	var open debezium.GTIDSet
	for _, p := range s.all {
		if p.ready && p.gtid != "" && open.Add(p.gtid) != nil {
			return debezium.GTIDSet{} // it was in the set before: cannot be
		}
	}
	if open.IsEmpty() {
		return set
	}
	return set.Minus(open)
}

func (s *preparedSet) find(xid string) *prepared {
	for _, p := range s.all {
		if p.ready && p.xid == xid {
			return p
		}
	}
	return nil
}

func (s *preparedSet) start(p *prepared) { s.all = append(s.all, p) }

// drop forgets a transaction and its rows.
func (s *preparedSet) drop(p *prepared) error {
	for i, o := range s.all {
		if o == p {
			s.all = append(s.all[:i:i], s.all[i+1:]...)
			break
		}
	}
	s.memory -= len(p.memory)
	p.memory = nil
	if p.file == nil {
		return nil
	}
	err := p.file.Close()
	p.file = nil
	return err
}

func (s *preparedSet) close() error {
	var errs []error
	for len(s.all) > 0 {
		errs = append(errs, s.drop(s.all[0]))
	}
	return errors.Join(errs...)
}

// add appends an event, which is given in two parts without its checksum.
func (s *preparedSet) add(p *prepared, head, body []byte, pos uint64) error {
	var record [recordHeader]byte
	binary.LittleEndian.PutUint64(record[:], pos)
	binary.LittleEndian.PutUint32(record[8:], uint32(len(head)+len(body)))
	if p.file == nil && s.memory+recordHeader+len(head)+len(body) > s.limit {
		if err := s.spill(p); err != nil {
			return fmt.Errorf("keep rows of prepared XA transaction: %w", err)
		}
	}
	if p.file == nil {
		before := len(p.memory)
		p.memory = append(append(append(p.memory, record[:]...), head...), body...)
		s.memory += len(p.memory) - before
		return nil
	}
	for _, part := range [...][]byte{record[:], head, body} {
		if _, err := p.w.Write(part); err != nil {
			return fmt.Errorf("keep rows of prepared XA transaction: %w", err)
		}
	}
	return nil
}

// spill moves a transaction to a file, which has no name and so ends with the process.
func (s *preparedSet) spill(p *prepared) error {
	f, err := os.CreateTemp(s.dir, "firn-xa-*")
	if err != nil {
		return err
	}
	p.file, p.w = f, bufio.NewWriter(f)
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	if _, err := p.w.Write(p.memory); err != nil {
		return err
	}
	s.memory -= len(p.memory)
	p.memory = nil
	return nil
}

// rewind begins to read the transaction's events.
func (p *prepared) rewind() error {
	if p.file == nil {
		return nil
	}
	if err := p.w.Flush(); err != nil {
		return err
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	p.r = bufio.NewReader(p.file)
	return nil
}

// next returns the next event and where it starts, or io.EOF after the last.
func (p *prepared) next() (event []byte, pos uint64, err error) {
	if p.file == nil {
		return p.nextInMemory()
	}
	var record [recordHeader]byte
	if _, err := io.ReadFull(p.r, record[:]); err != nil {
		return nil, 0, err
	}
	p.event = p.event[:0]
	p.event, err = readBody(p.r, p.event, int(binary.LittleEndian.Uint32(record[8:])))
	return p.event, binary.LittleEndian.Uint64(record[:]), err
}
