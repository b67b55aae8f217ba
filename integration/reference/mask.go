package reference

import (
	_ "embed" // the masks
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

//go:embed masks.txt
var masksText string

// Occasion says what is compared, and so what cannot be equal.
type Occasion string

// The occasions.
const (
	Beside   Occasion = "beside"   // a Debezium that reads the same binlog
	Recorded Occasion = "recorded" // what one published on another server
)

// Mask takes out of records what two publishers never have in common.
type Mask struct{ value, snapshot, key, header []string }

// NewMask returns the mask of an occasion, as masks.txt has it.
func NewMask(occasion Occasion) (*Mask, error) {
	m := &Mask{}
	for line := range strings.Lines(masksText) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if len(words) != 3 {
			return nil, fmt.Errorf("masks.txt: %q has not three words", line)
		}
		if words[0] != "always" && words[0] != string(occasion) {
			continue
		}
		switch words[1] {
		case "value":
			m.value = append(m.value, words[2])
		case "snapshot":
			m.snapshot = append(m.snapshot, words[2])
		case "key":
			m.key = append(m.key, words[2])
		case "header":
			m.header = append(m.header, words[2])
		default:
			return nil, fmt.Errorf("masks.txt: %q: value, snapshot, key or header is wanted", line)
		}
	}
	return m, nil
}

// masked is a record without what the mask takes out, as text.
type masked struct {
	key, keySchema, value, valueSchema, headers string
}

func (m *Mask) apply(r *Record) masked {
	var t masked
	t.keySchema, t.key = m.part(r, r.Key, m.key)
	members := m.value
	if ofSnapshot(r) {
		members = slices.Concat(m.value, m.snapshot)
	}
	t.valueSchema, t.value = m.part(r, r.Value, members)
	for _, h := range r.Headers {
		value := h.Value
		if slices.Contains(m.header, h.Key) {
			value = "*"
		}
		t.headers += h.Key + "=" + value + "\n"
	}
	return t
}

// ofSnapshot reports whether a record says that a snapshot has read it.
func ofSnapshot(r *Record) bool {
	_, text := unwrap(r.Value)
	if text == nil {
		return false
	}
	for _, snapshot := range gjson.GetMany(*text, "source.snapshot", "position.snapshot") {
		if snapshot.Exists() && snapshot.String() != "false" {
			return true
		}
	}
	return false
}

// part masks a key or a value. A member may be of one kind of topic only: member@suffix.
func (*Mask) part(r *Record, b []byte, members []string) (schema, payload string) {
	if b == nil {
		return "", "null"
	}
	block, text := unwrap(b)
	payload = *text
	for _, member := range members {
		member, suffix, limited := strings.Cut(member, "@")
		if limited && !strings.HasSuffix(r.Topic, suffix) {
			continue
		}
		if v := gjson.Get(payload, member); v.Exists() && v.Index > 0 && v.Type != gjson.Null {
			payload = payload[:v.Index] + `"*"` + payload[v.Index+len(v.Raw):]
		}
	}
	return string(block), payload
}
