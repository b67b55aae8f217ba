package codec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// ConfluentConfig says where a registry with Confluent's HTTP API is, and how to
// get in.
type ConfluentConfig struct {
	URLs     []string // of one registry, any of which may answer
	User     string   // of basic authentication; empty: none
	Password func(ctx context.Context) (string, error)
	CAFile   string // certificates to trust; empty: the system's
	CertFile string // the client's certificate, or empty
	KeyFile  string

	LookUpOnly bool // schemas must have been registered by somebody else
	Normalize  bool // the registry compares schemas in a normal form

	Patience time.Duration // how long a registry that does not answer is asked again; 0: 5 s
}

const (
	defaultPatience = 5 * time.Second
	requestTime     = 15 * time.Second
)

// Confluent is a client of a registry with Confluent's HTTP API. What it has
// once learnt it keeps, so known schemas outlive an outage of the registry. It
// is safe for concurrent use.
type Confluent struct {
	config ConfluentConfig
	client *http.Client
	cache  *schemaCache
	first  atomic.Int32 // the URL that answered last
}

// NewConfluent returns a client. Nothing is asked yet.
func NewConfluent(c ConfluentConfig) (*Confluent, error) {
	if len(c.URLs) == 0 {
		return nil, errors.New("--schema-registry-url: give at least one")
	}
	for i, u := range c.URLs {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
			return nil, fmt.Errorf("--schema-registry-url: number %d is not http://host or https://host", i+1)
		}
		if parsed.User != nil {
			return nil, fmt.Errorf("--schema-registry-url: number %d has a password in it; use --schema-registry-auth basic, "+
				"--schema-registry-user and FIRN_SCHEMA_REGISTRY_PASSWORD or --schema-registry-password-file", i+1)
		}
	}
	conf, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 4, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: requestTime,
	}
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	return &Confluent{config: c, client: &http.Client{Transport: transport, Timeout: requestTime}, cache: newSchemaCache()}, nil
}

// Framing implements [Registry].
func (*Confluent) Framing() Framing { return ConfluentFraming }

// Register implements [Registry].
func (c *Confluent) Register(ctx context.Context, subject, schema string) (SchemaID, error) {
	if id, ok := c.cache.id(subject, schema); ok {
		return id, nil
	}
	id, err := c.register(ctx, subject, schema)
	if err != nil {
		return "", fmt.Errorf("register schema of %s: %w", subject, err)
	}
	c.cache.registered(subject, schema, id)
	return id, nil
}

func (c *Confluent) register(ctx context.Context, subject, schema string) (SchemaID, error) {
	body, err := json.Marshal(map[string]string{"schema": schema})
	if err != nil {
		return "", err
	}
	request := registryRequest{method: http.MethodPost, path: "/subjects/" + url.PathEscape(subject), body: body}
	if !c.config.LookUpOnly {
		request.path += "/versions"
	}
	if c.config.Normalize {
		request.path += "?normalize=true"
	}
	var answer struct{ ID *int32 }
	err = c.call(ctx, &request, func(text []byte) error {
		if err := json.Unmarshal(text, &answer); err != nil {
			return err
		}
		if answer.ID == nil {
			return errors.New("there is no id in it")
		}
		return nil
	})
	if err != nil {
		return "", c.explainSubject(subject, err)
	}
	return ConfluentID(*answer.ID), nil
}

// Schema implements [Registry].
func (c *Confluent) Schema(ctx context.Context, id SchemaID) (string, error) {
	if schema, ok := c.cache.schema(id); ok {
		return schema, nil
	}
	schema, err := c.schema(ctx, id)
	if err != nil {
		return "", fmt.Errorf("read schema %s: %w", id, err)
	}
	c.cache.read(id, schema)
	return schema, nil
}

func (c *Confluent) schema(ctx context.Context, id SchemaID) (string, error) {
	var answer struct {
		Schema     *string
		SchemaType string            `json:"schemaType"`
		References []json.RawMessage `json:"references"`
	}
	request := registryRequest{method: http.MethodGet, path: "/schemas/ids/" + id.String()}
	err := c.call(ctx, &request, func(text []byte) error {
		if err := json.Unmarshal(text, &answer); err != nil {
			return err
		}
		if answer.Schema == nil {
			return errors.New("there is no schema in it")
		}
		return nil
	})
	var refused *RegistryError
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound && refused.Code != 0 && refused.Code != http.StatusNotFound:
		return "", unknownSchema(id, nil)
	case err != nil:
		return "", err
	case answer.SchemaType != "" && !strings.EqualFold(answer.SchemaType, "AVRO"):
		return "", &SchemaError{ID: id, Reason: "is of type " + answer.SchemaType + ", not AVRO", Remedy: "have the topic written as Avro or JSON, or leave it out"}
	case len(answer.References) > 0:
		return "", &SchemaError{ID: id, Reason: "refers to other schemas, which is not supported", Remedy: "have the topic written with schemas that are whole, or leave it out"}
	default:
		return *answer.Schema, nil
	}
}

// Check asks the registry something harmless.
func (c *Confluent) Check(ctx context.Context) error {
	var subjects []string
	return c.call(ctx, &registryRequest{method: http.MethodGet, path: "/subjects"}, func(text []byte) error {
		return json.Unmarshal(text, &subjects)
	})
}
