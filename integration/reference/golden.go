package reference

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// Record is a Kafka record as a consumer gets it.
type Record struct {
	Topic      string
	Partition  int32
	Key, Value []byte // nil: null
	Headers    []Header
}

// Header is a header of a record.
type Header struct{ Key, Value string }

// line is a line of a golden file: a schema block that the records after it
// name, or a record. Blocks are most of a record and the same in many.
type line struct {
	ID     int             `json:"id,omitempty"`
	Schema json.RawMessage `json:"schema,omitempty"`

	Topic       string      `json:"topic,omitempty"`
	Partition   int32       `json:"partition,omitempty"`
	KeySchema   int         `json:"key_schema,omitempty"`
	Key         *string     `json:"key,omitempty"`
	ValueSchema int         `json:"value_schema,omitempty"`
	Value       *string     `json:"value,omitempty"`
	Headers     [][2]string `json:"headers,omitempty"`
}

// ReadGolden reads the records of a golden file, in the file's order.
func ReadGolden(path string) ([]Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var records []Record
	blocks := make(map[int][]byte)
	decoder := json.NewDecoder(bufio.NewReader(f))
	for {
		var l line
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return records, nil
		} else if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if l.ID != 0 {
			blocks[l.ID] = l.Schema
			continue
		}
		r := Record{Topic: l.Topic, Partition: l.Partition, Key: wrap(blocks[l.KeySchema], l.Key), Value: wrap(blocks[l.ValueSchema], l.Value)}
		for _, h := range l.Headers {
			r.Headers = append(r.Headers, Header{Key: h[0], Value: h[1]})
		}
		records = append(records, r)
	}
}

// WriteGolden writes records so that [ReadGolden] returns them.
func WriteGolden(path string, records []Record) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	blocks := make(map[string]int)
	write := func(l line) error { return encoder.Encode(l) }
	block := func(schema []byte) (int, error) {
		if schema == nil {
			return 0, nil
		}
		id, ok := blocks[string(schema)]
		if ok {
			return id, nil
		}
		id = len(blocks) + 1
		blocks[string(schema)] = id
		_, err := b.WriteString(`{"id":` + strconv.Itoa(id) + `,"schema":` + string(schema) + "}\n") // not re-encoded: to the byte
		return id, err
	}
	for _, r := range records {
		l := line{Topic: r.Topic, Partition: r.Partition}
		var schema []byte
		var errs [3]error
		schema, l.Key = unwrap(r.Key)
		l.KeySchema, errs[0] = block(schema)
		schema, l.Value = unwrap(r.Value)
		l.ValueSchema, errs[1] = block(schema)
		for _, h := range r.Headers {
			l.Headers = append(l.Headers, [2]string{h.Key, h.Value})
		}
		errs[2] = write(l)
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

const (
	schemaMember  = `{"schema":`
	payloadMember = `,"payload":`
)

func wrap(schema []byte, payload *string) []byte {
	switch {
	case payload == nil:
		return nil
	case schema == nil:
		return []byte(*payload)
	default:
		return []byte(schemaMember + string(schema) + payloadMember + *payload + "}")
	}
}

// unwrap takes what Connect's JSON converter wrote apart; schema is nil if the
// converter wrote none.
func unwrap(b []byte) (schema []byte, payload *string) {
	if b == nil {
		return nil, nil
	}
	text := string(b)
	rest, ok := bytes.CutPrefix(b, []byte(schemaMember))
	if !ok {
		return nil, &text
	}
	var block json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(rest)).Decode(&block); err != nil {
		return nil, &text
	}
	inner, ok := bytes.CutPrefix(rest[len(block):], []byte(payloadMember))
	if !ok {
		return nil, &text
	}
	text = string(bytes.TrimSuffix(inner, []byte("}")))
	return block, &text
}
