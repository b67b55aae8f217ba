package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hamba/avro/v2"
)

// Registry stands in for Confluent's schema registry inside this process, over
// TLS and with basic authentication. It answers as version 8.3.1 does: ids by
// text over all subjects, refusals by code, and what is incompatible with a
// subject's last version (BACKWARD, unless set otherwise) is refused.
type Registry struct {
	URL    string
	CAFile string // its certificate
	User   string
	// PasswordFile holds the password.
	PasswordFile string

	addr        string
	certificate tls.Certificate
	server      *http.Server

	mu       sync.Mutex
	schemas  []string          // by id, from 1 on
	subjects map[string][]int  // ids in order of versions
	levels   map[string]string // compatibility by subject; "" for all others
	instead  http.HandlerFunc  // answers in its place
}

const registryPassword = "registry-secret"

// StartRegistry starts a registry on a free port of loopback; its certificate
// goes into dir.
func StartRegistry(ctx context.Context, dir string) (*Registry, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	r := &Registry{
		addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), CAFile: filepath.Join(dir, "registry-ca.pem"), User: "firn",
		PasswordFile: filepath.Join(dir, "registry-password"),
		subjects:     make(map[string][]int), levels: map[string]string{"": "BACKWARD"},
	}
	r.URL = "https://" + r.addr
	if err := r.certify(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(r.PasswordFile, []byte(registryPassword+"\n"), 0o600); err != nil {
		return nil, err
	}
	return r, r.Up(ctx)
}

// Flags returns the flags with which both binaries use it.
func (r *Registry) Flags() []string {
	return []string{
		"--schema-registry-url=" + r.URL, "--schema-registry-auth=basic", "--schema-registry-user=" + r.User,
		"--schema-registry-password-file=" + r.PasswordFile, "--schema-registry-ca-file=" + r.CAFile,
	}
}

// Up makes it answer, with what it knew before.
func (r *Registry) Up(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", r.addr)
	if err != nil {
		return fmt.Errorf("start schema registry: %w", err)
	}
	r.server = &http.Server{Handler: r, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go func() {
		_ = r.server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{r.certificate}}))
	}()
	return nil
}

// Down breaks its connections and ends it. What it knows it keeps.
func (r *Registry) Down() error { return r.server.Close() }

// Instead has another handler answer in its place; nil: none.
func (r *Registry) Instead(h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instead = h
}

// SetCompatibility sets a subject's level, or that of all others for "".
func (r *Registry) SetCompatibility(subject, level string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.levels[subject] = level
}

// Subjects returns what is registered, and in how many versions.
func (r *Registry) Subjects() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	versions := make(map[string]int)
	for subject, ids := range r.subjects {
		versions[subject] = len(ids)
	}
	return versions
}

// ServeHTTP implements [http.Handler].
func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.instead != nil {
		r.instead(w, q)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	if user, password, _ := q.BasicAuth(); user != r.User || password != registryPassword {
		r.answer(w, 40101, "Unauthorized")
		return
	}
	path := strings.Split(strings.Trim(q.URL.Path, "/"), "/")
	switch {
	case q.Method == http.MethodGet && q.URL.Path == "/subjects":
		r.answer(w, 0, slices.Sorted(maps.Keys(r.subjects)))
	case q.Method == http.MethodGet && len(path) == 3 && path[0] == "schemas" && path[1] == "ids":
		id, err := strconv.Atoi(path[2])
		if err != nil || id < 1 || id > len(r.schemas) {
			r.answer(w, 40403, "Schema "+path[2]+" not found")
			return
		}
		r.answer(w, 0, map[string]any{"schema": r.schemas[id-1]})
	case q.Method == http.MethodPost && path[0] == "subjects" && (len(path) == 2 || len(path) == 3 && path[2] == "versions"):
		var body struct{ Schema string }
		if err := json.NewDecoder(q.Body).Decode(&body); err != nil {
			r.answer(w, 42201, err.Error())
			return
		}
		r.register(w, path[1], body.Schema, len(path) == 3)
	default:
		r.answer(w, 404, "HTTP 404 Not Found")
	}
}

func (r *Registry) register(w http.ResponseWriter, subject, schema string, add bool) {
	id := slices.Index(r.schemas, schema) + 1
	switch {
	case id > 0 && slices.Contains(r.subjects[subject], id):
	case !add && len(r.subjects[subject]) == 0:
		r.answer(w, 40401, "Subject '"+subject+"' not found.")
		return
	case !add:
		r.answer(w, 40403, "Schema not found")
		return
	default:
		if err := r.compatible(subject, schema); err != nil {
			if _, ok := errors.AsType[*incompatibleError](err); ok {
				r.answer(w, 40901, "Schema being registered is incompatible with an earlier schema for subject \""+subject+"\", details: "+err.Error())
			} else {
				r.answer(w, 42201, "Input schema is an invalid Avro schema, details: "+err.Error())
			}
			return
		}
		if id == 0 {
			r.schemas = append(r.schemas, schema)
			id = len(r.schemas)
		}
		r.subjects[subject] = append(r.subjects[subject], id)
	}
	r.answer(w, 0, map[string]any{"id": id, "version": slices.Index(r.subjects[subject], id) + 1, "schemaType": "AVRO", "schema": schema})
}

type incompatibleError struct{ error }

func (r *Registry) compatible(subject, schema string) error {
	reader, err := avro.ParseWithCache(schema, "", &avro.SchemaCache{})
	if err != nil {
		return err
	}
	level, ok := r.levels[subject]
	if !ok {
		level = r.levels[""]
	}
	before := r.subjects[subject]
	if level == "NONE" || len(before) == 0 {
		return nil
	}
	writer, err := avro.ParseWithCache(r.schemas[before[len(before)-1]-1], "", &avro.SchemaCache{})
	if err != nil {
		return err
	}
	if err := avro.NewSchemaCompatibility().Compatible(reader, writer); err != nil {
		return &incompatibleError{err}
	}
	return nil
}

// answer writes what was asked for, or an error's code and message.
func (*Registry) answer(w http.ResponseWriter, code int, body any) {
	if code > 0 {
		status := code
		for status >= 1000 {
			status /= 10
		}
		w.WriteHeader(status)
		body = map[string]any{"error_code": code, "message": body}
	}
	_ = json.NewEncoder(w).Encode(body) // a client that has gone needs none
}

// certify makes the certificate, which is its own authority.
func (r *Registry) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "schema registry"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	r.certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return os.WriteFile(r.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}
