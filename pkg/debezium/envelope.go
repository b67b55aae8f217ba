package debezium

// EnvelopeSchema returns the schema of a table's events, <topic>.Envelope
// version 2, with row as the schema of before and after.
func EnvelopeSchema(topic, connector string, row *Schema) *Schema {
	return &Schema{
		Type: Struct, Name: topic + ".Envelope", Version: 2,
		Fields: []Field{
			{"before", row},
			{"after", row},
			{"source", SourceSchema(connector)},
			{"transaction", TransactionSchema()},
			{"op", requiredString},
			{"ts_ms", optionalInt64},
			{"ts_us", optionalInt64},
			{"ts_ns", optionalInt64},
		},
	}
}

// RowSchema returns the schema of a table's rows, <topic>.Value. It is
// optional, as before and after are.
func RowSchema(topic string, fields []Field) *Schema {
	return &Schema{Type: Struct, Optional: true, Name: topic + ".Value", Fields: fields}
}

// KeySchema returns the schema of a table's record keys, <topic>.Key.
func KeySchema(topic string, fields []Field) *Schema {
	return &Schema{Type: Struct, Name: topic + ".Key", Fields: fields}
}

// TransactionSchema returns the schema of the envelope's transaction block.
func TransactionSchema() *Schema { return transactionSchema }

// AppendValues appends the values of the transaction block in the order of
// its schema. They share memory with t.
func (t *Transaction) AppendValues(dst []Value) []Value {
	return append(dst, borrow(t.ID), Int(Int64, t.TotalOrder), Int(Int64, t.DataCollectionOrder))
}

// The schemas that many fields share. Nothing ever changes them.
var (
	requiredString  = &Schema{Type: String}
	optionalString  = &Schema{Type: String, Optional: true}
	requiredInt32   = &Schema{Type: Int32}
	optionalInt32   = &Schema{Type: Int32, Optional: true}
	requiredInt64   = &Schema{Type: Int64}
	optionalInt64   = &Schema{Type: Int64, Optional: true}
	optionalBoolean = &Schema{Type: Boolean, Optional: true}
	stringList      = &Schema{Type: Array, Optional: true, Items: requiredString}

	transactionSchema = &Schema{
		Type: Struct, Optional: true, Name: "event.block", Version: 1,
		Fields: []Field{
			{"id", requiredString},
			{"total_order", requiredInt64},
			{"data_collection_order", requiredInt64},
		},
	}
)
