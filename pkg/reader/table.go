package reader

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// table is a captured table in the version that the stream is at.
type table struct {
	id    debezium.TableID
	topic string
	model *debezium.Table
	plan  *convert.Plan
	keys  *convert.Plan // converts rows of chunks while plan is in use

	unwrapped *debezium.UnwrappedRow // nil: events keep their envelopes

	counters *telemetry.ReaderTable

	before, after, key, oldKey, row []debezium.Value // reused for every row
}

// identitySchema returns the schema of what tells the table's rows apart, or, if
// nothing does, their records; nil if these have no key either.
func (t *table) identitySchema() *debezium.Schema { return cmp.Or(t.plan.IdentitySchema(), t.plan.Key) }

// identity overwrites dst with that of a row, as one of the table's plans has converted it.
func (*table) identity(p *convert.Plan, dst, row []debezium.Value) []debezium.Value {
	if p.IdentitySchema() == nil {
		return p.KeyValues(dst, row)
	}
	return p.Identity(dst, row)
}

// tableOf returns the captured table that a table map is of. Maps are looked up
// once: the stream returns the same map while the definition stands.
func (s *session) tableOf(m *binlog.TableMap) (*table, error) {
	if t, ok := s.maps[m]; ok {
		return t, nil
	}
	model, err := s.model(m)
	if err != nil {
		return nil, err
	}
	t, err := s.setTable(m.Table, model)
	if err != nil {
		return nil, err
	}
	s.maps[m] = t
	return t, nil
}

// setTable makes model the version of the table from here on.
func (s *session) setTable(id debezium.TableID, model *debezium.Table) (*table, error) {
	if t := s.tables[id]; t != nil {
		if t.model == model {
			return t, nil
		}
		s.chunks.discard(id, false) // they were read by another select list
	}
	topic, records := s.cfg.Naming.Table(s.cfg.Prefix, id), s.cfg.Naming.Records(s.cfg.Prefix, id)
	options := s.cfg.Convert
	options.Table = id
	plan, err := convert.NewPlan(records, model, options)
	if err != nil {
		return nil, fmt.Errorf("map the columns of %s: %w", id, err)
	}
	keys, err := convert.NewPlan(records, model, options)
	if err != nil {
		return nil, fmt.Errorf("map the columns of %s: %w", id, err)
	}
	t := &table{id: id, topic: topic, model: model, plan: plan, keys: keys, counters: s.metrics.Table(id.String())}
	if s.cfg.Unwrap != nil {
		if t.unwrapped, err = s.cfg.Unwrap.Row(plan.Row, s.connector); err != nil {
			return nil, fmt.Errorf("unwrap the rows of %s: %w", id, err)
		}
	}
	if err := s.ensureTopic(kafka.TopicSpec{
		Name: topic, Partitions: s.cfg.TopicPartitions, Replication: s.cfg.TopicReplicas, Config: s.cfg.TopicConfig,
	}); err != nil {
		return nil, err
	}
	s.tables[id] = t
	return t, nil
}

// dropTable forgets a table's version, its open chunks and every map of it.
func (s *session) dropTable(id debezium.TableID) {
	delete(s.tables, id)
	for m := range s.maps {
		if m.Table == id {
			delete(s.maps, m)
		}
	}
}

// ensureTopic makes a topic if it is not there, and learns how many partitions it has.
func (s *session) ensureTopic(spec kafka.TopicSpec) error {
	if s.topics[spec.Name] > 0 {
		return nil
	}
	if _, err := s.cfg.Kafka.EnsureTopic(s.life, spec); err != nil {
		return err
	}
	info, err := s.cfg.Kafka.Topic(s.life, spec.Name)
	if err != nil {
		return err
	}
	s.topics[spec.Name] = info.Partitions
	return nil
}

// model returns the definition of a captured table at the position being read,
// checked against what the binlog says of it.
func (s *session) model(m *binlog.TableMap) (*debezium.Table, error) {
	meta, err := tableMeta(m)
	if err != nil {
		return nil, err
	}
	corrections, err := s.history.Reconcile(meta)
	if mismatch, ok := errors.AsType[*schemahistory.MismatchError](err); ok && mismatch.Behind > 0 {
		if err = s.hide(m, mismatch); err == nil {
			return s.model(m)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, correction := range corrections {
		s.log.Warn("the binlog corrects the definition of a table", "table", m.Table.String(), "correction", correction)
	}
	model, ok := s.history.Table(m.Table)
	if !ok {
		return nil, fmt.Errorf("rows of %s, whose definition is not known: SET GLOBAL binlog_row_metadata=FULL, or take a new snapshot", m.Table)
	}
	return model, nil
}

// hide takes the hashes of keys from a table map without names, if the server has as many. Otherwise
// it returns the mismatch.
func (s *session) hide(m *binlog.TableMap, mismatch *schemahistory.MismatchError) error {
	conn, err := mysql.Connect(s.life, s.cfg.MySQL)
	if err != nil {
		return err
	}
	keys, err := conn.HashedKeys(s.life, m.Table)
	if err := errors.Join(err, conn.Close()); err != nil {
		return err
	}
	if keys < mismatch.Behind {
		return mismatch
	}
	s.log.Info("the binlog has columns that the table has not: hashes of its keys over long text", "table", m.Table.String(), "columns", mismatch.Behind)
	m.Hide(mismatch.Behind)
	return nil
}

// tableMeta is a table map in the history's terms.
func tableMeta(m *binlog.TableMap) (*schemahistory.TableMeta, error) {
	meta := &schemahistory.TableMeta{Table: m.Table, Full: m.Full, Columns: make([]schemahistory.ColumnMeta, len(m.Columns))}
	for i, c := range m.Columns {
		var err error
		labels := make([]string, len(c.Labels))
		for j, l := range c.Labels {
			if labels[j], err = convert.Text(c.Charset, l); err != nil {
				return nil, fmt.Errorf("labels of column %s of %s: %w", c.Name, m.Table, err)
			}
		}
		meta.Columns[i] = schemahistory.ColumnMeta{
			Name: c.Name, Type: byte(c.Type), Meta: c.Meta, Nullable: c.Nullable, SignKnown: c.SignKnown, Unsigned: c.Unsigned,
			Charset: c.Charset, Labels: labels, Geometry: c.Geometry,
		}
	}
	for _, k := range m.PrimaryKey {
		meta.PrimaryKey = append(meta.PrimaryKey, k.Column)
	}
	return meta, nil
}
