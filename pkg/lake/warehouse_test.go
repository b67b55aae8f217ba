package lake_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/firn-cdc/firn/pkg/lake"
)

func TestCatalog_CheckWarehouse(t *testing.T) {
	t.Run("a folder is as it was afterwards", func(t *testing.T) {
		dir := t.TempDir()
		c := openAt(t, dir)
		before := names(t, dir)
		if err := c.CheckWarehouse(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := names(t, dir); after != before {
			t.Errorf("it had %s and has %s", before, after)
		}
	})
	t.Run("a folder that cannot be is named", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := lake.OpenCatalog(t.Context(), lake.Config{Type: lake.SQL, URI: file + ".sqlite", Warehouse: "file://" + file})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() }) // it only failed
		says(t, c.CheckWarehouse(t.Context()), "write file://"+file+"/firn-check-", "not a directory", "must be allowed to write files below --warehouse")
	})
	for method, want := range map[string][]string{
		"":                nil,
		http.MethodPut:    {"write s3://bucket/wh/firn-check-", "AccessDenied", "this role needs s3:PutObject"},
		http.MethodGet:    {"read s3://bucket/wh/firn-check-", "AccessDenied", "this role needs s3:GetObject"},
		http.MethodDelete: {"delete s3://bucket/wh/firn-check-", "AccessDenied", "this role needs s3:DeleteObject"},
	} {
		t.Run("of s3 without "+method, func(t *testing.T) {
			store := &objectStore{objects: make(map[string][]byte), conns: make(map[string]bool), denies: method}
			server := httptest.NewServer(store)
			t.Cleanup(server.Close)
			c, err := lake.OpenCatalog(t.Context(), lake.Config{
				Type: lake.SQL, URI: filepath.Join(t.TempDir(), "c.sqlite"), Warehouse: "s3://bucket/wh",
				Options: map[string]string{"s3.endpoint": server.URL},
				AWS:     &aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
			err = c.CheckWarehouse(t.Context())
			if (err != nil) != (want != nil) {
				t.Fatalf("got %v", err)
			}
			says(t, err, want...)
			if method != http.MethodDelete && len(store.objects) > 0 {
				t.Errorf("%d objects are left", len(store.objects))
			}
		})
	}
}

func says(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %q", err, part)
		}
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}
