package codec

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/firn-cdc/firn/pkg/retry"
)

const (
	registryMedia = "application/vnd.schemaregistry.v1+json"
	maxAnswer     = 32 << 20 // what is read of an answer
)

// registryRequest is a request of the API.
type registryRequest struct {
	method, path string
	body         []byte
}

// call asks until a server has answered, and not again once the configuration's
// patience is over. accept reads the answer.
func (c *Confluent) call(ctx context.Context, r *registryRequest, accept func([]byte) error) error {
	policy := retry.Policy{
		Min: 100 * time.Millisecond, Max: time.Second, Limit: c.config.Patience,
		Retryable: func(err error) bool { return errors.Is(err, ErrRegistryUnavailable) },
	}
	return policy.Do(ctx, "ask the schema registry", func(ctx context.Context) error { return c.try(ctx, r, accept) })
}

// try asks one server after the other, beginning with the one that answered
// last, until one answers as a registry does. Where none does, the error is
// unavailability if one may come back.
func (c *Confluent) try(ctx context.Context, r *registryRequest, accept func([]byte) error) error {
	var away, foreign []error
	first, n := int(c.first.Load()), len(c.config.URLs)
	for i := range n {
		number := (first + i) % n
		err := c.ask(ctx, strings.TrimSuffix(c.config.URLs[number], "/")+r.path, r, accept)
		var refused *RegistryError
		switch {
		case err == nil, errors.As(err, &refused) && refused.Code != 0:
			c.first.Store(int32(number))
			return err
		case refused != nil:
			foreign = append(foreign, err)
		case errors.Is(err, ErrRegistryUnavailable):
			away = append(away, err)
		default:
			return err
		}
	}
	if len(away) > 0 {
		return errors.Join(away...)
	}
	return errors.Join(foreign...)
}

func (c *Confluent) ask(ctx context.Context, address string, r *registryRequest, accept func([]byte) error) error {
	request, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	request.Header.Set("Accept", registryMedia)
	if r.body != nil {
		request.Header.Set("Content-Type", registryMedia)
	}
	if c.config.User != "" {
		password, err := c.config.Password(ctx)
		if err != nil {
			return &RegistryError{Reason: "the password of the schema registry cannot be had", Remedy: "make it readable for this process", Err: err}
		}
		request.SetBasicAuth(c.config.User, password)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return c.unreached(ctx, err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return c.unreached(ctx, err)
	}
	if response.StatusCode != http.StatusOK {
		return c.refusal(response, text)
	}
	if err := accept(text); err != nil {
		return &RegistryError{
			Reason: "what answers at " + request.URL.Host + " is no schema registry", Status: response.StatusCode, Err: err,
			Remedy: "correct --schema-registry-url, or what stands between here and the registry",
		}
	}
	return nil
}

// unreached explains why there was no answer. Certificates that do not fit stay
// so until somebody has done something.
func (*Confluent) unreached(ctx context.Context, err error) error {
	var unverified *tls.CertificateVerificationError
	var remote *net.OpError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("ask the schema registry: %w", err)
	case errors.As(err, &unverified):
		return &RegistryError{Reason: "the schema registry's certificate is not trusted", Remedy: "give its authority's as --schema-registry-ca-file, or have it renewed", Err: err}
	case errors.As(err, &remote) && remote.Op == "remote error": // crypto/tls names an alert so
		return &RegistryError{
			Reason: "the schema registry refuses this client's certificate, or wants one", Err: err,
			Remedy: "give --schema-registry-cert-file and --schema-registry-key-file as it wants them",
		}
	case errors.Is(err, http.ErrSchemeMismatch), is[tls.RecordHeaderError](err):
		return &RegistryError{Reason: "the schema registry speaks no TLS", Remedy: "write --schema-registry-url with http://, or the port that has TLS", Err: err}
	default:
		return fmt.Errorf("%w: %w", ErrRegistryUnavailable, err)
	}
}

// refusal explains an answer that is no success.
func (c *Confluent) refusal(response *http.Response, text []byte) error {
	var told struct {
		Code    int `json:"error_code"`
		Message string
	}
	if err := json.Unmarshal(text, &told); err != nil {
		told.Code, told.Message = 0, ""
	}
	status := response.StatusCode
	said := fmt.Sprintf("status %d", status)
	if told.Message != "" {
		said += ": " + told.Message
	}
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		return fmt.Errorf("%w: %s", ErrRegistryUnavailable, said)
	}
	e := &RegistryError{Status: status, Code: told.Code, Reason: "the schema registry refused the request (" + said + ")"}
	switch status {
	case http.StatusUnauthorized:
		e.Code = status // it is final, whatever the body says
		e.Reason = "the schema registry does not accept the credentials (" + said + ")"
		e.Remedy = "correct --schema-registry-user and the password (FIRN_SCHEMA_REGISTRY_PASSWORD or --schema-registry-password-file)"
		if c.config.User == "" {
			e.Remedy = "give --schema-registry-auth basic, --schema-registry-user and the password"
		}
	case http.StatusForbidden:
		e.Code = status
		e.Reason = "the schema registry does not allow it (" + said + ")"
		e.Remedy = "allow this user to read schemas, and where it writes to register them"
	default:
		e.Remedy = "correct --schema-registry-url, if it is not a schema registry's"
	}
	return e
}

// explainSubject says what to do where a subject's schema is refused.
func (c *Confluent) explainSubject(subject string, err error) error {
	var e *RegistryError
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Status == http.StatusConflict:
		e.Remedy = "the subject's compatibility forbids this change: set that of " + subject + " to NONE (PUT /config/" + subject + "), and start again"
	case e.Status == http.StatusUnprocessableEntity:
		e.Remedy = "if a name is not legal in Avro, give --schema-name-adjustment-mode=avro; a table whose name begins with a digit has no legal one"
	case e.Status == http.StatusNotFound && e.Code != 0 && c.config.LookUpOnly:
		e.Remedy = "have the schema registered under " + subject + ", or allow it with --auto-register-schemas"
	default:
	}
	return err
}

func (c *ConfluentConfig) tlsConfig() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("--schema-registry-ca-file: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--schema-registry-ca-file: %s holds no PEM certificate", c.CAFile)
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("--schema-registry-cert-file, --schema-registry-key-file: %w", err)
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}
