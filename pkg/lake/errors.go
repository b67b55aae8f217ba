package lake

import (
	"errors"
	"fmt"
)

// ErrNoTable is returned where a table must exist and does not.
var ErrNoTable = errors.New("no such table")

// ValueError says that a value does not fit its column. The value itself is not in it.
type ValueError struct {
	Table, Column string
	Reason        string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("table %s, column %s: %s", e.Table, e.Column, e.Reason)
}

// IncompatibleTypeError says that a column's new type cannot hold its old
// values, or that a table's column cannot hold the events'.
type IncompatibleTypeError struct {
	Table, Column string
	From, To      string // Iceberg types: the table's, the events'
}

func (e *IncompatibleTypeError) Error() string {
	return fmt.Sprintf("table %s, column %s is %s, events now carry %s, and Iceberg allows no such change: "+
		"map the topic to a new table, or rename or drop the column in Iceberg so that it is added anew", e.Table, e.Column, e.From, e.To)
}

// NameClashError says that two columns differ only in letter case, which Glue,
// Athena and Spark cannot tell apart.
type NameClashError struct{ Table, Column, Existing string }

func (e *NameClashError) Error() string {
	return fmt.Sprintf("table %s: column %s differs from column %s only in letter case, which engines cannot tell apart: "+
		"rename one of them in MySQL or in Iceberg", e.Table, e.Column, e.Existing)
}

// OwnerError says that a table is fed from somewhere else.
type OwnerError struct {
	Table      string
	Property   string
	Have, Want string
}

func (e *OwnerError) Error() string {
	switch e.Property {
	case propGroupID:
		return fmt.Sprintf("table %s is written by group %q, and this process is of group %q: "+
			"run it with the same --group-id, or map the topic to another table (--table-map)", e.Table, e.Have, e.Want)
	case propTopicID:
		return fmt.Sprintf("table %s was filled from a topic that has been deleted and created again since (its id was %s and is %s): "+
			"restore the topic, or drop the table and have the reader take a new snapshot, so that it is filled from the new topic", e.Table, e.Have, e.Want)
	case propClusterID:
		return fmt.Sprintf("table %s was filled from another Kafka cluster (%s; this one is %s): "+
			"map the topic to another table (--table-map), or drop this one", e.Table, e.Have, e.Want)
	default:
		return fmt.Sprintf("table %s belongs to another source (its property %s is %q, and ours is %q): "+
			"map the topic to another table (--table-map), or drop this one", e.Table, e.Property, e.Have, e.Want)
	}
}

// AdoptError says why a table cannot be written, or made as it is asked for.
type AdoptError struct{ Table, Reason string }

func (e *AdoptError) Error() string { return fmt.Sprintf("table %s: %s", e.Table, e.Reason) }
