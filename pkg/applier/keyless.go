package applier

import "github.com/firn-cdc/firn/pkg/debezium"

// start makes the batch as the first change of the table asks for. A TRUNCATE, which
// has no key, does not tell whether its rows have one.
func (w *work) start(e *debezium.Event) {
	keyless := e.KeySchema == nil && e.Op != debezium.Truncate
	if keyless && !w.config.Append {
		w.sayKeyless()
	}
	w.begun(w.config.Append || keyless)
}

func (w *work) sayKeyless() {
	w.log.Warn("table has no key: its changes are appended, with the operation in a column", "table", w.name.String(), "column", opColumn)
}

// keyless reports whether the event is of a table without a key of which no more
// than a TRUNCATE has come so far.
func (w *work) keyless(e *debezium.Event) bool {
	return !w.schemas.appending && e.KeySchema == nil && !e.Tombstone && e.Op != debezium.Truncate && w.key == nil && w.batch.Key() == nil &&
		(w.table == nil || w.table.Properties()[propMode] == "")
}

// appendAfterAll has the changes appended, that TRUNCATE first.
func (w *work) appendAfterAll() error {
	w.sayKeyless()
	before := w.batch
	w.schemas.reset()
	w.begun(true)
	for _, s := range before.Spans() {
		if before.Truncated() && s.Next > s.First {
			if err := w.batch.Add(&debezium.Event{Op: debezium.Truncate, Source: w.truncated}, s.Partition, s.Next-1); err != nil {
				return err
			}
		}
		w.batch.Skip(s.Partition, s.Next)
	}
	return nil
}
