package schemas_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// fakeRegistry remembers what was registered under each subject.
type fakeRegistry map[string]string

func (r fakeRegistry) Register(_ context.Context, subject, schema string) (codec.SchemaID, error) {
	r[subject] = schema
	return codec.ConfluentID(int32(len(r))), nil
}

func (fakeRegistry) Schema(context.Context, codec.SchemaID) (string, error) { return "", nil }

func (fakeRegistry) Framing() codec.Framing { return codec.ConfluentFraming }

func (fakeRegistry) Check(context.Context) error { return nil }

func TestAvro_SchemasAreRegistered(t *testing.T) {
	registered := fakeRegistry{}
	a := codec.NewAvro(t.Context(), registered, codec.AvroOptions{})
	e := event(debezium.Update)
	if _, err := a.AppendKey(nil, e); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AppendValue(nil, e); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AppendStruct(nil, "source", debezium.SourceSchema(debezium.ConnectorMySQL), e.Source.AppendValues(nil)); err != nil {
		t.Fatal(err)
	}
	for file, subject := range map[string]string{"key": topic + "-key", "envelope": topic + "-value", "source": "source"} {
		want, err := os.ReadFile("avro/" + file + ".avsc")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSpace(string(want)), registered[subject]); diff != "" {
			t.Errorf("%s differs (-file +registered)\n%s", file, diff)
		}
	}
}
