package reference

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

// Avro is what Debezium published through Confluent's converter, and the
// schemas that the registry has of it.
type Avro struct {
	Records []Record
	schemas map[int32]string
}

// ReadAvro reads a file of pkg/codec/testdata/avro.
func ReadAvro(path string) (*Avro, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a := &Avro{schemas: make(map[int32]string)}
	decoder := json.NewDecoder(bufio.NewReader(f))
	for {
		var l struct {
			ID         int32
			Schema     string
			Topic      string
			Partition  int32
			Key, Value []byte
			Headers    [][2]string
		}
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return a, nil
		} else if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if l.ID != 0 {
			a.schemas[l.ID] = l.Schema
			continue
		}
		r := Record{Topic: l.Topic, Partition: l.Partition, Key: l.Key, Value: l.Value}
		for _, h := range l.Headers {
			r.Headers = append(r.Headers, Header{Key: h[0], Value: h[1]})
		}
		a.Records = append(a.Records, r)
	}
}

// Registry answers as Confluent's does that is asked for a schema by its id.
func (a *Avro) Registry() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /schemas/ids/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		id, err := strconv.Atoi(r.PathValue("id"))
		text, ok := a.schemas[int32(id)]
		var answer any = map[string]string{"schema": text}
		if err != nil || !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = map[string]any{"error_code": 40403, "message": "Schema not found"}
		}
		_ = json.NewEncoder(w).Encode(answer) // the client is told by what is missing
	})
	return mux
}
