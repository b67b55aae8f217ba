package lake_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// objectStore is as much of S3 as a catalog and a table need.
type objectStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	plain   []string // objects that were written without the encryption asked for
	conns   map[string]bool
	denies  string // a method
}

func (o *objectStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conns[r.RemoteAddr] = true
	if r.Method == o.denies {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
		return
	}
	switch r.Method {
	case http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING") { // chunk-size line, data, trailer
			_, rest, _ := strings.Cut(string(body), "\r\n")
			body = []byte(rest[:strings.LastIndex(rest, "\r\n0\r\n")])
		}
		o.objects[r.URL.Path] = body
		if r.Header.Get("X-Amz-Server-Side-Encryption") != "aws:kms" || r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") != "a-key" {
			o.plain = append(o.plain, r.URL.Path)
		}
	case http.MethodGet, http.MethodHead:
		body, ok := o.objects[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body)
		}
	case http.MethodDelete:
		delete(o.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "unexpected "+r.Method, http.StatusMethodNotAllowed)
	}
}

// TestCatalog_S3 keeps a table in an object store, encrypted with a key, through
// one set of connections however often it changes.
func TestCatalog_S3(t *testing.T) {
	store := &objectStore{objects: make(map[string][]byte), conns: make(map[string]bool)}
	server := httptest.NewServer(store)
	defer server.Close()
	c, err := lake.OpenCatalog(t.Context(), lake.Config{
		Type: lake.SQL, URI: filepath.Join(t.TempDir(), "catalog.db"), Warehouse: "s3://bucket/prefix/",
		Options: map[string]string{"s3.endpoint": server.URL},
		AWS:     &aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")},
		SSE:     "aws:kms", KMSKeyID: "a-key",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	tbl, err := c.LoadOrCreate(t.Context(), customer, customers(), []string{"id"}, lake.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	row := customers()
	for i := range 20 {
		row.Fields = append(row.Fields, field(fmt.Sprint("c", i), schema(debezium.String, "")))
		if _, err := tbl.Evolve(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if err := tbl.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	store.mu.Lock()
	defer store.mu.Unlock()
	if len(store.plain) > 0 {
		t.Errorf("%d objects were written without the key, the first is %s", len(store.plain), store.plain[0])
	}
	if len(store.objects) < 20 {
		t.Errorf("%d objects, want a metadata file per change", len(store.objects))
	}
	if len(store.conns) > 5 {
		t.Errorf("%d connections for 20 changes", len(store.conns))
	}
	for path := range store.objects {
		if !strings.HasPrefix(path, "/bucket/prefix/salesdb/customer/metadata/") {
			t.Errorf("unexpected object %s", path)
		}
	}
}

func TestConfig_Validate(t *testing.T) {
	tests := []struct {
		cfg  lake.Config
		want string // a part of the error; "" is valid
	}{
		{lake.Config{Type: lake.SQL, Warehouse: "file:///tmp/x"}, ""},
		{lake.Config{Type: lake.SQL}, "--warehouse: "},
		{lake.Config{Type: lake.SQL, Warehouse: "s3://b/p"}, "--catalog-uri: "},
		{lake.Config{Type: lake.SQL, Warehouse: "s3://b/p", URI: "/tmp/c.db"}, ""},
		{lake.Config{Type: lake.REST}, "--catalog-uri: "},
		{lake.Config{Type: lake.Glue, Warehouse: "file:///x"}, "--warehouse: a glue catalog"},
		{lake.Config{Type: lake.Glue, Warehouse: "s3://b/p"}, ""},
		{lake.Config{Type: lake.S3Tables, Warehouse: "s3://b"}, "ARN"},
		{lake.Config{Type: lake.S3Tables, Warehouse: "arn:aws:s3tables:eu-west-1:1:bucket/b"}, ""},
		{lake.Config{Type: "hive"}, "--catalog: "},
		{lake.Config{Type: lake.SQL, Warehouse: "file:///x", SSE: "kms"}, "--s3-sse: "},
		{lake.Config{Type: lake.SQL, Warehouse: "file:///x", KMSKeyID: "k"}, "--s3-kms-key-id: "},
	}
	for _, tt := range tests {
		err := tt.cfg.Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.cfg, err, tt.want)
		}
	}
}
