package lake

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Table properties of the next schema change to follow, and of the id of the
// topic that it is in.
const (
	PropAltered      = "firn.schema-altered"
	propAlteredTopic = "firn.schema-altered-topic-id"
)

// Alteration is what a schema change does to a table's columns.
type Alteration struct {
	Next    int64            // offset of the schema change after it
	TopicID string           // of the schema-change topic; may be empty
	Renamed [][2]string      // from, to
	Columns []debezium.Field // that are new, or have another type
	Dropped []string
}

// Altered returns the offset of the next schema change that the table's columns
// have to follow, -1 if it records none, and the id of the topic that the offset is
// of, if that is recorded. They are of the table, not of a table snapshot: a
// rollback leaves them, as it leaves the columns.
func (t *Table) Altered() (next int64, topicID string) {
	n, err := strconv.ParseInt(t.Properties()[PropAltered], 10, 64)
	if err != nil {
		return -1, ""
	}
	return n, t.Properties()[propAlteredTopic]
}

// AlteredProperties are what says that a table's columns have followed a topic's
// schema changes up to an offset.
func AlteredProperties(next int64, topicID string) map[string]string {
	props := map[string]string{PropAltered: strconv.FormatInt(next, 10)}
	if topicID != "" {
		props[propAlteredTopic] = topicID
	}
	return props
}

// has reports whether the table records that it has been altered so.
func (t *Table) has(a *Alteration) bool {
	next, topicID := t.Altered()
	return next >= a.Next && (topicID == a.TopicID || topicID == "" || a.TopicID == "")
}

// Alter makes the alteration and the properties that record returns, for the
// columns' field ids, one change of the table. An alteration that the table
// records is not made again, whoever made it: a column is renamed once, and one
// that was renamed is not added again. It reports whether columns changed.
func (t *Table) Alter(ctx context.Context, a Alteration, record func(id func(column string) (int, bool)) (map[string]string, error)) (bool, error) {
	return t.evolve(ctx, func(e *edit) (map[string]string, error) {
		if t.has(&a) {
			return nil, nil
		}
		if err := t.alter(e, &a); err != nil {
			return nil, err
		}
		props, err := record(func(column string) (int, bool) {
			f, ok, _ := e.column(column)
			return f.ID, ok
		})
		if err != nil {
			return nil, err
		}
		all := AlteredProperties(a.Next, a.TopicID)
		maps.Copy(all, props)
		return all, nil
	})
}

func (t *Table) alter(e *edit, a *Alteration) error {
	renamed, err := t.renames(a)
	if err != nil {
		return err
	}
	for _, name := range a.Dropped {
		f, ok, _ := t.column(name)
		if !ok {
			continue
		}
		if slices.Contains(t.tbl.Schema().IdentifierFieldIDs, f.ID) {
			return &AdoptError{Table: t.name.String(), Reason: "column " + name + " is part of the key and cannot be dropped"}
		}
		if t.arranged(f.ID) {
			return &AdoptError{Table: t.name.String(), Reason: "column " + name + " cannot be dropped, since the table is or was partitioned by it, or is sorted by it, " +
				"and engines could not read it any more: start with --on-drop-column=keep"}
		}
		e.drop(f.ID)
	}
	for id, name := range renamed {
		e.rename(id, name)
	}
	return t.stage(e, &debezium.Schema{Type: debezium.Struct, Fields: a.Columns})
}

// arranged reports whether the table is or was partitioned by a column, or is
// sorted by it.
func (t *Table) arranged(id int) bool {
	meta := t.tbl.Metadata()
	for _, spec := range meta.PartitionSpecs() {
		if len(spec.FieldsBySourceID(id)) > 0 {
			return true
		}
	}
	order := meta.SortOrder()
	for _, f := range order.Fields() {
		if slices.Contains(f.SourceIDs, id) {
			return true
		}
	}
	return false
}

// renames returns what there is to rename, by field id. No row may have had the
// column, or all had its new name already.
func (t *Table) renames(a *Alteration) (map[int]string, error) {
	renamed := make(map[int]string)
	away := func(name string) bool {
		return slices.Contains(a.Dropped, name) || slices.ContainsFunc(a.Renamed, func(r [2]string) bool { return r[0] == name })
	}
	for _, r := range a.Renamed {
		from, to := r[0], r[1]
		f, hasFrom, _ := t.column(from)
		_, hasTo, twin := t.column(to)
		switch {
		case !hasFrom || slices.Contains(a.Dropped, from):
			continue
		case hasTo && !away(to) || slices.Contains(slices.Collect(maps.Values(renamed)), to):
			return nil, &AdoptError{Table: t.name.String(), Reason: "cannot rename column " + from + ": a column " + to + " exists, which the source has not: rename or drop that one in Iceberg"}
		case twin != "" && twin != from && !away(twin):
			return nil, &NameClashError{Table: t.name.String(), Column: to, Existing: twin}
		}
		renamed[f.ID] = to
	}
	return renamed, nil
}
