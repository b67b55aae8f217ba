package applier

import "github.com/firn-cdc/firn/pkg/debezium"

// identity checks that a record's key is what tells its row apart: the index is
// made of keys, and made anew of rows.
type identity struct {
	key, row *debezium.Schema // last seen
	at       []int            // of the key's columns in the row, -1 for none
}

const remedyKey = ", and have it read into a new topic; or have its changes appended (write-mode append)"

func (d *identity) check(e *debezium.Event) error {
	for i := range e.Key {
		if e.Key[i].IsNull() {
			return &StopError{
				Reason: "its key has null in column " + e.KeySchema.Fields[i].Name + ": several rows may have it",
				Remedy: "give the table a primary key, or the connector another key for it (message.key.columns)" + remedyKey,
			}
		}
	}
	if e.After == nil || e.KeySchema == nil || e.Row == nil {
		return nil
	}
	if d.key != e.KeySchema || d.row != e.Row {
		d.key, d.row, d.at = e.KeySchema, e.Row, d.at[:0]
		for i := range e.KeySchema.Fields {
			d.at = append(d.at, e.Row.FieldIndex(e.KeySchema.Fields[i].Name))
		}
	}
	for i, at := range d.at {
		if at < 0 || at >= len(e.After) || e.Key[i].Equal(&e.After[at]) || e.Key[i].Type != e.After[at].Type && e.Key[i].I == e.After[at].I {
			continue
		}
		return &StopError{
			Reason: "its key and its row differ in column " + e.KeySchema.Fields[i].Name,
			Remedy: "take the column out of those that the connector masks, hashes or shortens (column.mask.*, column.truncate.*)" + remedyKey,
		}
	}
	return nil
}
