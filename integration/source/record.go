package source

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	sourceSchema = `{"type":"struct","fields":[{"type":"string","optional":false,"field":"version"},{"type":"string","optional":false,"field":"connector"},` +
		`{"type":"string","optional":false,"field":"name"},{"type":"int64","optional":false,"field":"ts_ms"},` +
		`{"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,"parameters":{"allowed":"true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"},"default":"false","field":"snapshot"},` +
		`{"type":"string","optional":false,"field":"db"},{"type":"string","optional":true,"field":"sequence"},{"type":"int64","optional":true,"field":"ts_us"},` +
		`{"type":"int64","optional":true,"field":"ts_ns"},{"type":"string","optional":true,"field":"table"},{"type":"int64","optional":false,"field":"server_id"},` +
		`{"type":"string","optional":true,"field":"gtid"},{"type":"string","optional":false,"field":"file"},{"type":"int64","optional":false,"field":"pos"},` +
		`{"type":"int32","optional":false,"field":"row"},{"type":"int64","optional":true,"field":"thread"},{"type":"string","optional":true,"field":"query"}],` +
		`"optional":false,"name":"io.debezium.connector.mysql.Source","version":1,"field":"source"}`
	transactionSchema = `{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},{"type":"int64","optional":false,"field":"total_order"},` +
		`{"type":"int64","optional":false,"field":"data_collection_order"}],"optional":true,"name":"event.block","version":1,"field":"transaction"}`
	timesSchema = `{"type":"string","optional":false,"field":"op"},{"type":"int64","optional":true,"field":"ts_ms"},` +
		`{"type":"int64","optional":true,"field":"ts_us"},{"type":"int64","optional":true,"field":"ts_ns"}`
)

// Millis is the time of the first change; each later one is a millisecond after.
const Millis = 1_790_000_000_000

// Event adds a change event, and leaves it to the caller what the rows are.
func (t *Table) Event(op string, before, after []any) {
	t.counts[op]++
	row := after
	if row == nil {
		row = before
	}
	t.pending = append(t.pending, &kgo.Record{Topic: t.Topic(), Key: t.key(row), Value: t.Value(op, before, after)})
}

// Value returns a change event's value.
func (t *Table) Value(op string, before, after []any) []byte {
	image := func(values []any) string {
		if values == nil {
			return "null"
		}
		return object(t.Columns, values)
	}
	return t.envelope(op, image(before), image(after), fmt.Sprintf(`{"type":"struct","fields":%s,"optional":true,"name":"%s.Value"}`, fields(t.Columns), t.Topic()))
}

// envelope returns an event's value of two images and their schema.
func (t *Table) envelope(op, before, after, schema string) []byte {
	t.pos++
	ms := Millis + t.pos
	payload := fmt.Sprintf(`{"before":%s,"after":%s,"source":%s,"transaction":null,"op":%q,"ts_ms":%d,"ts_us":%d,"ts_ns":%d}`,
		before, after, t.sourceBlock(ms), op, ms, ms*1000, ms*1000000)
	if !t.Schemas {
		return []byte(payload)
	}
	value := func(field string) string {
		return fmt.Sprintf(`%s,"field":%q}`, strings.TrimSuffix(schema, "}"), field)
	}
	return fmt.Appendf(nil, `{"schema":{"type":"struct","fields":[%s,%s,%s,%s,%s],"optional":false,"name":"%s.Envelope","version":2},"payload":%s}`,
		value("before"), value("after"), sourceSchema, transactionSchema, timesSchema, t.Topic(), payload)
}

func (t *Table) sourceBlock(ms int64) string {
	return fmt.Sprintf(`{"version":"3.6.1.Final","connector":"mysql","name":%q,"ts_ms":%d,"snapshot":"false","db":%q,"sequence":null,"ts_us":%d,"ts_ns":%d,`+
		`"table":%q,"server_id":1,"gtid":"24bc7850-2c16-11e6-a073-0242ac110002:%d","file":"binlog.000001","pos":%d,"row":0,"thread":7,"query":null}`,
		t.Prefix, ms, t.Database, ms*1000, ms*1000000, t.Name, t.pos, 157+100*t.pos)
}

// SchemaChange returns the record of a statement that made the table what it is
// now; kind is CREATE or ALTER.
func (t *Table) SchemaChange(kind, statement string) *kgo.Record {
	var key, columns []string
	for i, c := range t.Columns {
		if c.Key {
			key = append(key, strconv.Quote(c.Name))
		}
		columns = append(columns, c.definition(i+1))
	}
	table := fmt.Sprintf(`{"defaultCharsetName":"utf8mb4","primaryKeyColumnNames":[%s],"columns":[%s],"comment":null}`,
		strings.Join(key, ","), strings.Join(columns, ","))
	t.pos++
	ms := Millis + t.pos
	value := fmt.Sprintf(`{"source":%s,"ts_ms":%d,"databaseName":%q,"schemaName":null,"ddl":%q,"tableChanges":[{"type":%q,"id":"\"%s\".\"%s\"","table":%s}]}`,
		t.sourceBlock(ms), ms, t.Database, statement, kind, t.Database, t.Name, table)
	return &kgo.Record{Topic: t.Prefix, Key: fmt.Appendf(nil, `{"databaseName":%q}`, t.Database), Value: []byte(value)}
}

// key returns the key of a row as a record has it; nil if the table has none.
func (t *Table) key(values []any) []byte {
	var columns []Column
	var key []any
	for i, c := range t.Columns {
		if c.Key {
			columns, key = append(columns, c), append(key, values[i])
		}
	}
	if columns == nil {
		return nil
	}
	if !t.Schemas {
		return []byte(object(columns, key))
	}
	return fmt.Appendf(nil, `{"schema":{"type":"struct","fields":%s,"optional":false,"name":"%s.Key"},"payload":%s}`,
		fields(columns), t.Topic(), object(columns, key))
}
