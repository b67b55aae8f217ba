package codec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
)

// GlueConfig says which of AWS Glue's registries there is.
type GlueConfig struct {
	AWS      *aws.Config // nil: the SDK's default
	Region   string      // empty: the SDK's
	Endpoint string      // empty: AWS's

	// What follows is for writing alone: a record names its schema version without it.
	Registry      string // empty: default-registry
	SchemaName    string // of {topic} and {part}, which is key or value; empty: {topic}-{part}
	Compatibility string // of schemas that are made; empty: BACKWARD
	LookUpOnly    bool   // schemas must have been registered by somebody else

	Patience time.Duration // how long a new schema version may take to become available; 0: 30 s
}

const (
	defaultGlueRegistry   = "default-registry"
	defaultGlueSchemaName = "{topic}-{part}"
	defaultGluePatience   = 30 * time.Second
	gluePause             = 200 * time.Millisecond
)

// Glue is a client of AWS Glue's schema registry. What it has once learnt it
// keeps, so known schemas outlive an outage. It is safe for concurrent use.
type Glue struct {
	config GlueConfig
	client *glue.Client
	cache  *schemaCache
}

// OpenGlue returns a client. Nothing is asked of the registry yet.
func OpenGlue(ctx context.Context, c GlueConfig) (*Glue, error) {
	var own aws.Config
	if c.AWS != nil {
		own = c.AWS.Copy()
	} else {
		var err error
		if own, err = awsconfig.LoadDefaultConfig(ctx); err != nil {
			return nil, fmt.Errorf("load the AWS configuration: %w", err)
		}
	}
	if c.Region != "" {
		own.Region = c.Region
	}
	if own.Region == "" {
		return nil, errors.New("--aws-region: needed with --schema-registry-auth=glue")
	}
	if c.Registry == "" {
		c.Registry = defaultGlueRegistry
	}
	if c.SchemaName == "" {
		c.SchemaName = defaultGlueSchemaName
	}
	if c.Compatibility == "" {
		c.Compatibility = string(types.CompatibilityBackward)
	}
	if c.Patience == 0 {
		c.Patience = defaultGluePatience
	}
	client := glue.NewFromConfig(own, func(o *glue.Options) {
		if c.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.Endpoint)
		}
	})
	return &Glue{config: c, client: client, cache: newSchemaCache()}, nil
}

// Framing implements [Registry].
func (*Glue) Framing() Framing { return GlueFraming }

// Schema implements [Registry].
func (g *Glue) Schema(ctx context.Context, id SchemaID) (string, error) {
	if schema, ok := g.cache.schema(id); ok {
		return schema, nil
	}
	schema, err := g.schema(ctx, id)
	if err != nil {
		return "", fmt.Errorf("read schema version %s: %w", id, err)
	}
	g.cache.read(id, schema)
	return schema, nil
}

func (g *Glue) schema(ctx context.Context, id SchemaID) (string, error) {
	version, err := g.client.GetSchemaVersion(ctx, &glue.GetSchemaVersionInput{SchemaVersionId: aws.String(id.String())})
	switch {
	case is[*types.EntityNotFoundException](err):
		return "", unknownSchema(id, nil)
	case err != nil:
		return "", g.explain(ctx, "glue:GetSchemaVersion", err)
	case version.DataFormat != types.DataFormatAvro:
		return "", &SchemaError{ID: id, Reason: fmt.Sprintf("is of format %s, not AVRO", version.DataFormat), Remedy: "have the topic written as Avro or JSON, or leave it out"}
	case version.SchemaDefinition == nil:
		return "", &RegistryError{Reason: "Glue's answer has no schema", Remedy: "correct --aws-endpoint"}
	default:
		return *version.SchemaDefinition, nil
	}
}

// Register implements [Registry].
func (g *Glue) Register(ctx context.Context, subject, schema string) (SchemaID, error) {
	if id, ok := g.cache.id(subject, schema); ok {
		return id, nil
	}
	name := g.schemaName(subject)
	uuid, err := g.register(ctx, name, schema)
	if err != nil {
		return "", fmt.Errorf("register schema %s in Glue's registry %s: %w", name, g.config.Registry, err)
	}
	id, err := GlueID(uuid)
	if err != nil {
		return "", &RegistryError{Reason: "Glue's answer names no schema version", Remedy: "correct --aws-endpoint", Err: err}
	}
	g.cache.registered(subject, schema, id)
	return id, nil
}

// schemaName is the schema of a subject, which is a topic's with -key or -value.
func (g *Glue) schemaName(subject string) string {
	topic, part := subject, ""
	if i := strings.LastIndexByte(subject, '-'); i >= 0 {
		topic, part = subject[:i], subject[i+1:]
	}
	return strings.NewReplacer("{topic}", topic, "{part}", part).Replace(g.config.SchemaName)
}

