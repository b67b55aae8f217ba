package codec

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// jsonEnvelope is an envelope's schema compiled for encoding.
type jsonEnvelope struct {
	row       *debezium.Schema
	connector string
	head      []byte // all up to the row before
	tail      []byte // all after the envelope's last value
	rows      *jsonPlan
	source    jsonSource
}

// envelope returns the compiled envelope of the event's row schema. Its own
// schema is named as the row's, with Envelope in place of Value.
func (j *JSON) envelope(e *debezium.Event) (*jsonEnvelope, error) {
	if e.Row == nil {
		return nil, fmt.Errorf("event has no row schema")
	}
	id := envelopeID{row: e.Row, connector: e.Source.Connector}
	if p := j.envelopes[id]; p != nil {
		return p, nil
	}
	rows, err := j.compile(e.Row)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", e.Row.Name, err)
	}
	topic := strings.TrimSuffix(e.Row.Name, ".Value")
	head, err := j.head(debezium.EnvelopeSchema(topic, id.connector, e.Row))
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", e.Row.Name, err)
	}
	p := &jsonEnvelope{
		row: id.row, connector: id.connector, rows: rows,
		head: append(head, `{"before":`...),
		tail: []byte("}"),
	}
	if j.options.Schemas {
		p.tail = []byte("}}")
	}
	p.source.streaming = "null"
	if j.options.ReplaceNullWithDefault {
		p.source.streaming = `"false"`
	}
	if len(j.envelopes) >= maxPlans {
		clear(j.envelopes)
	}
	j.envelopes[id] = p
	return p, nil
}

func (p *jsonEnvelope) append(dst []byte, e *debezium.Event) ([]byte, error) {
	dst, err := p.appendRow(append(dst, p.head...), e.Before)
	if err != nil {
		return dst, fmt.Errorf("before: %w", err)
	}
	if dst, err = p.appendRow(append(dst, `,"after":`...), e.After); err != nil {
		return dst, fmt.Errorf("after: %w", err)
	}
	dst = p.source.append(append(dst, `,"source":`...), &e.Source)
	dst = appendJSONTransaction(append(dst, `,"transaction":`...), e.Transaction)
	dst = append(dst, `,"op":"`...)
	dst = append(dst, byte(e.Op))
	t := newInstant(e.TsNs)
	dst = append(append(dst, `","ts_ms":`...), t.millis()...)
	dst = append(append(dst, `,"ts_us":`...), t.micros()...)
	dst = append(append(dst, `,"ts_ns":`...), t.nanos()...)
	return append(dst, p.tail...), nil
}

func (p *jsonEnvelope) appendRow(dst []byte, row []debezium.Value) ([]byte, error) {
	if row == nil {
		return append(dst, "null"...), nil
	}
	return p.rows.appendStruct(dst, row)
}

func appendJSONTransaction(dst []byte, t *debezium.Transaction) []byte {
	if t == nil {
		return append(dst, "null"...)
	}
	dst = appendJSONText(append(dst, `{"id":`...), t.ID)
	dst = strconv.AppendInt(append(dst, `,"total_order":`...), t.TotalOrder, 10)
	dst = strconv.AppendInt(append(dst, `,"data_collection_order":`...), t.DataCollectionOrder, 10)
	return append(dst, '}')
}

// jsonSource writes source blocks. Of its texts, those that seldom change from
// one event of a table to the next are kept encoded.
type jsonSource struct {
	streaming string // what snapshot prints while streaming

	version, connector, name, db, table, file string

	known     bool
	head      []byte // up to ts_ms
	dbText    []byte // from db to ts_us
	tableText []byte // from table to server_id
	fileText  []byte // from file to pos
}

func (p *jsonSource) append(dst []byte, s *debezium.Source) []byte {
	if !p.known || p.version != s.Version || p.connector != s.Connector || p.name != s.Name ||
		p.db != s.DB || p.table != s.Table || p.file != s.File {
		p.remember(s)
	}
	t := newInstant(s.TsNs)
	dst = append(append(dst, p.head...), t.millis()...)
	dst = append(dst, `,"snapshot":`...)
	if s.Snapshot == "" {
		dst = append(dst, p.streaming...)
	} else {
		dst = appendJSONText(dst, s.Snapshot)
	}
	dst = append(append(dst, p.dbText...), t.micros()...)
	dst = append(append(dst, `,"ts_ns":`...), t.nanos()...)
	dst = strconv.AppendInt(append(dst, p.tableText...), s.ServerID, 10)
	dst = appendJSONTextOrNull(append(dst, `,"gtid":`...), s.GTID)
	dst = strconv.AppendInt(append(dst, p.fileText...), s.Pos, 10)
	dst = strconv.AppendInt(append(dst, `,"row":`...), int64(s.Row), 10)
	if s.Thread == 0 {
		dst = append(dst, `,"thread":null,"query":`...)
	} else {
		dst = strconv.AppendInt(append(dst, `,"thread":`...), s.Thread, 10)
		dst = append(dst, `,"query":`...)
	}
	if s.Query == nil {
		return append(dst, "null}"...)
	}
	return append(appendJSONString(dst, s.Query), '}')
}

func (p *jsonSource) remember(s *debezium.Source) {
	p.known = true
	p.version, p.connector, p.name, p.db, p.table, p.file = s.Version, s.Connector, s.Name, s.DB, s.Table, s.File

	p.head = appendJSONText(append(p.head[:0], `{"version":`...), s.Version)
	p.head = appendJSONText(append(p.head, `,"connector":`...), s.Connector)
	p.head = appendJSONText(append(p.head, `,"name":`...), s.Name)
	p.head = append(p.head, `,"ts_ms":`...)

	p.dbText = appendJSONText(append(p.dbText[:0], `,"db":`...), s.DB)
	p.dbText = append(p.dbText, `,"sequence":null,"ts_us":`...)

	p.tableText = appendJSONTextOrNull(append(p.tableText[:0], `,"table":`...), s.Table)
	p.tableText = append(p.tableText, `,"server_id":`...)

	p.fileText = appendJSONText(append(p.fileText[:0], `,"file":`...), s.File)
	p.fileText = append(p.fileText, `,"pos":`...)
}

func appendJSONTextOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendJSONText(dst, s)
}

// appendJSONText appends a string that is seldom other than plain.
func appendJSONText(dst []byte, s string) []byte {
	n := len(dst)
	dst = append(append(dst, '"'), s...)
	if plain(dst, n+1) == len(dst) {
		return append(dst, '"')
	}
	return appendJSONString(dst[:n], []byte(s))
}
