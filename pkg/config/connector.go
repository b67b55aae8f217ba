package config

import (
	"encoding/json"
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
	warnings []string

	glue           bool // the Avro converter is AWS's
	userInfoCounts bool // of basic.auth.credentials.source
}

// readConnector reads a connector's configuration, JSON or properties. What is
// not set has Debezium's default. Properties that would change the data and
// are not supported are errors, and so are unknown ones; the ignored are
// warned of.
func readConnector(path string) (*connector, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read --debezium-config: %w", err)
	}
	properties, err := parseConnector(content)
	if err != nil {
		return nil, fmt.Errorf("read --debezium-config %s: %w", path, err)
	}
	c := &connector{secrets: map[string]Secret{}, values: map[string]string{
		"bigint-unsigned-handling-mode":                             "long",
		"event-converting-failure-handling-mode":                    "warn",
		"skipped-operations":                                        "t",
		"replace-null-with-default":                                 "true",
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
	if err := c.transforms(properties); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if err := c.take(name, strings.TrimSpace(properties[name])); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", path, name, err))
		}
	}
	if _, ok := c.values["auto-register-schemas"]; c.glue && !ok {
		c.values["auto-register-schemas"] = "false" // as AWS has it
	}
	return c, errors.Join(errs...)
}

// parseConnector reads {"name": …, "config": {…}}, the inner object alone, or
// properties.
func parseConnector(content []byte) (map[string]string, error) {
	text := strings.TrimSpace(string(content))
	if !strings.HasPrefix(text, "{") {
		return parseProperties(text)
	}
	var outer struct {
		Name   string                     `json:"name"`
		Config map[string]json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal([]byte(text), &outer); err != nil {
		return nil, err
	}
	flat := outer.Config
	if flat == nil {
		if err := json.Unmarshal([]byte(text), &flat); err != nil {
			return nil, err
		}
	}
	properties := map[string]string{}
	if outer.Name != "" {
		properties["name"] = outer.Name
	}
	for name, value := range flat {
		switch value[0] {
		case '"':
			var s string
			if err := json.Unmarshal(value, &s); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			properties[name] = s
		case 'n':
		case '{', '[':
			return nil, fmt.Errorf("%s: a string is wanted", name)
		default: // a number or a truth, as it is written
			properties[name] = string(value)
		}
	}
	return properties, nil
}

func parseProperties(text string) (map[string]string, error) {
	properties := map[string]string{}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var joined string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimLeft(line, " \t\f")
		if joined == "" && (line == "" || line[0] == '#' || line[0] == '!') {
			continue
		}
		joined += line
		if rest, ok := strings.CutSuffix(joined, `\`); ok && !strings.HasSuffix(rest, `\`) {
			joined = rest
			continue
		}
		name, value, ok := cutProperty(joined)
		if !ok {
			return nil, fmt.Errorf("line %d is not name=value", i+1)
		}
		properties[name] = strings.ReplaceAll(value, `\\`, `\`)
		joined = ""
	}
	return properties, nil
}

func cutProperty(line string) (name, value string, ok bool) {
	i := strings.IndexAny(line, "=:")
	if i <= 0 {
		return "", "", false
	}
	return strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:]), true
}

// take gives one property its meaning.
func (c *connector) take(name, value string) error {
	if strings.Contains(value, "${") {
		return errors.New("Connect's config providers are not supported; write the value, or give the flag") //nolint:staticcheck // a name comes first
	}
	switch name {
	case "connector.class":
		if !strings.HasSuffix(value, ".MySqlConnector") && !strings.HasSuffix(value, ".MariaDbConnector") {
			return fmt.Errorf("%s is not Debezium's connector for MySQL or MariaDB", value)
		}
		return nil
	case "tasks.max":
		return nil
	case "database.password":
		c.secrets["database-password"] = Secret(value)
		return nil
	case "key.converter", "value.converter":
		return c.converter(name, value)
	case "key.converter.schemas.enable":
		c.values["key-schemas-enable"] = strings.ToLower(value)
		return nil
	case "value.converter.schemas.enable":
		c.values["schemas-enable"] = value
		return nil
	case "topic.creation.default.partitions", "topic.creation.default.replication.factor":
		if value != "-1" {
			c.values[renamed(name)] = value
		}
		return nil
	case "value.converter.decimal.format", "key.converter.decimal.format":
		value = strings.ToLower(value)
	default:
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
	if flag := renamed(name); flag != "" {
		c.values[flag] = value
		return nil
	}
	if slices.Contains(direct(), name) {
		c.values[strings.ReplaceAll(name, ".", "-")] = value
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
