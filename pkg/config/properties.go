package config

import (
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

// changesData returns, for a property that would change what is published, the
// values with which it does not.
func changesData(name string) (allowed []string, hint string, ok bool) {
	switch name {
	case "gtid.ignore.on.recovery", "schema.history.internal.prefer.ddl":
		return []string{"false"}, "", true
	case "gtid.source.filter.dml.events":
		return []string{"true"}, "", true
	case "gtid.source.includes", "gtid.source.excludes", "snapshot.include.collection.list",
		"snapshot.select.statement.overrides", "converters", "post.processors", "transforms", "predicates",
		"sourceinfo.struct.maker", "database.initial.statements":
		return []string{""}, "", true
	case "snapshot.query.mode":
		return []string{"select_all"}, "", true
	case "topic.naming.strategy":
		return []string{"io.debezium.schema.SchemaTopicNamingStrategy", "io.debezium.schema.DefaultTopicNamingStrategy"}, "", true
	case "event.processing.failure.handling.mode", "event.deserialization.failure.handling.mode", "inconsistent.schema.handling.mode":
		return []string{"fail"}, ": nothing is skipped", true
	case "database.ssl.keystore", "database.ssl.truststore":
		return []string{""}, ": Java's key stores are not read; use --database-ca-file, --database-cert-file and --database-key-file", true
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

// ignored reports whether a property has no counterpart here and needs none:
// it tunes what Debezium does inside.
func ignored(name string) bool {
	if slices.Contains([]string{
		"advanced.metrics.enable", "binlog.buffer.size", "binlog.net.read.timeout", "binlog.net.write.timeout",
		"connect.keep.alive", "connect.keep.alive.interval.ms", "connect.timeout.ms", "connection.validation.timeout.ms",
		"custom.metric.tags", "custom.retriable.exception", "database.jdbc.driver", "database.protocol",
		"database.query.timeout.ms", "database.server.id.offset", "database.ssl.keystore.password",
		"database.ssl.truststore.password", "ddl.parser.type", "errors.max.retries", "exactly.once.support",
		"executor.shutdown.timeout.ms", "guardrail.collections.max", "guardrail.collections.limit.action",
		"header.converter", "incremental.snapshot.allow.schema.changes",
		"incremental.snapshot.chunk.size", "incremental.snapshot.watermarking.strategy",
		"key.converter.replace.null.with.default", "legacy.snapshot.max.threads", "log.position.check.enable",
		"max.batch.size", "max.queue.size", "max.queue.size.in.bytes", "min.row.count.to.stream.results",
		"poll.interval.ms", "query.fetch.size", "queue.provider.type", "read.only", "retriable.restart.connector.wait.ms",
		"schema.history.internal", "snapshot.delay.ms", "snapshot.fetch.size", "snapshot.isolation.mode",
		"snapshot.lock.timeout.ms", "snapshot.locking.mode", "snapshot.max.threads.multiplier",
		"snapshot.tables.order.by.row.count", "statistics.metrics.enabled", "streaming.delay.ms", "topic.cache.size",
		"transaction.boundary", "transaction.metadata.factory",
		"unavailable.value.placeholder", "use.nongraceful.disconnect", "offset.flush.interval.ms", "offset.flush.timeout.ms",
	}, name) {
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
