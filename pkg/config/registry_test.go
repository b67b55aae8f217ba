package config_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/config"
)

// avroConnector is a connector's configuration with further properties.
func avroConnector(t *testing.T, properties map[string]string) config.Input {
	t.Helper()
	all := map[string]string{
		"connector.class": "io.debezium.connector.mysql.MySqlConnector", "database.hostname": "m", "database.user": "u", "database.password": "p",
		"topic.prefix": "shop", "schema.history.internal.kafka.bootstrap.servers": "k:9092",
	}
	maps.Copy(all, properties)
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "connector.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return input("run", "--debezium-config="+file)
}

// both gives a property to the key's and the value's converter.
func both(properties map[string]string, more ...string) map[string]string {
	all := make(map[string]string)
	for name, value := range properties {
		all["key.converter"+name], all["value.converter"+name] = value, value
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

const (
	confluentClass = "io.confluent.connect.avro.AvroConverter"
	glueClass      = "com.amazonaws.services.schemaregistry.kafkaconnect.AWSKafkaAvroConverter"
)

func TestConnector_AvroConverters(t *testing.T) {
	for _, tt := range []struct {
		name       string
		properties map[string]string
		want       string
	}{
		{
			"Confluent's", both(map[string]string{"": confluentClass, ".schema.registry.url": "http://a:8081,http://b:8081"}),
			"avro avro [http://a:8081 http://b:8081] none   true false true true avro",
		},
		{
			"with credentials of their own",
			both(map[string]string{
				"": confluentClass, ".schema.registry.url": "https://a", ".basic.auth.credentials.source": "USER_INFO", ".basic.auth.user.info": "me:se:cret",
			}),
			"avro avro [https://a] basic me se:cret true false true true avro",
		},
		{
			"with credentials in the URL", both(map[string]string{"": confluentClass, ".schema.registry.url": "https://me:secret@a/x"}),
			"avro avro [https://a/x] basic me secret true false true true avro",
		},
		{
			"with the registry's settings",
			both(map[string]string{
				"": confluentClass, ".schema.registry.url": "http://a", ".auto.register.schemas": "false", ".normalize.schemas": "true",
				".connect.meta.data": "false", ".ignore.default.for.nullables": "true", ".enhanced.avro.schema.support": "true", ".use.latest.version": "false",
			}),
			"avro avro [http://a] none   false true false false avro",
		},
		{
			"of the value alone",
			map[string]string{"value.converter": confluentClass, "value.converter.schema.registry.url": "http://a", "field.name.adjustment.mode": "avro_unicode"},
			"json avro [http://a] none   true false true true avro_unicode",
		},
		{
			"AWS's", both(map[string]string{
				"": glueClass, ".region": "eu-west-1", ".registry.name": "mine", ".schemaAutoRegistrationEnabled": "true",
				".compatibility": "NONE", ".endpoint": "http://glue", ".avroRecordType": "GENERIC_RECORD",
			}),
			"avro avro [] glue   true false true true avro eu-west-1 http://glue mine {topic} NONE",
		},
		{"AWS's, which registers nothing by default", both(map[string]string{"": glueClass}), "avro avro [] glue   false false true true avro   default-registry {topic} BACKWARD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.ParseReader(avroConnector(t, tt.properties))
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintln(c.KeyConverter, c.ValueConverter, c.SchemaRegistryURL, c.SchemaRegistryAuth, c.SchemaRegistryUser, c.SchemaRegistryPassword.Reveal(),
				c.AutoRegisterSchemas, c.NormalizeSchemas, c.ConnectMetaData, c.ReplaceNullWithDefault, c.FieldNameAdjustmentMode)
			if c.SchemaRegistryAuth == "glue" {
				got = got[:len(got)-1] + fmt.Sprintln("", c.AWSRegion, c.AWSEndpoint, c.GlueRegistry, c.GlueSchemaName, c.GlueCompatibility)
			}
			if got != tt.want+"\n" {
				t.Errorf("got  %swant %s", got, tt.want)
			}
		})
	}
}

func TestConnector_RefusesAvroSettings(t *testing.T) {
	confluent := func(more ...string) map[string]string {
		return both(map[string]string{"": confluentClass, ".schema.registry.url": "http://a"}, more...)
	}
	aws := func(more ...string) map[string]string { return both(map[string]string{"": glueClass}, more...) }
	for _, tt := range []struct {
		properties map[string]string
		want       string
	}{
		{confluent("value.converter.use.latest.version", "true"), "value.converter.use.latest.version: is not supported and would change what is published"},
		{confluent("value.converter.scrub.invalid.names", "true"), "value.converter.scrub.invalid.names: is not supported"},
		{confluent("value.converter.value.subject.name.strategy", "io.confluent.kafka.serializers.subject.RecordNameStrategy"), "subjects are <topic>-key and <topic>-value"},
		{confluent("value.converter.value.schema.id.serializer", "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer"), "the schema's id stands before the record"},
		{confluent("value.converter.bearer.auth.token", "x"), "value.converter.bearer.auth.token: is not supported and would change what is published: only basic authentication"},
		{confluent("value.converter.basic.auth.credentials.source", "SASL_INHERIT"), "SASL_INHERIT is not supported: use USER_INFO or URL"},
		{confluent("value.converter.schema.registry.ssl.truststore.location", "/x.jks"), "use --schema-registry-ca-file"},
		{confluent("value.converter.schema.registry.url", "http://b"), "value.converter.schema.registry.url: must be the same for key and value"},
		{confluent("value.converter", glueClass), "--schema-registry-auth glue: Glue's registry has no URL"},
		{map[string]string{"value.converter": "io.apicurio.registry.utils.converter.AvroConverter"}, "io.apicurio.registry.utils.converter.AvroConverter is not supported: use org.apache.kafka.connect.json.JsonConverter, io.confluent"},
		{aws("value.converter.compression", "ZLIB"), "value.converter.compression: is not supported and would change what is published: Kafka's producer compresses"},
		{aws("key.converter.schemaName", "all"), "use --glue-schema-name"},
		{aws("key.converter.assumeRoleArn", "arn:aws:iam::1:role/x"), "give the process the role itself"},
	} {
		_, err := config.ParseReader(avroConnector(t, tt.properties))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
	}
}

func TestRegistry_Rejects(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--schema-registry-url=registry:8081"}, "--schema-registry-url: one is not http://host or https://host"},
		{[]string{"--schema-registry-url=http://u:hidden@r"}, "--schema-registry-url: no password belongs into a URL"},
		{[]string{"--schema-registry-url=http://r", "--schema-registry-auth=basic"}, "--schema-registry-user is required"},
		{[]string{"--schema-registry-url=http://r", "--schema-registry-auth=basic", "--schema-registry-user=u"}, "--schema-registry-auth basic needs a password"},
		{[]string{"--schema-registry-auth=basic", "--schema-registry-user=u", "--schema-registry-password-file=f"}, "--schema-registry-auth basic needs --schema-registry-url"},
		{[]string{"--schema-registry-url=http://r", "--schema-registry-user=u"}, "--schema-registry-user belongs to --schema-registry-auth basic"},
		{[]string{"--schema-registry-url=https://r", "--schema-registry-cert-file=c"}, "--schema-registry-cert-file and --schema-registry-key-file: give both"},
		{[]string{"--schema-registry-url=http://r", "--schema-registry-ca-file=c"}, "belong to a URL with https://"},
		{[]string{"--schema-registry-url=http://r", "--schema-registry-auth=glue"}, "Glue's registry has no URL"},
		{[]string{"--schema-registry-auth=glue", "--glue-schema-name={prefix}"}, `--glue-schema-name "{prefix}": only {topic} and {part} are filled in`},
		{[]string{"--schema-registry-auth=glue", "--glue-schema-name=x"}, `--glue-schema-name "x" gives all topics one schema`},
		{[]string{"--schema-registry-auth=glue", "--normalize-schemas"}, "--normalize-schemas belongs to a Confluent-compatible registry"},
	} {
		_, err := config.ParseReader(readerArgs(tt.args...))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.args, err, tt.want)
		}
	}
	c, err := config.ParseReader(readerArgs("--schema-registry-url=glue", "--value-converter=avro"))
	if err != nil || c.SchemaRegistryAuth != "glue" || len(c.SchemaRegistryURL) > 0 {
		t.Errorf("glue as a URL: got %+v, error %v", c.Registry, err)
	}
}
