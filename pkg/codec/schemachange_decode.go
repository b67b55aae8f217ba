package codec

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

var changeMembers = newKeyList("source", "ts_ms", "databaseName", "schemaName", "ddl", "tableChanges")

// Indexes into changeMembers.
const (
	changeSource = iota
	changeMillis
	changeDatabase
	changeSchemaName
	changeDDL
	changeTables
)

// DecodeSchemaChange reads a record of the schema-change topic in JSON, with or
// without the schema block. Members that it does not know are skipped.
func DecodeSchemaChange(key, value []byte) (*debezium.SchemaChange, error) {
	c := new(debezium.SchemaChange)
	named := false
	d := NewJSONDecoder(JSONDecoderOptions{})
	if err := d.schemaChange(value, c, &named); err != nil {
		return nil, fmt.Errorf("decode schema change: %w", err)
	}
	if !named && key != nil {
		k, err := d.schemaChangeKey(key)
		if err != nil {
			return nil, fmt.Errorf("decode key of schema change: %w", err)
		}
		c.Database = k
	}
	return c, nil
}

func (d *JSONDecoder) schemaChangeKey(key []byte) (string, error) {
	d.s = scanner{b: key}
	r, err := newReader(debezium.SchemaChangeKeySchema(debezium.ConnectorMySQL), true)
	if err != nil {
		return "", err
	}
	w, err := d.unwrap(&d.keyBlocks, func(*block) {})
	if err != nil {
		return "", err
	}
	values, err := d.s.structure(r, nil)
	if err != nil {
		return "", err
	}
	return string(values[0].B), d.finish(w)
}

func (d *JSONDecoder) schemaChange(value []byte, c *debezium.SchemaChange, named *bool) error {
	d.s = scanner{b: value}
	s := &d.s
	w, err := d.unwrap(&d.valueBlocks, func(*block) {})
	if err != nil {
		return err
	}
	done, err := s.open('{', '}', "an object was expected")
	found := false
	for expected := 0; !done && err == nil; {
		var i int
		if i, _, err = s.member(&changeMembers, expected); err != nil {
			return err
		}
		switch i {
		case changeSource:
			err = d.source(&c.Source)
		case changeMillis:
			c.TsMs, err = s.int64()
		case changeDatabase:
			*named = s.space() == '"'
			c.Database, err = s.optionalText()
		case changeDDL:
			found = true
			c.DDL, err = s.optionalText()
		case changeTables:
			c.Changes, err = s.tableChanges()
		default:
			err = s.skip(maxDepth)
		}
		expected = i + 1
		if err == nil {
			done, err = s.next('}')
		}
	}
	if err != nil {
		return err
	}
	if !found {
		return s.fail("it is no schema change: it has no ddl")
	}
	return d.finish(w)
}

func (s *scanner) tableChanges() ([]debezium.TableChange, error) {
	schema := debezium.SchemaChangeValueSchema(debezium.ConnectorMySQL)
	list := schema.Fields[schema.FieldIndex("tableChanges")].Schema
	r, err := newReader(list, true)
	if err != nil {
		return nil, err
	}
	var v debezium.Value
	if err := s.value(r, &v); err != nil {
		return nil, err
	}
	changes, ok := readChanges(list, &v)
	if !ok {
		return nil, s.fail("a table change without a table's id")
	}
	return changes, nil
}

// readChanges reads the list of table changes; ok is false if one lacks its table.
func readChanges(list *debezium.Schema, v *debezium.Value) (changes []debezium.TableChange, ok bool) {
	changes = make([]debezium.TableChange, len(v.Elems))
	for i := range v.Elems {
		change := record{list.Items, v.Elems[i].Elems}
		changes[i].Type = change.text("type")
		if changes[i].ID, ok = debezium.ParseTableID(change.text("id")); !ok {
			return nil, false
		}
		if table := change.field("table"); !table.isNull() {
			changes[i].Table = readTable(table)
		}
	}
	return changes, true
}

// record is a struct's values with their schema.
type record struct {
	schema *debezium.Schema
	values []debezium.Value
}

// value returns a field, null if there is none of that name.
func (r record) value(name string) (*debezium.Schema, *debezium.Value) {
	i := r.schema.FieldIndex(name)
	if i < 0 || i >= len(r.values) {
		return &debezium.Schema{}, &debezium.Value{}
	}
	return r.schema.Fields[i].Schema, &r.values[i]
}

func (r record) isNull() bool { return r.values == nil }

func (r record) text(name string) string {
	_, v := r.value(name)
	return string(v.B)
}

func (r record) int(name string, null int) int {
	if _, v := r.value(name); !v.IsNull() {
		return int(v.I)
	}
	return null
}

func (r record) bool(name string) bool {
	_, v := r.value(name)
	return v.Bool()
}

// texts returns a list of strings, nil for null.
func (r record) texts(name string) []string {
	_, v := r.value(name)
	if v.IsNull() {
		return nil
	}
	list := make([]string, len(v.Elems))
	for i := range v.Elems {
		list[i] = string(v.Elems[i].B)
	}
	return list
}

func (r record) field(name string) record {
	s, v := r.value(name)
	if v.IsNull() {
		return record{schema: s}
	}
	return record{s, v.Elems}
}

func readTable(r record) *debezium.Table {
	schema, columns := r.value("columns")
	t := &debezium.Table{
		DefaultCharset: r.text("defaultCharsetName"),
		PrimaryKey:     r.texts("primaryKeyColumnNames"),
		Comment:        r.text("comment"),
		Columns:        make([]debezium.Column, len(columns.Elems)),
	}
	for i := range columns.Elems {
		t.Columns[i] = readColumn(record{schema.Items, columns.Elems[i].Elems})
	}
	return t
}

func readColumn(r record) debezium.Column {
	c := debezium.Column{
		Name:            r.text("name"),
		JDBCType:        r.int("jdbcType", 0),
		NativeType:      r.int("nativeType", 0),
		TypeName:        r.text("typeName"),
		TypeExpression:  r.text("typeExpression"),
		Charset:         r.text("charsetName"),
		Length:          r.int("length", -1),
		Scale:           r.int("scale", -1),
		Position:        r.int("position", 0),
		Optional:        r.bool("optional"),
		AutoIncremented: r.bool("autoIncremented"),
		Generated:       r.bool("generated"),
		Comment:         r.text("comment"),
		EnumValues:      r.texts("enumValues"),
	}
	if _, v := r.value("defaultValueExpression"); !v.IsNull() {
		text := string(v.B)
		c.HasDefault, c.Default = true, &text
	}
	return c
}
