package codec

import (
	"errors"
	"fmt"
)

// ErrNoSchema reports a record without a schema block on a topic whose schema
// the caller does not know.
var ErrNoSchema = errors.New("record carries no schema and none is known for its topic")

// ErrEnvelope reports a record with parts of Debezium's envelope that is not
// whole. It is wrapped by a [FormatError].
var ErrEnvelope = errors.New("it has parts of an envelope, and not all of op, before, after and source")

// FormatError reports bytes that are no change event. It never quotes them.
type FormatError struct {
	Reason string
	Offset int // of the byte in the key or value
	Err    error
}

// Error returns the reason and the place.
func (e *FormatError) Error() string {
	return fmt.Sprintf("not a Debezium change event: %s, at byte %d", e.Reason, e.Offset)
}

// Unwrap returns the sentinel that classifies the error, if any.
func (e *FormatError) Unwrap() error { return e.Err }

// Problem is what is wrong with a field.
type Problem uint8

// The problems of a field.
const (
	UnknownField Problem = iota // the record has it, the schema does not
	MissingField                // the schema requires it, the record lacks it
	NullField                   // the schema requires it, the record has null
	WrongType                   // the record's value does not fit the schema's type
)

var problemTexts = [...]string{
	"is not in the schema",
	"is missing",
	"is null but required",
	"does not fit",
}

// FieldError reports a record whose fields are not those of its schema. For
// records without a schema block it means that the schema known for the topic
// is of another time than the record.
type FieldError struct {
	Field   string // a path such as location.srid
	Problem Problem
	Type    string // the schema's type, with WrongType
	Offset  int
}

// Error names the field.
func (e *FieldError) Error() string {
	if e.Problem == WrongType {
		return fmt.Sprintf("field %q does not fit the schema's type %s, at byte %d", e.Field, e.Type, e.Offset)
	}
	return fmt.Sprintf("field %q %s, at byte %d", e.Field, problemTexts[e.Problem], e.Offset)
}
