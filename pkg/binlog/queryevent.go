package binlog

import (
	"strings"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// queryEvent is the body of a QUERY event, borrowed.
type queryEvent struct {
	thread   uint32
	status   []byte
	database []byte
	sql      []byte
}

func parseQuery(body []byte) (queryEvent, error) {
	d := buffer{data: body}
	var q queryEvent
	q.thread = d.uint32()
	d.bytes(4) // seconds it took
	n := int(d.uint8())
	d.bytes(2) // error code
	q.status = d.bytes(int(d.uint16()))
	q.database = d.bytes(n)
	d.uint8()
	q.sql = d.rest()
	if d.failed {
		return queryEvent{}, errTruncated
	}
	return q, nil
}

// parseLoadQuery reads an EXECUTE_LOAD_QUERY event: a query with the file's facts before its status.
func parseLoadQuery(body []byte) (queryEvent, error) {
	const before, facts = 4 + 4 + 1 + 2 + 2, 4 + 4 + 4 + 1
	if len(body) < before+facts {
		return queryEvent{}, errTruncated
	}
	return parseQuery(append(append([]byte{}, body[:before]...), body[before+facts:]...))
}

// Codes of a query's status variables, and their sizes where they are skipped.
const (
	statusFlags           = 0
	statusSQLMode         = 1
	statusCatalog         = 2
	statusAutoIncrement   = 3
	statusCharset         = 4
	statusTimeZone        = 5
	statusCatalogNZ       = 6
	statusTimeNames       = 7
	statusCharsetDatabase = 8
	statusTableMap        = 9
	statusDataWritten     = 10
	statusInvoker         = 11
	statusUpdatedDBs      = 12
	statusMicroseconds    = 13
	statusExplicitTS      = 16
	statusXID             = 17
	statusDefaultUTF8MB4  = 18
	statusRequireKey      = 19
	statusEncryption      = 20
	statusMicrosMariaDB   = 128
	updatedDBsOverflow    = 254
)

// readStatus takes what the statement was run under. It ends at the first
// variable that it does not know, which come last.
func (q *Query) readStatus(status []byte) {
	d := buffer{data: status}
	for len(d.data) > 0 && !d.failed {
		switch d.uint8() {
		case statusFlags, statusDataWritten:
			d.bytes(4)
		case statusSQLMode:
			q.SQLMode = mysql.SQLMode(d.uint64())
		case statusCatalog:
			d.bytes(int(d.uint8()) + 1)
		case statusAutoIncrement:
			d.bytes(4)
		case statusCharset:
			q.Charset = charsetOf(d.uint16())
			d.uint16() // collation_connection
			q.ServerCharset = charsetOf(d.uint16())
		case statusTimeZone:
			q.TimeZone = string(d.bytes(int(d.uint8())))
		case statusCatalogNZ:
			d.bytes(int(d.uint8()))
		case statusTimeNames:
			d.bytes(2)
		case statusCharsetDatabase:
			d.uint16()
		case statusTableMap, statusXID:
			d.bytes(8)
		case statusInvoker:
			d.bytes(int(d.uint8()))
			d.bytes(int(d.uint8()))
		case statusUpdatedDBs:
			n := d.uint8()
			for ; n > 0 && n != updatedDBsOverflow && !d.failed; n-- {
				for d.uint8() != 0 && !d.failed {
				}
			}
		case statusMicroseconds, statusMicrosMariaDB:
			if b := d.bytes(3); b != nil {
				q.Began += int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16
			}
		case statusDefaultUTF8MB4:
			d.uint16()
		case statusExplicitTS, statusRequireKey, statusEncryption:
			d.uint8()
		default:
			return
		}
	}
}

// xid returns the identifier of an XA statement's transaction, as the server prints it.
func xid(rest string) string {
	rest = strings.TrimSpace(rest)
	if head, ok := cutSuffixFold(rest, "ONE PHASE"); ok {
		rest = strings.TrimSpace(head)
	}
	return rest
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}
