package codec_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firn-cdc/firn/pkg/codec"
)

// fakeRegistry answers as Confluent's server does, and notes what it was asked.
type fakeRegistry struct {
	mu     sync.Mutex
	asked  []string
	broken int // requests that are still refused as by a gateway; negative: all
}

func (f *fakeRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	user, password, _ := r.BasicAuth()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, strings.Join([]string{r.Method, r.URL.RequestURI(), string(body), user + ":" + password}, " "))
	if f.broken != 0 {
		f.broken--
		http.Error(w, `<html>`, http.StatusBadGateway)
		return
	}
	answer := func(status int, text string) {
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /subjects/bad-value/versions":
		answer(http.StatusConflict, `{"error_code":40901,"message":"Schema being registered is incompatible"}`)
	case "POST /subjects/my-server-value/versions":
		answer(http.StatusUnprocessableEntity, `{"error_code":42201,"message":"Illegal character in: my-server"}`)
	case "POST /subjects/unknown-value":
		answer(http.StatusNotFound, `{"error_code":40401,"message":"Subject 'unknown-value' not found."}`)
	case "POST /subjects/odd-value/versions":
		answer(http.StatusOK, `{"version":1}`)
	case "GET /schemas/ids/8":
		answer(http.StatusOK, `{"schema":"\"long\"","guid":"x"}`)
	case "GET /schemas/ids/9":
		answer(http.StatusOK, `{"schema":"syntax","schemaType":"PROTOBUF"}`)
	case "GET /schemas/ids/10":
		answer(http.StatusOK, `{"schema":"\"a.b\"","references":[{"name":"a.b"}]}`)
	case "GET /schemas/ids/11":
		answer(http.StatusOK, `<html>please log in</html>`)
	case "GET /schemas/ids/12":
		answer(http.StatusOK, `[]`)
	case "GET /schemas/ids/13":
		answer(http.StatusUnauthorized, `Unauthorized`)
	case "GET /schemas/ids/14":
		answer(http.StatusForbidden, `{"error_code":40301,"message":"User is denied operation Read"}`)
	case "GET /schemas/ids/15":
		answer(http.StatusNotFound, `<html>nginx`)
	case "GET /subjects":
		answer(http.StatusOK, `["a-key","a-value"]`)
	default:
		if r.Method == http.MethodPost {
			answer(http.StatusOK, `{"id":7}`)
			return
		}
		answer(http.StatusNotFound, `{"error_code":40403,"message":"Schema not found"}`)
	}
}

// requests returns what was asked so far.
func (f *fakeRegistry) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

func (f *fakeRegistry) fail(requests int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = requests
}

