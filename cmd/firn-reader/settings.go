package main

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/firn-cdc/firn/cmd/internal/process"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/reader"
)

// supported refuses settings that this version knows by name and cannot
// follow, rather than passing over them.
func supported(c *config.Reader) error {
	var refused process.Refusals
	refused.Add(c.Standby, "--standby", "a second reader of a prefix takes over from the first")
	refused.Add(c.DatabaseSecretARN != "", "--database-secret-arn", "use FIRN_DATABASE_PASSWORD or --database-password-file")
	refused.Add(c.DatabaseAuth != "password", "--database-auth "+c.DatabaseAuth, "use a password")
	return refused.Err(&c.Common)
}

func mysqlOf(c *config.Reader) *mysql.Config {
	return &mysql.Config{
		Host: c.DatabaseHostname, Port: c.DatabasePort, User: c.DatabaseUser, Password: config.Password(c.DatabasePassword, c.DatabasePasswordFile),
		SSLMode: c.DatabaseSSLMode, CAFile: c.DatabaseCAFile, CertFile: c.DatabaseCertFile, KeyFile: c.DatabaseKeyFile,
	}
}

func kafkaOf(c *config.Reader, log *slog.Logger) kafka.Config {
	return process.Kafka(&c.Common, "firn-reader."+c.TopicPrefix, log)
}

// readerOf is the reader's configuration: what the flags say, in its terms.
func readerOf(ctx context.Context, c *config.Reader, client *kafka.Client, log *slog.Logger) (reader.Config, error) {
	r := reader.NewConfig()
	r.Prefix, r.ConnectorName, r.Replica = c.TopicPrefix, c.Name, replicaOf(c)
	r.MySQL, r.Kafka, r.Logger = mysqlOf(c), client, log
	r.Captured = func(id debezium.TableID) bool { return c.Table(id.Database, id.Table) }
	r.Rank = func(id debezium.TableID) int { return c.Rank(id.Database, id.Table) }
	r.CapturedDatabase, r.ListedDatabase = c.Capture.Database, c.Listed
	r.Unread = func(id debezium.TableID) bool { return c.Signals(id.Database, id.Table) }
	schemas, err := registryOf(ctx, c)
	if err != nil {
		return r, &config.UsageError{Err: err}
	}
	encoder := encoderOf(ctx, c, schemas)
	r.Registry = schemas
	r.Encoder, r.Rows = encoder, encoder
	if r.Unwrap, err = c.Transform(); err != nil {
		return r, err
	}
	if c.IncludeSchemaChanges {
		r.SchemaChanges = encoder
	}
	r.OtherTables = !c.SchemaHistoryInternalStoreOnlyCapturedTablesDDL
	r.OtherDatabases = r.OtherTables && !c.SchemaHistoryInternalStoreOnlyCapturedDatabasesDDL
	r.Structs, r.Transactions = encoder, c.ProvideTransactionMetadata
	r.Heartbeats = reader.Heartbeats{Interval: time.Duration(c.HeartbeatIntervalMs) * time.Millisecond, Query: c.HeartbeatActionQuery}
	r.Naming = namingOf(c)
	if r.Convert, err = convertOf(c, log); err != nil {
		return r, err
	}
	r.Skipped = make(map[debezium.Op]bool)
	for _, op := range c.Skipped() {
		r.Skipped[debezium.Op(op)] = true
	}
	r.SkipUnchanged, r.IncludeQuery, r.SchemaComments = c.SkipMessagesWithoutChange, c.IncludeQuery, c.IncludeSchemaComments
	r.Tombstones, r.Headers, r.RunID = c.TombstonesOnDelete, c.ExtendedHeadersEnabled, uuid.NewString()
	r.Snapshot, r.SnapshotParallelism, r.SnapshotChunkRows = reader.SnapshotMode(c.SnapshotMode), c.SnapshotParallelism, c.SnapshotChunkRows
	r.Delivery, r.Compression = reader.Delivery(c.Delivery), c.KafkaCompression
	r.TopicPartitions, r.TopicReplicas, r.TopicConfig = c.TopicPartitions, c.TopicReplication, c.TopicConfig
	r.OffsetTopic, r.HistoryTopic = checkpoint.Topic(c.TopicPrefix), "__firn-schema-history."+c.TopicPrefix
	if c.SchemaHistoryInternalKafkaTopic != "" {
		r.HistoryTopic, r.SharedHistory = c.SchemaHistoryInternalKafkaTopic, true
	}
	r.ConnectOffsetTopic = c.ConnectOffsetTopic
	r.AllowFKCascade, r.Unlogged, r.StopAtEnd = c.AllowFKCascade, reader.UnloggedChange(c.OnUnloggedChange), c.StopAtEnd
	// Of the memory, a sixteenth is for records on their way to Kafka: more would not make them faster. A
	// quarter is for chunks that wait, of which a worker has up to three.
	r.BufferBytes = int(c.Memory / 16)
	r.SnapshotChunkBytes = max(int(c.Memory)/4/(3*max(c.SnapshotParallelism, 1)), 64<<10)
	return r, nil
}

