package debezium

// Position is a place in a server's binlog between two transactions, where
// reading can resume. With a GTID set the set decides and File and Pos only
// inform; without one File and Pos decide.
type Position struct {
	GTIDs GTIDSet
	File  string
	Pos   uint64
}
