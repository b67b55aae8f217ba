// Package convert turns MySQL column values into the Connect values that
// Debezium 3.6 emits for them. Each type has one converter, which reads both
// the binlog's row images and the text of a snapshot's SELECT; the schemas are
// package debezium's (Column.Schema), so both halves agree on them.
//
// A [Plan] is compiled once per table definition. Converting a row allocates
// nothing once the plan's arena has grown; what a plan returns is borrowed from
// the arena and from the row.
package convert

import (
	"log/slog"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// FailureMode is Debezium's event.converting.failure.handling.mode: what
// becomes of a value that cannot be converted.
type FailureMode uint8

// The failure modes. The zero value stops.
const (
	FailureFail FailureMode = iota // an error
	FailureWarn                    // null, and a warning that names the column
	FailureSkip                    // null, noted at debug level
)

// Options decide the form of a table's events.
type Options struct {
	debezium.Modes

	// Table is named in errors; the topic stands in for it if it is empty.
	Table debezium.TableID
	// DebeziumExact repeats Debezium's values where they differ from MySQL's or between snapshot and stream:
	// FLOAT read by a snapshot has six digits, a TIME outside the day cannot be converted in the modes connect
	// and isostring, a streamed ENUM or SET label has its backslashes doubled and its commas escaped, latin1's
	// five gaps stream as U+FFFD, YEAR 0000 as 1900, FLOAT4 as null, dates and bytes inside JSON in another
	// form, a TIMESTAMP in a key has fewer digits of the second in a snapshot, and a TINYINT UNSIGNED above 127
	// that is a boolean streams as false.
	DebeziumExact bool
	// ConvertFailure applies to values that the column's Connect type cannot hold. In a key, and in a column
	// that is NOT NULL, they are always errors: null is none of their values. Debezium has a NOT NULL column's
	// default there, and with DebeziumExact so has this.
	ConvertFailure FailureMode
	Rules          Rules
	SchemaNames    debezium.NameAdjustment
	FieldNames     debezium.NameAdjustment
	Logger         *slog.Logger // of failures that do not stop; nil discards them
}

// converter converts the values of one column. Neither method sees NULL. What
// they store in out may borrow from the arena and from the value.
type converter interface {
	// streamed converts a value of a row image.
	streamed(a *arena, v *mysql.Value, out *debezium.Value) error
	// selected converts the text that the plan's SELECT list reads the column as.
	selected(a *arena, text []byte, out *debezium.Value) error
}

// arena holds the bytes and elements of converted values until it is reset.
type arena struct {
	b     []byte
	elems []debezium.Value
}

// maxIdleArena is what an arena keeps between rows; a single huge row does not stay allocated.
const maxIdleArena = 1 << 20

func (a *arena) reset() {
	a.b = a.b[:0]
	if cap(a.b) > maxIdleArena {
		a.b = nil
	}
	a.elems = a.elems[:0]
	if cap(a.elems) > maxIdleArena/64 {
		a.elems = nil
	}
}

// from returns what was appended to the arena since it had n bytes. Later
// growth moves the arena but leaves the returned slice as it is.
func (a *arena) from(n int) []byte { return a.b[n:len(a.b):len(a.b)] }

// values returns n elements. Their contents are undefined.
func (a *arena) values(n int) []debezium.Value {
	if cap(a.elems)-len(a.elems) < n {
		a.elems = make([]debezium.Value, 0, max(2*cap(a.elems), n, 16))
	}
	k := len(a.elems)
	a.elems = a.elems[:k+n]
	return a.elems[k : k+n : k+n]
}
