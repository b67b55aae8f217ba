package lake

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// edit is an update of a table's schema. The library gives a column only a name
// that no column has, so where names change places they get others on the way.
type edit struct {
	*table.UpdateSchema
	moved   []string          // names that their columns leave
	through map[string]string // names on the way to those that are meant
}

// free returns a name for a column to be called name: that, or one on the way to it.
func (t *Table) free(u *edit, name string) string {
	if !slices.Contains(u.moved, name) {
		return name
	}
	if u.through == nil {
		u.through = make(map[string]string)
	}
	for n := 1; ; n++ {
		passing := fmt.Sprintf("%s_%d", name, n)
		if _, taken, _ := t.column(passing); !taken && u.through[passing] == "" {
			u.through[passing] = name
			return passing
		}
	}
}

// exchanged returns what an edit in which names change places, and the properties
// that record returns, are to the catalog: one change. A name mapping stays as it
// is: it is for files without field ids, which have the names of before.
func (t *Table) exchanged(u *edit, record func(*iceberg.Schema) (iceberg.Properties, error)) ([]table.Requirement, []table.Update, error) {
	meta := t.tbl.Metadata()
	staged, err := u.Apply()
	if err != nil {
		return nil, nil, fmt.Errorf("evolve table %s: %w", t.name, err)
	}
	fields := slices.Clone(staged.Fields())
	for i := range fields {
		if meant, ok := u.through[fields[i].Name]; ok {
			fields[i].Name = meant
		}
	}
	schema := iceberg.NewSchemaWithIdentifiers(staged.ID, staged.IdentifierFieldIDs, fields...)
	updates := []table.Update{table.NewAddSchemaUpdate(schema), table.NewSetCurrentSchemaUpdate(schema.ID)}
	for _, known := range meta.Schemas() { // names that have changed back
		if known.Equals(schema) {
			updates = []table.Update{table.NewSetCurrentSchemaUpdate(known.ID)}
		}
	}
	if record != nil {
		props, err := record(schema)
		if err != nil {
			return nil, nil, err
		}
		if len(props) > 0 {
			updates = append(updates, table.NewSetPropertiesUpdate(props))
		}
	}
	return []table.Requirement{table.AssertTableUUID(meta.TableUUID()), table.AssertCurrentSchemaID(meta.CurrentSchema().ID)}, updates, nil
}

// exchange commits an edit in which names change places. The first error is of
// what cannot be done, the second of a commit.
func (t *Table) exchange(ctx context.Context, u *edit, record func(*iceberg.Schema) (iceberg.Properties, error)) (impossible, failed error) {
	requirements, updates, err := t.exchanged(u, record)
	if err != nil {
		return err, nil
	}
	if _, _, err := t.cat.ours.CommitTable(ctx, t.tbl.Identifier(), requirements, updates); err != nil {
		return nil, fmt.Errorf("exchange the names of columns: %w", err)
	}
	return nil, t.Reload(ctx)
}
