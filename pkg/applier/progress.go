package applier

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/firn-cdc/firn/pkg/batch"
)

// progressAge is how long offsets that have brought no row may wait for a row to
// be recorded with. Kafka's retention would remove them in the end, and nobody
// could tell any more that no row was among them.
const progressAge = time.Hour

// progressDue reports whether offsets without rows are to be recorded: of aborted
// transactions, of the markers that end transactions, of what is passed over.
func (w *work) progressDue() bool {
	return w.keeper != nil && time.Since(w.saved) >= progressAge &&
		slices.ContainsFunc(w.batch.Spans(), func(s batch.Span) bool { return s.Next > s.First })
}

// savedBefore takes the last row that the table records for when it did so:
// processes may live for less than progressAge each.
func (w *work) savedBefore() error {
	w.saved = time.Now()
	if w.committer == nil {
		return nil
	}
	positions, err := parsePositions(w.committer.State().SourcePosition)
	if err != nil || len(positions) == 0 {
		return err
	}
	var last int64
	for _, p := range positions {
		last = max(last, p.TsMs)
	}
	w.saved = time.UnixMilli(last)
	return nil
}

// parsePositions reads what a table records of its source position, by partition.
func parsePositions(recorded string) (map[int32]partitionPosition, error) {
	positions := make(map[int32]partitionPosition)
	if recorded == "" {
		return positions, nil
	}
	if err := json.Unmarshal([]byte(recorded), &positions); err != nil {
		return nil, fmt.Errorf("read the table's source position: %w", err)
	}
	return positions, nil
}
