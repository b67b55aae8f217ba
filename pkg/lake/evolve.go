package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/debezium"
)

const (
	evolveAttempts = 10
	evolvePause    = 50 * time.Millisecond // before the second attempt; it doubles, up to
	evolveMost     = time.Second
)

// Evolve makes the table hold rows of the given schema: new columns are added
// as optional ones at the end, a float becomes a double, a decimal gains digits, a
// required column of a table that is not of our making may be null where it may in
// the rows, all in one schema update. Columns that the rows lack stay. It reports whether
// the table changed. A change that Iceberg does not allow is an
// IncompatibleTypeError or NameClashError, and nothing is changed then.
func (t *Table) Evolve(ctx context.Context, row *debezium.Schema) (bool, error) {
	return t.evolve(ctx, func(e *edit) (map[string]string, error) { return nil, t.stage(e, row) })
}

// evolve commits an edit of the schema and the properties that stage returns with
// it, as one change. It is pinned to the schema that was edited, and the table is
// loaded again and staged anew after any other answer than yes: a change that was
// applied without our hearing of it is found done, and one that stands on what
// others have changed since is never applied.
func (t *Table) evolve(ctx context.Context, stage func(*edit) (map[string]string, error)) (bool, error) {
	changed := false
	for attempt := 0; ; attempt++ {
		meta := t.tbl.Metadata()
		e := newEdit(meta)
		props, err := stage(e)
		if err != nil {
			return changed, err
		}
		updates, err := e.updates(props)
		if err != nil {
			return changed, fmt.Errorf("evolve table %s: %w", t.name, err)
		}
		if len(updates) == 0 {
			return changed, nil
		}
		changed = changed || e.changes > 0
		pinned := []table.Requirement{table.AssertTableUUID(meta.TableUUID()), table.AssertCurrentSchemaID(meta.CurrentSchema().ID)}
		if _, _, err = t.cat.ours.CommitTable(ctx, t.tbl.Identifier(), pinned, updates); err == nil {
			if e.changes > 0 {
				t.cat.log.Info("evolved table", "table", t.name.String(), "changes", e.changes)
			}
			if err := t.Reload(ctx); err != nil {
				return changed, err
			}
			t.removeMetadata(ctx, meta)
			return changed, nil
		}
		if attempt+1 == evolveAttempts {
			return false, fmt.Errorf("evolve table %s: %w", t.name, err)
		}
		if err := pause(ctx, min(evolvePause<<attempt, evolveMost)); err != nil {
			return false, err
		}
		if reload := t.Reload(ctx); reload != nil {
			return false, errors.Join(fmt.Errorf("evolve table %s: %w", t.name, err), reload)
		}
	}
}

// removeMetadata removes metadata files that the table knew before and does not
// know any more, where its properties ask for it. One that is left is an orphan.
func (t *Table) removeMetadata(ctx context.Context, before table.Metadata) {
	now := t.tbl.Metadata()
	if !t.tbl.Properties().GetBool(table.MetadataDeleteAfterCommitEnabledKey, table.MetadataDeleteAfterCommitEnabledDefault) {
		return
	}
	known := make(map[string]bool)
	for f := range now.PreviousFiles() {
		known[f.MetadataFile] = true
	}
	fs, err := t.FileIO(ctx)
	for f := range before.PreviousFiles() {
		if err == nil && !known[f.MetadataFile] {
			err = fs.Remove(f.MetadataFile)
		}
	}
	if err != nil {
		t.cat.log.Debug("old metadata files are left until orphans are removed", "table", t.name.String(), "error", err)
	}
}

// stage adds to the edit what it lacks for row.
func (t *Table) stage(e *edit, row *debezium.Schema) error {
	for i := range row.Fields {
		f := &row.Fields[i]
		ids := 0 // the edit gives them
		want, err := types{}.iceberg(f.Schema, &ids)
		if err != nil {
			return fmt.Errorf("table %s, column %s: %w", t.name, f.Name, err)
		}
		have, found, twin := e.column(f.Name)
		switch {
		case found:
			widened, ok := fit(have.Type, want, f.Schema)
			if !ok || widened != nil && e.isNew(have) {
				return t.incompatible(f.Name, have.Type, want)
			}
			if widened != nil {
				e.widen(have.ID, widened)
			}
			if have.Required && f.Schema.Optional && !slices.Contains(e.meta.CurrentSchema().IdentifierFieldIDs, have.ID) {
				e.relax(have.ID)
			}
		case twin != "":
			return &NameClashError{Table: t.name.String(), Column: f.Name, Existing: twin}
		default:
			if err := e.add(f.Name, want, f.Schema.Doc); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
		}
	}
	return nil
}

func (t *Table) incompatible(column string, from, to iceberg.Type) error {
	return &IncompatibleTypeError{Table: t.name.String(), Column: column, From: from.String(), To: to.String()}
}

// CheckFormat returns an AdoptError for a table in which rows cannot be deleted as
// firn does it.
func (t *Table) CheckFormat() error {
	remedy := "map the topic to another table (--table-map)"
	switch v := t.tbl.Metadata().Version(); {
	case v == 2:
		return nil
	case v < 2:
		remedy = "upgrade it (in Spark: ALTER TABLE … SET TBLPROPERTIES ('format-version' = '2')), or " + remedy
		fallthrough
	default:
		return &AdoptError{Table: t.name.String(), Reason: fmt.Sprintf("its format version is %d, and position deletes need 2: %s", v, remedy)}
	}
}

// adopt checks that an existing table can take such rows, perhaps after Evolve.
func (t *Table) adopt(row *debezium.Schema, key []string, owner Owner) error {
	name := t.name.String()
	meta := t.tbl.Metadata()
	if err := owner.Check(name, meta.Properties()); err != nil {
		return err
	}
	if err := t.CheckFormat(); err != nil {
		return err
	}
	for _, k := range key {
		if row.FieldIndex(k) < 0 {
			return &AdoptError{Table: name, Reason: "key column " + k + " is not in the row"}
		}
	}
	for _, f := range meta.CurrentSchema().Fields() {
		if f.Required && row.FieldIndex(f.Name) < 0 {
			return requiredError(name, f.Name)
		}
	}
	return t.stage(newEdit(meta), row)
}

// requiredError refuses a table with a column that would be null in all rows and
// must not be.
func requiredError(table, column string) error {
	return &AdoptError{Table: table, Reason: "column " + column + " is required (NOT NULL), and the events have none of that name: " +
		"let it be null (in Spark: ALTER TABLE … ALTER COLUMN " + column + " DROP NOT NULL) or drop it"}
}
