package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/debezium"
)

const (
	evolveAttempts = 10
	evolvePause    = 50 * time.Millisecond
)

// Evolve makes the table hold rows of the given schema: new columns are added
// as optional ones at the end, a float becomes a double, a decimal gains digits,
// all in one schema update. Columns that the rows lack stay. It reports whether
// the table changed. A change that Iceberg does not allow is an
// IncompatibleTypeError or NameClashError, and nothing is changed then.
func (t *Table) Evolve(ctx context.Context, row *debezium.Schema) (bool, error) {
	return t.evolve(ctx, func(u *table.UpdateSchema) (int, error) { return t.stage(u, row) })
}

// Rename renames a column, which keeps its field id and so its old values. It
// reports false where that has been done already.
func (t *Table) Rename(ctx context.Context, from, to string) (bool, error) {
	return t.evolve(ctx, func(u *table.UpdateSchema) (int, error) {
		_, hasFrom, _ := t.column(from)
		_, hasTo, twin := t.column(to)
		switch {
		case !hasFrom && hasTo:
			return 0, nil
		case !hasFrom:
			return 0, &AdoptError{Table: t.name.String(), Reason: "no column " + from + " to rename to " + to}
		case hasTo:
			return 0, &AdoptError{Table: t.name.String(), Reason: "cannot rename column " + from + ": a column " + to + " exists"}
		case twin != "" && twin != from:
			return 0, &NameClashError{Table: t.name.String(), Column: to, Existing: twin}
		}
		u.RenameColumn([]string{from}, to)
		return 1, nil
	})
}

// DropColumn removes a column that is no identifier field from the current
// schema. It reports false where there is no such column.
func (t *Table) DropColumn(ctx context.Context, name string) (bool, error) {
	return t.evolve(ctx, func(u *table.UpdateSchema) (int, error) {
		f, ok, _ := t.column(name)
		if !ok {
			return 0, nil
		}
		if slices.Contains(t.tbl.Schema().IdentifierFieldIDs, f.ID) {
			return 0, &AdoptError{Table: t.name.String(), Reason: "column " + name + " is part of the key and cannot be dropped"}
		}
		u.DeleteColumn([]string{name})
		return 1, nil
	})
}

// evolve commits what stage puts into an update, as one change. Whatever the
// answer to a commit, the table is loaded again and staged anew, so a change
// that was applied without our hearing of it is found done.
func (t *Table) evolve(ctx context.Context, stage func(*table.UpdateSchema) (int, error)) (bool, error) {
	changed := false
	for attempt := 1; ; attempt++ {
		var opts []table.UpdateSchemaOption
		if m := t.tbl.Metadata().NameMapping(); m != nil {
			opts = append(opts, table.WithNameMapping(m))
		}
		txn := t.tbl.NewTransaction()
		update := txn.UpdateSchema(true, false, opts...)
		n, err := stage(update)
		if err != nil || n == 0 {
			return changed, err
		}
		changed = true
		if err := update.Commit(); err != nil {
			return false, fmt.Errorf("evolve table %s: %w", t.name, err)
		}
		tbl, err := txn.Commit(ctx)
		if err == nil {
			t.tbl = tbl
			t.cat.log.Info("evolved table", "table", t.name.String(), "changes", n)
			return true, nil
		}
		if attempt == evolveAttempts {
			return false, fmt.Errorf("evolve table %s: %w", t.name, err)
		}
		if err := pause(ctx, evolvePause); err != nil {
			return false, err
		}
		if reload := t.Reload(ctx); reload != nil {
			return false, errors.Join(fmt.Errorf("evolve table %s: %w", t.name, err), reload)
		}
	}
}

// stage adds to u what the table lacks for row and returns the number of changes.
func (t *Table) stage(u *table.UpdateSchema, row *debezium.Schema) (int, error) {
	changes := 0
	added := make(map[string]string)
	ids := t.tbl.Metadata().LastColumnID()
	for i := range row.Fields {
		f := &row.Fields[i]
		want, err := t.types.iceberg(f.Schema, &ids)
		if err != nil {
			return 0, fmt.Errorf("table %s, column %s: %w", t.name, f.Name, err)
		}
		have, found, twin := t.column(f.Name)
		if twin == "" {
			twin = added[strings.ToLower(f.Name)]
		}
		switch {
		case found:
			widened, ok := fit(have.Type, want, f.Schema)
			if !ok {
				return 0, t.incompatible(f.Name, have.Type, want)
			}
			if widened == nil {
				continue
			}
			u.UpdateColumn([]string{f.Name}, table.ColumnUpdate{FieldType: iceberg.Optional[iceberg.Type]{Val: widened, Valid: true}})
		case twin != "":
			return 0, &NameClashError{Table: t.name.String(), Column: f.Name, Existing: twin}
		default:
			u.AddColumn([]string{f.Name}, want, f.Schema.Doc, false, nil)
			added[strings.ToLower(f.Name)] = f.Name
		}
		changes++
	}
	return changes, nil
}

func (t *Table) incompatible(column string, from, to iceberg.Type) error {
	return &IncompatibleTypeError{Table: t.name.String(), Column: column, From: from.String(), To: to.String()}
}

// adopt checks that an existing table can take such rows, perhaps after Evolve.
func (t *Table) adopt(row *debezium.Schema, key []string, owner Owner) error {
	name := t.name.String()
	meta := t.tbl.Metadata()
	if err := owner.Check(name, meta.Properties()); err != nil {
		return err
	}
	if v := meta.Version(); v != 2 {
		return &AdoptError{Table: name, Reason: fmt.Sprintf("its format version is %d; position deletes need 2", v)}
	}
	for _, k := range key {
		if row.FieldIndex(k) < 0 {
			return &AdoptError{Table: name, Reason: "key column " + k + " is not in the row"}
		}
	}
	for _, f := range meta.CurrentSchema().Fields() {
		if f.Required && row.FieldIndex(f.Name) < 0 {
			return &AdoptError{Table: name, Reason: "column " + f.Name + " is required and the events have none of that name"}
		}
	}
	update := t.tbl.NewTransaction().UpdateSchema(true, false)
	_, err := t.stage(update, row)
	return err
}
