package codec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/firn-cdc/firn/pkg/codec"
)

const (
	glueVersion1 = "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63"
	glueVersion2 = "0d4c3c1e-0d7e-4b8e-8f4d-4f4e1c2d3e4f"
)

// fakeGlue answers as Glue's API does, action by action, and notes what it was asked.
type fakeGlue struct {
	mu      sync.Mutex
	asked   []string
	answers map[string][]string // by action, one after the other; "!Code" is an error; the last one stays
}

func (f *fakeGlue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, action+" "+string(body))
	answers := f.answers[action]
	if len(answers) == 0 {
		answers = []string{"!EntityNotFoundException"}
	}
	answer := answers[0]
	if len(answers) > 1 {
		f.answers[action] = answers[1:]
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if code, ok := strings.CutPrefix(answer, "!"); ok {
		status := http.StatusBadRequest
		if code == "InternalServiceException" {
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
		answer = fmt.Sprintf(`{"__type":%q,"Message":"as told"}`, code)
	}
	io.WriteString(w, answer)
}

// actions returns the names of what was asked so far.
func (f *fakeGlue) actions() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, a := range f.asked {
		name, _, _ := strings.Cut(a, " ")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func openGlue(t *testing.T, c codec.GlueConfig, f *fakeGlue) *codec.Glue {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	c.AWS = &aws.Config{Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 1}
	c.Region, c.Endpoint = "eu-west-1", server.URL
	g, err := codec.OpenGlue(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func available(id string) string {
	return fmt.Sprintf(`{"SchemaVersionId":%q,"Status":"AVAILABLE","SchemaVersionStatus":"AVAILABLE","DataFormat":"AVRO","SchemaDefinition":"\"long\""}`, id)
}

func TestGlue_Register(t *testing.T) {
	pending := fmt.Sprintf(`{"SchemaVersionId":%q,"Status":"PENDING","SchemaVersionStatus":"PENDING"}`, glueVersion1)
	failed := fmt.Sprintf(`{"SchemaVersionId":%q,"Status":"FAILURE"}`, glueVersion1)
	for _, tt := range []struct {
		name    string
		config  codec.GlueConfig
		answers map[string][]string
		actions string
		want    string // part of the error
	}{
		{name: "a known schema is found", answers: map[string][]string{"GetSchemaByDefinition": {available(glueVersion1)}}, actions: "GetSchemaByDefinition"},
		{
			name: "a new version is added", answers: map[string][]string{"RegisterSchemaVersion": {available(glueVersion1)}},
			actions: "GetSchemaByDefinition RegisterSchemaVersion",
		},
		{
			name: "a new schema is created", answers: map[string][]string{"CreateSchema": {available(glueVersion1)}},
			actions: "GetSchemaByDefinition RegisterSchemaVersion CreateSchema",
		},
		{
			name: "another process creates it first",
			answers: map[string][]string{
				"CreateSchema": {"!AlreadyExistsException"}, "RegisterSchemaVersion": {"!EntityNotFoundException", available(glueVersion1)},
			},
			actions: "GetSchemaByDefinition RegisterSchemaVersion CreateSchema RegisterSchemaVersion",
		},
		{
			name:    "a version that is being compared is waited for",
			answers: map[string][]string{"RegisterSchemaVersion": {pending}, "GetSchemaVersion": {pending, available(glueVersion1)}},
			actions: "GetSchemaByDefinition RegisterSchemaVersion GetSchemaVersion GetSchemaVersion",
		},
		{
			name:    "an incompatible version is refused",
			answers: map[string][]string{"RegisterSchemaVersion": {pending}, "GetSchemaVersion": {failed}},
			actions: "GetSchemaByDefinition RegisterSchemaVersion GetSchemaVersion",
			want:    "has status FAILURE; the schema's compatibility forbids this change: set that of shop.d.t-key to NONE",
		},
		{
			name: "nothing is registered where that is not allowed", config: codec.GlueConfig{LookUpOnly: true}, actions: "GetSchemaByDefinition",
			want: "have it registered under schema shop.d.t-key, or allow it with --auto-register-schemas",
		},
		{
			name: "a right is missing", answers: map[string][]string{"GetSchemaByDefinition": {"!AccessDeniedException"}}, actions: "GetSchemaByDefinition",
			want: "Glue does not allow it: operation error Glue: GetSchemaByDefinition",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeGlue{answers: tt.answers}
			g := openGlue(t, tt.config, f)
			id, err := g.Register(t.Context(), "shop.d.t-key", `"long"`)
			if got := f.actions(); got != tt.actions {
				t.Errorf("asked %s, want %s", got, tt.actions)
			}
			if tt.want != "" {
				var refused *codec.RegistryError
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got  %v\nwant %s", err, tt.want)
				}
				return
			}
			if err != nil || id.String() != glueVersion1 {
				t.Fatalf("got id %s, error %v", id, err)
			}
			if again, err := g.Register(t.Context(), "shop.d.t-key", `"long"`); err != nil || again != id {
				t.Errorf("again: got id %s, error %v", again, err)
			}
			if s, err := g.Schema(t.Context(), id); err != nil || s != `"long"` {
				t.Errorf("its text: got %s, error %v", s, err)
			}
			if got := f.actions(); got != tt.actions {
				t.Errorf("what is known is asked again: %s", got)
			}
		})
	}
}

func TestGlue_NamesSchemas(t *testing.T) {
	for _, tt := range []struct{ template, want string }{
		{"", "shop.my-db.t-value"},
		{"{topic}", "shop.my-db.t"},
		{"cdc.{part}.{topic}", "cdc.value.shop.my-db.t"},
	} {
		f := &fakeGlue{answers: map[string][]string{"CreateSchema": {available(glueVersion1)}}}
		g := openGlue(t, codec.GlueConfig{Registry: "mine", SchemaName: tt.template, Compatibility: "NONE"}, f)
		if _, err := g.Register(t.Context(), "shop.my-db.t-value", `"long"`); err != nil {
			t.Fatal(err)
		}
		var got struct {
			SchemaName, DataFormat, Compatibility, SchemaDefinition string
			RegistryID                                              struct{ RegistryName string }
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(f.asked[2], "CreateSchema ")), &got); err != nil {
			t.Fatal(err)
		}
		if got.SchemaName != tt.want || got.RegistryID.RegistryName != "mine" || got.Compatibility != "NONE" || got.DataFormat != "AVRO" || got.SchemaDefinition != `"long"` {
			t.Errorf("created %+v, want schema %s", got, tt.want)
		}
	}
}

func TestGlue_Schema(t *testing.T) {
	f := &fakeGlue{answers: map[string][]string{"GetSchemaVersion": {
		available(glueVersion1), "!EntityNotFoundException", `{"DataFormat":"PROTOBUF","SchemaDefinition":"x"}`, "!ThrottlingException", "!InternalServiceException",
		"!ExpiredTokenException", `<html>`,
	}}}
	g := openGlue(t, codec.GlueConfig{}, f)
	id := func(uuid string) codec.SchemaID {
		id, err := codec.GlueID(uuid)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for range 2 {
		if s, err := g.Schema(t.Context(), id(glueVersion1)); err != nil || s != `"long"` {
			t.Fatalf("got %q, error %v", s, err)
		}
	}
	if got := f.actions(); got != "GetSchemaVersion" {
		t.Errorf("asked %s, want once", got)
	}
	var unusable *codec.SchemaError
	var refused *codec.RegistryError
	for _, tt := range []struct {
		what string
		kind func(error) bool
		want string
	}{
		{"an unknown version", func(err error) bool { return errors.As(err, &unusable) }, "schema " + glueVersion2 + " is not in the schema registry"},
		{"another format", func(err error) bool { return errors.As(err, &unusable) }, "is of format PROTOBUF, not AVRO"},
		{"throttling", func(err error) bool { return errors.Is(err, codec.ErrRegistryUnavailable) }, "ThrottlingException"},
		{"an error of Glue's", func(err error) bool { return errors.Is(err, codec.ErrRegistryUnavailable) }, "InternalServiceException"},
		{"old credentials", func(err error) bool { return errors.As(err, &refused) }, "give this process an AWS role"},
		{"something else that answers", func(err error) bool { return errors.As(err, &refused) }, "what answers is not Glue"},
	} {
		_, err := g.Schema(t.Context(), id(glueVersion2))
		if err == nil || !tt.kind(err) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", tt.what, err)
		}
	}
}

func TestGlue_Check(t *testing.T) {
	f := &fakeGlue{}
	if err := openGlue(t, codec.GlueConfig{}, f).Check(t.Context()); err != nil {
		t.Errorf("the default registry is made with the first schema: %v", err)
	}
	if err := openGlue(t, codec.GlueConfig{Registry: "mine"}, f).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "Glue has no registry mine") {
		t.Errorf("another is not: %v", err)
	}
}
