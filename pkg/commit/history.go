package commit

import (
	"slices"

	"github.com/apache/iceberg-go/table"
)

// examine checks the table as it is loaded: nil, nil allows an attempt pinned to
// its head. A snapshot says that the batch is in the table already.
func (c *Committer) examine(req *Request) (*table.Snapshot, error) {
	name := c.table.Name().String()
	if c.table.UUID() != c.uuid {
		return nil, &ReplacedError{Table: name, Ours: c.uuid, Theirs: c.table.UUID()}
	}
	meta := c.table.Iceberg().Metadata()
	between, reached := since(meta, req.Parent)
	for i := range between {
		if token(&between[i]) == req.Token {
			return &between[i], nil
		}
	}
	props := c.table.Properties()
	recorded, err := readRecord(props, c.cfg.Shard)
	if err != nil {
		return nil, err
	}
	if recorded != nil && recorded.Token == req.Token && !rolledBack(meta, c.cfg.Shard, recorded) {
		return meta.CurrentSnapshot(), nil // its own snapshot has expired, what it recorded stands
	}
	if err := c.cfg.Owner.Check(name, props); err != nil {
		return nil, err
	}
	if theirs := props[propEpoch+c.cfg.Shard]; theirs != c.epoch {
		return nil, &FencedError{Table: name, Shard: c.cfg.Shard, Ours: c.epoch, Theirs: theirs}
	}
	if err := c.checkOffsets(recorded, req); err != nil {
		return nil, err
	}
	return nil, c.checkParent(req.Parent, between, reached)
}

// checkOffsets demands that the table ends where the batch begins.
func (c *Committer) checkOffsets(recorded *record, req *Request) error {
	for p, span := range req.Offsets {
		have, ok := int64(0), false
		if recorded != nil {
			have, ok = recorded.Offsets[p]
		}
		if ok && have != span.From || span.To < span.From {
			return &OffsetsError{Table: c.table.Name().String(), Shard: c.cfg.Shard, Partition: p, Have: have, Want: span.From}
		}
	}
	return nil
}

// checkParent allows snapshots of other shards after the parent: they touch no
// row of ours.
func (c *Committer) checkParent(parent int64, between []table.Snapshot, reached bool) error {
	e := &ForeignError{Table: c.table.Name().String(), Parent: parent, Head: c.table.SnapshotID(), Diverged: !reached}
	for i := range slices.Backward(between) {
		if s := &between[i]; !c.sibling(s) {
			f := Foreign{Snapshot: s.SnapshotID}
			if s.Summary != nil {
				f.Operation = string(s.Summary.Operation)
			}
			e.Snapshots = append(e.Snapshots, f)
		}
	}
	if e.Diverged || len(e.Snapshots) > 0 {
		return e
	}
	return nil
}

// sibling reports whether the snapshot leaves our rows where they were: another
// shard of this table's owner made it, or it moved no file.
func (c *Committer) sibling(s *table.Snapshot) bool {
	if s.Summary == nil {
		return false
	}
	if s.Summary.Operation == table.OpReplace && s.Summary.Properties[summaryOwnFiles] == "" {
		return movesNothing(s.Summary.Properties)
	}
	shard := s.Summary.Properties[summaryShard]
	return token(s) != "" && shard != "" && shard != c.cfg.Shard
}

// movesNothing reports whether a summary is that of a rewrite of manifests.
func movesNothing(summary map[string]string) bool {
	for _, k := range []string{"added-data-files", "deleted-data-files", "added-delete-files", "removed-delete-files"} {
		if n := summary[k]; n != "" && n != "0" {
			return false
		}
	}
	return summary["manifests-created"] != "" || summary["manifests-replaced"] != ""
}

func token(s *table.Snapshot) string {
	if s.Summary == nil {
		return ""
	}
	return s.Summary.Properties[summaryToken]
}

// since returns the snapshots after base up to the head, newest first, and
// whether base was met. Base 0 is the table before its first snapshot.
func since(meta table.Metadata, base int64) ([]table.Snapshot, bool) {
	head := meta.CurrentSnapshot()
	if head == nil {
		return nil, base == 0
	}
	if base == 0 {
		return table.AncestorsOfChecked(head.SnapshotID, meta.SnapshotByID)
	}
	return table.AncestorsBetween(head.SnapshotID, base, meta.SnapshotByID)
}

// rolledBack reports whether the snapshot that wrote r is no ancestor of the head
// any more. Where history has expired, sequence numbers tell: they only grow.
func rolledBack(meta table.Metadata, shard string, r *record) bool {
	head := meta.CurrentSnapshot()
	if head == nil || head.SequenceNumber < r.Sequence {
		return true
	}
	ancestors, whole := table.AncestorsOfChecked(head.SnapshotID, meta.SnapshotByID)
	oldest := head.SequenceNumber
	for i := range ancestors {
		if token(&ancestors[i]) == r.Token {
			return false
		}
		if copied, err := fromSummary(&ancestors[i], shard); err == nil && copied != nil && copied.Token == r.Token {
			return false
		}
		oldest = ancestors[i].SequenceNumber
	}
	return whole || oldest <= r.Sequence
}

// nearest returns what the newest ancestor of the head records about the shard,
// nil if none does.
func nearest(meta table.Metadata, shard string) (*record, error) {
	head := meta.CurrentSnapshot()
	if head == nil {
		return nil, nil //nolint:nilnil // no record is no error
	}
	for _, s := range table.AncestorsOf(head.SnapshotID, meta.SnapshotByID) {
		if r, err := fromSummary(&s, shard); err != nil || r != nil {
			return r, err
		}
	}
	return nil, nil //nolint:nilnil // no record is no error
}
