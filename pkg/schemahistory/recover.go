package schemahistory

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Before reports whether a statement is part of what a reader has seen that
// resumes at a position, behind the first events of the transaction that follows
// it. Others are in the history too: Debezium writes it ahead of its offsets.
//
// A record names the transactions before its own, or where its own begins or
// ends: with equal GTID sets the statement comes again.
func (p *RecordPosition) Before(at debezium.Position, flavor string, events int) (bool, error) {
	switch {
	case p.Snapshot != "": // of definitions that were read, and not of a statement
		return true, nil
	case p.GTIDs == "" && !at.GTIDs.IsEmpty(): // from before the server had them
		return true, nil
	case p.GTIDs != "" && !at.GTIDs.IsEmpty():
		set, err := debezium.ParseGTIDSet(flavor, p.GTIDs)
		if err != nil {
			return false, fmt.Errorf("position of a schema history record: %w", err)
		}
		if !set.Equal(at.GTIDs) {
			return at.GTIDs.Contains(set), nil
		}
	default:
		if c := at.CompareFile(debezium.Position{File: p.File, Pos: p.Pos}); c != 0 || p.Event == 0 {
			return c >= 0, nil
		}
	}
	return p.Event > 0 && p.Event < int64(events), nil
}
