package source

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Kind is a column's type: the Connect schema of its values.
type Kind string

// The kinds. Their values are int64 for the integers, string, and the unscaled
// int64 of a DECIMAL(10,2); nil is NULL.
const (
	Int32   Kind = "int32"
	Int64   Kind = "int64"
	String  Kind = "string"
	Decimal Kind = "decimal"
)

// Column is a column of a Table.
type Column struct {
	Name     string
	Kind     Kind
	Optional bool
	Key      bool
	MySQL    string // its type in schema changes, where that is not the kind's own
}

const decimalScale = 2

// schema returns the column's field in a schema block.
func (c *Column) schema() string {
	text := fmt.Sprintf(`"type":%q,"optional":%t`, c.Kind, c.Optional)
	if c.Kind == Decimal {
		text = fmt.Sprintf(`"type":"bytes","optional":%t,"name":"org.apache.kafka.connect.data.Decimal","version":1,`+
			`"parameters":{"scale":"%d","connect.decimal.precision":"10"}`, c.Optional, decimalScale)
	}
	return fmt.Sprintf(`{%s,"field":%q}`, text, c.Name)
}

// definition returns the column as a schema change has it.
func (c *Column) definition(position int) string {
	kind, number, length, scale, charset := c.MySQL, 1111, "null", "null", "null"
	switch {
	case kind != "":
	case c.Kind == Int32:
		kind, number = "INT", 4
	case c.Kind == Int64:
		kind, number = "BIGINT", -5
	case c.Kind == String:
		kind, number, length, charset = "VARCHAR", 12, "100", `"utf8mb4"`
	case c.Kind == Decimal:
		kind, number, length, scale = "DECIMAL", 3, "10", strconv.Itoa(decimalScale)
	}
	return fmt.Sprintf(`{"name":%q,"jdbcType":%d,"nativeType":null,"typeName":%q,"typeExpression":%q,"charsetName":%s,"length":%s,"scale":%s,`+
		`"position":%d,"optional":%t,"autoIncremented":false,"generated":false,"comment":null,"hasDefaultValue":%t,"enumValues":[]}`,
		c.Name, number, kind, kind, charset, length, scale, position, c.Optional, c.Optional)
}

// json returns a value as Connect's JSON converter writes it.
func (c *Column) json(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // a string always marshals
		}
		return string(text)
	case int64:
		if c.Kind == Decimal {
			return `"` + base64.StdEncoding.EncodeToString(twosComplement(v)) + `"`
		}
		return strconv.FormatInt(v, 10)
	default:
		panic(fmt.Sprintf("column %s: value of %T", c.Name, v))
	}
}

// text returns a value as an engine prints it, NULL for nil.
func (c *Column) text(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return v
	case int64:
		if c.Kind == Decimal {
			return new(big.Rat).SetFrac(big.NewInt(v), big.NewInt(100)).FloatString(decimalScale)
		}
		return strconv.FormatInt(v, 10)
	default:
		panic(fmt.Sprintf("column %s: value of %T", c.Name, v))
	}
}

// twosComplement returns n as Java's BigInteger does: big-endian, and as short
// as its sign allows.
func twosComplement(n int64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[7-i] = byte(n >> (8 * i))
	}
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
	return b
}

// object returns values as a JSON object of the columns.
func object(columns []Column, values []any) string {
	parts := make([]string, len(columns))
	for i := range columns {
		parts[i] = strconv.Quote(columns[i].Name) + ":" + columns[i].json(values[i])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// fields returns the columns' fields of a schema block.
func fields(columns []Column) string {
	parts := make([]string, len(columns))
	for i := range columns {
		parts[i] = columns[i].schema()
	}
	return "[" + strings.Join(parts, ",") + "]"
}