// register finds the schema's version, or makes it, and waits until it is available.
func (g *Glue) register(ctx context.Context, name, schema string) (string, error) {
	known, err := g.client.GetSchemaByDefinition(ctx, &glue.GetSchemaByDefinitionInput{SchemaId: g.schemaID(name), SchemaDefinition: aws.String(schema)})
	switch {
	case err == nil:
		return g.available(ctx, name, aws.ToString(known.SchemaVersionId), known.Status)
	case !is[*types.EntityNotFoundException](err):
		return "", g.explain(ctx, "glue:GetSchemaByDefinition", err)
	case g.config.LookUpOnly:
		return "", &RegistryError{
			Reason: "the schema is not registered", Err: err,
			Remedy: "have it registered under schema " + name + ", or allow it with --auto-register-schemas",
		}
	}
	uuid, status, err := g.add(ctx, name, schema)
	if is[*types.EntityNotFoundException](err) {
		uuid, status, err = g.create(ctx, name, schema)
		if is[*types.AlreadyExistsException](err) { // by somebody else, meanwhile
			uuid, status, err = g.add(ctx, name, schema)
		}
	}
	if err != nil {
		return "", g.explain(ctx, "glue:RegisterSchemaVersion and glue:CreateSchema", err)
	}
	return g.available(ctx, name, uuid, status)
}

func (g *Glue) schemaID(name string) *types.SchemaId {
	return &types.SchemaId{RegistryName: aws.String(g.config.Registry), SchemaName: aws.String(name)}
}

func (g *Glue) add(ctx context.Context, name, schema string) (uuid string, status types.SchemaVersionStatus, err error) {
	version, err := g.client.RegisterSchemaVersion(ctx, &glue.RegisterSchemaVersionInput{SchemaId: g.schemaID(name), SchemaDefinition: aws.String(schema)})
	if err != nil {
		return "", "", err
	}
	return aws.ToString(version.SchemaVersionId), version.Status, nil
}

func (g *Glue) create(ctx context.Context, name, schema string) (uuid string, status types.SchemaVersionStatus, err error) {
	made, err := g.client.CreateSchema(ctx, &glue.CreateSchemaInput{
		RegistryId: &types.RegistryId{RegistryName: aws.String(g.config.Registry)}, SchemaName: aws.String(name), SchemaDefinition: aws.String(schema),
		DataFormat: types.DataFormatAvro, Compatibility: types.Compatibility(g.config.Compatibility),
	})
	if err != nil {
		return "", "", err
	}
	return aws.ToString(made.SchemaVersionId), made.SchemaVersionStatus, nil
}

// available waits while Glue compares a new version with those before it.
func (g *Glue) available(ctx context.Context, name, uuid string, status types.SchemaVersionStatus) (string, error) {
	began := time.Now()
	tick := time.NewTicker(gluePause)
	defer tick.Stop()
	for {
		switch status {
		case types.SchemaVersionStatusAvailable:
			return uuid, nil
		case types.SchemaVersionStatusPending:
		default:
			return "", &RegistryError{
				Reason: fmt.Sprintf("Glue refused the schema: its version %s has status %s", uuid, status),
				Remedy: "the schema's compatibility forbids this change: set that of " + name + " to NONE, delete the version, and start again",
			}
		}
		if time.Since(began) > g.config.Patience {
			return "", fmt.Errorf("%w: Glue has not compared schema version %s within %v", ErrRegistryUnavailable, uuid, g.config.Patience)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
		version, err := g.client.GetSchemaVersion(ctx, &glue.GetSchemaVersionInput{SchemaVersionId: aws.String(uuid)})
		if err != nil {
			return "", g.explain(ctx, "glue:GetSchemaVersion", err)
		}
		status = version.Status
	}
}

// Check asks the registry something harmless.
func (g *Glue) Check(ctx context.Context) error {
	_, err := g.client.GetRegistry(ctx, &glue.GetRegistryInput{RegistryId: &types.RegistryId{RegistryName: aws.String(g.config.Registry)}})
	switch {
	case err == nil:
		return nil
	case is[*types.EntityNotFoundException](err) && g.config.Registry == defaultGlueRegistry:
		return nil // it is made with the first schema
	case is[*types.EntityNotFoundException](err):
		return &RegistryError{Reason: "Glue has no registry " + g.config.Registry, Remedy: "create it, or correct --glue-registry", Err: err}
	default:
		return g.explain(ctx, "glue:GetRegistry", err)
	}
}
