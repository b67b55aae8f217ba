package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// formatVersion is that of the state this package writes.
const formatVersion = 1

// transactionCount begins the names of a transaction's counts; a table's follows.
const transactionCount = "transaction_data_collection_order_"

// ErrNewerFormat is state that a newer firn wrote.
var ErrNewerFormat = errors.New("state is in a newer format")

// Format is how a reader's checkpoints are named: by its connector name and its
// topic prefix, as Connect does.
type Format struct {
	Name   string // empty: the prefix
	Prefix string
}

// Record is the key and value of a Kafka record. A nil value is a tombstone.
type Record struct{ Key, Value []byte }

// Topic returns the topic of a prefix's checkpoints. It must be compacted.
func Topic(prefix string) string { return "__firn-offsets." + prefix }

// Records returns the records that make c the stored checkpoint where saved is
// it now: the position always, tables that changed, tombstones for those that
// are gone.
func (f Format) Records(c *Checkpoint, saved Checkpoint) ([]Record, error) {
	if c.Position.IsZero() {
		return nil, errors.New("store a checkpoint: it has no position")
	}
	records := []Record{{Key: f.key(nil), Value: appendCheckpoint(nil, c, true)}}
	if sameTables(c.Snapshot, saved.Snapshot) {
		return records, nil
	}
	for id, p := range c.Snapshot {
		switch p.State {
		case Pending, Reading, Captured:
		default:
			return nil, fmt.Errorf("store the checkpoint of %s: unknown state %q", id, p.State)
		}
		if old, ok := saved.Snapshot[id]; !ok || !sameProgress(old, p) {
			records = append(records, Record{Key: f.key(&id), Value: appendProgress(nil, &p)})
		}
	}
	for id := range saved.Snapshot {
		if _, ok := c.Snapshot[id]; !ok {
			records = append(records, Record{Key: f.key(&id)})
		}
	}
	slices.SortFunc(records[1:], func(a, b Record) int { return cmp.Compare(string(a.Key), string(b.Key)) })
	return records, nil
}

// ConnectValue returns the value under which a Connect worker finds a checkpoint's
// place. It takes no values inside others.
func (Format) ConnectValue(c *Checkpoint) []byte { return appendCheckpoint(nil, c, false) }

func (f Format) name() string {
	if f.Name == "" {
		return f.Prefix
	}
	return f.Name
}

// key is what Connect's JSON converter makes of [name, partition].
func (f Format) key(table *debezium.TableID) []byte {
	b := appendString([]byte{'['}, f.name())
	b = appendString(append(b, `,{"server":`...), f.Prefix)
	if table != nil {
		b = appendString(append(b, `,"snapshot":`...), table.Quoted())
	}
	return append(b, '}', ']')
}

// appendCheckpoint writes Debezium's fields in the order of its hash map, ours
// behind; of those, all or the ones without fields of their own.
func appendCheckpoint(b []byte, c *Checkpoint, all bool) []byte {
	b = strconv.AppendInt(append(b, `{"ts_sec":`...), c.TsSec, 10)
	b = appendPosition(append(b, ','), c.Position)
	b = appendNumber(b, "row", int64(c.Row))
	b = appendNumber(b, "server_id", int64(c.ServerID))
	b = appendNumber(b, "event", int64(c.Event))
	if c.Published.ID != "" {
		b = appendString(append(b, `,"transaction_id":`...), c.Published.ID)
		for _, t := range c.Published.Counts {
			b = appendString(append(b, ','), transactionCount+t.Table)
			b = strconv.AppendInt(append(b, ':'), t.Events, 10)
		}
	}
	if c.Snapshotting {
		b = append(b, `,"snapshot":"INITIAL"`...)
	}
	b = strconv.AppendInt(append(b, `,"firn_format":`...), formatVersion, 10)
	if c.GTID != "" {
		b = appendString(append(b, `,"firn_gtid":`...), c.GTID)
	}
	b = appendNumber(b, "firn_rows", c.Ordinal)
	if c.TakingOver {
		b = append(b, `,"firn_taking_over":true`...)
	}
	if all && c.Connect.Next != 0 {
		b = strconv.AppendInt(append(b, `,"firn_connect":{"partition":`...), int64(c.Connect.Partition), 10)
		b = append(strconv.AppendInt(append(b, `,"next":`...), c.Connect.Next, 10), '}')
	}
	if all && !c.Prepared.IsZero() {
		b = append(appendPosition(append(b, `,"firn_prepared":{`...), c.Prepared), '}')
	}
	return append(b, '}')
}

func appendProgress(b []byte, p *TableProgress) []byte {
	b = strconv.AppendInt(append(b, `{"firn_format":`...), formatVersion, 10)
	b = appendString(append(b, `,"state":`...), string(p.State))
	b = appendNumber(b, "rows", p.Rows)
	b = appendStrings(b, "after", p.After)
	b = appendStrings(b, "key", p.Key)
	if !p.From.IsZero() {
		b = append(appendPosition(append(b, `,"from":{`...), p.From), '}')
	}
	if p.Unlogged != "" {
		b = appendString(append(b, `,"unlogged":`...), p.Unlogged)
	}
	return append(b, '}')
}

// appendStrings leaves nil out.
func appendStrings(b []byte, name string, values []string) []byte {
	if values == nil {
		return b
	}
	b = append(append(append(b, ',', '"'), name...), `":[`...)
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, v)
	}
	return append(b, ']')
}

func appendPosition(b []byte, p debezium.Position) []byte {
	b = appendString(append(b, `"file":`...), p.File)
	b = strconv.AppendUint(append(b, `,"pos":`...), p.Pos, 10)
	if !p.GTIDs.IsEmpty() {
		b = append(p.GTIDs.Append(append(b, `,"gtids":"`...)), '"')
	}
	return b
}

// appendNumber leaves 0 out, as Debezium does.
func appendNumber(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	b = append(append(append(b, ',', '"'), name...), '"', ':')
	return strconv.AppendInt(b, n, 10)
}

// appendString escapes as Connect's JSON converter does: what JSON requires and
// nothing else.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ':
			b = append(b, c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hex[c>>4], hex[c&15])
		}
	}
	return append(b, '"')
}
