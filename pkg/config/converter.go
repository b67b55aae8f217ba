package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// The converters of Connect that are followed. Others of these names frame
// records in other ways.
const (
	jsonConverter      = "org.apache.kafka.connect.json.JsonConverter"
	confluentConverter = "io.confluent.connect.avro.AvroConverter"
	glueConverter      = "com.amazonaws.services.schemaregistry.kafkaconnect.AWSKafkaAvroConverter"
)

// converter takes over the class of key.converter or value.converter. What
// belongs to it comes behind it.
func (c *connector) converter(name, class string) error {
	flag := strings.ReplaceAll(name, ".", "-")
	switch class {
	case jsonConverter:
		c.values[flag] = "json"
		return nil
	case confluentConverter:
		c.values[flag] = "avro"
		return nil
	case glueConverter:
		c.values[flag], c.glue = "avro", true
		c.values["glue-schema-name"] = "{topic}"
		return c.same("schema-registry-auth", registryGlue)
	default:
		return fmt.Errorf("%s is not supported: use %s, %s or %s", class, jsonConverter, confluentConverter, glueConverter)
	}
}

// same sets a flag that keys and values share.
func (c *connector) same(flag, value string) error {
	if other, ok := c.values[flag]; ok && other != value {
		return errors.New("must be the same for key and value")
	}
	c.values[flag] = value
	return nil
}

// avro takes over a property of an Avro converter, such as
// value.converter.schema.registry.url. It reports whether it is one that is known.
func (c *connector) avro(name, value string) (taken bool, err error) {
	part, property, ok := cutConverter(name)
	if !ok || c.values[part+"-converter"] != "avro" {
		return false, nil
	}
	switch property {
	case "connect.meta.data":
		return true, c.same("connect-meta-data", value)
	case "ignore.default.for.nullables":
		flag := map[string]string{"key": "key-replace-null-with-default", "value": "replace-null-with-default"}[part]
		c.values[flag] = map[bool]string{true: "false", false: "true"}[strings.EqualFold(value, "true")]
		return true, nil
	case "enhanced.avro.schema.support": // Debezium's schemas are the same with it
		return true, nil
	}
	var flag string
	if c.glue {
		flag = glueFlag(property)
	} else {
		switch property {
		case "schema.registry.url":
			return true, c.registryURL(value)
		case "basic.auth.credentials.source":
			return true, c.credentialsSource(value)
		case "basic.auth.user.info", "schema.registry.basic.auth.user.info":
			return true, c.userInfo(value)
		case "auto.register.schemas", "normalize.schemas":
			flag = strings.ReplaceAll(property, ".", "-")
		}
	}
	if flag != "" {
		return true, c.same(flag, value)
	}
	return c.avroOtherwise(property, value)
}

// avroOtherwise refuses what would change the records, or the way to the
// registry, unless it is what it is here anyway.
func (c *connector) avroOtherwise(property, value string) (taken bool, err error) {
	allowed, hint, ok := changesAvro(property)
	if c.glue {
		allowed, hint, ok = changesGlue(property)
	}
	if !ok {
		return false, nil
	}
	if slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, value) }) {
		return true, nil
	}
	return true, fmt.Errorf("is not supported and would change what is published%s", hint)
}

// cutConverter takes key.converter.x or value.converter.x apart.
func cutConverter(name string) (part, property string, ok bool) {
	for _, part := range []string{"key", "value"} {
		if property, ok := strings.CutPrefix(name, part+".converter."); ok {
			return part, property, true
		}
	}
	return "", "", false
}

// registryURL takes over URLs, of which any may have a user and a password in it.
func (c *connector) registryURL(value string) error {
	var urls []string
	for u := range strings.SplitSeq(value, ",") {
		parsed, err := url.Parse(strings.TrimSpace(u))
		if err != nil {
			return errors.New("is no list of URLs") // the error would quote it
		}
		if parsed.User != nil {
			password, _ := parsed.User.Password()
			if err := c.basic(parsed.User.Username(), password); err != nil {
				return err
			}
			parsed.User = nil
		}
		urls = append(urls, parsed.String())
	}
	return c.same("schema-registry-url", strings.Join(urls, ","))
}

func (c *connector) basic(user, password string) error {
	if other, ok := c.secrets["schema-registry-password"]; ok && other != Secret(password) {
		return errors.New("must have the same password for key and value")
	}
	c.secrets["schema-registry-password"] = Secret(password)
	return errors.Join(c.same("schema-registry-auth", "basic"), c.same("schema-registry-user", user))
}

func (c *connector) credentialsSource(value string) error {
	switch value {
	case "URL", "":
		return nil
	case "USER_INFO":
		c.userInfoCounts = true
		return nil
	default:
		return fmt.Errorf("%s is not supported: use USER_INFO or URL", value)
	}
}

// userInfo takes over user:password, which counts with credentials source USER_INFO alone.
func (c *connector) userInfo(value string) error {
	user, password, ok := strings.Cut(value, ":")
	switch {
	case !c.userInfoCounts:
		return nil
	case !ok:
		return errors.New("is not user:password")
	default:
		return c.basic(user, password)
	}
}

// glueFlag returns the flag of a property of AWS's converter.
func glueFlag(property string) string {
	switch property {
	case "region":
		return "aws-region"
	case "endpoint":
		return "aws-endpoint"
	case "registry.name":
		return "glue-registry"
	case "compatibility":
		return "glue-compatibility"
	case "schemaAutoRegistrationEnabled":
		return "auto-register-schemas"
	default:
		return ""
	}
}

// changesAvro is [changesData] for properties of Confluent's converter.
func changesAvro(property string) (allowed []string, hint string, ok bool) {
	switch property {
	case "use.latest.version", "scrub.invalid.names", "generalized.sum.type.support", "allow.optional.map.keys":
		return []string{"false"}, "", true
	case "use.latest.with.metadata", "rule.executors", "rule.actions":
		return []string{""}, "", true
	case "use.schema.id":
		return []string{"-1"}, "", true
	case "key.subject.name.strategy", "value.subject.name.strategy":
		return []string{"io.confluent.kafka.serializers.subject.TopicNameStrategy"}, ": subjects are <topic>-key and <topic>-value", true
	case "context.name.strategy":
		return []string{"io.confluent.kafka.serializers.context.NullContextNameStrategy"}, "", true
	case "key.schema.id.serializer", "value.schema.id.serializer":
		return []string{"io.confluent.kafka.serializers.schema.id.PrefixSchemaIdSerializer"}, ": the schema's id stands before the record", true
	case "proxy.host":
		return []string{""}, ": set HTTPS_PROXY in the environment", true
	default:
		return nil, ": only basic authentication is supported", strings.HasPrefix(property, "bearer.auth.") || strings.HasPrefix(property, "sasl.")
	}
}

// changesGlue is [changesData] for properties of AWS's converter.
func changesGlue(property string) (allowed []string, hint string, ok bool) {
	switch property {
	case "compression":
		return []string{"NONE"}, ": Kafka's producer compresses", true
	case "schemaName", "schemaNameGenerationClass":
		return []string{""}, ": use --glue-schema-name", true
	case "dataFormat":
		return []string{"AVRO"}, "", true
	case "scrub.invalid.names", "generalized.sum.type.support", "allow.optional.map.keys":
		return []string{"false"}, "", true
	case "assumeRoleArn":
		return []string{""}, ": give the process the role itself", true
	case "proxyUrl":
		return []string{""}, ": set HTTPS_PROXY in the environment", true
	default:
		return nil, "", false
	}
}
