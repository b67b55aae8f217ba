package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// CreateOptions say how a table is created. An existing table keeps its own.
type CreateOptions struct {
	Owner      Owner
	Properties map[string]string // over the defaults
	Partition  []PartitionField
}

// PartitionField is one field of a partition spec.
type PartitionField struct {
	Column    string
	Transform string // identity, bucket[16], truncate[10], year, month, day, hour
}

// ParsePartition reads a spec such as "bucket[16](id), day(created)" or "region".
func ParsePartition(spec string) ([]PartitionField, error) {
	var fields []PartitionField
	for part := range strings.SplitSeq(spec, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		f := PartitionField{Column: part, Transform: "identity"}
		if transform, column, ok := strings.Cut(part, "("); ok {
			column, closed := strings.CutSuffix(column, ")")
			if !closed {
				return nil, fmt.Errorf("partition field %q: want transform(column)", part)
			}
			f = PartitionField{Column: strings.TrimSpace(column), Transform: strings.TrimSpace(transform)}
		}
		if _, err := f.transform(); err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (f PartitionField) transform() (iceberg.Transform, error) {
	t, err := iceberg.ParseTransform(f.Transform)
	if err != nil {
		return nil, fmt.Errorf("partition field on %s: %w", f.Column, err)
	}
	if _, unknown := t.(iceberg.UnknownTransform); unknown {
		return nil, fmt.Errorf("partition field on %s: unknown transform %q", f.Column, f.Transform)
	}
	return t, nil
}

func (f PartitionField) name() string {
	if f.Transform == "identity" {
		return f.Column
	}
	base, _, _ := strings.Cut(f.Transform, "[")
	return f.Column + "_" + base
}

// defaults are the properties of a table that firn creates.
func defaults() iceberg.Properties {
	return iceberg.Properties{
		table.PropertyFormatVersion:               "2",
		table.MetadataDeleteAfterCommitEnabledKey: "true",
		table.MetadataPreviousVersionsMaxKey:      "20",
		table.ParquetCompressionKey:               "zstd",
		table.ParquetCompressionLevelKey:          "1",
		table.WriteDeleteIsolationLevelKey:        "snapshot",
		table.WriteDeleteModeKey:                  table.WriteModeMergeOnRead,
		"write.update.mode":                       table.WriteModeMergeOnRead,
		"write.merge.mode":                        table.WriteModeMergeOnRead,
	}
}

// LoadOrCreate returns the table n, creating it for rows of the given schema
// with the key columns as identifier fields if there is none. An existing table
// is adopted if it can hold those rows and nothing else feeds it; columns that it
// lacks are left to Evolve. The errors are an OwnerError, AdoptError,
// NameClashError or IncompatibleTypeError where the table is the reason.
func (c *Catalog) LoadOrCreate(ctx context.Context, n Name, row *debezium.Schema, key []string, opts CreateOptions) (*Table, error) {
	t, err := c.Load(ctx, n)
	if errors.Is(err, ErrNoTable) {
		err = c.create(ctx, n, row, key, opts)
		if err != nil && !errors.Is(err, catalog.ErrTableAlreadyExists) {
			return nil, err
		}
		t, err = c.Load(ctx, n)
	}
	if err != nil {
		return nil, err
	}
	return t, t.adopt(row, key, opts.Owner)
}

func (c *Catalog) create(ctx context.Context, n Name, row *debezium.Schema, key []string, opts CreateOptions) error {
	schema, err := newSchema(n, row, key)
	if err != nil {
		return fmt.Errorf("create table %s: %w", n, err)
	}
	spec, err := partitionSpec(schema, opts.Partition)
	if err != nil {
		return &AdoptError{Table: n.String(), Reason: err.Error() + ": correct the table's partition in the file given with --config"}
	}
	if err := c.ensureNamespace(ctx, n.Namespace); err != nil {
		return fmt.Errorf("create table %s: %w", n, err)
	}
	props := defaults()
	for _, more := range []map[string]string{opts.Properties, opts.Owner.Properties()} {
		maps.Copy(props, more)
	}
	create := []catalog.CreateTableOpt{catalog.WithProperties(props), catalog.WithPartitionSpec(&spec)}
	if c.warehouse != "" {
		create = append(create, catalog.WithLocation(c.warehouse+"/"+pathPart(n.Namespace)+"/"+pathPart(n.Table)))
	}
	if _, err := c.cat.CreateTable(c.withAWS(ctx), n.identifier(), schema, create...); err != nil {
		return fmt.Errorf("create table %s: %w", n, err)
	}
	c.log.Info("created table", "table", n.String(), "columns", len(row.Fields), "key", key)
	return nil
}

func newSchema(n Name, row *debezium.Schema, key []string) (*iceberg.Schema, error) {
	ids := len(row.Fields)
	fields := make([]iceberg.NestedField, 0, len(row.Fields))
	seen := make(map[string]string, len(row.Fields))
	var identifiers []int
	for i := range row.Fields {
		f := &row.Fields[i]
		if other, ok := seen[strings.ToLower(f.Name)]; ok {
			return nil, &NameClashError{Table: n.String(), Column: f.Name, Existing: other}
		}
		seen[strings.ToLower(f.Name)] = f.Name
		typ, err := types{}.iceberg(f.Schema, &ids)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		isKey := slices.Contains(key, f.Name)
		if isKey && canIdentify(typ) {
			identifiers = append(identifiers, i+1)
		}
		fields = append(fields, iceberg.NestedField{ID: i + 1, Name: f.Name, Type: typ, Required: isKey, Doc: f.Schema.Doc})
	}
	for _, k := range key {
		if row.FieldIndex(k) < 0 {
			return nil, &AdoptError{Table: n.String(), Reason: "key column " + k + " is not in the row"}
		}
	}
	return iceberg.NewSchemaWithIdentifiers(0, identifiers, fields...), nil
}

// canIdentify follows the specification: no float, double or nested identifier.
func canIdentify(t iceberg.Type) bool {
	switch t.(type) {
	case iceberg.Float32Type, iceberg.Float64Type, *iceberg.ListType, *iceberg.MapType, *iceberg.StructType:
		return false
	default:
		return true
	}
}

func partitionSpec(schema *iceberg.Schema, fields []PartitionField) (iceberg.PartitionSpec, error) {
	if len(fields) == 0 {
		return *iceberg.UnpartitionedSpec, nil
	}
	const firstFieldID = 1000
	var out []iceberg.PartitionField
	for i, f := range fields {
		source, ok := schema.FindFieldByName(f.Column)
		if !ok {
			return iceberg.PartitionSpec{}, fmt.Errorf("partition field on %s: the table has no such column", f.Column)
		}
		transform, err := f.transform()
		if err != nil {
			return iceberg.PartitionSpec{}, err
		}
		if !transform.CanTransform(source.Type) {
			return iceberg.PartitionSpec{}, fmt.Errorf("partition field on %s: %s does not apply to %s", f.Column, f.Transform, source.Type)
		}
		out = append(out, iceberg.PartitionField{
			SourceIDs: []int{source.ID}, FieldID: firstFieldID + i, Name: f.name(), Transform: transform,
		})
	}
	return iceberg.NewPartitionSpec(out...), nil
}

// pathPart spells a name with characters that mean the same in a path, in a URL
// and in an S3 key.
func pathPart(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "~%02x", c)
		}
	}
	return b.String()
}
