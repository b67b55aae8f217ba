package codec_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/codec"
)

// fakeRegistry answers as Confluent's server does, and notes what it was asked.
type fakeRegistry struct {
	asked []string
	down  bool
}

func (f *fakeRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	user, password, _ := r.BasicAuth()
	f.asked = append(f.asked, strings.Join([]string{r.Method, r.URL.EscapedPath(), string(body), user + ":" + password}, " "))
	switch {
	case f.down:
		http.Error(w, `<html>`, http.StatusBadGateway)
	case r.URL.Path == "/subjects/bad-value/versions":
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"error_code":40901,"message":"Schema being registered is incompatible"}`)
	case r.Method == http.MethodPost:
		io.WriteString(w, `{"id":7}`)
	case r.URL.Path == "/schemas/ids/8":
		io.WriteString(w, `{"schema":"\"long\"","guid":"x"}`)
	case r.URL.Path == "/schemas/ids/9":
		io.WriteString(w, `{"schema":"syntax","schemaType":"PROTOBUF"}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error_code":40403,"message":"Schema not found"}`)
	}
}

func openConfluent(t *testing.T, handlers ...http.Handler) *codec.Confluent {
	t.Helper()
	c := codec.ConfluentConfig{
		Client:      http.DefaultClient,
		Credentials: func(context.Context) (string, string, error) { return "u", "p", nil },
	}
	for _, h := range handlers {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		c.URLs = append(c.URLs, server.URL+"/")
	}
	client, err := codec.NewConfluent(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestConfluent_Register(t *testing.T) {
	f := &fakeRegistry{}
	c := openConfluent(t, f)
	for range 2 {
		id, err := c.Register(t.Context(), "a/b-key", `"string"`)
		if err != nil || id != 7 {
			t.Fatalf("got id %d, error %v", id, err)
		}
	}
	want := `POST /subjects/a%2Fb-key/versions {"schema":"\"string\""} u:p`
	if len(f.asked) != 1 || f.asked[0] != want {
		t.Errorf("asked %q, want once %s", f.asked, want)
	}
	f.down = true
	if s, err := c.Schema(t.Context(), 7); err != nil || s != `"string"` {
		t.Errorf("a registered schema is known: got %q, error %v", s, err)
	}
}

func TestConfluent_Schema(t *testing.T) {
	f := &fakeRegistry{}
	c := openConfluent(t, f)
	for range 2 {
		if s, err := c.Schema(t.Context(), 8); err != nil || s != `"long"` {
			t.Fatalf("got %q, error %v", s, err)
		}
		f.down = true // what is known outlives an outage
	}
	if len(f.asked) != 1 {
		t.Errorf("asked %q, want once", f.asked)
	}
}

func TestConfluent_Refusals(t *testing.T) {
	c := openConfluent(t, &fakeRegistry{})
	_, err := c.Register(t.Context(), "bad-value", `"string"`)
	var refused *codec.RegistryError
	if !errors.As(err, &refused) || refused.Code != 40901 || refused.Temporary() {
		t.Errorf("incompatible: got %v", err)
	}
	if _, err = c.Schema(t.Context(), 1); !errors.As(err, &refused) || refused.Code != 40403 {
		t.Errorf("unknown: got %v", err)
	}
	if _, err = c.Schema(t.Context(), 9); err == nil || !strings.Contains(err.Error(), "PROTOBUF") {
		t.Errorf("not Avro: got %v", err)
	}
	down := openConfluent(t, &fakeRegistry{down: true})
	if _, err = down.Schema(t.Context(), 8); !errors.As(err, &refused) || !refused.Temporary() {
		t.Errorf("down: got %v", err)
	}
}

func TestConfluent_TriesTheNextServer(t *testing.T) {
	c := openConfluent(t, &fakeRegistry{down: true}, &fakeRegistry{})
	if s, err := c.Schema(t.Context(), 8); err != nil || s != `"long"` {
		t.Errorf("got %q, error %v", s, err)
	}
}

func TestNewConfluent_RefusesURLs(t *testing.T) {
	for _, u := range []string{"", "registry:8081", "ftp://x"} {
		if _, err := codec.NewConfluent(codec.ConfluentConfig{URLs: []string{u}, Client: http.DefaultClient}); err == nil {
			t.Errorf("%q was accepted", u)
		}
	}
}
