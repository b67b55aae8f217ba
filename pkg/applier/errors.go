package applier

import (
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/lake"
)

// BadRecordError is a record that cannot be applied. It never quotes the record.
type BadRecordError struct {
	Topic     string
	Partition int32
	Offset    int64
	Err       error
}

// Error says where the record is and what is wrong with it.
func (e *BadRecordError) Error() string {
	text := fmt.Sprintf("record at offset %d of %s/%d cannot be applied: %v", e.Offset, e.Topic, e.Partition, e.Err)
	if is[*StopError](e.Err) || is[*codec.SchemaError](e.Err) {
		return text // with its remedy
	}
	return text + "; " + remedyAnew
}

// bad blames the record, unless the error is of something else that may heal,
// such as a schema registry.
func (*work) bad(r *kafka.Record, err error) error {
	if !is[*codec.FormatError](err) && !is[*codec.FieldError](err) && !is[*codec.SchemaError](err) && !is[*batch.EventError](err) && !is[*StopError](err) {
		return err
	}
	return &BadRecordError{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Err: err}
}

// remedyAnew is for topics that hold what no table can.
const remedyAnew = "correct what writes the topic, delete the topic and its Iceberg table, and have the reader take a new snapshot; " +
	"or leave the topic out with --topics in place of --topic-prefix"

// advise adds what to do to errors that do not say it.
func advise(err error) error {
	switch {
	case is[*StopError](err), is[*BadRecordError](err):
		return err
	case is[*lake.ValueError](err):
		return &StopError{Reason: "a value does not fit its column", Remedy: remedyAnew, Err: err}
	case is[*debezium.UnmappableTypeError](err):
		return &StopError{
			Reason: "the table has a column that JSON without schemas cannot be read with", Err: err,
			Remedy: "have the connector publish schemas (value.converter.schemas.enable) or leave the column out (column.exclude.list), " +
				"and the topic written anew: delete it, and have the reader take a new snapshot",
		}
	default:
		return err
	}
}

// Unwrap returns what is wrong.
func (e *BadRecordError) Unwrap() error { return e.Err }

// StopError says why a table has stopped and what its operator can do.
type StopError struct {
	Reason string
	Remedy string
	Err    error // may be nil
}

// Error says all of it.
func (e *StopError) Error() string {
	text := e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; " + e.Remedy
}

// Unwrap returns the cause.
func (e *StopError) Unwrap() error { return e.Err }

func is[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// permanent reports whether err stops a table for good: opening it again would
// end the same way until somebody has done something.
func permanent(err error) bool {
	switch {
	case is[*BadRecordError](err), is[*StopError](err), is[*NameTakenError](err),
		is[*lake.OwnerError](err), is[*lake.AdoptError](err), is[*lake.NameClashError](err),
		is[*lake.IncompatibleTypeError](err), is[*lake.ValueError](err),
		is[*commit.RollbackError](err), is[*commit.ReplacedError](err),
		is[*codec.FieldError](err), is[*codec.FormatError](err), is[*batch.EventError](err),
		is[*codec.SchemaError](err), is[*codec.RegistryError](err),
		is[*debezium.UnmappableTypeError](err):
		return true
	default:
		return errors.Is(err, datafile.ErrEqualityDeletes)
	}
}

// readError explains why a partition can no longer be read.
func readError(topic string, err error) error {
	var out *kafka.OffsetOutOfRangeError
	switch {
	case errors.As(err, &out) && out.Asked < out.Earliest:
		return &StopError{
			Reason: fmt.Sprintf("Kafka's retention has removed %d offsets of %s/%d that were not applied", out.Earliest-out.Asked, topic, out.Partition),
			Remedy: "drop the Iceberg table, delete the topic, and have the reader take a new snapshot: delete the topic __firn-offsets.<prefix>", Err: err,
		}
	case errors.Is(err, kafka.ErrOffsetOutOfRange), errors.Is(err, kafka.ErrTopicRecreated):
		return &StopError{
			Reason: "topic " + topic + " is not the one that the table was applied from",
			Remedy: "restore the topic, or drop the Iceberg table, so that it is filled from the new topic, after a new snapshot by the reader", Err: err,
		}
	case errors.Is(err, kafka.ErrTopicDenied):
		return &StopError{Reason: "topic " + topic + " cannot be read", Remedy: "allow this user to read and describe it", Err: err}
	default:
		return err
	}
}

// beginningGone refuses a topic whose first records retention has removed, for a
// table of which nothing is recorded. Whether others have taken their place, as in
// a topic that is compacted too, cannot be seen from outside.
func beginningGone(topic string, partition int32, earliest int64) error {
	return &StopError{
		Reason: fmt.Sprintf("Kafka's retention has removed the first %d offsets of %s/%d, and nothing is recorded of the table: it would lack rows", earliest, topic, partition),
		Remedy: "delete the topic, and have the reader take a new snapshot; or, where what is left of the topic has all rows, as after a later snapshot, " +
			"or where its changes alone are wanted, start once with --auto-offset-reset=available",
	}
}
