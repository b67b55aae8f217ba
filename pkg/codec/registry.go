package codec

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Registry gives schemas ids and keeps them. Errors wrap
// [ErrRegistryUnavailable] where the same request may succeed later, and a
// [RegistryError] or a [SchemaError] where somebody has to do something first.
type Registry interface {
	// Register returns the id of the schema under the subject, and adds it if it is new.
	Register(ctx context.Context, subject, schema string) (SchemaID, error)
	// Schema returns the text of a schema.
	Schema(ctx context.Context, id SchemaID) (string, error)
	// Framing is how records name the registry's schemas.
	Framing() Framing
	// Check asks for something harmless, and returns why there is no answer.
	Check(ctx context.Context) error
}

// SchemaID is a schema's id in the bytes that records have: four of Confluent's
// numbers, sixteen of Glue's UUIDs.
type SchemaID string

const (
	confluentIDSize = 4
	glueIDSize      = 16
)

// ConfluentID returns the id of a number.
func ConfluentID(n int32) SchemaID {
	return SchemaID(binary.BigEndian.AppendUint32(nil, uint32(n)))
}

// GlueID returns the id of a schema version's UUID.
func GlueID(uuid string) (SchemaID, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	if err != nil || len(b) != glueIDSize {
		return "", fmt.Errorf("%q is no UUID", uuid)
	}
	return SchemaID(b), nil
}

// String returns the id as its registry prints it.
func (id SchemaID) String() string {
	switch len(id) {
	case confluentIDSize:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32([]byte(id))), 10)
	case glueIDSize:
		text := hex.EncodeToString([]byte(id))
		return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
	default:
		return hex.EncodeToString([]byte(id))
	}
}

// ErrRegistryUnavailable reports a registry that did not answer, or that could
// not: the same request may succeed later.
var ErrRegistryUnavailable = errors.New("the schema registry does not answer")

// RegistryError is what a registry will not do before somebody has done something.
type RegistryError struct {
	Reason string
	Remedy string
	Status int   // of HTTP; 0: none
	Code   int   // of the registry, such as 40901; 0: none
	Err    error // may be nil
}

// Error says why, and what to do.
func (e *RegistryError) Error() string { return withRemedy(e.Reason, e.Remedy, e.Err) }

// Unwrap returns the cause.
func (e *RegistryError) Unwrap() error { return e.Err }

// SchemaError is a schema that a record names and that cannot be had or used.
type SchemaError struct {
	ID     SchemaID
	Reason string // what is wrong with it
	Remedy string
	Err    error // may be nil
}

// Error names the schema, and says what to do.
func (e *SchemaError) Error() string {
	return withRemedy("schema "+e.ID.String()+" "+e.Reason, e.Remedy, e.Err)
}

// Unwrap returns the cause.
func (e *SchemaError) Unwrap() error { return e.Err }

func withRemedy(reason, remedy string, err error) string {
	if err != nil {
		reason += ": " + err.Error()
	}
	return reason + "; " + remedy
}

// unknownSchema says that the registry does not have a schema.
func unknownSchema(id SchemaID, err error) error {
	return &SchemaError{
		ID: id, Reason: "is not in the schema registry", Err: err,
		Remedy: "point at the registry in which the writer of the topic registers, or restore the schema there",
	}
}
