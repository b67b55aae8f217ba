package maintenance

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/lake"
)

// columns remembers which columns data files have, by their own schema. A file
// never changes.
type columns struct{ known map[string][]int }

func newColumns() *columns { return &columns{known: make(map[string][]int)} }

const maxKnown = 100_000 // files; a bound, since files come and go

// has reports whether a file has the column of a field.
func (c *columns) has(ctx context.Context, t *lake.Table, f datafile.File, field int) (bool, error) {
	if f.Iceberg().ValueCounts()[field] > 0 {
		return true, nil // it says so in the manifest
	}
	ids, ok := c.known[f.Path()]
	if !ok {
		var err error
		if ids, err = fieldIDs(ctx, t, f); err != nil {
			return false, fmt.Errorf("read columns of %s: %w", f.Path(), err)
		}
		if len(c.known) >= maxKnown {
			clear(c.known)
		}
		c.known[f.Path()] = ids
	}
	return slices.Contains(ids, field), nil
}

// fieldIDs reads the ids of a Parquet file's outer columns from its footer.
func fieldIDs(ctx context.Context, t *lake.Table, f datafile.File) (ids []int, err error) {
	fs, err := t.FileIO(ctx)
	if err != nil {
		return nil, err
	}
	in, err := fs.Open(f.Path())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	p, err := file.NewParquetReader(in)
	if err != nil {
		return nil, err
	}
	root := p.MetaData().Schema.Root()
	for i := range root.NumFields() {
		id := int(root.Field(i).FieldID())
		if id < 0 {
			id = byName(t, root.Field(i))
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// byName finds the column of a file that was written without field ids.
func byName(t *lake.Table, node schema.Node) int {
	if field, ok := t.Iceberg().Schema().FindFieldByName(node.Name()); ok {
		return field.ID
	}
	return -1
}

// FilesLacking returns the data files of the current table snapshot that lack the
// column of a field, by their own schema: their rows read null there.
func FilesLacking(ctx context.Context, t *lake.Table, field int) ([]datafile.File, error) {
	live, err := datafile.List(ctx, t, 0)
	if err != nil {
		return nil, err
	}
	var lacking []datafile.File
	known := newColumns()
	for i := range live {
		has, err := known.has(ctx, t, live[i].File, field)
		if err != nil {
			return nil, err
		}
		if !has {
			lacking = append(lacking, live[i].File)
		}
	}
	return lacking, nil
}
