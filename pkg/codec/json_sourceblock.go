package codec

import (
	"math"

	"github.com/firn-cdc/firn/pkg/debezium"
)

var sourceMembers = newKeyList("version", "connector", "name", "ts_ms", "snapshot", "db", "sequence", "ts_us", "ts_ns",
	"table", "server_id", "gtid", "file", "pos", "row", "thread", "query")

// Indexes into sourceMembers.
const (
	sourceVersion = iota
	sourceConnector
	sourceName
	sourceMillis
	sourceSnapshot
	sourceDB
	sourceSequence
	sourceMicros
	sourceNanos
	sourceTable
	sourceServerID
	sourceGTID
	sourceFile
	sourcePos
	sourceRow
	sourceThread
	sourceQuery
)

// streaming is what source.snapshot reads while streaming, by its schema's default.
const streaming = "false"

// source reads the source block. What other connectors or versions have there is skipped.
func (d *JSONDecoder) source(src *debezium.Source) error {
	s := &d.s
	var t times
	done, err := s.open('{', '}', "the source block is not an object")
	for expected := 0; !done && err == nil; {
		var i int
		if i, _, err = s.member(&sourceMembers, expected); err != nil {
			return err
		}
		switch {
		case i < 0:
			err = s.skip(maxDepth)
		case i == sourceMillis:
			err = s.time(&t, 0)
		case i == sourceMicros || i == sourceNanos:
			err = s.time(&t, i-sourceMicros+1)
		default:
			err = d.sourceMember(src, i)
		}
		expected = i + 1
		if err == nil {
			done, err = s.next('}')
		}
	}
	if err != nil {
		return err
	}
	src.TsNs, err = t.ns(s.i)
	return err
}

func (d *JSONDecoder) sourceMember(src *debezium.Source, i int) error {
	s := &d.s
	if isNull, err := s.null(); isNull || err != nil {
		return err
	}
	var err error
	switch i {
	case sourceServerID:
		src.ServerID, err = s.int64()
		return err
	case sourcePos:
		src.Pos, err = s.int64()
		return err
	case sourceThread:
		src.Thread, err = s.int64()
		return err
	case sourceRow:
		row, err := s.int64()
		if err == nil && (row < math.MinInt32 || row > math.MaxInt32) {
			err = s.fail("source.row is not a 32-bit integer")
		}
		src.Row = int32(row)
		return err
	}
	b, err := s.str()
	if err != nil {
		return err
	}
	d.texts.set(src, i, b)
	return nil
}

var transactionMembers = newKeyList("id", "total_order", "data_collection_order")

func (d *JSONDecoder) readTransaction() (*debezium.Transaction, error) {
	s := &d.s
	if isNull, err := s.null(); isNull || err != nil {
		return nil, err
	}
	t := &d.transaction
	t.TotalOrder, t.DataCollectionOrder = 0, 0
	done, err := s.open('{', '}', "the transaction block is not an object")
	for expected := 0; !done && err == nil; {
		var i int
		if i, _, err = s.member(&transactionMembers, expected); err != nil {
			return nil, err
		}
		switch i {
		case 0:
			var b []byte
			s.space()
			if b, err = s.str(); err == nil {
				d.texts.text(b, &t.ID)
			}
		case 1:
			t.TotalOrder, err = s.int64()
		case 2:
			t.DataCollectionOrder, err = s.int64()
		default:
			err = s.skip(maxDepth)
		}
		expected = i + 1
		if err == nil {
			done, err = s.next('}')
		}
	}
	return t, err
}
