package lake

import (
	"context"
	"errors"
	"fmt"
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
	return t.evolve(ctx, func(u *edit) (int, error) { return t.stage(u, row, nil) }, nil)
}

// evolve commits what stage puts into an update and the properties that record,
// if there is one, returns for the schema that comes of it, as one change.
// Whatever the answer to a commit, the table is loaded again and staged anew, so
// a change that was applied without our hearing of it is found done.
func (t *Table) evolve(ctx context.Context, stage func(*edit) (int, error), record func(*iceberg.Schema) (iceberg.Properties, error)) (bool, error) {
	changed := false
	for attempt := 1; ; attempt++ {
		var opts []table.UpdateSchemaOption
		if m := t.tbl.Metadata().NameMapping(); m != nil {
			opts = append(opts, table.WithNameMapping(m))
		}
		txn := t.tbl.NewTransaction()
		update := &edit{UpdateSchema: txn.UpdateSchema(true, false, opts...)}
		n, err := stage(update)
		if err != nil || n == 0 && record == nil {
			return changed, err
		}
		changed = changed || n > 0
		if len(update.through) > 0 {
			var impossible error
			if impossible, err = t.exchange(ctx, update, record); impossible != nil {
				return changed, impossible
			}
		} else {
			recorded, failed := t.finish(txn, update, n, record)
			if failed != nil || n == 0 && !recorded {
				return changed, failed
			}
			var tbl *table.Table
			if tbl, err = txn.Commit(ctx); err == nil {
				t.tbl = tbl
			}
		}
		if err == nil {
			if n > 0 {
				t.cat.log.Info("evolved table", "table", t.name.String(), "changes", n)
			}
			return changed, nil
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

// finish puts n changes of the schema into the transaction, and the properties.
func (t *Table) finish(txn *table.Transaction, update *edit, n int, record func(*iceberg.Schema) (iceberg.Properties, error)) (recorded bool, err error) {
	if n > 0 {
		if err := update.Commit(); err != nil {
			return false, fmt.Errorf("evolve table %s: %w", t.name, err)
		}
	}
	if record == nil {
		return false, nil
	}
	staged, err := txn.StagedTable()
	if err != nil {
		return false, fmt.Errorf("evolve table %s: %w", t.name, err)
	}
	props, err := record(staged.Schema())
	if err != nil || len(props) == 0 {
		return false, err
	}
	if err := txn.SetProperties(props); err != nil {
		return false, fmt.Errorf("evolve table %s: %w", t.name, err)
	}
	return true, nil
}

// stage adds to u what the table lacks for row and returns the number of changes.
// renamed are columns that u renames, new names to old.
func (t *Table) stage(u *edit, row *debezium.Schema, renamed map[string]string) (int, error) {
	changes := 0
	added := make(map[string]iceberg.NestedField) // by name in lower case
	ids := t.tbl.Metadata().LastColumnID()
	for i := range row.Fields {
		f := &row.Fields[i]
		want, err := t.types.iceberg(f.Schema, &ids)
		if err != nil {
			return 0, fmt.Errorf("table %s, column %s: %w", t.name, f.Name, err)
		}
		have, found, twin := t.columnBehind(f.Name, renamed)
		before, again := added[strings.ToLower(f.Name)]
		if twin == "" {
			twin = before.Name
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
			u.UpdateColumn([]string{have.Name}, table.ColumnUpdate{FieldType: iceberg.Optional[iceberg.Type]{Val: widened, Valid: true}})
		case again && before.Name == f.Name: // which was added with another type
			if widened, ok := fit(before.Type, want, f.Schema); !ok || widened != nil {
				return 0, t.incompatible(f.Name, before.Type, want)
			}
			continue
		case twin != "":
			return 0, &NameClashError{Table: t.name.String(), Column: f.Name, Existing: twin}
		default:
			u.AddColumn([]string{f.Name}, want, f.Schema.Doc, false, nil)
			added[strings.ToLower(f.Name)] = iceberg.NestedField{Name: f.Name, Type: want}
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
	_, err := t.stage(&edit{UpdateSchema: update}, row, nil)
	return err
}
