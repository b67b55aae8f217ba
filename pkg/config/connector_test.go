package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// parseConnector reads a connector's configuration, and the rest that a reader needs.
func parseConnector(t *testing.T, text string, args ...string) (*config.Reader, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "connector")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in := input(append([]string{"run", "--debezium-config=" + path}, args...)...)
	in.Environ = append(in.Environ, "DB_USER=from the environment")
	return config.ParseReader(in)
}

const least = "topic.prefix=p\ndatabase.hostname=h\ndatabase.user=u\nschema.history.internal.kafka.bootstrap.servers=k:1\n"

func TestConnector_PropertiesAreJavas(t *testing.T) {
	c, err := parseConnector(t, "\ufeff# a comment \\\n! another\r\n"+
		"topic.prefix p\rdatabase.hostname\t=  h\n  database.user:u \\\n\n"+
		"database.password=\\#p\\=a\\:s\\\\s\\u00e4\\uD83D\\uDE00\\!\n"+
		"schema.history.internal.kafka.bootstrap.servers=k\\:1,\\\n   l:2\n"+
		"table.include.list=shop\\\\.orders, shop\\\\.line\\\\d{1\\\\,2}\n"+
		"message.key.columns = \n"+
		"column.mask.hash.v2.SHA-256.with.salt.a\\=b\\ c=shop.orders.name\n"+
		"transforms")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s|%s|%s|%s|%s|%s", c.TopicPrefix, c.DatabaseHostname, c.DatabaseUser, c.DatabasePassword.Reveal(), c.BootstrapServers, c.ColumnRule)
	if want := "p|h|u|#p=a:s\\sä😀!|[k:1 l:2]|[column.mask.hash.v2.SHA-256.with.salt.a=b c=shop.orders.name]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for table, want := range map[string]bool{"orders": true, "line1": true, "line12": true, "line123": false, "line": false} {
		if c.Table("shop", table) != want {
			t.Errorf("shop.%s is captured: %t", table, !want)
		}
	}
	if _, err := parseConnector(t, "topic.prefix=\\u12"); err == nil || !strings.Contains(err.Error(), "four hexadecimal digits") {
		t.Errorf("half an escape: got error %v", err)
	}
}

