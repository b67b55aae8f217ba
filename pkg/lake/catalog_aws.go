package lake

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/catalog/glue"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
)

// loadAWS sets the one AWS configuration of everything that the catalog does.
func (c *Catalog) loadAWS(ctx context.Context, cfg *Config) error {
	var own aws.Config
	if cfg.AWS != nil {
		own = cfg.AWS.Copy()
	} else {
		var err error
		if own, err = awsconfig.LoadDefaultConfig(ctx); err != nil {
			return fmt.Errorf("load the AWS configuration: %w", err)
		}
	}
	if own.HTTPClient == nil {
		own.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = 64
		})
	}
	if cfg.SSE != "" {
		own.APIOptions = append(slices.Clip(own.APIOptions), encryption(cfg.SSE, cfg.KMSKeyID))
	}
	c.aws = &own
	return nil
}

// encryption asks S3 to encrypt every object that is written, wherever in
// iceberg-go the request was built.
func encryption(sse, key string) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("firn.Encryption",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				switch p := in.Parameters.(type) { // every other request passes as it is
				case *s3.PutObjectInput:
					p.ServerSideEncryption = s3types.ServerSideEncryption(sse)
					p.SSEKMSKeyId = optional(key)
				case *s3.CreateMultipartUploadInput:
					p.ServerSideEncryption = s3types.ServerSideEncryption(sse)
					p.SSEKMSKeyId = optional(key)
				case *s3.CopyObjectInput:
					p.ServerSideEncryption = s3types.ServerSideEncryption(sse)
					p.SSEKMSKeyId = optional(key)
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.Before)
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (c *Catalog) openGlue(ctx context.Context, cfg *Config) error {
	if err := c.loadAWS(ctx, cfg); err != nil {
		return err
	}
	c.warehouse = strings.TrimRight(cfg.Warehouse, "/")
	c.options["warehouse"] = c.warehouse

	own := c.aws.Copy()
	// A silent retry of an update whose answer was lost is refused as a conflict
	// with ourselves; package commit retries, and knows its own commits.
	own.RetryMaxAttempts = 1
	own.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if endpoint := c.options[glue.Endpoint]; endpoint != "" {
		own.BaseEndpoint = aws.String(endpoint)
	}
	if region := c.options[glue.Region]; region != "" {
		own.Region = region
	}
	cat, err := glue.NewCatalog(glue.WithAwsConfig(own), glue.WithAwsProperties(glue.AwsProperties(c.options)))
	if err != nil {
		return err
	}
	c.cat = cat
	return nil
}

// openREST opens a REST catalog. S3 Tables is one whose requests are signed.
func (c *Catalog) openREST(ctx context.Context, cfg *Config) error {
	if err := c.loadAWS(ctx, cfg); err != nil {
		return err
	}
	uri, warehouse := cfg.URI, cfg.Warehouse
	opts := []rest.Option{rest.WithAwsConfig(*c.aws)}
	if cfg.Type == S3Tables {
		warehouse = cfg.bucketARN()
		part := strings.Split(warehouse, ":") // arn:aws:s3tables:region:account:bucket/name
		if len(part) < 6 {
			return fmt.Errorf("%q is no ARN of a table bucket", warehouse)
		}
		if uri == "" || uri == warehouse {
			uri = "https://s3tables." + part[3] + ".amazonaws.com/iceberg"
		}
		opts = append(opts, rest.WithSigV4RegionSvc(part[3], "s3tables"))
	}
	if warehouse != "" {
		opts = append(opts, rest.WithWarehouseLocation(warehouse))
	}
	if token := c.options["token"]; token != "" {
		opts = append(opts, rest.WithOAuthToken(token))
	}
	if credential := c.options["credential"]; credential != "" {
		opts = append(opts, rest.WithCredential(credential))
	}
	opts = append(opts, rest.WithAdditionalProps(c.options))
	cat, err := rest.NewCatalog(c.withAWS(ctx), "firn", uri, opts...)
	if err != nil {
		return err
	}
	c.cat = cat
	return nil
}
