package codec

import "github.com/firn-cdc/firn/pkg/debezium"

// sourceTexts makes the strings of source blocks. Those of the block before are used again.
type sourceTexts struct {
	texts
	last debezium.Source
}

// set sets the text of a member, given by its index in sourceMembers.
func (t *sourceTexts) set(src *debezium.Source, member int, b []byte) {
	last := &t.last
	switch member {
	case sourceVersion:
		src.Version = t.text(b, &last.Version)
	case sourceConnector:
		src.Connector = t.text(b, &last.Connector)
	case sourceName:
		src.Name = t.text(b, &last.Name)
	case sourceSnapshot:
		if src.Snapshot = t.text(b, &last.Snapshot); src.Snapshot == streaming {
			src.Snapshot = ""
		}
	case sourceDB:
		src.DB = t.text(b, &last.DB)
	case sourceTable:
		src.Table = t.text(b, &last.Table)
	case sourceGTID:
		src.GTID = t.text(b, &last.GTID)
	case sourceFile:
		src.File = t.text(b, &last.File)
	case sourceQuery:
		src.Query = b
	}
}
