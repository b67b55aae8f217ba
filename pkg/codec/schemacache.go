package codec

import "sync"

// schemaCache keeps what a registry has once said, both ways: neither an id nor
// a text of it ever changes, so what is known outlives an outage.
type schemaCache struct {
	mu      sync.Mutex
	ids     map[subjectSchema]SchemaID
	schemas map[SchemaID]string
}

type subjectSchema struct{ subject, schema string }

func newSchemaCache() *schemaCache {
	return &schemaCache{ids: make(map[subjectSchema]SchemaID), schemas: make(map[SchemaID]string)}
}

func (c *schemaCache) id(subject, schema string) (SchemaID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.ids[subjectSchema{subject, schema}]
	return id, ok
}

func (c *schemaCache) schema(id SchemaID) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	schema, ok := c.schemas[id]
	return schema, ok
}

// registered keeps the id that a subject's schema has.
func (c *schemaCache) registered(subject, schema string, id SchemaID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids[subjectSchema{subject, schema}], c.schemas[id] = id, schema
}

// read keeps the text of a schema.
func (c *schemaCache) read(id SchemaID, schema string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.schemas[id] = schema
}