func TestConnector_Providers(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"secrets.properties": "password=from\\ the file\nhost: h1\n", "token": "from the directory\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rest := "topic.prefix=p\nschema.history.internal.kafka.bootstrap.servers=k:1\n"
	c, err := parseConnector(t, rest+"database.hostname=${file:"+dir+"/secrets.properties:host}.example\ndatabase.user=${env:DB_USER}\n"+
		"database.password=${dir:"+dir+":token}\nheartbeat.action.query=SELECT '${x}'\n")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.DatabaseHostname, c.DatabaseUser, c.DatabasePassword.Reveal(), c.HeartbeatActionQuery}
	if diff := cmp.Diff([]string{"h1.example", "from the environment", "from the directory", "SELECT '${x}'"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	unknown := rest + "database.hostname=${vault:db:host}\ndatabase.user=${env:NOBODY}\ndatabase.password=${file:" + dir + "/secrets.properties:none}\n"
	c, err = parseConnector(t, unknown, "--database-hostname=h", "--database-user=u", "--database-password-file=f")
	if err != nil || c.DatabaseHostname != "h" || c.DatabaseUser != "u" || c.DatabasePassword != "" {
		t.Errorf("what is given as flags is not used: error %v", err)
	}
	for want, args := range map[string][]string{
		"database.hostname: ${vault:db:host}: config provider vault is not one of file, dir, directory, env; write the value, or give the flag": {"--database-user=u"},
		"database.user: ${env:NOBODY}: the environment has no NOBODY":                                                                           {"--database-hostname=h"},
		"secrets.properties has no none": {"--database-hostname=h", "--database-user=u"},
	} {
		if _, err := parseConnector(t, unknown, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v\nwant %s", err, want)
		}
	}
	if _, err := parseConnector(t, least+"transforms=${vault:x:y}"); err == nil || !strings.Contains(err.Error(), "transforms: ${vault:x:y}: config provider vault") {
		t.Errorf("a property that is no flag: got error %v", err)
	}
}

func TestConnector_Follows(t *testing.T) {
	for _, tt := range []struct {
		properties string
		got        func(*config.Reader) any
		want       any
	}{
		{"decimal.handling.mode=STRING\ntime.precision.mode=Connect\nbinary.handling.mode=Base64-URL-safe\nbigint.unsigned.handling.mode=PRECISE\n" +
			"event.converting.failure.handling.mode=FAIL\nschema.name.adjustment.mode=Avro\nfield.name.adjustment.mode=AVRO_UNICODE\nsnapshot.mode=No_Data", func(c *config.Reader) any {
			return []string{
				c.DecimalHandlingMode, c.TimePrecisionMode, c.BinaryHandlingMode, c.BigintUnsignedHandlingMode,
				c.EventConvertingFailureHandlingMode, c.SchemaNameAdjustmentMode, c.FieldNameAdjustmentMode, c.SnapshotMode,
			}
		}, []string{"string", "connect", "base64-url-safe", "precise", "fail", "avro", "avro_unicode", "no_data"}},
		{"value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.replace.null.with.default=false", keyDefaults, "false true"},
		{"key.converter.replace.null.with.default=FALSE", keyDefaults, "true false"},
		{"key.converter=io.confluent.connect.avro.AvroConverter\nkey.converter.schema.registry.url=http://r\nkey.converter.ignore.default.for.nullables=true", keyDefaults, "true false"},
		{"event.processing.failure.handling.mode=WARN\ninconsistent.schema.handling.mode=skip\ntransforms.old.type=org.example.X\ndatabase.ssl.truststore=\n" +
			"key.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter=org.apache.kafka.connect.json.JsonConverter", func(c *config.Reader) any { return c.Warnings }, []string{
			"--debezium-config: event.processing.failure.handling.mode is followed as fail: firn-reader stops at what it does not understand",
			"--debezium-config: inconsistent.schema.handling.mode is followed as fail: firn-reader stops at what it does not understand",
			"--debezium-config: transforms.old.type is ignored: old is not in transforms",
		}},
		{"topic.naming.strategy=io.debezium.schema.SchemaTopicNamingStrategy", func(c *config.Reader) any { return c.TopicNamingStrategy }, "schema"},
		{"topic.naming.strategy=io.debezium.schema.DefaultTopicNamingStrategy", func(c *config.Reader) any { return c.TopicNamingStrategy }, "default"},
		{"topic.creation.default.cleanup.policy=delete\ntopic.creation.default.follower.replication.throttled.replicas=1:2;3:4\ntopic.creation.groups=default", func(c *config.Reader) any {
			return c.TopicConfig
		}, map[string]string{"cleanup.policy": "delete", "follower.replication.throttled.replicas": "1:2;3:4"}},
		{"snapshot.mode=When_Needed", func(c *config.Reader) any {
			return fmt.Sprint(c.SnapshotMode, " ", strings.Contains(strings.Join(c.Warnings, "\n"), "snapshot.mode=when_needed is initial here"))
		}, "initial true"},
		{"offsets.storage.topic=offsets\nschema.history.internal.kafka.topic=h", func(c *config.Reader) any { return c.ConnectOffsetTopic }, "offsets"},
		{"producer.override.bootstrap.servers=k:1", func(c *config.Reader) any { return c.BootstrapServers }, []string{"k:1"}},
		{"signal.data.collection=shop.signals\ntable.include.list=shop.orders", func(c *config.Reader) any {
			return []bool{c.Table("shop", "orders"), c.Table("shop", "signals"), c.Table("shop", "x"), c.Signals("shop", "signals"), c.Signals("shop", "orders")}
		}, []bool{true, true, false, true, false}},
		{"tasks.max.enforce=false\ndatabase.allowPublicKeyRetrieval=true\ndatabase.connectionTimeZone=UTC\ndriver.tcpKeepAlive=true\nkey.converter.plugin.version=1\n" +
			"transaction.boundary.interval.ms=1\ncustom.sanitize.pattern=x", func(c *config.Reader) any { return len(c.Warnings) }, 9},
	} {
		c, err := parseConnector(t, least+tt.properties)
		if err != nil {
			t.Errorf("%s: %v", tt.properties, err)
			continue
		}
		if diff := cmp.Diff(tt.want, tt.got(c)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.properties, diff)
		}
	}
}

func keyDefaults(c *config.Reader) any {
	return fmt.Sprint(c.ReplaceNullWithDefault, " ", c.KeyDefaults())
}