func openConfluent(t *testing.T, c codec.ConfluentConfig, handlers ...http.Handler) *codec.Confluent {
	t.Helper()
	c.User, c.Password = "u", func(context.Context) (string, error) { return "p", nil }
	for _, h := range handlers {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		c.URLs = append(c.URLs, server.URL+"/")
	}
	if c.Patience == 0 {
		c.Patience = time.Millisecond
	}
	client, err := codec.NewConfluent(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestConfluent_Register(t *testing.T) {
	f := &fakeRegistry{}
	c := openConfluent(t, codec.ConfluentConfig{}, f)
	for range 2 {
		id, err := c.Register(t.Context(), "a/b-key", `"string"`)
		if err != nil || id.String() != "7" {
			t.Fatalf("got id %s, error %v", id, err)
		}
	}
	want := `POST /subjects/a%2Fb-key/versions {"schema":"\"string\""} u:p`
	if got := f.requests(); len(got) != 1 || got[0] != want {
		t.Errorf("asked %q, want once %s", got, want)
	}
	f.fail(-1)
	if s, err := c.Schema(t.Context(), codec.ConfluentID(7)); err != nil || s != `"string"` {
		t.Errorf("a registered schema is known: got %q, error %v", s, err)
	}
}

func TestConfluent_LooksUpInANormalForm(t *testing.T) {
	f := &fakeRegistry{}
	c := openConfluent(t, codec.ConfluentConfig{LookUpOnly: true, Normalize: true}, f)
	if id, err := c.Register(t.Context(), "a-key", `"string"`); err != nil || id != codec.ConfluentID(7) {
		t.Fatalf("got id %s, error %v", id, err)
	}
	want := `POST /subjects/a-key?normalize=true {"schema":"\"string\""} u:p`
	if got := f.requests(); len(got) != 1 || got[0] != want {
		t.Errorf("asked %q, want once %s", got, want)
	}
	_, err := c.Register(t.Context(), "unknown-value", `"string"`)
	if err == nil || !strings.Contains(err.Error(), "have the schema registered under unknown-value, or allow it with --auto-register-schemas") {
		t.Errorf("not registered: got %v", err)
	}
}

func TestConfluent_Schema(t *testing.T) {
	f := &fakeRegistry{}
	c := openConfluent(t, codec.ConfluentConfig{}, f)
	for range 2 {
		if s, err := c.Schema(t.Context(), codec.ConfluentID(8)); err != nil || s != `"long"` {
			t.Fatalf("got %q, error %v", s, err)
		}
		f.fail(-1) // what is known outlives an outage
	}
	if got := f.requests(); len(got) != 1 {
		t.Errorf("asked %q, want once", got)
	}
}

func TestConfluent_Refusals(t *testing.T) {
	c := openConfluent(t, codec.ConfluentConfig{}, &fakeRegistry{})
	register := func(subject string) func() error {
		return func() error { _, err := c.Register(t.Context(), subject, `"string"`); return err }
	}
	schema := func(id int32) func() error {
		return func() error { _, err := c.Schema(t.Context(), codec.ConfluentID(id)); return err }
	}
	for _, tt := range []struct {
		name   string
		ask    func() error
		record bool // the record is to blame, not the registry
		want   string
	}{
		{"incompatible", register("bad-value"), false, "register schema of bad-value: the schema registry refused the request (status 409: Schema being registered is incompatible); " +
			"the subject's compatibility forbids this change: set that of bad-value to NONE (PUT /config/bad-value), and start again"},
		{"an illegal name", register("my-server-value"), false, "--schema-name-adjustment-mode=avro"},
		{"an answer without an id", register("odd-value"), false, "is no schema registry: there is no id in it; correct --schema-registry-url"},
		{"an unknown id", schema(1), true, "read schema 1: schema 1 is not in the schema registry; point at the registry in which the writer of the topic registers"},
		{"another format", schema(9), true, "schema 9 is of type PROTOBUF, not AVRO; have the topic written as Avro or JSON"},
		{"references", schema(10), true, "schema 10 refers to other schemas, which is not supported; "},
		{"a page of HTML", schema(11), false, "is no schema registry: invalid character '<'"},
		{"other JSON", schema(12), false, "is no schema registry: "},
		{"wrong credentials", schema(13), false, "the schema registry does not accept the credentials (status 401); correct --schema-registry-user and the password (FIRN_SCHEMA_REGISTRY_PASSWORD"},
		{"a right that is missing", schema(14), false, "the schema registry does not allow it (status 403: User is denied operation Read); allow this user to read schemas"},
		{"another server", schema(15), false, "the schema registry refused the request (status 404); correct --schema-registry-url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.ask()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			var refused *codec.RegistryError
			var unusable *codec.SchemaError
			if errors.As(err, &unusable) != tt.record || errors.As(err, &refused) == tt.record || errors.Is(err, codec.ErrRegistryUnavailable) {
				t.Errorf("%T is of another kind: %v", err, err)
			}
		})
	}
}

func TestConfluent_Unavailable(t *testing.T) {
	f := &fakeRegistry{broken: -1}
	down := openConfluent(t, codec.ConfluentConfig{}, f)
	if _, err := down.Schema(t.Context(), codec.ConfluentID(8)); !errors.Is(err, codec.ErrRegistryUnavailable) || !strings.Contains(err.Error(), "status 502") {
		t.Errorf("a gateway's error: got %v", err)
	}
	f.fail(2)
	patient := openConfluent(t, codec.ConfluentConfig{Patience: time.Minute}, f)
	if s, err := patient.Schema(t.Context(), codec.ConfluentID(8)); err != nil || s != `"long"` {
		t.Errorf("it is asked again: got %q, error %v", s, err)
	}
	gone := httptest.NewServer(f)
	gone.Close()
	c, err := codec.NewConfluent(codec.ConfluentConfig{URLs: []string{gone.URL}, Patience: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); !errors.Is(err, codec.ErrRegistryUnavailable) {
		t.Errorf("nobody listens: got %v", err)
	}
}

func TestConfluent_TriesTheNextServer(t *testing.T) {
	html := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") })
	down, up := &fakeRegistry{broken: -1}, &fakeRegistry{}
	c := openConfluent(t, codec.ConfluentConfig{}, down, html, up)
	for _, id := range []int32{8, 1} {
		if _, err := c.Schema(t.Context(), codec.ConfluentID(id)); errors.Is(err, codec.ErrRegistryUnavailable) || (err == nil) != (id == 8) {
			t.Errorf("schema %d: got error %v", id, err)
		}
	}
	if got := len(down.requests()); got != 1 {
		t.Errorf("the one that is down was asked %d times, want once: the next request begins with the one that answered", got)
	}
	none := openConfluent(t, codec.ConfluentConfig{}, html, &fakeRegistry{broken: -1})
	if _, err := none.Schema(t.Context(), codec.ConfluentID(8)); !errors.Is(err, codec.ErrRegistryUnavailable) {
		t.Errorf("one may come back: got %v", err)
	}
}

func TestConfluent_TLS(t *testing.T) {
	server := httptest.NewUnstartedServer(&fakeRegistry{})
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, url, ca, want string }{
		{"its authority is known", server.URL, ca, ""},
		{"its authority is unknown", server.URL, "", "the schema registry's certificate is not trusted"},
		{"a port with TLS is asked without", strings.Replace(server.URL, "https", "http", 1), "", "status 400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := codec.NewConfluent(codec.ConfluentConfig{URLs: []string{tt.url}, CAFile: tt.ca, Patience: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			var refused *codec.RegistryError
			switch err := c.Check(t.Context()); {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	plain := httptest.NewServer(&fakeRegistry{})
	t.Cleanup(plain.Close)
	c, err := codec.NewConfluent(codec.ConfluentConfig{URLs: []string{strings.Replace(plain.URL, "http", "https", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "speaks no TLS") {
		t.Errorf("a port without TLS: got %v", err)
	}
}

func TestNewConfluent_Refuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    codec.ConfluentConfig
		want string
	}{
		{"no URL", codec.ConfluentConfig{}, "give at least one"},
		{"an empty URL", codec.ConfluentConfig{URLs: []string{""}}, "number 1 is not http://host or https://host"},
		{"no scheme", codec.ConfluentConfig{URLs: []string{"http://a", "registry:8081"}}, "number 2 is not"},
		{"another scheme", codec.ConfluentConfig{URLs: []string{"ftp://x"}}, "number 1 is not"},
		{"a password in the URL", codec.ConfluentConfig{URLs: []string{"http://u:secret@x"}}, "number 1 has a password in it"},
		{"no CA file", codec.ConfluentConfig{URLs: []string{"http://x"}, CAFile: "no-such-file"}, "--schema-registry-ca-file: open no-such-file"},
		{"no certificate", codec.ConfluentConfig{URLs: []string{"http://x"}, CertFile: "no-such-file", KeyFile: "k"}, "--schema-registry-cert-file, --schema-registry-key-file: open no-such-file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := codec.NewConfluent(tt.c)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