func namingOf(c *config.Reader) debezium.Naming {
	n := debezium.Naming{
		Delimiter: c.TopicDelimiter, Transaction: c.TopicTransaction, HeartbeatPrefix: c.TopicHeartbeatPrefix, HeartbeatName: c.TopicHeartbeatName,
		NoDatabase: c.TopicNamingStrategy == "schema",
	}
	for i := range c.TopicRoute {
		n.Routes = append(n.Routes, c.TopicRoute[i].Route)
	}
	return n
}

// replicaOf is how the reader introduces itself to the server.
func replicaOf(c *config.Reader) mysql.Replica {
	r := mysql.Replica{ServerID: c.DatabaseServerID, Name: "firn-reader." + c.TopicPrefix}
	if r.ServerID == 0 {
		r.ServerID = serverID(c.TopicPrefix)
	}
	return r
}

// serverID derives a replica's id from the prefix, in a range that people do
// not use for their own.
func serverID(prefix string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(prefix)) // never fails
	return 1<<30 | h.Sum32()>>2
}

func convertOf(c *config.Reader, log *slog.Logger) (o convert.Options, err error) {
	var errs [3]error
	o.Modes, errs[0] = debezium.ParseModes(c.DecimalHandlingMode, c.TimePrecisionMode, c.BigintUnsignedHandlingMode, c.BinaryHandlingMode)
	o.SchemaNames, errs[1] = debezium.ParseNameAdjustment(c.SchemaNameAdjustmentMode)
	o.FieldNames, errs[2] = debezium.ParseNameAdjustment(c.FieldNameAdjustmentMode)
	if o.Rules, err = rulesOf(&c.Capture); err != nil {
		return o, err
	}
	o.NoTimeAdjuster, o.DebeziumExact, o.Logger = !c.EnableTimeAdjuster, c.DebeziumDefaults, log
	switch c.EventConvertingFailureHandlingMode {
	case "warn":
		o.ConvertFailure = convert.FailureWarn
	case "skip":
		o.ConvertFailure = convert.FailureSkip
	default:
		o.ConvertFailure = convert.FailureFail
	}
	return o, errors.Join(errs[:]...)
}

// registryOf returns the schema registry, or nil if nothing is written as Avro.
func registryOf(ctx context.Context, c *config.Reader) (codec.Registry, error) {
	switch {
	case c.KeyConverter != "avro" && c.ValueConverter != "avro":
		return nil, nil //nolint:nilnil // none is needed for JSON
	case c.SchemaRegistryAuth == "glue":
		return codec.OpenGlue(ctx, codec.GlueConfig{
			Region: c.AWSRegion, Endpoint: c.AWSEndpoint, Registry: c.GlueRegistry, SchemaName: c.GlueSchemaName,
			Compatibility: c.GlueCompatibility, LookUpOnly: !c.AutoRegisterSchemas,
		})
	default:
		confluent := process.Confluent(&c.Registry)
		confluent.LookUpOnly, confluent.Normalize = !c.AutoRegisterSchemas, c.NormalizeSchemas
		return codec.NewConfluent(confluent)
	}
}

// encoderOf returns the encoder of keys and values.
func encoderOf(ctx context.Context, c *config.Reader, schemas codec.Registry) codec.RecordEncoder {
	of := func(converter, decimals string, inline, defaults bool) codec.RecordEncoder {
		if converter == "avro" {
			return codec.NewAvro(ctx, schemas, codec.AvroOptions{
				ReplaceNullWithDefault: defaults, WithoutConnectMeta: !c.ConnectMetaData, Naming: namingOf(c),
			})
		}
		return codec.NewJSON(codec.JSONOptions{
			Schemas: inline, DecimalNumeric: decimals == "numeric", ReplaceNullWithDefault: defaults,
		})
	}
	values := of(c.ValueConverter, c.DecimalFormat, c.SchemasEnable, c.ReplaceNullWithDefault)
	if c.KeyConverter == c.ValueConverter && c.KeyDecimalFormat == c.DecimalFormat && c.KeySchemas() == c.SchemasEnable && c.KeyDefaults() == c.ReplaceNullWithDefault {
		return values
	}
	return codec.KeyValue{Keys: of(c.KeyConverter, c.KeyDecimalFormat, c.KeySchemas(), c.KeyDefaults()), Values: values}
}
