//go:build integration

package takeover_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/firn-cdc/firn/integration/server"
)

// registry is one that the connector and both readers share: ids are given by
// texts, so where the schemas differ the records do.
type registry struct {
	*server.Registry
	url, password string
	schemas       map[uint32]avro.Schema
}

func (w *world) startRegistry() {
	r, err := server.StartRegistry(w.Context(), w.dir)
	w.must(err)
	w.Cleanup(func() { w.must(r.Down()) })
	password, err := os.ReadFile(r.PasswordFile)
	w.must(err)
	plain := httptest.NewServer(r) // Java knows nothing of its certificate
	w.Cleanup(plain.Close)
	w.registry = &registry{Registry: r, url: plain.URL, password: strings.TrimSpace(string(password)), schemas: make(map[uint32]avro.Schema)}
}

// properties are those of the connector's converters.
func (r *registry) properties() map[string]string {
	properties := make(map[string]string)
	for _, part := range []string{"key", "value"} {
		properties[part+".converter"] = "io.confluent.connect.avro.AvroConverter"
		properties[part+".converter.schema.registry.url"] = r.url
		properties[part+".converter.basic.auth.credentials.source"] = "USER_INFO"
		properties[part+".converter.basic.auth.user.info"] = r.User + ":" + r.password
	}
	return properties
}

// decode reads a value with a library that is not ours. The schema's id is
// among what must be equal.
func (r *registry) decode(value []byte) (map[string]any, error) {
	if len(value) < 5 || value[0] != 0 {
		return nil, fmt.Errorf("a value of %d bytes is not framed", len(value))
	}
	id := binary.BigEndian.Uint32(value[1:])
	schema, err := r.schema(id)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]any)
	if err := avro.Unmarshal(schema, value[5:], &fields); err != nil {
		return nil, err
	}
	fields["schema id"] = id
	return fields, nil
}

func (r *registry) schema(id uint32) (avro.Schema, error) {
	if schema, ok := r.schemas[id]; ok {
		return schema, nil
	}
	q := httptest.NewRequestWithContext(context.Background(), http.MethodGet, fmt.Sprintf("/schemas/ids/%d", id), nil)
	q.SetBasicAuth(r.User, r.password)
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, q)
	var body struct{ Schema string }
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil || answer.Code != http.StatusOK {
		return nil, fmt.Errorf("schema %d: %d %s: %w", id, answer.Code, answer.Body, err)
	}
	schema, err := avro.ParseWithCache(body.Schema, "", &avro.SchemaCache{})
	if err == nil {
		r.schemas[id] = schema
	}
	return schema, err
}
