package lake

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// The kinds of catalog.
const (
	SQL      = "sql"
	REST     = "rest"
	Glue     = "glue"
	S3Tables = "s3tables"
)

// Config says which catalog to open and where its tables are kept.
type Config struct {
	Type string // SQL, REST, Glue or S3Tables

	// URI is the REST endpoint, the SQLite file of a SQL catalog (the default is
	// catalog.sqlite in a file warehouse) or the ARN of a table bucket.
	URI string

	// Warehouse is where tables are created: file:///path or s3://bucket/prefix.
	// A REST catalog takes its own name for it, S3 Tables the bucket's ARN.
	Warehouse string

	// Options are handed to iceberg-go as they are, such as s3.endpoint or glue.id.
	Options map[string]string

	// AWS is used for Glue, S3 Tables and S3; nil is the SDK's default chain.
	AWS *aws.Config

	SSE      string // "", AES256, aws:kms or aws:kms:dsse: asked of S3 for every object written
	KMSKeyID string // of aws:kms and aws:kms:dsse; "" is the bucket's

	Logger *slog.Logger
}

// Validate reports every setting that cannot work, each by its flag.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch c.Type {
	case SQL:
		if c.Warehouse == "" {
			bad("--warehouse: a sql catalog needs one, such as file:///var/lib/firn")
		}
		if c.URI == "" && c.Warehouse != "" && !isFile(c.Warehouse) {
			bad("--catalog-uri: a sql catalog over %s needs the path of its SQLite file", c.Warehouse)
		}
	case REST:
		if c.URI == "" {
			bad("--catalog-uri: a rest catalog needs its URL")
		}
	case Glue:
		if !strings.HasPrefix(c.Warehouse, "s3://") {
			bad("--warehouse: a glue catalog needs s3://bucket/prefix, not %q", c.Warehouse)
		}
	case S3Tables:
		if !strings.HasPrefix(c.bucketARN(), "arn:") {
			bad("--warehouse: an s3tables catalog needs the ARN of a table bucket, not %q", c.bucketARN())
		}
	default:
		bad("--catalog: %q is none of sql, rest, glue, s3tables", c.Type)
	}
	switch c.SSE {
	case "", "AES256", "aws:kms", "aws:kms:dsse":
	default:
		bad("--s3-sse: %q is none of AES256, aws:kms, aws:kms:dsse", c.SSE)
	}
	if c.KMSKeyID != "" && !strings.HasPrefix(c.SSE, "aws:kms") {
		bad("--s3-kms-key-id: set --s3-sse to aws:kms or aws:kms:dsse to use it")
	}
	return errors.Join(errs...)
}

func (c *Config) bucketARN() string {
	if c.URI != "" && strings.HasPrefix(c.URI, "arn:") {
		return c.URI
	}
	return c.Warehouse
}

func isFile(location string) bool {
	return strings.HasPrefix(location, "file:") || strings.HasPrefix(location, "/")
}

// sqliteFile returns the path of the catalog's database, whose folder exists afterwards.
func (c *Config) sqliteFile() (string, error) {
	file := strings.TrimPrefix(strings.TrimPrefix(c.URI, "sqlite:"), "file:")
	if c.URI == "" {
		dir, err := filePath(c.Warehouse)
		if err != nil {
			return "", err
		}
		file = filepath.Join(dir, "catalog.sqlite")
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", fmt.Errorf("create the folder of the sql catalog: %w", err)
	}
	return file, nil
}

func filePath(location string) (string, error) {
	if strings.HasPrefix(location, "/") {
		return location, nil
	}
	u, err := url.Parse(location)
	if err != nil {
		return "", fmt.Errorf("read the warehouse's location: %w", err)
	}
	if u.Host != "" && u.Host != "localhost" {
		return "", fmt.Errorf("warehouse %s: a file location has three slashes: file:///path", location)
	}
	return u.Path, nil
}
