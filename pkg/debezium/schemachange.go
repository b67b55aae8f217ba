package debezium

var (
	columnSchema = &Schema{
		Type: Struct, Name: "io.debezium.connector.schema.Column", Version: 1,
		Fields: []Field{
			{"name", requiredString},
			{"jdbcType", requiredInt32},
			{"nativeType", optionalInt32},
			{"typeName", requiredString},
			{"typeExpression", optionalString},
			{"charsetName", optionalString},
			{"length", optionalInt32},
			{"scale", optionalInt32},
			{"position", requiredInt32},
			{"optional", optionalBoolean},
			{"autoIncremented", optionalBoolean},
			{"generated", optionalBoolean},
			{"comment", optionalString},
			{"defaultValueExpression", optionalString},
			{"enumValues", stringList},
		},
	}
	tableSchema = &Schema{
		Type: Struct, Optional: true, Name: "io.debezium.connector.schema.Table", Version: 1,
		Fields: []Field{
			{"defaultCharsetName", optionalString},
			{"primaryKeyColumnNames", stringList},
			{"columns", &Schema{Type: Array, Items: columnSchema}},
			{"comment", optionalString},
		},
	}
	changeSchema = &Schema{
		Type: Struct, Name: "io.debezium.connector.schema.Change", Version: 1,
		Fields: []Field{
			{"type", requiredString},
			{"id", requiredString},
			{"table", tableSchema},
		},
	}
)

// SchemaChangeKeySchema returns the schema of the keys of the schema-change topic.
func SchemaChangeKeySchema(connector string) *Schema {
	return &Schema{
		Type: Struct, Name: "io.debezium.connector." + connector + ".SchemaChangeKey", Version: 1,
		Fields: []Field{{"databaseName", requiredString}},
	}
}

// SchemaChangeValueSchema returns the schema of the values of the schema-change topic.
func SchemaChangeValueSchema(connector string) *Schema {
	return &Schema{
		Type: Struct, Name: "io.debezium.connector." + connector + ".SchemaChangeValue", Version: 1,
		Fields: []Field{
			{"source", SourceSchema(connector)},
			{"ts_ms", requiredInt64},
			{"databaseName", optionalString},
			{"schemaName", optionalString},
			{"ddl", optionalString},
			{"tableChanges", &Schema{Type: Array, Items: changeSchema}},
		},
	}
}

// Key returns the values of the record's key in the order of its schema.
func (c *SchemaChange) Key() []Value { return []Value{Text(c.Database)} }

// Value returns the values of the record in the order of its schema.
func (c *SchemaChange) Value() []Value {
	changes := make([]Value, len(c.Changes))
	for i := range c.Changes {
		changes[i] = c.Changes[i].value()
	}
	return []Value{
		{Type: Struct, Elems: c.Source.AppendValues(nil)},
		Int(Int64, c.TsMs),
		Text(c.Database),
		{},
		Text(c.DDL),
		{Type: Array, Elems: changes},
	}
}

func (c *TableChange) value() Value {
	table := Value{}
	if c.Table != nil {
		table = c.Table.value()
	}
	return Value{Type: Struct, Elems: []Value{Text(c.Type), Text(c.ID.Quoted()), table}}
}

func (t *Table) value() Value {
	columns := make([]Value, len(t.Columns))
	for i := range t.Columns {
		columns[i] = t.Columns[i].value()
	}
	return Value{Type: Struct, Elems: []Value{
		textOrNull(t.DefaultCharset),
		texts(t.PrimaryKey),
		{Type: Array, Elems: columns},
		textOrNull(t.Comment),
	}}
}

func (c *Column) value() Value {
	var byDefault, labels Value
	if c.Default != nil {
		byDefault = Text(*c.Default)
	}
	if c.EnumValues != nil {
		labels = texts(c.EnumValues)
	}
	return Value{Type: Struct, Elems: []Value{
		Text(c.Name),
		Int(Int32, int64(c.JDBCType)),
		intOrNull(Int32, int64(c.NativeType), 0),
		Text(c.TypeName),
		textOrNull(c.TypeExpression),
		textOrNull(c.Charset),
		intOrNull(Int32, int64(c.Length), -1),
		intOrNull(Int32, int64(c.Scale), -1),
		Int(Int32, int64(c.Position)),
		Bool(c.Optional),
		Bool(c.AutoIncremented),
		Bool(c.Generated),
		textOrNull(c.Comment),
		byDefault,
		labels,
	}}
}

func texts(list []string) Value {
	v := Value{Type: Array, Elems: make([]Value, len(list))}
	for i, s := range list {
		v.Elems[i] = Text(s)
	}
	return v
}
