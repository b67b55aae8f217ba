package maintenance

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go"
)

// smallManifest is the size in bytes from which a manifest is left as it is:
// reading it costs more than opening it.
const smallManifest = 1 << 20

// countManifests says whether the table snapshot has too many small manifests. Those of
// data files can be merged as they are; those of delete files only by writing the
// delete files anew, since the library merges none of them.
func (m *Maintainer) countManifests(ctx context.Context, s *state) error {
	fs, err := m.table.FileIO(ctx)
	if err != nil {
		return err
	}
	list, err := m.table.Iceberg().SnapshotByID(s.snapshot).Manifests(fs)
	if err != nil {
		return fmt.Errorf("list manifests: %w", err)
	}
	specs := make(map[int32]bool)
	data, deletes := 0, 0
	for _, f := range list {
		if f.Length() >= smallManifest {
			continue
		}
		if f.ManifestContent() == iceberg.ManifestContentDeletes {
			deletes++
			continue
		}
		data++
		specs[f.PartitionSpecID()] = true
	}
	s.manyData = data > m.cfg.MaxManifests+len(specs)
	s.manyDeletes = deletes > m.cfg.MaxManifests+len(specs)
	return nil
}
