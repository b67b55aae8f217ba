package config

import (
	"regexp"
	"slices"
	"strings"
)

// direct returns the properties that are flags by the same name.
func direct() []string {
	return []string{
		"bigint.unsigned.handling.mode", "binary.handling.mode", "column.exclude.list", "column.include.list",
		"column.propagate.source.type", "datatype.propagate.source.type", "message.key.columns",
		"database.exclude.list", "database.hostname", "database.include.list", "database.port", "database.server.id",
		"database.ssl.mode", "database.user", "decimal.handling.mode", "enable.time.adjuster",
		"event.converting.failure.handling.mode", "extended.headers.enabled", "field.name.adjustment.mode",
		"heartbeat.action.query", "heartbeat.interval.ms", "topic.heartbeat.name", "topic.heartbeat.prefix",
		"include.query", "include.schema.changes", "include.schema.comments", "name", "schema.history.internal.kafka.topic",
		"schema.history.internal.store.only.captured.databases.ddl", "schema.history.internal.store.only.captured.tables.ddl", "schema.name.adjustment.mode",
		"skip.messages.without.change", "skipped.operations", "snapshot.mode", "table.exclude.list", "table.ignore.builtin", "table.include.list",
		"time.precision.mode", "tombstones.on.delete", "topic.delimiter", "topic.prefix", "topic.transaction", "provide.transaction.metadata",
	}
}

// anyCase reports whether Debezium or Connect do not tell upper from lower case
// in what a property has.
func anyCase(name string) bool {
	return slices.Contains([]string{
		"bigint.unsigned.handling.mode", "binary.handling.mode", "decimal.handling.mode", "event.converting.failure.handling.mode",
		"field.name.adjustment.mode", "key.converter.decimal.format", "key.converter.replace.null.with.default", "key.converter.schemas.enable",
		"schema.name.adjustment.mode", "time.precision.mode", "value.converter.decimal.format",
	}, name)
}

// renamed returns the flag of a property that has another name.
func renamed(name string) string {
	switch name {
	case "snapshot.max.threads":
		return "snapshot-parallelism"
	case "value.converter.replace.null.with.default":
		return "replace-null-with-default"
	case "value.converter.decimal.format":
		return "decimal-format"
	case "key.converter.decimal.format":
		return "key-decimal-format"
	case "key.converter.schemas.enable":
		return "key-schemas-enable"
	case "value.converter.schemas.enable":
		return "schemas-enable"
	case "key.converter.replace.null.with.default":
		return "key-replace-null-with-default"
	case "offsets.storage.topic":
		return "connect-offset-topic"
	case "schema.history.internal.kafka.bootstrap.servers":
		return "bootstrap-servers"
	case "producer.override.compression.type":
		return "kafka-compression"
	case "topic.creation.default.partitions":
		return "topic-partitions"
	case "topic.creation.default.replication.factor":
		return "topic-replication"
	default:
		return ""
	}
}

// flagOf returns the flag that a property sets; "": none, or more than its name says.
func flagOf(name string) string {
	if flag := renamed(name); flag != "" {
		return flag
	}
	if name == "database.password" || slices.Contains(direct(), name) {
		return strings.ReplaceAll(name, ".", "-")
	}
	return ""
}

// topicSetting returns the setting of new topics that a property of Connect's is.
func topicSetting(name string) (setting string, ok bool) {
	setting, ok = strings.CutPrefix(name, "topic.creation.default.")
	return setting, ok && setting != "include" && setting != "exclude"
}

// passesOver reports whether a property has Debezium pass over what it does not
// understand, where firn-reader stops.
func passesOver(name, value string) bool {
	switch name {
	case "event.processing.failure.handling.mode", "event.deserialization.failure.handling.mode", "inconsistent.schema.handling.mode":
		return slices.Contains([]string{"warn", "skip", "ignore"}, strings.ToLower(value))
	default:
		return false
	}
}

// keyStore returns the flag that stands for a key store of Java's.
func keyStore(name string) string {
	switch _, property, _ := cutConverter(name); {
	case name == "database.ssl.truststore":
		return "database-ca-file"
	case name == "database.ssl.keystore":
		return "database-cert-file"
	case property == "schema.registry.ssl.truststore.location", property == "schema.registry.ssl.truststore.certificates":
		return "schema-registry-ca-file"
	case property == "schema.registry.ssl.keystore.location", property == "schema.registry.ssl.keystore.key":
		return "schema-registry-cert-file"
	default:
		return ""
	}
}

