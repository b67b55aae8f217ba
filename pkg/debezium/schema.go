package debezium

// Type is a Kafka Connect schema type. The zero value marks a null [Value].
type Type uint8

// The Connect types, and Null for a value that is absent.
const (
	Null Type = iota
	Int8
	Int16
	Int32
	Int64
	Float32
	Float64
	Boolean
	String
	Bytes
	Array
	Map
	Struct
)

var typeNames = [...]string{
	"null", "int8", "int16", "int32", "int64", "float", "double",
	"boolean", "string", "bytes", "array", "map", "struct",
}

// String returns the name that Connect's JSON converter gives the type.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// ParseType returns the type that Connect's JSON converter writes as name.
func ParseType(name string) (Type, bool) {
	for i, n := range typeNames {
		if n == name && Type(i) != Null {
			return Type(i), true
		}
	}
	return Null, false
}

// Schema is a Kafka Connect schema. A schema is never changed once an event
// refers to it, so encoders may cache by its address.
type Schema struct {
	Type     Type
	Optional bool
	Name     string  // semantic type such as io.debezium.time.Date; "" if none
	Version  int     // 0 if none
	Doc      string  // "" if none
	Params   []Param // in the order they are printed
	Default  *Value  // nil if none

	Fields []Field // of a Struct, in order
	Items  *Schema // of an Array's elements or a Map's values
	Keys   *Schema // of a Map's keys
}

// Param is one schema parameter.
type Param struct{ Key, Value string }

// Field is one field of a struct schema.
type Field struct {
	Name   string
	Schema *Schema
}

// Param returns the value of the schema parameter key.
func (s *Schema) Param(key string) (string, bool) {
	for _, p := range s.Params {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// FieldIndex returns the index of the field called name, or -1.
func (s *Schema) FieldIndex(name string) int {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return i
		}
	}
	return -1
}

// Equal reports whether two schemas describe the same values under the same
// names, parameters, defaults and documentation.
func (s *Schema) Equal(o *Schema) bool {
	if s == o {
		return true
	}
	if s == nil || o == nil || s.Type != o.Type || s.Optional != o.Optional || s.Name != o.Name ||
		s.Version != o.Version || s.Doc != o.Doc || len(s.Params) != len(o.Params) || len(s.Fields) != len(o.Fields) {
		return false
	}
	for i := range s.Params {
		if s.Params[i] != o.Params[i] {
			return false
		}
	}
	if (s.Default == nil) != (o.Default == nil) || s.Default != nil && !s.Default.Equal(o.Default) {
		return false
	}
	for i := range s.Fields {
		if s.Fields[i].Name != o.Fields[i].Name || !s.Fields[i].Schema.Equal(o.Fields[i].Schema) {
			return false
		}
	}
	return s.Items.Equal(o.Items) && s.Keys.Equal(o.Keys)
}
