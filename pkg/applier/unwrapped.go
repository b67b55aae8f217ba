package applier

import (
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// propUnwrapped is the table property of tables whose changes are appended and
// come without envelopes: there a tombstone is a delete, and not what follows one.
const propUnwrapped = "firn.unwrapped"

// unwrapped is what is known of records without envelopes.
type unwrapped struct {
	deletes bool  // tombstones are deletes
	seenNs  int64 // the last one's time in Kafka, for want of the source's
}

func (u *unwrapped) open(w *work) {
	u.deletes = w.table != nil && w.table.Properties()[propUnwrapped] == "true"
}

// see makes of an event without an envelope what appending needs: a tombstone
// that is a delete becomes a change, of which the key's columns are known.
func (u *unwrapped) see(w *work, r *kafka.Record, e *debezium.Event) {
	if e.Unwrapped {
		u.seenNs = max(u.seenNs, r.Timestamp.UnixNano())
	}
	switch {
	case !w.schemas.appending:
	case !e.Tombstone:
		u.deletes = e.Unwrapped && !e.Marked
	case e.Unwrapped || u.deletes:
		e.Tombstone, e.Unwrapped, e.Op = false, true, debezium.Delete
		e.Row, e.Before = e.KeySchema, e.Key
		if e.Row == nil {
			e.Row, e.Before = nothing, []debezium.Value{}
		}
	}
}

// nothing is the schema of a row of which nothing is known.
var nothing = &debezium.Schema{Type: debezium.Struct}
