package binlog

// Event types (https://dev.mysql.com/doc/dev/mysql-server/latest/namespacemysql_1_1binlog_1_1event.html);
// MariaDB's own begin at 160.
const (
	kindQuery             = 2
	kindStop              = 3
	kindRotate            = 4
	kindIntvar            = 5
	kindAppendBlock       = 9
	kindDeleteFile        = 11
	kindRand              = 13
	kindUserVar           = 14
	kindFormatDescription = 15
	kindXID               = 16
	kindBeginLoadQuery    = 17
	kindExecuteLoadQuery  = 18
	kindTableMap          = 19
	kindWriteRowsV1       = 23
	kindUpdateRowsV1      = 24
	kindDeleteRowsV1      = 25
	kindIncident          = 26
	kindHeartbeat         = 27
	kindIgnorable         = 28
	kindRowsQuery         = 29
	kindWriteRows         = 30
	kindUpdateRows        = 31
	kindDeleteRows        = 32
	kindGTID              = 33
	kindAnonymousGTID     = 34
	kindPreviousGTIDs     = 35
	kindTransactionCtx    = 36
	kindViewChange        = 37
	kindXAPrepare         = 38
	kindPartialUpdateRows = 39
	kindTransactionPay    = 40
	kindHeartbeatV2       = 41
	kindTaggedGTID        = 42

	kindAnnotateRows           = 160
	kindBinlogCheckpoint       = 161
	kindMariaDBGTID            = 162
	kindMariaDBGTIDList        = 163
	kindStartEncryption        = 164
	kindQueryCompressed        = 165
	kindWriteRowsCompressedV1  = 166
	kindUpdateRowsCompressedV1 = 167
	kindDeleteRowsCompressedV1 = 168
	kindWriteRowsCompressed    = 169
	kindUpdateRowsCompressed   = 170
	kindDeleteRowsCompressed   = 171
)

// rowsKind says what a row event's type means.
type rowsKind struct {
	op         byte // 'c', 'u', 'd'; 0: not a row event
	v2         bool // has extra data
	compressed bool
}

func rowsKindOf(kind byte) rowsKind {
	switch kind {
	case kindWriteRowsV1:
		return rowsKind{op: 'c'}
	case kindUpdateRowsV1:
		return rowsKind{op: 'u'}
	case kindDeleteRowsV1:
		return rowsKind{op: 'd'}
	case kindWriteRows:
		return rowsKind{op: 'c', v2: true}
	case kindUpdateRows, kindPartialUpdateRows:
		return rowsKind{op: 'u', v2: true}
	case kindDeleteRows:
		return rowsKind{op: 'd', v2: true}
	case kindWriteRowsCompressedV1:
		return rowsKind{op: 'c', compressed: true}
	case kindUpdateRowsCompressedV1:
		return rowsKind{op: 'u', compressed: true}
	case kindDeleteRowsCompressedV1:
		return rowsKind{op: 'd', compressed: true}
	case kindWriteRowsCompressed:
		return rowsKind{op: 'c', v2: true, compressed: true}
	case kindUpdateRowsCompressed:
		return rowsKind{op: 'u', v2: true, compressed: true}
	case kindDeleteRowsCompressed:
		return rowsKind{op: 'd', v2: true, compressed: true}
	default:
		return rowsKind{}
	}
}
