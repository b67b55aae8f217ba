package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// bounded is the catalog of a table that has partitions by strings or bytes. Where
// one of them is empty, iceberg-go writes null for it in the bounds of a manifest's
// partitions, which tells readers that there is no value but null: they would pass
// over all of the manifest's files. The list of manifests is corrected before the
// catalog is told of it.
type bounded struct {
	table.CatalogIO
	fs   table.FSysF
	meta table.Metadata
}

// bounded returns the catalog that a table commits through.
func (o *committing) bounded(meta table.Metadata, fs table.FSysF) table.CatalogIO {
	b := &bounded{CatalogIO: o.c.ours, fs: fs, meta: meta}
	for _, spec := range meta.PartitionSpecs() {
		for _, text := range b.texts(spec.ID()) {
			if text && meta.Version() == 2 {
				return b
			}
		}
	}
	return o.c.ours
}

func (b *bounded) CommitTable(ctx context.Context, id table.Identifier, rq []table.Requirement, up []table.Update) (table.Metadata, string, error) {
	for _, u := range up {
		if u.Action() != table.UpdateAddSnapshot {
			continue
		}
		if err := b.correct(ctx, u); err != nil {
			return nil, "", fmt.Errorf("correct the bounds of partitions: %w", err)
		}
	}
	return b.CatalogIO.CommitTable(ctx, id, rq, up)
}

// correct writes the list of a new table snapshot's manifests anew, if it has to.
func (b *bounded) correct(ctx context.Context, added table.Update) error {
	text, err := json.Marshal(added)
	if err != nil {
		return err
	}
	var update struct {
		Snapshot table.Snapshot `json:"snapshot"`
	}
	if err := json.Unmarshal(text, &update); err != nil {
		return err
	}
	s := &update.Snapshot
	fs, err := b.fs(ctx)
	if err != nil {
		return err
	}
	manifests, err := s.Manifests(fs)
	if err != nil {
		return err
	}
	corrected := 0
	for i, m := range manifests {
		partitions := m.Partitions()
		if !bound(partitions, b.texts(int(m.PartitionSpecID()))) {
			continue
		}
		manifests[i] = iceberg.NewManifestFile(m.Version(), m.FilePath(), m.Length(), m.PartitionSpecID(), m.SnapshotID()).
			SequenceNum(m.SequenceNum(), m.MinSequenceNum()).Content(m.ManifestContent()).KeyMetadata(m.KeyMetadata()).
			AddedFiles(m.AddedDataFiles()).ExistingFiles(m.ExistingDataFiles()).DeletedFiles(m.DeletedDataFiles()).
			AddedRows(m.AddedRows()).ExistingRows(m.ExistingRows()).DeletedRows(m.DeletedRows()).
			Partitions(partitions).Build()
		corrected++
	}
	if corrected == 0 {
		return nil
	}
	return writeManifestList(fs, s, manifests)
}

func writeManifestList(fs icebergio.IO, s *table.Snapshot, manifests []iceberg.ManifestFile) error {
	w, ok := fs.(icebergio.WriteFileIO)
	if !ok {
		return errors.New("the file io cannot write")
	}
	out, err := w.Create(s.ManifestList)
	if err != nil {
		return err
	}
	err = iceberg.WriteManifestList(2, out, s.SnapshotID, s.ParentSnapshotID, &s.SequenceNumber, 0, manifests)
	return errors.Join(err, out.Close())
}

// texts reports which fields of a partition spec are strings or bytes.
func (b *bounded) texts(spec int) []bool {
	s := b.meta.PartitionSpecByID(spec)
	if s == nil {
		return nil
	}
	var texts []bool
	for _, f := range s.PartitionType(b.meta.CurrentSchema()).FieldList {
		switch f.Type.(type) {
		case iceberg.StringType, iceberg.BinaryType:
			texts = append(texts, true)
		default:
			texts = append(texts, false)
		}
	}
	return texts
}

// bound gives strings and bytes the bounds that they lack, and reports whether
// there were any. Where all values are null, too: nothing tells that there is not
// an empty one among them, and a bound too many hides no row.
func bound(partitions []iceberg.FieldSummary, texts []bool) bool {
	changed := false
	for i := range partitions {
		p := &partitions[i]
		if i >= len(texts) || !texts[i] || p.LowerBound != nil {
			continue
		}
		p.LowerBound = &[]byte{}
		if p.UpperBound == nil {
			p.UpperBound = &[]byte{}
		}
		changed = true
	}
	return changed
}