// changesData returns, for a property that would change what is published, the
// values with which it does not.
func changesData(name string) (allowed []string, hint string, ok bool) {
	switch name {
	case "gtid.ignore.on.recovery", "schema.history.internal.prefer.ddl", "multi.partition.mode", "producer.override.partitioner.ignore.keys":
		return []string{"false"}, "", true
	case "gtid.source.filter.dml.events":
		return []string{"true"}, "", true
	case "gtid.source.includes", "gtid.source.excludes", "snapshot.include.collection.list",
		"snapshot.select.statement.overrides", "converters", "post.processors", "transforms", "predicates",
		"database.initial.statements", "producer.override.partitioner.class", "producer.override.key.serializer", "producer.override.value.serializer":
		return []string{""}, "", true
	case "sourceinfo.struct.maker":
		return []string{"", "io.debezium.connector.mysql.MySqlSourceInfoStructMaker", "io.debezium.connector.mariadb.MariaDbSourceInfoStructMaker"}, "", true
	case "transaction.metadata.factory":
		return []string{"io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory"}, "", true
	case "header.converter":
		return []string{"org.apache.kafka.connect.storage.SimpleHeaderConverter"}, "", true
	case "producer.override.interceptor.classes": // the one that changes nothing
		return []string{"", "io.confluent.monitoring.clients.interceptor.MonitoringProducerInterceptor"}, "", true
	case "notification.enabled.channels":
		return []string{"", "log", "jmx", "log,jmx", "jmx,log"}, ": notifications are not published; leave sink out", true
	case "topic.creation.groups":
		return []string{"", "default"}, ": all topics are made alike, by topic.creation.default", true
	case "snapshot.query.mode":
		return []string{"select_all"}, "", true
	case "event.processing.failure.handling.mode", "event.deserialization.failure.handling.mode", "inconsistent.schema.handling.mode":
		return []string{"fail"}, "", true
	default:
	}
	for _, prefix := range []string{
		"snapshot.select.statement.overrides.", "snapshot.query.mode.custom.",
		"snapshot.mode.configuration.based.", "transforms.", "predicates.", "topic.creation.",
	} {
		if strings.HasPrefix(name, prefix) {
			return nil, "", true
		}
	}
	return nil, "", false
}

// driverProperty is one of the JDBC driver's that Debezium passes through, such
// as database.allowPublicKeyRetrieval: they say how it connects and reads.
var driverProperty = regexp.MustCompile(`^database\.[a-z]+[A-Z][A-Za-z]*$`)

// ignored reports whether a property has no counterpart here and needs none:
// it tunes what Debezium does inside.
func ignored(name string) bool {
	if slices.Contains([]string{
		"advanced.metrics.enable", "binlog.buffer.size", "binlog.net.read.timeout", "binlog.net.write.timeout",
		"connect.keep.alive", "connect.keep.alive.interval.ms", "connect.timeout.ms", "connection.validation.timeout.ms",
		"connector.plugin.version", "custom.metric.tags", "custom.retriable.exception", "custom.sanitize.pattern", "database.jdbc.driver", "database.protocol",
		"database.query.timeout.ms", "database.server.id.offset", "database.ssl.keystore.password",
		"database.ssl.truststore.password", "ddl.parser.type", "errors.max.retries", "exactly.once.support",
		"executor.shutdown.timeout.ms", "guardrail.collections.max", "guardrail.collections.limit.action",
		"incremental.snapshot.allow.schema.changes",
		"incremental.snapshot.chunk.size", "incremental.snapshot.watermarking.strategy",
		"legacy.snapshot.max.threads", "log.position.check.enable",
		"max.batch.size", "max.queue.size", "max.queue.size.in.bytes", "min.row.count.to.stream.results",
		"poll.interval.ms", "query.fetch.size", "queue.provider.type", "read.only", "retriable.restart.connector.wait.ms",
		"schema.history.internal", "snapshot.delay.ms", "snapshot.fetch.size", "snapshot.isolation.mode",
		"snapshot.lock.timeout.ms", "snapshot.locking.mode", "snapshot.scan.all.columns.force", "snapshot.max.threads.multiplier",
		"snapshot.tables.order.by.row.count", "statistics.metrics.enabled", "streaming.delay.ms", "topic.cache.size",
		"tasks.max.enforce", "topic.creation.enable", "transaction.boundary", "transaction.boundary.interval.ms",
		"unavailable.value.placeholder", "use.nongraceful.disconnect", "offset.flush.interval.ms", "offset.flush.timeout.ms",
	}, name) {
		return true
	}
	if driverProperty.MatchString(name) {
		return true
	}
	for _, prefix := range []string{
		"driver.", "notification.", "openlineage.", "producer.override.", "consumer.override.", "admin.override.",
		"schema.history.internal.", "signal.", "errors.", "key.converter.", "value.converter.", "header.converter.", "config.action.",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
