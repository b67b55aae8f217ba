package config

import (
	"errors"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Reader is what firn-reader can be told.
type Reader struct {
	Common
	Database `group:"Database:"`

	TopicPrefix string `group:"Capture:" help:"Names the topics: <prefix>.<database>.<table>."`
	Name        string `group:"Capture:" help:"Connector name in the offset records; the prefix if not given, or the only connector to take over."`
	Capture     `group:"Capture:"`
	Format      `group:"Events:"`
	Registering `group:"Schema registry:"`
	Unwrapping  `group:"Events:"`
	Reading     `group:"Reading:"`
	Publishing  `group:"Publishing:"`

	Command   string         `kong:"-"` // run, check, plan, snapshot, status, version
	StopAtEnd bool           `kong:"-"` // of run
	Signal    SnapshotSignal `kong:"-"` // of snapshot

	// DebeziumDefaults says that what was not set has Debezium's default, and
	// that its values are copied where they differ between snapshot and stream.
	DebeziumDefaults bool `kong:"-"`
}

// Database says where MySQL is and how to get in.
type Database struct {
	DatabaseHostname     string `help:"Host of MySQL or MariaDB."`
	DatabasePort         int    `default:"3306" help:"Port (${default})."`
	DatabaseUser         string `help:"User name."`
	DatabasePasswordFile string `placeholder:"FILE" help:"File that holds the password; or FIRN_DATABASE_PASSWORD."`
	DatabaseSecretARN    string `name:"database-secret-arn" help:"Secrets Manager secret with user name and password, such as RDS makes."`
	DatabaseAuth         string `default:"password" help:"password, or rds-iam for a token instead."`
	DatabaseSSLMode      string `name:"database-ssl-mode" default:"preferred" help:"disabled, preferred, required, verify_ca or verify_identity."`
	DatabaseCAFile       string `name:"database-ca-file" placeholder:"FILE" help:"Certificates to trust."`
	DatabaseCertFile     string `placeholder:"FILE" help:"Client certificate."`
	DatabaseKeyFile      string `placeholder:"FILE" help:"Key of the client certificate."`
	DatabaseServerID     uint32 `name:"database-server-id" help:"Replica id; derived from the prefix if not given."`

	DatabasePassword Secret `kong:"-"`
}

// Format says what events look like, by Debezium's names.
type Format struct {
	ValueConverter                     string  `default:"json" help:"json or avro."`
	KeyConverter                       string  `default:"json" help:"json or avro."`
	SchemasEnable                      bool    `default:"true" negatable:"" help:"Put the schema into each JSON record."`
	KeySchemasEnable                   string  `default:"same" help:"The same for keys: true, false, or same."`
	DecimalFormat                      string  `default:"base64" help:"DECIMAL in JSON values: base64 or numeric."`
	KeyDecimalFormat                   string  `default:"base64" help:"DECIMAL in JSON keys: base64 or numeric."`
	ReplaceNullWithDefault             bool    `negatable:"" help:"Write a column's default for null, as Connect does."`
	KeyReplaceNullWithDefault          string  `default:"same" help:"The same for keys: true, false, or same."`
	DecimalHandlingMode                string  `default:"precise" help:"precise, double or string."`
	TimePrecisionMode                  string  `default:"adaptive_time_microseconds" help:"adaptive_time_microseconds, connect, isostring, microseconds or nanoseconds."`
	BigintUnsignedHandlingMode         string  `default:"precise" help:"precise or long."`
	BinaryHandlingMode                 string  `default:"bytes" help:"bytes, base64, base64-url-safe or hex."`
	EnableTimeAdjuster                 bool    `default:"true" negatable:"" help:"Read years of two digits as 1970 to 2069."`
	EventConvertingFailureHandlingMode string  `default:"fail" help:"fail, warn or skip."`
	SkippedOperations                  string  `default:"none" help:"none, or some of c,u,d,t."`
	TombstonesOnDelete                 bool    `default:"true" negatable:"" help:"A tombstone behind each delete."`
	ExtendedHeadersEnabled             bool    `default:"true" negatable:"" help:"Debezium's context headers."`
	SkipMessagesWithoutChange          bool    `negatable:"" help:"Pass over updates that change no captured column."`
	IncludeQuery                       bool    `negatable:"" help:"The statement in source.query, if the server logs it (binlog_rows_query_log_events)."`
	IncludeSchemaChanges               bool    `default:"true" negatable:"" help:"Publish schema changes to the topic <prefix>."`
	IncludeSchemaComments              bool    `negatable:"" help:"Comments of tables and columns in schema changes."`
	ProvideTransactionMetadata         bool    `negatable:"" help:"Publish where transactions begin and end, and the place of each event in its own."`
	TopicDelimiter                     string  `default:"." help:"Stands between the parts of a topic's name (${default})."`
	TopicNamingStrategy                string  `default:"default" help:"How topics of tables are named: default, or schema, which leaves the database out."`
	TopicTransaction                   string  `default:"transaction" help:"Names the topic of transaction metadata, <prefix>.${default}."`
	TopicRoute                         []Route `sep:"none" placeholder:"REGEX=REPLACEMENT" help:"Rename topics as Connect's RegexRouter does. Repeatable: each of what the one before makes."`
	HeartbeatIntervalMs                int64   `default:"0" help:"Publish a heartbeat as often, in milliseconds; 0: none."`
	HeartbeatActionQuery               string  `placeholder:"SQL" help:"Statement that MySQL executes with each heartbeat."`
	TopicHeartbeatPrefix               string  `default:"__debezium-heartbeat" help:"Begins the name of the topic of heartbeats, ${default}.<prefix>."`
	TopicHeartbeatName                 string  `help:"Name of the topic of heartbeats, in place of the one with prefixes."`
	SchemaNameAdjustmentMode           string  `default:"none" help:"none, avro or avro_unicode."`
	FieldNameAdjustmentMode            string  `default:"none" help:"none, avro or avro_unicode."`
	DebeziumVersion                    string  `default:"3.6" help:"Version whose format is written."`
}

// Reading says how MySQL is read.
type Reading struct {
	SnapshotMode        string `default:"initial" help:"initial, initial_only or no_data."`
	SnapshotParallelism int    `default:"4" help:"Chunks that are read at a time."`
	SnapshotChunkRows   int    `default:"20000" help:"Rows of a chunk."`
	AllowFKCascade      bool   `name:"allow-fk-cascade" help:"Capture children of cascading foreign keys, whose changes MySQL before 9.6 does not log."`
	OnUnloggedChange    string `default:"stop" help:"After a statement that changed rows unlogged: stop, resnapshot or mark."`
	Memory              Bytes  `default:"150MiB" help:"Memory to stay under."`
	Standby             bool   `help:"Wait until the active reader of this prefix is gone."`
	DebeziumConfig      string `type:"path" placeholder:"FILE" help:"Configuration of a Debezium connector, JSON or properties."`
	ConnectOffsetTopic  string `help:"Topic of a Connect worker's offsets: where Debezium stopped is taken over, and given back."`
}

// Publishing says how records reach Kafka.
type Publishing struct {
	Delivery         string            `default:"exactly-once" help:"exactly-once or at-least-once."`
	TopicPartitions  int32             `help:"Partitions of topics it creates; the broker's default if not given."`
	TopicReplication int16             `help:"Replicas of topics it creates; the broker's default if not given."`
	TopicConfig      map[string]string `placeholder:"K=V;..." help:"Settings of topics it creates."`
	KafkaCompression string            `default:"lz4" help:"none, gzip, snappy, lz4 or zstd."`

	SchemaHistoryInternalKafkaTopic string `help:"Topic of the schema history."`

	SchemaHistoryInternalStoreOnlyCapturedTablesDDL bool `name:"schema-history-internal-store-only-captured-tables-ddl" default:"true" negatable:"" help:"Publish schema changes of captured tables alone, not of the others of their databases."`

	SchemaHistoryInternalStoreOnlyCapturedDatabasesDDL bool `name:"schema-history-internal-store-only-captured-databases-ddl" default:"true" negatable:"" help:"Publish schema changes of captured databases alone, not of the others of the server."`
}

// SnapshotSignal asks a running reader to read tables again.
type SnapshotSignal struct {
	Tables    Patterns `arg:"" help:"Tables, as database.table; regular expressions."`
	Condition string   `help:"SQL condition that rows must meet."`
}

// readerCommands is the command line.
type readerCommands struct {
	Reader

	Run struct {
		StopAtEnd bool `help:"End when all that was there at start is durable in Kafka."`
	} `cmd:"" help:"Read MySQL into Kafka."`
	Check    struct{}       `cmd:"" help:"Say whether this can work, and what to change if not."`
	Plan     struct{}       `cmd:"" help:"Print tables, topics and settings; touch nothing."`
	Snapshot SnapshotSignal `cmd:"" help:"Have a running reader read tables again."`
	Status   struct{}       `cmd:"" help:"Print what the reader on this host does."`
	Version  struct{}       `cmd:"" help:"Print the version."`
}

// ParseReader reads the command line of firn-reader. It returns ErrHelp where
// help was printed, and a *UsageError for everything that is wrong.
func ParseReader(in Input) (*Reader, error) {
	var cli readerCommands
	p := parser{
		name: "firn-reader", listen: "127.0.0.1:9183", other: &applierCommands{}, connector: true,
		description: "Publishes the changes of MySQL tables to Kafka, as Debezium does.",
	}
	c := &cli.Reader
	sections, err := p.parse(&cli, in, &c.Common)
	if err != nil {
		return nil, err
	}
	if sections.Tables != nil || sections.Maintenance != nil {
		return nil, &UsageError{Err: errUnknownSection(c.File)}
	}
	c.Command, c.StopAtEnd, c.Signal = p.command, cli.Run.StopAtEnd, cli.Snapshot
	if c.DebeziumDefaults = p.debezium != nil; c.DebeziumDefaults {
		c.ColumnRule = append(c.ColumnRule, p.debezium.rules...)
		c.TopicRoute = append(c.TopicRoute, p.debezium.routes...)
	}
	c.KafkaPassword = p.secret("kafka-password")
	c.SchemaRegistryPassword = p.secret("schema-registry-password")
	c.DatabasePassword = p.secret("database-password")
	err = errors.Join(
		p.connectorSecret(&c.DatabasePassword, "database-password", c.DatabasePasswordFile != "" || c.DatabaseSecretARN != "" || c.DatabaseAuth != "password"),
		p.connectorSecret(&c.SchemaRegistryPassword, "schema-registry-password", c.SchemaRegistryPasswordFile != ""),
	)
	if err != nil {
		return nil, &UsageError{Err: err}
	}
	c.settleRegistry()
	c.settleNames()
	return c, c.Validate(c.Command)
}

// Validate reports everything that is wrong for a command.
func (c *Reader) Validate(command string) error {
	var p problems
	switch command {
	case "version", "status":
		return nil
	case "snapshot":
		c.Common.validate(&p)
		p.required("--topic-prefix", c.TopicPrefix, "it names the topic of signals")
		return p.err()
	default:
	}
	c.Common.validate(&p)
	c.Database.validate(&p)
	p.required("--topic-prefix", c.TopicPrefix, "it names the topics, <prefix>.<database>.<table>")
	c.Capture.validate(&p)
	c.Format.validate(&p, &c.Registry)
	c.Registering.validate(&p, &c.Registry)
	c.Unwrapping.validate(&p)
	c.Reading.validate(&p)
	c.Publishing.validate(&p)
	if c.ConnectOffsetTopic != "" {
		p.required("--schema-history-internal-kafka-topic", c.SchemaHistoryInternalKafkaTopic,
			"--connect-offset-topic needs the connector's schema history; --debezium-config has it")
	}
	return p.err()
}

func (d *Database) validate(p *problems) {
	p.required("--database-hostname", d.DatabaseHostname, "the host of MySQL")
	if d.DatabasePort < 1 || d.DatabasePort > 65535 {
		p.add("--database-port %d is not a port", d.DatabasePort)
	}
	if d.DatabaseSecretARN == "" {
		p.required("--database-user", d.DatabaseUser, "the user to connect as")
	}
	p.oneOf("--database-auth", d.DatabaseAuth, "password", "rds-iam")
	given := map[string]bool{
		"FIRN_DATABASE_PASSWORD": d.DatabasePassword != "", "--database-password-file": d.DatabasePasswordFile != "",
		"--database-secret-arn": d.DatabaseSecretARN != "", "--database-auth rds-iam": d.DatabaseAuth == "rds-iam",
	}
	one(p, given)
	p.oneOf("--database-ssl-mode", strings.ToLower(d.DatabaseSSLMode), "disabled", "preferred", "required", "verify_ca", "verify_identity",
		"disable", "trust", "verify-ca", "verify-full")
	if (d.DatabaseCertFile == "") != (d.DatabaseKeyFile == "") {
		p.add("--database-cert-file and --database-key-file: give both")
	}
}

// settleNames makes the names of columns legal with Avro, as Debezium does for
// Confluent's converter by itself.
func (f *Format) settleNames() {
	if f.FieldNameAdjustmentMode == "none" && (f.KeyConverter == "avro" || f.ValueConverter == "avro") {
		f.FieldNameAdjustmentMode = "avro"
	}
}

func (f *Format) validate(p *problems, registry *Registry) {
	for flag, converter := range map[string]string{"--key-converter": f.KeyConverter, "--value-converter": f.ValueConverter} {
		p.oneOf(flag, converter, "json", "avro")
		if converter == "avro" && !registry.Given() {
			p.add("%s avro needs --schema-registry-url, or --schema-registry-auth glue", flag)
		}
	}
	p.oneOf("--key-schemas-enable", f.KeySchemasEnable, "same", "true", "false")
	p.oneOf("--key-replace-null-with-default", f.KeyReplaceNullWithDefault, "same", "true", "false")
	p.oneOf("--decimal-format", f.DecimalFormat, "base64", "numeric")
	p.oneOf("--key-decimal-format", f.KeyDecimalFormat, "base64", "numeric")
	p.oneOf("--topic-naming-strategy", f.TopicNamingStrategy, "default", "schema")
	p.topicName("--topic-delimiter", f.TopicDelimiter)
	p.topicName("--topic-transaction", f.TopicTransaction)
	p.topicName("--topic-heartbeat-prefix", f.TopicHeartbeatPrefix)
	if f.TopicHeartbeatName != "" {
		p.topicName("--topic-heartbeat-name", f.TopicHeartbeatName)
	}
	p.atLeast("--heartbeat-interval-ms", f.HeartbeatIntervalMs, 0)
	validateModes(p, f.DecimalHandlingMode, f.TimePrecisionMode, f.BigintUnsignedHandlingMode, f.BinaryHandlingMode)
	p.oneOf("--event-converting-failure-handling-mode", f.EventConvertingFailureHandlingMode, "fail", "warn", "skip")
	p.oneOf("--schema-name-adjustment-mode", f.SchemaNameAdjustmentMode, "none", "avro", "avro_unicode")
	p.oneOf("--field-name-adjustment-mode", f.FieldNameAdjustmentMode, "none", "avro", "avro_unicode")
	p.oneOf("--debezium-version", f.DebeziumVersion, "3.6")
	for _, op := range f.Skipped() {
		p.oneOf("--skipped-operations", string(op), "c", "u", "d", "t")
	}
}

// validateModes checks how the values of some types are written.
func validateModes(p *problems, decimal, precision, bigint, binary string) {
	p.oneOf("--decimal-handling-mode", decimal, "precise", "double", "string")
	p.oneOf("--time-precision-mode", precision, "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds")
	p.oneOf("--bigint-unsigned-handling-mode", bigint, "precise", "long")
	p.oneOf("--binary-handling-mode", binary, "bytes", "base64", "base64-url-safe", "hex")
}

// topicName reports what cannot be part of a topic's name.
func (p *problems) topicName(flag, value string) {
	if value == "" || debezium.SanitizeTopic("t"+value) != "t"+value {
		p.add("%s %q: only letters, digits, '.', '_' and '-' may stand in a topic's name", flag, value)
	}
}

// KeySchemas reports whether JSON keys carry their schema.
func (f *Format) KeySchemas() bool {
	return f.KeySchemasEnable == "true" || f.KeySchemasEnable == "same" && f.SchemasEnable
}

// KeyDefaults reports whether keys have a column's default for null.
func (f *Format) KeyDefaults() bool {
	return f.KeyReplaceNullWithDefault == "true" || f.KeyReplaceNullWithDefault == "same" && f.ReplaceNullWithDefault
}

// Skipped returns the operations of --skipped-operations.
func (f *Format) Skipped() []byte {
	var ops []byte
	for op := range strings.SplitSeq(f.SkippedOperations, ",") {
		if op = strings.TrimSpace(op); op != "none" && op != "" {
			ops = append(ops, op...)
		}
	}
	return ops
}

func (r *Reading) validate(p *problems) {
	if r.SnapshotMode == "never" {
		p.add("--snapshot-mode never was removed in Debezium 3.6: use no_data")
	} else {
		p.oneOf("--snapshot-mode", r.SnapshotMode, "initial", "initial_only", "no_data")
	}
	p.atLeast("--snapshot-parallelism", int64(r.SnapshotParallelism), 1)
	p.atLeast("--snapshot-chunk-rows", int64(r.SnapshotChunkRows), 1)
	p.oneOf("--on-unlogged-change", r.OnUnloggedChange, "stop", "resnapshot", "mark")
	if r.Memory < 64<<20 {
		p.add("--memory %s is too little: at least 64MiB", r.Memory)
	}
}

func (o *Publishing) validate(p *problems) {
	p.oneOf("--delivery", o.Delivery, "exactly-once", "at-least-once")
	p.oneOf("--kafka-compression", o.KafkaCompression, "none", "gzip", "snappy", "lz4", "zstd")
	p.atLeast("--topic-partitions", int64(o.TopicPartitions), 0)
	p.atLeast("--topic-replication", int64(o.TopicReplication), 0)
}
