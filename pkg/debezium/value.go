package debezium

import (
	"bytes"
	"math"
)

// Value is one Connect value. Which fields are set depends on Type:
//
//	Null                 none
//	Int8 … Int64         I
//	Boolean              I, 0 or 1
//	Float32, Float64     I, the bits of a float64 (see Float)
//	String               B, UTF-8
//	Bytes                B; a Connect Decimal is its unscaled value, big-endian two's complement, minimal length
//	Array                Elems
//	Struct               Elems, one per field of the schema
//	Map                  Elems, keys and values in turn
//
// B may be borrowed from the buffer that was decoded: it is valid until the
// producer of the event says it is not.
type Value struct {
	Type  Type
	I     int64
	B     []byte
	Elems []Value
}

// Int returns an integer value of Connect type t.
func Int(t Type, i int64) Value { return Value{Type: t, I: i} }

// Bool returns a boolean value.
func Bool(b bool) Value {
	if b {
		return Value{Type: Boolean, I: 1}
	}
	return Value{Type: Boolean}
}

// Float returns a floating-point value of Connect type t.
func Float(t Type, f float64) Value { return Value{Type: t, I: int64(math.Float64bits(f))} }

// Text returns a string value.
func Text(s string) Value { return Value{Type: String, B: []byte(s)} }

// IsNull reports whether the value is null.
func (v *Value) IsNull() bool { return v.Type == Null }

// Float returns the number of a Float32 or Float64 value.
func (v *Value) Float() float64 { return math.Float64frombits(uint64(v.I)) }

// Bool returns the truth of a Boolean value.
func (v *Value) Bool() bool { return v.I != 0 }

// Equal reports whether two values are the same, byte for byte.
func (v *Value) Equal(o *Value) bool {
	if v.Type != o.Type || v.I != o.I || !bytes.Equal(v.B, o.B) || len(v.Elems) != len(o.Elems) {
		return false
	}
	for i := range v.Elems {
		if !v.Elems[i].Equal(&o.Elems[i]) {
			return false
		}
	}
	return true
}
