package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"

	"github.com/firn-cdc/firn/cmd/internal/process"
	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
)

// supported refuses settings that this version knows by name and cannot
// follow, rather than passing over them.
func supported(c *config.Applier) error {
	var refused process.Refusals
	refused.Add(c.OnBadRecord == "dead-letter", "--on-bad-record dead-letter", "use stop")
	refused.Add(c.OnIncompatibleType != "stop", "--on-incompatible-type "+c.OnIncompatibleType, "use stop")
	refused.Add(c.FormatVersion != 2, "--format-version 3", "use 2")
	modes := []string{c.WriteMode}
	for i := range c.Tables {
		modes = append(modes, c.Tables[i].WriteMode)
		refused.Add(len(c.Tables[i].Key) > 0, "key of a table", "tables without a key are appended")
		refused.Add(len(c.Tables[i].Columns) > 0, "columns of a table", "have the connector publish schemas or schema changes")
	}
	for _, mode := range modes {
		refused.Add(mode == "soft-delete" || mode == "history", "write mode "+mode, "use upsert or append")
	}
	return refused.Err(&c.Common)
}

func kafkaOf(c *config.Applier, log *slog.Logger) kafka.Config {
	return process.Kafka(&c.Common, "firn-applier."+c.GroupID, log)
}

func lakeOf(c *config.Applier, log *slog.Logger) lake.Config {
	return lake.Config{
		Type: c.Catalog.Catalog, URI: c.CatalogURI, Warehouse: c.Warehouse, Options: catalogOptions(c),
		SSE: c.S3SSE, KMSKeyID: c.S3KMSKeyID, Logger: log,
	}
}

// catalogOptions are the options that were given, and what the flags of all
// AWS services say of those that a catalog uses.
func catalogOptions(c *config.Applier) map[string]string {
	options := make(map[string]string)
	for _, service := range []string{"glue.", "s3."} {
		if c.AWSRegion != "" {
			options[service+"region"] = c.AWSRegion
		}
		if c.AWSEndpoint != "" {
			options[service+"endpoint"] = c.AWSEndpoint
		}
	}
	maps.Copy(options, c.CatalogOption)
	return options
}

// applierOf is the applier's configuration: what the flags say, in its terms.
func applierOf(ctx context.Context, c *config.Applier, client *kafka.Client, catalog *lake.Catalog, log *slog.Logger) (applier.Config, error) {
	start, err := config.ParseStart(c.AutoOffsetReset)
	if err != nil {
		return applier.Config{}, err
	}
	modes, err := debezium.ParseModes(c.DecimalHandlingMode, c.TimePrecisionMode, c.BigintUnsignedHandlingMode, c.BinaryHandlingMode)
	if err != nil {
		return applier.Config{}, err
	}
	names, err := debezium.ParseNameAdjustment(c.FieldNameAdjustmentMode)
	if err != nil {
		return applier.Config{}, err
	}
	added, err := debezium.ParseFieldReferences(c.UnwrapAddFieldsPrefix, c.UnwrapAddFields)
	if err != nil {
		return applier.Config{}, err
	}
	a := applier.Config{
		Kafka: client, Catalog: catalog, GroupID: c.GroupID, SessionTimeout: c.SessionTimeout, Shards: c.Shards, Prefix: c.TopicPrefix,
		Start:  applier.Start(start),
		Naming: applier.Naming{Template: c.TableName, Map: c.TableMap},
		Tables: func(id debezium.TableID) applier.TableConfig { return tableOf(c, id) },
		Modes:  modes, FieldNames: names, Added: added, Delimiter: c.TopicDelimiter,

		Interval: c.CommitInterval, Rows: c.CommitRows, Bytes: int64(c.CommitBytes), TargetFileSize: int64(c.TargetFileSize),
		Memory: int64(c.Memory - c.IndexMemory), IndexDir: c.IndexDir, IndexMemory: int64(c.IndexMemory),
		IgnoreTruncate: c.OnTruncate == "ignore", DropColumns: c.OnDropColumn == "delete", StopAtEnd: c.StopAtEnd,
		Maintenance: maintenanceOf(c), Logger: log,
	}
	if c.Topics != "" {
		if a.Topics, err = regexp.Compile(c.Topics); err != nil {
			return a, err
		}
	}
	schemas, err := registryOf(ctx, c)
	if err != nil {
		return a, &config.UsageError{Err: err}
	}
	a.Registry = schemas
	return a, nil
}

// maintenanceOf is how tables are kept in order. With --maintenance off nothing
// is merged, expired or removed; old rows still get the values of new columns.
func maintenanceOf(c *config.Applier) maintenance.Config {
	return maintenance.Config{
		Policy: maintenance.Policy{
			TargetBytes: int64(c.TargetFileSize), MaxBytes: int64(c.Maintenance.MaxBytes),
			DeadRows: c.Maintenance.DeadRows, MinFiles: c.Maintenance.MinFiles, Off: c.Mode == "off",
		},
		Interval: c.Maintenance.Interval, SnapshotMaxAge: c.SnapshotMaxAge, SnapshotMinCount: c.SnapshotMinCount,
		OrphanAge: c.Maintenance.OrphanAge, OrphanScan: c.Maintenance.OrphanScan,
	}
}

// tableOf is the settings of one table.
func tableOf(c *config.Applier, id debezium.TableID) applier.TableConfig {
	own := c.Settings(id.Database, id.Table)
	t := applier.TableConfig{Properties: own.Properties, Append: cmp.Or(own.WriteMode, c.WriteMode) == "append"}
	for _, f := range own.Partition {
		transform := f.Transform
		if f.Width > 0 {
			transform = fmt.Sprintf("%s[%d]", transform, f.Width)
		}
		t.Partition = append(t.Partition, lake.PartitionField{Column: f.Column, Transform: transform})
	}
	return t
}

// registryOf returns the schema registry, or nil if there is none.
func registryOf(ctx context.Context, c *config.Applier) (codec.Registry, error) {
	switch {
	case c.SchemaRegistryAuth == "glue":
		return codec.OpenGlue(ctx, codec.GlueConfig{Region: c.AWSRegion, Endpoint: c.AWSEndpoint})
	case len(c.SchemaRegistryURL) == 0:
		return nil, nil //nolint:nilnil // none is needed for JSON
	default:
		return codec.NewConfluent(process.Confluent(&c.Registry))
	}
}
