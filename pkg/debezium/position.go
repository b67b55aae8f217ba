package debezium

import (
	"cmp"
	"strconv"
	"strings"
)

// Position is a place in a server's binlog between two transactions, where
// reading can resume. With a GTID set the set decides and File and Pos only
// inform; without one File and Pos decide.
type Position struct {
	GTIDs GTIDSet
	File  string
	Pos   uint64
}

// IsZero reports whether the position names no place.
func (p Position) IsZero() bool { return p.GTIDs.IsEmpty() && p.File == "" }

// AtOrAfter reports whether everything before o is before p too: by GTID sets
// if both have one, else by file and pos, which must be of the same server.
func (p Position) AtOrAfter(o Position) bool {
	if !p.GTIDs.IsEmpty() && !o.GTIDs.IsEmpty() {
		return p.GTIDs.Contains(o.GTIDs)
	}
	return p.CompareFile(o) >= 0
}

// CompareFile orders two positions of one server by file number and pos.
func (p Position) CompareFile(o Position) int {
	return cmp.Or(cmp.Compare(fileNumber(p.File), fileNumber(o.File)), cmp.Compare(p.Pos, o.Pos))
}

// fileNumber returns the number that ends a binlog's name. Names outgrow six
// digits, so they do not sort as text.
func fileNumber(name string) uint64 {
	n, err := strconv.ParseUint(name[strings.LastIndexByte(name, '.')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
