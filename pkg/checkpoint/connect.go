package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// ConnectOffset is what a Connect worker's offsets topic holds of a connector.
type ConnectOffset struct {
	Name       string // the connector's
	Key        []byte // of the record, as the worker wrote it
	At         ConnectPlace
	Checkpoint Checkpoint
	Ours       bool // firn wrote it, and Debezium none since
}

// NoOffsetError is a topic of a Connect worker that has no offset of a connector.
type NoOffsetError struct {
	Topic  string
	Name   string   // the connector's that was looked for; empty: any
	Prefix string   // its topic.prefix
	Others []string // the connectors of which it has one
}

// Error says what was looked for, what is there, and what to do.
func (e *NoOffsetError) Error() string {
	of := "a connector"
	if e.Name != "" {
		of = fmt.Sprintf("the connector %q", e.Name)
	}
	has := "it has none"
	if len(e.Others) > 0 {
		has = "it has those of " + strings.Join(e.Others, ", ")
	}
	return fmt.Sprintf("--connect-offset-topic %s: the offsets wanted are those of %s with the topic.prefix %s; %s. Give the connector's name with --name, "+
		"or leave --connect-offset-topic out to begin with a snapshot", e.Topic, of, e.Prefix, has)
}

// LoadConnect reads the place that a Connect worker keeps for the connector of
// this format; where the format has no name, for the only connector of the
// prefix. It returns a [NoOffsetError] if it keeps none.
func LoadConnect(ctx context.Context, client *kafka.Client, topic string, f Format) (ConnectOffset, error) {
	fail := func(err error) (ConnectOffset, error) {
		return ConnectOffset{}, fmt.Errorf("read --connect-offset-topic: %w", err)
	}
	offsets, err := client.Offsets(ctx, topic)
	if err != nil {
		return fail(err)
	}
	latest := make(map[string]*kafka.Record)
	for _, p := range offsets {
		err := client.ReadAll(ctx, topic, p.Partition, p.Earliest, func(r *kafka.Record) error {
			key := string(r.Key)
			// A key moves to another partition only where their number was changed.
			if old := latest[key]; old == nil || old.Partition == r.Partition || !r.Timestamp.Before(old.Timestamp) {
				latest[key] = r
			}
			return nil
		})
		if err != nil {
			return fail(err)
		}
	}
	r, name, others, err := f.choose(latest)
	if err != nil {
		return fail(fmt.Errorf("topic %s: %w", topic, err))
	}
	if r == nil {
		return ConnectOffset{}, &NoOffsetError{Topic: topic, Name: f.Name, Prefix: f.Prefix, Others: others}
	}
	o := ConnectOffset{Name: name, Key: r.Key, At: ConnectPlace{Partition: r.Partition, Next: r.Offset + 1}}
	if o.Checkpoint, err = parseCheckpoint(r.Value); err != nil {
		return fail(fmt.Errorf("topic %s: the offset of connector %s: %w", topic, name, err))
	}
	var mark struct {
		Format int `json:"firn_format"`
	}
	if err := json.Unmarshal(r.Value, &mark); err != nil {
		return fail(fmt.Errorf("topic %s: the offset of connector %s: %w", topic, name, err))
	}
	o.Ours = mark.Format != 0
	return o, nil
}

// choose finds the connector's record among the latest of each key; nil: there
// is none, but those of others.
func (f Format) choose(latest map[string]*kafka.Record) (r *kafka.Record, name string, others []string, err error) {
	var found []*kafka.Record
	var names []string
	for _, key := range slices.Sorted(maps.Keys(latest)) {
		r := latest[key]
		name, prefix, ok := connectKey(r.Key)
		switch {
		case !ok || r.Value == nil: // another connector's, or an offset that was reset
		case prefix == f.Prefix && (f.Name == "" || f.Name == name):
			found, names = append(found, r), append(names, name)
		default:
			others = append(others, fmt.Sprintf("%s (topic.prefix %s)", name, prefix))
		}
	}
	switch len(found) {
	case 0:
		return nil, "", others, nil
	case 1:
		return found[0], names[0], nil, nil
	default:
		return nil, "", nil, fmt.Errorf("several connectors have the topic.prefix %s: give one of their names with --name: %s",
			f.Prefix, strings.Join(names, ", "))
	}
}

// connectKey reads ["<connector>",{"server":"<prefix>"}].
func connectKey(key []byte) (name, prefix string, ok bool) {
	var parts []json.RawMessage
	if err := json.Unmarshal(key, &parts); err != nil || len(parts) != 2 {
		return "", "", false
	}
	var partition map[string]any
	if json.Unmarshal(parts[0], &name) != nil || json.Unmarshal(parts[1], &partition) != nil || len(partition) != 1 {
		return "", "", false
	}
	prefix, ok = partition["server"].(string)
	return name, prefix, ok
}

// Key returns the key under which a Connect worker keeps the place of this
// format's connector.
func (f Format) Key() []byte { return f.key(nil) }
