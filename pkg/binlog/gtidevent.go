package binlog

import (
	"encoding/hex"
	"fmt"
	"strconv"
)

// gtidEvent is what a GTID event says of the transaction that follows it.
type gtidEvent struct {
	gtid   string
	micros uint64 // original_commit_timestamp; 0 if the server does not say
	thread int64  // MariaDB 12

	standalone bool // MariaDB: one statement follows and no end
	noop       bool // MariaDB: an ALTER that starts or fails; its statement must not be run
	// xid is set by MariaDB for an XA transaction up to XA PREPARE, which it logs without XA START.
	xid string
}

const minGTIDBody = 1 + 16 + 8

// parseGTID reads a MySQL GTID event.
func parseGTID(body []byte) (gtidEvent, error) {
	if len(body) < minGTIDBody {
		return gtidEvent{}, errTruncated
	}
	d := buffer{data: body[1:]}
	sid := d.bytes(16)
	e := gtidEvent{gtid: gtidText(sid, "", d.uint64())}
	const logicalTimestamps = 2
	if d.uint8() != logicalTimestamps {
		return e, nil
	}
	d.bytes(16) // last_committed, sequence_number
	const original = 1 << 55
	e.micros = d.uint(7)
	if e.micros&original != 0 {
		e.micros = d.uint(7)
	}
	if d.failed { // before MySQL 8.0.1
		e.micros = 0
	}
	return e, nil
}

// Fields of a tagged GTID event, in the order they come in.
const (
	taggedFlags     = 0
	taggedUUID      = 1
	taggedNumber    = 2
	taggedTag       = 3
	taggedCommitted = 4
	taggedSequence  = 5
	taggedImmediate = 6
	taggedOriginal  = 7
)

// parseTaggedGTID reads the GTID event of MySQL 8.3 for a GTID with a tag
// (https://dev.mysql.com/doc/dev/mysql-server/latest/PageLibsMysqlSerialization.html).
func parseTaggedGTID(body []byte) (gtidEvent, error) {
	d := buffer{data: body}
	d.varint() // version of the format
	d.varint() // size
	d.varint() // last field that must be understood
	var sid [16]byte
	var e gtidEvent
	var tag string
	var number uint64
	for len(d.data) > 0 && !d.failed {
		switch d.varint() {
		case taggedFlags:
			d.varint()
		case taggedUUID:
			for i := range sid {
				sid[i] = byte(d.varint())
			}
		case taggedNumber:
			number = d.varint() >> 1 // the sign
		case taggedTag:
			tag = string(d.bytes(int(d.varint() & 0xff)))
		case taggedCommitted, taggedSequence:
			d.varint()
		case taggedImmediate:
			e.micros = d.varint()
		case taggedOriginal:
			e.micros = d.varint()
		default: // nothing behind is of use
			d.data = nil
		}
	}
	if d.failed || number == 0 {
		return gtidEvent{}, errTruncated
	}
	e.gtid = gtidText(sid[:], tag, number)
	return e, nil
}

func gtidText(sid []byte, tag string, n uint64) string {
	var b [96]byte
	text := hex.AppendEncode(b[:0], sid[:4])
	for _, part := range [...][]byte{sid[4:6], sid[6:8], sid[8:10], sid[10:16]} {
		text = hex.AppendEncode(append(text, '-'), part)
	}
	if tag != "" {
		text = append(append(text, ':'), tag...)
	}
	return string(strconv.AppendUint(append(text, ':'), n, 10))
}

// Flags of MariaDB's GTID event.
const (
	mariadbStandalone  = 1
	mariadbGroupCommit = 2
	mariadbPreparedXA  = 64
	mariadbCompletedXA = 128

	mariadbExtraMultiEngine   = 1
	mariadbExtraStartAlter    = 2
	mariadbExtraCommitAlter   = 4
	mariadbExtraRollbackAlter = 8
	mariadbExtraThread        = 16
)

// parseMariaDBGTID reads MariaDB's GTID event, which also begins the transaction.
func parseMariaDBGTID(body []byte, serverID uint32) (gtidEvent, error) {
	d := buffer{data: body}
	seq, domain, flags := d.uint64(), d.uint32(), d.uint8()
	if d.failed {
		return gtidEvent{}, errTruncated
	}
	e := gtidEvent{
		gtid:       fmt.Sprintf("%d-%d-%d", domain, serverID, seq),
		standalone: flags&mariadbStandalone != 0,
	}
	if flags&mariadbGroupCommit != 0 {
		d.bytes(8)
	}
	if flags&(mariadbPreparedXA|mariadbCompletedXA) != 0 {
		format := d.uint32()
		n, m := int(d.uint8()), int(d.uint8())
		if text := fmt.Sprintf("X'%x',X'%x',%d", d.bytes(n), d.bytes(m), format); flags&mariadbPreparedXA != 0 {
			e.xid = text
		}
	}
	extra := d.uint8()
	if d.failed {
		return e, nil
	}
	e.noop = extra&(mariadbExtraStartAlter|mariadbExtraRollbackAlter) != 0
	if extra&mariadbExtraMultiEngine != 0 {
		d.uint8()
	}
	if extra&(mariadbExtraCommitAlter|mariadbExtraRollbackAlter) != 0 {
		d.bytes(8)
	}
	if extra&mariadbExtraThread != 0 {
		if thread := d.uint32(); !d.failed {
			e.thread = int64(thread)
		}
	}
	return e, nil
}