func TestConnector_Refuses(t *testing.T) {
	for properties, want := range map[string]string{
		"header.converter=org.apache.kafka.connect.json.JsonConverter":                                "header.converter: is not supported and would change what is published",
		"header.converter=org.apache.kafka.connect.storage.StringConverter":                           "header.converter: is not supported",
		"producer.override.partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner": "producer.override.partitioner.class: is not supported",
		"producer.override.partitioner.ignore.keys=true":                                              "producer.override.partitioner.ignore.keys: is not supported",
		"producer.override.interceptor.classes=org.example.Change":                                    "producer.override.interceptor.classes: is not supported",
		"producer.override.bootstrap.servers=other:1":                                                 "producer.override.bootstrap.servers and schema.history.internal.kafka.bootstrap.servers differ: firn-reader writes to one Kafka; give --bootstrap-servers",
		"notification.enabled.channels=log,sink":                                                      "notification.enabled.channels: is not supported and would change what is published: notifications are not published; leave sink out",
		"transaction.metadata.factory=org.example.Factory":                                            "transaction.metadata.factory: is not supported",
		"topic.naming.strategy=io.debezium.schema.DefaultRegexTopicNamingStrategy":                    "DefaultRegexTopicNamingStrategy is not supported and would change what is published: use io.debezium.schema.DefaultTopicNamingStrategy or",
		"topic.regex=(.*)":                            "topic.regex: is not a property",
		"topic.creation.groups=compacted":             "topic.creation.groups: is not supported",
		"topic.creation.compacted.include=.*":         "topic.creation.compacted.include: is not supported",
		"converters=isbn\nisbn.type=org.example.Isbn": "converters: is not supported",
		"post.processors=reselector":                  "post.processors: is not supported",
		"predicates=p\npredicates.p.type=x":           "predicates: is not supported",
		"event.processing.failure.handling.mode=lose": "event.processing.failure.handling.mode: is not supported",
		"transforms=a.b\ntransforms.a.type=x":         "transforms: is not supported",
		"database.ssl.truststore=/t.jks":              "--debezium-config: database.ssl.truststore: Java's key stores are not read; use --database-ca-file, whose file is in PEM",
		"snapshot.mode=always":                        `--snapshot-mode "always" is not one of`,
	} {
		_, err := parseConnector(t, least+properties)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v\nwant %s", properties, err, want)
		}
	}
	for properties, flag := range map[string]string{
		"producer.override.bootstrap.servers=other:1": "--bootstrap-servers=other:1",
		"database.ssl.truststore=/t.jks":              "--database-ca-file=ca.pem",
	} {
		if _, err := parseConnector(t, least+properties, flag); err != nil {
			t.Errorf("%s with %s: %v", properties, flag, err)
		}
	}
}

func TestConnector_TransformOfEarlierVersions(t *testing.T) {
	c, err := parseConnector(t, least+"transforms=unwrap\ntransforms.unwrap.type=io.debezium.transforms.ExtractNewRecordState\n"+
		"transforms.unwrap.drop.tombstones=false\ntransforms.unwrap.delete.handling.mode=rewrite")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Transform(); err != nil || got.Deletes != debezium.DeletesTombstone {
		t.Errorf("deletes are %v, error %v", got.Deletes, err)
	}
	if !slices.Contains(c.Warnings, "--debezium-config: transforms.unwrap.drop.tombstones is ignored, as Debezium 3.6 does") {
		t.Errorf("not in the warnings: %q", c.Warnings)
	}
}

func TestKeyRules(t *testing.T) {
	c, err := config.ParseReader(readerArgs(`--message-key-columns=shop.orders:b, a.*;(.*)\.log:id ;`))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := c.KeyRules()
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, name := range []string{"shop.orders.B", "shop.orders.a2", "x.log.id", "x.log.ids"} {
		got += fmt.Sprint(slices.IndexFunc(rules, func(r config.Patterns) bool { return r.Match(name) }), " ")
	}
	if got != "0 1 2 -1 " {
		t.Errorf("the rules that match are %s", got)
	}
	if _, err := config.ParseReader(readerArgs("--message-key-columns=shop.orders")); err == nil || !strings.Contains(err.Error(), "is not REGEX:COLUMN") {
		t.Errorf("no columns: got error %v", err)
	}
}
