package codec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// ConfluentConfig says where a registry with Confluent's HTTP API is.
type ConfluentConfig struct {
	URLs   []string // tried in turn
	Client *http.Client
	// Credentials returns user and password of basic authentication. It may be nil.
	Credentials func(ctx context.Context) (user, password string, err error)
}

// Confluent is a client of a registry with Confluent's HTTP API. What it has
// once learnt it keeps, so known schemas outlive an outage of the registry. It
// is safe for concurrent use.
type Confluent struct {
	config ConfluentConfig

	mu      sync.Mutex
	ids     map[subjectSchema]int32
	schemas map[int32]string
}

type subjectSchema struct{ subject, schema string }

// RegistryError is a refusal by the registry.
type RegistryError struct {
	Status  int    // of HTTP
	Code    int    // of the registry, such as 40901
	Message string // of the registry
}

// Error returns the registry's message.
func (e *RegistryError) Error() string {
	return fmt.Sprintf("schema registry refused with status %d, code %d: %s", e.Status, e.Code, e.Message)
}

// Temporary reports whether the same request may succeed later.
func (e *RegistryError) Temporary() bool {
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
}

// NewConfluent returns a client.
func NewConfluent(c ConfluentConfig) (*Confluent, error) {
	if len(c.URLs) == 0 || c.Client == nil {
		return nil, errors.New("a schema registry needs a URL and an HTTP client")
	}
	for i, u := range c.URLs {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
			return nil, fmt.Errorf("schema registry URL %d is not http://host or https://host", i+1)
		}
	}
	return &Confluent{config: c, ids: make(map[subjectSchema]int32), schemas: make(map[int32]string)}, nil
}

// Register implements [Registry].
func (c *Confluent) Register(ctx context.Context, subject, schema string) (int32, error) {
	known := subjectSchema{subject, schema}
	c.mu.Lock()
	id, ok := c.ids[known]
	c.mu.Unlock()
	if ok {
		return id, nil
	}
	body, err := json.Marshal(map[string]string{"schema": schema})
	if err != nil {
		return 0, fmt.Errorf("register schema of %s: %w", subject, err)
	}
	var answer struct{ ID *int32 }
	path := "/subjects/" + url.PathEscape(subject) + "/versions"
	if err := c.call(ctx, http.MethodPost, path, body, &answer); err != nil {
		return 0, fmt.Errorf("register schema of %s: %w", subject, err)
	}
	if answer.ID == nil {
		return 0, fmt.Errorf("register schema of %s: the registry's answer has no id", subject)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids[known] = *answer.ID
	c.schemas[*answer.ID] = schema
	return *answer.ID, nil
}

// Schema implements [Registry].
func (c *Confluent) Schema(ctx context.Context, id int32) (string, error) {
	c.mu.Lock()
	schema, ok := c.schemas[id]
	c.mu.Unlock()
	if ok {
		return schema, nil
	}
	var answer struct {
		Schema     string
		SchemaType string            `json:"schemaType"`
		References []json.RawMessage `json:"references"`
	}
	if err := c.call(ctx, http.MethodGet, fmt.Sprintf("/schemas/ids/%d", id), nil, &answer); err != nil {
		return "", fmt.Errorf("read schema %d: %w", id, err)
	}
	if answer.SchemaType != "" && answer.SchemaType != "AVRO" {
		return "", fmt.Errorf("read schema %d: its type is %s, not AVRO", id, answer.SchemaType)
	}
	if len(answer.References) > 0 {
		return "", fmt.Errorf("read schema %d: it refers to other schemas, which is not supported", id)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.schemas[id] = answer.Schema
	return answer.Schema, nil
}

// call asks one server after the other until one answers.
func (c *Confluent) call(ctx context.Context, method, path string, body []byte, answer any) error {
	var failures []error
	for _, base := range c.config.URLs {
		err := c.ask(ctx, method, strings.TrimSuffix(base, "/")+path, body, answer)
		var refused *RegistryError
		if err == nil || errors.As(err, &refused) && !refused.Temporary() || ctx.Err() != nil {
			return err
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

const registryMedia = "application/vnd.schemaregistry.v1+json"

// maxAnswer bounds what is read of an answer.
const maxAnswer = 32 << 20

func (c *Confluent) ask(ctx context.Context, method, address string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Accept", registryMedia)
	if body != nil {
		request.Header.Set("Content-Type", registryMedia)
	}
	if c.config.Credentials != nil {
		user, password, err := c.config.Credentials(ctx)
		if err != nil {
			return fmt.Errorf("read credentials of the schema registry: %w", err)
		}
		request.SetBasicAuth(user, password)
	}
	response, err := c.config.Client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		refusal := &RegistryError{Status: response.StatusCode}
		var told struct {
			Code    int `json:"error_code"`
			Message string
		}
		if json.Unmarshal(text, &told) == nil {
			refusal.Code, refusal.Message = told.Code, told.Message
		}
		return refusal
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("read the schema registry's answer: %w", err)
	}
	return nil
}
