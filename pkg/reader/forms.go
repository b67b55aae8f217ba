package reader

import (
	"bytes"
	"fmt"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// form is how a converter writes keys or values; "" is that of none.
type form string

// The forms that can be told apart.
const (
	formAvro   form = "Avro"
	formSchema form = "JSON with schemas"
	formBare   form = "JSON without schemas"
)

func formOf(b []byte) form {
	switch {
	case b == nil:
		return ""
	case codec.ConfluentFraming.Begins(b), codec.GlueFraming.Begins(b):
		return formAvro
	case bytes.HasPrefix(b, []byte(`{"schema":{"type":`)): // no column's value begins so
		return formSchema
	default:
		return formBare
	}
}

// forms are those of a record.
type forms struct{ key, value form }

// note makes the forms those of a record, as far as it has a key and a value.
func (f *forms) note(r *kafka.Record) {
	if key := formOf(r.Key); key != "" {
		f.key = key
	}
	if value := formOf(r.Value); value != "" {
		f.value = value
	}
}

// sameForms refuses to go on in another form than a topic's records have: a
// connector's configuration does not tell the converters that are the worker's.
func sameForms(topic string, last *forms, r *kafka.Record) error {
	var next forms
	next.note(r)
	for _, part := range []struct {
		name       string
		last, next form
		flags      string
	}{
		{"key", last.key, next.key, "--key-converter and --key-schemas-enable"},
		{"value", last.value, next.value, "--value-converter and --schemas-enable"},
	} {
		if part.last != "" && part.next != "" && part.last != part.next {
			return fmt.Errorf("the %[1]ss of topic %[2]s are %[3]s, and %[4]s would follow; set %[5]s as the Connect worker has %[1]s.converter",
				part.name, topic, part.last, part.next, part.flags)
		}
	}
	return nil
}
