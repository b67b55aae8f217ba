package codec

import "github.com/firn-cdc/firn/pkg/debezium"

// AppendSchemaChangeKey implements [SchemaChangeEncoder].
func (j *JSON) AppendSchemaChangeKey(dst []byte, c *debezium.SchemaChange) ([]byte, error) {
	j.changes.use(c.Source.Connector)
	return j.AppendStruct(dst, j.changes.key, c.Key())
}

// AppendSchemaChangeValue implements [SchemaChangeEncoder].
func (j *JSON) AppendSchemaChangeValue(dst []byte, c *debezium.SchemaChange) ([]byte, error) {
	j.changes.use(c.Source.Connector)
	return j.AppendStruct(dst, j.changes.value, schemaChangeValues(c))
}

// schemaChangeValues returns the values of a schema change. Where no table is
// concerned Debezium's source.table is null in a snapshot and for a database as a
// whole, but empty for other statements while streaming.
func schemaChangeValues(c *debezium.SchemaChange) []debezium.Value {
	values := c.Value()
	if c.Source.Table == "" && c.Source.Snapshot == "" && !c.OfDatabase {
		values[0].Elems[sourceTable] = debezium.Text("")
	}
	return values
}

// changeSchemas are the schemas of a connector's schema-change topic, kept so
// that an encoder compiles them once.
type changeSchemas struct {
	connector  string
	key, value *debezium.Schema
}

func (s *changeSchemas) use(connector string) {
	if s.key != nil && s.connector == connector {
		return
	}
	s.connector = connector
	s.key = debezium.SchemaChangeKeySchema(connector)
	s.value = debezium.SchemaChangeValueSchema(connector)
}
