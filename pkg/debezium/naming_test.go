package debezium_test

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestTopicName(t *testing.T) {
	for _, c := range []struct{ prefix, database, table, want string }{
		{"p", "db", "t", "p.db.t"},
		{"p", "", "", "p"},
		{"names", "names", "some|test@data", "names.names.some_test_data"},
		{"names", "names", "DOT.1", "names.names.DOT.1"},
		{"names", "names", "表", "names.names._"},
		{"p", "d", "a😀", "p.d.a__"},
		{"..", "", "", "__"},
	} {
		if got := debezium.TopicName(c.prefix, c.database, c.table); got != c.want {
			t.Errorf("TopicName(%q, %q, %q) = %q, want %q", c.prefix, c.database, c.table, got, c.want)
		}
	}
}

func TestNameAdjustment_FieldName(t *testing.T) {
	for _, c := range []struct{ name, avro, unicode string }{
		{"with space", "with_space", "with_u0020space"},
		{"ünï", "_n_", "_u00fcn_u00ef"},
		{"back`tick", "back_tick", "back_u0060tick"},
		{"dot.name", "dot_name", "dot_u002ename"},
		{"1digit", "_1digit", "_u0031digit"},
		{"$d", "_d", "_u0024d"},
		{"列", "_", "_u5217"},
		{"a_b", "a_b", "a_u005fb"},
		{"a1", "a1", "a1"},
	} {
		if got := debezium.NamesAsTheyAre.FieldName(c.name); got != c.name {
			t.Errorf("none: got %q, want %q", got, c.name)
		}
		if got := debezium.NamesAvro.FieldName(c.name); got != c.avro {
			t.Errorf("avro: got %q, want %q", got, c.avro)
		}
		if got := debezium.NamesAvroUnicode.FieldName(c.name); got != c.unicode {
			t.Errorf("avro_unicode: got %q, want %q", got, c.unicode)
		}
	}
}

func TestNameAdjustment_SchemaName(t *testing.T) {
	for _, c := range []struct{ name, avro, unicode string }{
		{"my-server.my-server.t", "my_server.my_server.t", "my_u002dserver.my_u002dserver.t"},
		{"1digit.1digit.t", "_1digit.1digit.t", "_u0031digit.1digit.t"},
		{"names.names.some_test_data", "names.names.some_test_data", "names.names.some_u005ftest_u005fdata"},
	} {
		if got := debezium.NamesAvro.SchemaName(c.name); got != c.avro {
			t.Errorf("avro: got %q, want %q", got, c.avro)
		}
		if got := debezium.NamesAvroUnicode.SchemaName(c.name); got != c.unicode {
			t.Errorf("avro_unicode: got %q, want %q", got, c.unicode)
		}
	}
}
