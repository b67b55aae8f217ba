package reader

import (
	"encoding/json"
	"fmt"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// placeOf returns where a record says it is from, or none; and whether it is of
// a snapshot, which is at no place of the stream.
func (s *session) placeOf(topic string, r *kafka.Record) (p place, snapshot bool, err error) {
	if topic == s.cfg.Naming.Transactions(s.cfg.Prefix) {
		id, err := s.boundaryID(r)
		return s.takeover.known(boundaryPlace(id)), false, err
	}
	changes := topic == s.cfg.Naming.SchemaChanges(s.cfg.Prefix)
	avro, err := codec.InAvro(s.cfg.Registry, r.Value)
	var source debezium.Source
	switch {
	case err != nil || r.Value == nil:
	case avro && (s.cfg.Unwrap == nil || changes):
		source, err = s.avroSource(r, changes)
	case !avro:
		source, err = jsonSource(r.Value)
	}
	if source.File == "" {
		return place{}, false, err
	}
	p = s.takeover.known(place{gtid: source.GTID, file: source.File, pos: uint64(source.Pos), row: source.Row})
	if changes { // Debezium leaves the row of whatever came before there
		p.row = 0
	}
	return p, source.Snapshot != "" && source.Snapshot != "false", err
}

// jsonSource reads the source block of a record, with or without schema.
func jsonSource(value []byte) (debezium.Source, error) {
	type block struct {
		Snapshot any
		GTID     string
		File     string
		Pos      int64
		Row      int32
	}
	var v struct {
		Source  *block
		Payload *struct{ Source *block }
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return debezium.Source{}, fmt.Errorf("read the source block: %w", err)
	}
	b := v.Source
	if v.Payload != nil {
		b = v.Payload.Source
	}
	if b == nil {
		return debezium.Source{}, nil
	}
	source := debezium.Source{GTID: b.GTID, File: b.File, Pos: b.Pos, Row: b.Row}
	if text, ok := b.Snapshot.(string); ok {
		source.Snapshot = text
	}
	return source, nil
}

func (s *session) avroSource(r *kafka.Record, changes bool) (debezium.Source, error) {
	d := s.avroDecoder()
	if changes {
		change, err := d.DecodeSchemaChange(r.Value)
		if err != nil {
			return debezium.Source{}, err
		}
		return change.Source, nil
	}
	var e debezium.Event
	if err := d.Decode(nil, r.Value, nil, &e); err != nil {
		return debezium.Source{}, err
	}
	e.Source.Query = nil
	return e.Source, nil
}

// boundaryID reads the id of the transaction that a record of the transaction topic is about.
func (s *session) boundaryID(r *kafka.Record) (string, error) {
	avro, err := codec.InAvro(s.cfg.Registry, r.Key)
	if err != nil {
		return "", err
	}
	if avro {
		var e debezium.Event
		if err := s.avroDecoder().DecodeKey(r.Key, &e); err != nil || len(e.Key) == 0 {
			return "", err
		}
		return string(e.Key[0].B), nil
	}
	var key struct {
		ID      string
		Payload struct{ ID string }
	}
	if err := json.Unmarshal(r.Key, &key); err != nil {
		return "", fmt.Errorf("read the id of a transaction: %w", err)
	}
	if key.ID == "" {
		return key.Payload.ID, nil
	}
	return key.ID, nil
}

func (s *session) avroDecoder() *codec.AvroDecoder {
	if s.avro == nil {
		s.avro = codec.NewAvroDecoder(s.life, s.cfg.Registry)
	}
	return s.avro
}
