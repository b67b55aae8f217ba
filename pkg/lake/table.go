package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// Table is a table as it was when it was last loaded or changed. One goroutine
// owns it.
type Table struct {
	cat  *Catalog
	name Name
	tbl  *table.Table
}

// Load returns an existing table, or ErrNoTable.
func (c *Catalog) Load(ctx context.Context, n Name) (*Table, error) {
	t := &Table{cat: c, name: n}
	if err := t.Reload(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// Reload reads the table's current state from the catalog.
func (t *Table) Reload(ctx context.Context) error {
	tbl, err := t.cat.ours.LoadTable(ctx, t.name.identifier())
	switch {
	case err == nil:
		t.tbl = tbl
		return nil
	case errors.Is(err, catalog.ErrNoSuchTable), errors.Is(err, catalog.ErrNoSuchNamespace):
		return fmt.Errorf("load table %s: %w", t.name, ErrNoTable)
	default:
		return fmt.Errorf("load table %s: %w", t.name, err)
	}
}

// Set replaces the table's state by what a commit of it returned.
func (t *Table) Set(tbl *table.Table) { t.tbl = tbl }

// Iceberg returns the table for the packages that know iceberg-go.
func (t *Table) Iceberg() *table.Table { return t.tbl }

// Name returns the table's name in the catalog.
func (t *Table) Name() Name { return t.name }

// UUID identifies the table: another table of the same name has another one.
func (t *Table) UUID() string { return t.tbl.Metadata().TableUUID().String() }

// SnapshotID returns the id of the current table snapshot, 0 if there is none.
func (t *Table) SnapshotID() int64 {
	if s := t.tbl.CurrentSnapshot(); s != nil {
		return s.SnapshotID
	}
	return 0
}

// SchemaID identifies the current schema; it changes with every evolution.
func (t *Table) SchemaID() int { return t.tbl.Schema().ID }

// Properties returns the table's properties.
func (t *Table) Properties() map[string]string { return t.tbl.Properties() }

// Columns returns the names of the table's columns in order.
func (t *Table) Columns() []string {
	var names []string
	for _, f := range t.tbl.Schema().Fields() {
		names = append(names, f.Name)
	}
	return names
}

// Key returns the names of the identifier fields.
func (t *Table) Key() []string {
	var names []string
	for _, id := range t.tbl.Schema().IdentifierFieldIDs {
		if name, ok := t.tbl.Schema().FindColumnName(id); ok {
			names = append(names, name)
		}
	}
	return names
}

// FileIO returns where the table's files are read and written.
func (t *Table) FileIO(ctx context.Context) (icebergio.WriteFileIO, error) {
	fs, err := t.tbl.FS(ctx)
	if err != nil {
		return nil, fmt.Errorf("open file io of table %s: %w", t.name, err)
	}
	w, ok := fs.(icebergio.WriteFileIO)
	if !ok {
		return nil, fmt.Errorf("open file io of table %s: %T cannot write", t.name, fs)
	}
	return w, nil
}

// column is that of an edit that has changed nothing.
func (t *Table) column(name string) (f iceberg.NestedField, found bool, twin string) {
	return column(t.tbl.Schema().Fields(), name)
}

// Drop removes the table from the catalog. Its files stay.
func (t *Table) Drop(ctx context.Context) error {
	if err := t.cat.cat.DropTable(t.cat.withAWS(ctx), t.name.identifier()); err != nil {
		return fmt.Errorf("drop table %s: %w", t.name, err)
	}
	return nil
}
