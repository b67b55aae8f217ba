package commit

import (
	"errors"
	"fmt"
	"strings"
)

// errNotOwned is returned by Commit before TakeOver.
var errNotOwned = errors.New("the table has not been taken over")

// FencedError says that another process has taken the shard over.
type FencedError struct{ Table, Shard, Ours, Theirs string }

func (e *FencedError) Error() string {
	return fmt.Sprintf("table %s, shard %s: another process took it over (epoch %s, ours was %s)", e.Table, e.Shard, e.Theirs, e.Ours)
}

// OffsetsError says that the batch does not begin where the table ends.
type OffsetsError struct {
	Table, Shard string
	Partition    int32
	Have, Want   int64 // recorded in the table; -1 is none: where the batch begins
}

func (e *OffsetsError) Error() string {
	return fmt.Sprintf("table %s, shard %s: partition %d is recorded at offset %d, the batch begins at %d",
		e.Table, e.Shard, e.Partition, e.Have, e.Want)
}

// Foreign is a table snapshot that no shard of this table's owner committed.
type Foreign struct {
	Snapshot  int64
	Operation string // append, overwrite, replace or delete
}

// ForeignError says that the table has changed since the batch's parent in a way
// that its positions may not survive: they must be found anew.
type ForeignError struct {
	Table        string
	Parent, Head int64
	Snapshots    []Foreign // since the parent, oldest first
	Diverged     bool      // the parent is no ancestor of the head any more
}

func (e *ForeignError) Error() string {
	if e.Diverged {
		return fmt.Sprintf("table %s: table snapshot %d is no ancestor of the current one, %d: "+
			"it was rolled back or its history has expired", e.Table, e.Parent, e.Head)
	}
	var list []string
	for _, s := range e.Snapshots {
		list = append(list, fmt.Sprintf("%s %d", s.Operation, s.Snapshot))
	}
	return fmt.Sprintf("table %s: another program changed it since table snapshot %d: %s", e.Table, e.Parent, strings.Join(list, ", "))
}

// RollbackError says that the table was rolled back to where nothing tells what
// had been applied.
type RollbackError struct {
	Table, Shard string
	Head         int64
}

func (e *RollbackError) Error() string {
	return fmt.Sprintf("table %s, shard %s: it was rolled back to table snapshot %d, and neither that nor one before it "+
		"records Kafka offsets: roll it forward again, or drop it, so that its topic is replayed", e.Table, e.Shard, e.Head)
}

// ReplacedError says that the name now stands for another table.
type ReplacedError struct{ Table, Ours, Theirs string }

func (e *ReplacedError) Error() string {
	return fmt.Sprintf("table %s was dropped and created anew (uuid %s, was %s)", e.Table, e.Theirs, e.Ours)
}
