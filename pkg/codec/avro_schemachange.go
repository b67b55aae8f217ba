package codec

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// DecodeSchemaChange reads the value of a record of the schema-change topic.
func (d *AvroDecoder) DecodeSchemaChange(value []byte) (*debezium.SchemaChange, error) {
	c, err := d.schemaChange(value)
	if err != nil {
		return nil, fmt.Errorf("decode schema change: %w", err)
	}
	return c, nil
}

func (d *AvroDecoder) schemaChange(value []byte) (*debezium.SchemaChange, error) {
	block, err := d.open(value, &d.values)
	if err != nil {
		return nil, err
	}
	c := new(debezium.SchemaChange)
	found := false
	for _, m := range avroMembers(block.root, &changeMembers) {
		if m.index == changeSource && m.schema.Type == debezium.Struct {
			if err := d.source(&m, avroMembers(m.avroReader, &sourceMembers), &c.Source); err != nil {
				return nil, err
			}
			continue
		}
		v := &d.scratch
		if err := d.s.value(m.avroReader, v); err != nil {
			return nil, err
		}
		switch m.index {
		case changeMillis:
			c.TsMs = v.I
		case changeDatabase:
			c.Database = string(v.B)
		case changeDDL:
			c.DDL, found = string(v.B), true
		case changeTables:
			if v.Type != debezium.Array || m.items.schema.Type != debezium.Struct {
				continue
			}
			var ok bool
			if c.Changes, ok = readChanges(m.schema, v); !ok {
				return nil, d.s.fail("a table change without a table's id")
			}
		}
	}
	if !found {
		return nil, d.s.fail("it is no schema change: it has no ddl")
	}
	return c, d.finish()
}
