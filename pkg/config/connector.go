package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// connector is a Debezium connector's configuration as flags.
type connector struct {
	values   map[string]string
	secrets  map[string]Secret
	rules    []string // of --column-rule
	routes   []Route  // of --topic-route
	topics   []string // of --topic-config
	warnings []string
	pending  map[string]error // by flag: why the connector's value is not known, which is no matter if another is given

	glue           bool // the Avro converter is AWS's
	userInfoCounts bool // of basic.auth.credentials.source
}

// readConnector reads a connector's configuration, JSON or properties. What is
// not set has Debezium's default. Properties that would change the data and
// are not supported are errors, and so are unknown ones; the ignored are
// warned of.
func readConnector(path string, environ map[string]string) (*connector, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read --debezium-config: %w", err)
	}
	properties, err := parseConnector(content)
	if err != nil {
		return nil, fmt.Errorf("read --debezium-config %s: %w", path, err)
	}
	c := &connector{secrets: map[string]Secret{}, pending: map[string]error{}, values: map[string]string{
		"bigint-unsigned-handling-mode":                             "long",
		"event-converting-failure-handling-mode":                    "warn",
		"skipped-operations":                                        "t",
		"replace-null-with-default":                                 "true",
		"key-replace-null-with-default":                             "true",
		"snapshot-parallelism":                                      "1",
		"allow-fk-cascade":                                          "true",
		"on-unlogged-change":                                        "mark",
		"schema-history-internal-store-only-captured-tables-ddl":    "false",
		"schema-history-internal-store-only-captured-databases-ddl": "false",
	}}
	if properties["value.converter.schemas.enable"] != "" { // which is not said of keys
		c.values["key-schemas-enable"] = "true"
	}
	var errs []error
	failed := func(name string, err error) error { return fmt.Errorf("%s: %s: %w", path, withoutSalt(name), err) }
	for name, value := range properties {
		expanded, err := expand(value, environ)
		if properties[name] = strings.TrimSpace(expanded); err == nil {
			continue
		}
		delete(properties, name)
		if flag := flagOf(name); flag != "" {
			c.pending[flag] = failed(name, err)
		} else {
			errs = append(errs, failed(name, err))
		}
	}
	c.booleans(properties)
	c.unlisted(properties)
	if err := c.transforms(properties); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if err := c.take(name, properties[name]); err != nil {
			errs = append(errs, failed(name, err))
		}
	}
	c.workers(properties)
	c.brokers(path, properties)
	slices.Sort(c.warnings)
	if _, ok := c.values["auto-register-schemas"]; c.glue && !ok {
		c.values["auto-register-schemas"] = "false" // as AWS has it
	}
	return c, errors.Join(errs...)
}

// take gives one property its meaning.
func (c *connector) take(name, value string) error {
	switch name {
	case "connector.class":
		if !strings.HasSuffix(value, ".MySqlConnector") && !strings.HasSuffix(value, ".MariaDbConnector") {
			return fmt.Errorf("%s is not Debezium's connector for MySQL or MariaDB", value)
		}
		return nil
	case "tasks.max", "producer.override.bootstrap.servers": // see brokers
		return nil
	case "database.password":
		c.secrets["database-password"] = Secret(value)
		return nil
	case "key.converter", "value.converter":
		return c.converter(name, value)
	case "topic.creation.default.partitions", "topic.creation.default.replication.factor":
		if value != "-1" {
			c.values[renamed(name)] = value
		}
		return nil
	case "snapshot.mode":
		c.snapshotMode(strings.ToLower(value))
		return nil
	case "topic.naming.strategy":
		return c.naming(value)
	case "signal.data.collection":
		c.values["signal-data-collection"] = value
		c.warnings = append(c.warnings, "--debezium-config: the table of signal.data.collection is captured, but its signals are not obeyed")
		return nil
	default:
	}
	if anyCase(name) {
		value = strings.ToLower(value)
	}
	if isColumnRule(name) {
		rule := name + "=" + value
		c.rules = append(c.rules, rule)
		_, err := parseColumnRule(rule)
		return err
	}
	if taken, err := c.avro(name, value); taken {
		return err
	}
	if setting, ok := topicSetting(name); ok {
		c.topics = append(c.topics, escape(setting+"="+value, ';'))
		c.values["topic-config"] = strings.Join(c.topics, ";")
		return nil
	}
	if flag := flagOf(name); flag != "" {
		c.values[flag] = value
		return nil
	}
	return c.rest(name, value)
}

// rest takes a property that sets nothing here: what is followed in another way than
// Debezium's, what must not be otherwise, and what does not matter.
func (c *connector) rest(name, value string) error {
	if flag := keyStore(name); flag != "" {
		if value != "" {
			c.pending[flag] = fmt.Errorf("--debezium-config: %s: Java's key stores are not read; use --%s, whose file is in PEM", name, flag)
		}
		return nil
	}
	if passesOver(name, value) {
		c.warnings = append(c.warnings, fmt.Sprintf("--debezium-config: %s is followed as fail: firn-reader stops at what it does not understand", name))
		return nil
	}
	if allowed, hint, ok := changesData(name); ok {
		if slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, value) }) {
			return nil
		}
		return fmt.Errorf("is not supported and would change what is published%s", hint)
	}
	if ignored(name) {
		c.warnings = append(c.warnings, fmt.Sprintf("--debezium-config: %s is ignored", name))
		return nil
	}
	return errors.New("is not a property of Debezium's connectors for MySQL and MariaDB")
}

// brokers takes over where a connector's records go: with its schema history, if
// nothing else is said.
func (c *connector) brokers(path string, properties map[string]string) {
	const flag, own, history = "bootstrap-servers", "producer.override.bootstrap.servers", "schema.history.internal.kafka.bootstrap.servers"
	switch properties[own] {
	case "", properties[history]:
	default:
		c.values[flag] = properties[own]
		if properties[history] != "" {
			delete(c.values, flag)
			c.pending[flag] = fmt.Errorf("%s: %s and %s differ: firn-reader writes to one Kafka; give --%s", path, own, history, flag)
		}
	}
}

// snapshotMode takes over when a snapshot is read. The one mode that begins another
// snapshot by itself is followed up to there: the reader stops instead, and says why.
func (c *connector) snapshotMode(mode string) {
	if mode == "when_needed" {
		mode = "initial"
		c.warnings = append(c.warnings, "--debezium-config: snapshot.mode=when_needed is initial here: "+
			"should the server no longer have what follows the saved position, the reader stops and says what to do")
	}
	c.values["snapshot-mode"] = mode
}

// naming takes over the class that names the topics of tables.
func (c *connector) naming(class string) error {
	const flag, strategies = "topic-naming-strategy", "io.debezium.schema."
	switch class {
	case strategies + "DefaultTopicNamingStrategy":
		c.values[flag] = "default"
	case strategies + "SchemaTopicNamingStrategy":
		c.values[flag] = "schema"
	default:
		return fmt.Errorf("%s is not supported and would change what is published: use %[2]sDefaultTopicNamingStrategy or %[2]sSchemaTopicNamingStrategy", class, strategies)
	}
	return nil
}

// workers warns of what a connector leaves to the worker's own configuration.
func (c *connector) workers(properties map[string]string) {
	for _, part := range []string{"key", "value"} {
		if _, ok := properties[part+".converter"]; !ok {
			c.warnings = append(c.warnings, fmt.Sprintf(
				"--debezium-config: it has no %[1]s.converter, and the worker's is not known: %[1]ss are JSON unless --%[1]s-converter says otherwise", part))
		}
	}
}
