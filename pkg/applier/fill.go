package applier

import (
	"context"

	"github.com/firn-cdc/firn/pkg/lake"
)

// fill gives the rows that are older than a column what MySQL gave them.
func (w *work) fill(ctx context.Context, fills []lake.Fill) error {
	w.schemas.unfilled = append(w.schemas.unfilled, fills...)
	return nil
}
