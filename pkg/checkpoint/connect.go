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

// LoadConnect reads the place that a Connect worker keeps for the connector of
// this format; where the format has no name, for the only connector of the
// prefix. False: it keeps none. Then others are the connectors of which it does.
func LoadConnect(ctx context.Context, client *kafka.Client, topic string, f Format) (o ConnectOffset, others []string, ok bool, err error) {
	fail := func(err error) (ConnectOffset, []string, bool, error) {
		return ConnectOffset{}, nil, false, fmt.Errorf("read --connect-offset-topic: %w", err)
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
	o, others, ok, err = f.choose(latest)
	if err != nil {
		return fail(fmt.Errorf("topic %s: %w", topic, err))
	}
	return o, others, ok, nil
}

// choose finds the connector's record among the latest of each key.
func (f Format) choose(latest map[string]*kafka.Record) (o ConnectOffset, others []string, ok bool, err error) {
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
	if len(found) == 0 {
		return o, others, false, nil
	}
	if len(found) > 1 {
		return o, nil, false, fmt.Errorf("several connectors have the topic.prefix %s: give one of their names with --name: %s",
			f.Prefix, strings.Join(names, ", "))
	}
	r := found[0]
	o = ConnectOffset{Name: names[0], Key: r.Key, At: ConnectPlace{Partition: r.Partition, Next: r.Offset + 1}}
	if o.Checkpoint, err = parseCheckpoint(r.Value); err != nil {
		return o, nil, false, fmt.Errorf("the offset of connector %s: %w", o.Name, err)
	}
	var mark struct {
		Format int `json:"firn_format"`
	}
	err = json.Unmarshal(r.Value, &mark)
	o.Ours = mark.Format != 0
	return o, nil, err == nil, err
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
