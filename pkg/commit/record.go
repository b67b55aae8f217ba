package commit

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go/table"
)

// Names of table properties; a shard's name follows the dot.
const (
	propOffsets        = "firn.kafka.offsets."
	propSchemaOffset   = "firn.schema-offset."
	propSourcePosition = "firn.source-position."
	propEpoch          = "firn.epoch."
)

// Names in a snapshot's summary. Offsets, schema offsets and source positions
// are those of all shards at that snapshot.
const (
	summaryToken          = "firn.commit-token"
	summaryShard          = "firn.shard"
	summaryOffsets        = "firn.kafka.offsets"
	summarySchemaOffset   = "firn.schema-offset"
	summarySourcePosition = "firn.source-position"
	summaryOwnFiles       = "firn.own-files" // of a replacement that touches no file with rows of other shards
)

// record is what a table says about one shard.
type record struct {
	Offsets  map[int32]int64 `json:"offsets"` // next to read, by partition
	TopicID  string          `json:"topic_id,omitempty"`
	Token    string          `json:"token"`    // of the commit that wrote the record
	Sequence int64           `json:"sequence"` // of that commit's table snapshot

	SchemaTopicID string `json:"schema_topic_id,omitempty"` // of the topic that schemaOffset is of

	schemaOffset   int64 // of the schema-change topic; -1 is none
	sourcePosition string
}

func (r *record) clone() record {
	c := *r
	c.Offsets = maps.Clone(r.Offsets)
	return c
}

// readRecord reads a shard's record, nil if there is none.
func readRecord(props map[string]string, shard string) (*record, error) {
	text, ok := props[propOffsets+shard]
	if !ok {
		return nil, nil //nolint:nilnil // no record is no error
	}
	r := record{schemaOffset: -1, sourcePosition: props[propSourcePosition+shard]}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("read property %s%s: %w", propOffsets, shard, err)
	}
	if text, ok := props[propSchemaOffset+shard]; ok {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read property %s%s: %w", propSchemaOffset, shard, err)
		}
		r.schemaOffset = n
	}
	return &r, nil
}

// properties returns the record as table properties.
func (r *record) properties(shard string) (map[string]string, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write offsets of shard %s: %w", shard, err)
	}
	props := map[string]string{propOffsets + shard: string(text)}
	if r.schemaOffset >= 0 {
		props[propSchemaOffset+shard] = strconv.FormatInt(r.schemaOffset, 10)
	}
	if r.sourcePosition != "" {
		props[propSourcePosition+shard] = r.sourcePosition
	}
	return props, nil
}

// summary gathers what properties say about all shards for a snapshot's summary,
// so that a rollback to it finds every shard's offsets.
func summary(props map[string]string) (map[string]string, error) {
	out := make(map[string]string)
	for prefix, name := range map[string]string{
		propOffsets: summaryOffsets, propSchemaOffset: summarySchemaOffset, propSourcePosition: summarySourcePosition,
	} {
		shards := make(map[string]json.RawMessage)
		for k, v := range props {
			shard, ok := strings.CutPrefix(k, prefix)
			if !ok {
				continue
			}
			raw := json.RawMessage(v)
			if prefix == propSourcePosition { // an opaque text
				text, err := json.Marshal(v)
				if err != nil {
					return nil, fmt.Errorf("write source position of shard %s: %w", shard, err)
				}
				raw = text
			}
			shards[shard] = raw
		}
		if len(shards) == 0 {
			continue
		}
		text, err := json.Marshal(shards)
		if err != nil {
			return nil, fmt.Errorf("write %s of the snapshot summary: %w", name, err)
		}
		out[name] = string(text)
	}
	return out, nil
}

// fromSummary reads a shard's record from a snapshot's summary, nil if there is none.
func fromSummary(s *table.Snapshot, shard string) (*record, error) {
	if s.Summary == nil || s.Summary.Properties[summaryOffsets] == "" {
		return nil, nil //nolint:nilnil // no record is no error
	}
	props := make(map[string]string)
	for name, prefix := range map[string]string{summaryOffsets: propOffsets, summarySchemaOffset: propSchemaOffset} {
		shards := make(map[string]json.RawMessage)
		if text := s.Summary.Properties[name]; text != "" {
			if err := json.Unmarshal([]byte(text), &shards); err != nil {
				return nil, fmt.Errorf("read %s of table snapshot %d: %w", name, s.SnapshotID, err)
			}
		}
		if v, ok := shards[shard]; ok {
			props[prefix+shard] = string(v)
		}
	}
	if text := s.Summary.Properties[summarySourcePosition]; text != "" {
		shards := make(map[string]string)
		if err := json.Unmarshal([]byte(text), &shards); err != nil {
			return nil, fmt.Errorf("read %s of table snapshot %d: %w", summarySourcePosition, s.SnapshotID, err)
		}
		props[propSourcePosition+shard] = shards[shard]
	}
	return readRecord(props, shard)
}
