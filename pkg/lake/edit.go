package lake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// edit is a table's schema on its way to another one. Columns are known by their
// ids, so their names may change places. The library's own editor gives a column
// only a name that no column has.
type edit struct {
	meta    table.Metadata
	fields  []iceberg.NestedField // as they are to be
	last    int                   // field id that was given
	changes int

	touched map[int]iceberg.NestedField // that were renamed or have another type
}

func newEdit(meta table.Metadata) *edit {
	return &edit{
		meta: meta, fields: slices.Clone(meta.CurrentSchema().Fields()), last: meta.LastColumnID(),
		touched: make(map[int]iceberg.NestedField),
	}
}

// column returns the column called name exactly, and otherwise the name of one
// that differs from it only in letter case.
func (e *edit) column(name string) (f iceberg.NestedField, found bool, twin string) {
	return column(e.fields, name)
}

func column(fields []iceberg.NestedField, name string) (f iceberg.NestedField, found bool, twin string) {
	for _, f := range fields {
		if f.Name == name {
			return f, true, ""
		}
		if strings.EqualFold(f.Name, name) {
			twin = f.Name
		}
	}
	return iceberg.NestedField{}, false, twin
}

// isNew reports whether the edit has added the column.
func (e *edit) isNew(f iceberg.NestedField) bool { return f.ID > e.meta.LastColumnID() }

// add adds an optional column at the end.
func (e *edit) add(name string, t iceberg.Type, doc string) error {
	next := func() int { e.last++; return e.last }
	fresh, err := iceberg.AssignFreshSchemaIDs(iceberg.NewSchema(0, iceberg.NestedField{Name: name, Type: t, Doc: doc}), next)
	if err != nil {
		return fmt.Errorf("number column %s: %w", name, err)
	}
	e.fields = append(e.fields, fresh.Field(0))
	e.changes++
	return nil
}

func (e *edit) drop(id int) {
	e.fields = slices.DeleteFunc(e.fields, func(f iceberg.NestedField) bool { return f.ID == id })
	e.changes++
}

func (e *edit) rename(id int, name string) {
	e.change(id, func(f *iceberg.NestedField) { f.Name = name })
}

func (e *edit) widen(id int, t iceberg.Type) {
	e.change(id, func(f *iceberg.NestedField) { f.Type = t })
}

// relax lets the column be null.
func (e *edit) relax(id int) {
	e.change(id, func(f *iceberg.NestedField) { f.Required = false })
}

func (e *edit) change(id int, how func(*iceberg.NestedField)) {
	i := slices.IndexFunc(e.fields, func(f iceberg.NestedField) bool { return f.ID == id })
	how(&e.fields[i])
	e.touched[id] = e.fields[i]
	e.changes++
}

// updates returns what the edit and the properties are to the catalog: one change.
func (e *edit) updates(props iceberg.Properties) ([]table.Update, error) {
	props = maps.Clone(props)
	if props == nil {
		props = make(iceberg.Properties)
	}
	var updates []table.Update
	if e.changes > 0 {
		const lastAdded = -1
		schema := iceberg.NewSchemaWithIdentifiers(e.nextID(), e.meta.CurrentSchema().IdentifierFieldIDs, e.fields...)
		updates = append(updates, table.NewAddSchemaUpdate(schema), table.NewSetCurrentSchemaUpdate(lastAdded))
		if err := e.mapNames(props); err != nil {
			return nil, err
		}
	}
	if len(props) > 0 {
		updates = append(updates, table.NewSetPropertiesUpdate(props))
	}
	return updates, nil
}

func (e *edit) nextID() int {
	next := 0
	for _, s := range e.meta.Schemas() {
		next = max(next, s.ID+1)
	}
	return next
}

// mapNames keeps up the table's name mapping, if it has one. That is for files
// without field ids, in which a column has its first name: a name that another
// column had stays that one's.
func (e *edit) mapNames(props iceberg.Properties) error {
	mapping := e.meta.NameMapping()
	if mapping == nil {
		return nil
	}
	touched, added := maps.Clone(e.touched), make(map[int][]iceberg.NestedField)
	maps.DeleteFunc(touched, func(id int, f iceberg.NestedField) bool {
		before, ok := e.meta.CurrentSchema().FindFieldByName(f.Name)
		return ok && before.ID != id
	})
	const root = -1
	for _, f := range e.fields {
		if e.isNew(f) {
			added[root] = append(added[root], f)
		}
	}
	mapping, err := iceberg.UpdateNameMapping(mapping, touched, added)
	if err != nil {
		return fmt.Errorf("update the name mapping: %w", err)
	}
	text, err := json.Marshal(mapping)
	if err != nil {
		return fmt.Errorf("write the name mapping: %w", err)
	}
	props[table.DefaultNameMappingKey] = string(text)
	return nil
}
