package config

import (
	"net/url"
	"strings"
)

// Registry says where a schema registry is and how to get in.
type Registry struct {
	SchemaRegistryURL          []string `name:"schema-registry-url" placeholder:"URL" help:"Confluent-compatible schema registry; several URLs of one are tried in turn."`
	SchemaRegistryAuth         string   `default:"none" help:"none, basic or glue (AWS Glue's registry)."`
	SchemaRegistryUser         string   `help:"User name for basic; the password is in FIRN_SCHEMA_REGISTRY_PASSWORD or the next."`
	SchemaRegistryPasswordFile string   `placeholder:"FILE" help:"File that holds the password."`
	SchemaRegistryCAFile       string   `name:"schema-registry-ca-file" placeholder:"FILE" help:"Certificates to trust; the system's if not given."`
	SchemaRegistryCertFile     string   `placeholder:"FILE" help:"Client certificate."`
	SchemaRegistryKeyFile      string   `placeholder:"FILE" help:"Key of the client certificate."`

	SchemaRegistryPassword Secret `kong:"-"`
}

// Registering says how schemas come into the registry, by the names that
// Confluent's and AWS's converters have for it.
type Registering struct {
	AutoRegisterSchemas bool   `default:"true" negatable:"" help:"Register new schemas; without, they must be there already."`
	NormalizeSchemas    bool   `negatable:"" help:"Have Confluent's registry compare schemas in a normal form."`
	ConnectMetaData     bool   `default:"true" negatable:"" help:"Connect's names, versions and parameters in Avro schemas."`
	GlueRegistry        string `default:"default-registry" help:"Name of Glue's registry (${default})."`
	GlueSchemaName      string `default:"{topic}-{part}" help:"Names of Glue's schemas, of {topic} and {part}, which is key or value (${default}); {topic} as AWS's converters have it."`
	GlueCompatibility   string `default:"BACKWARD" help:"Compatibility of schemas that are made in Glue."`
}

// registryGlue is the value of --schema-registry-auth for Glue's registry, which
// --schema-registry-url is also understood to name.
const registryGlue = "glue"

// settleRegistry takes a URL that is no URL but names Glue's registry for what it is.
func (r *Registry) settleRegistry() {
	if len(r.SchemaRegistryURL) == 1 && r.SchemaRegistryURL[0] == registryGlue {
		r.SchemaRegistryURL, r.SchemaRegistryAuth = nil, registryGlue
	}
}

// Given reports whether there is a registry.
func (r *Registry) Given() bool {
	return len(r.SchemaRegistryURL) > 0 || r.SchemaRegistryAuth == registryGlue
}

func (r *Registry) validate(p *problems) {
	p.oneOf("--schema-registry-auth", r.SchemaRegistryAuth, "none", "basic", registryGlue)
	secure := false
	for _, u := range r.SchemaRegistryURL {
		parsed, err := url.Parse(u)
		switch {
		case err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "":
			p.add("--schema-registry-url: one is not http://host or https://host")
		case parsed.User != nil:
			p.add("--schema-registry-url: no password belongs into a URL: --schema-registry-auth basic, --schema-registry-user, and FIRN_SCHEMA_REGISTRY_PASSWORD or --schema-registry-password-file")
		}
		secure = secure || err == nil && parsed.Scheme == "https"
	}
	certificates := r.SchemaRegistryCAFile != "" || r.SchemaRegistryCertFile != "" || r.SchemaRegistryKeyFile != ""
	switch r.SchemaRegistryAuth {
	case registryGlue:
		if len(r.SchemaRegistryURL) > 0 || certificates {
			p.add("--schema-registry-auth glue: Glue's registry has no URL and no certificate files; --aws-endpoint is another address of it")
		}
		return
	case "basic":
		p.required("--schema-registry-user", r.SchemaRegistryUser, "--schema-registry-auth is basic")
		if r.SchemaRegistryPassword == "" && r.SchemaRegistryPasswordFile == "" {
			p.add("--schema-registry-auth basic needs a password: FIRN_SCHEMA_REGISTRY_PASSWORD or --schema-registry-password-file")
		}
		if len(r.SchemaRegistryURL) == 0 {
			p.add("--schema-registry-auth basic needs --schema-registry-url")
		}
	default:
		if r.SchemaRegistryUser != "" {
			p.add("--schema-registry-user belongs to --schema-registry-auth basic")
		}
	}
	if (r.SchemaRegistryCertFile == "") != (r.SchemaRegistryKeyFile == "") {
		p.add("--schema-registry-cert-file and --schema-registry-key-file: give both")
	}
	if certificates && !secure {
		p.add("--schema-registry-ca-file, --schema-registry-cert-file and --schema-registry-key-file belong to a URL with https://")
	}
	one(p, map[string]bool{
		"FIRN_SCHEMA_REGISTRY_PASSWORD": r.SchemaRegistryPassword != "", "--schema-registry-password-file": r.SchemaRegistryPasswordFile != "",
	})
}

func (r *Registering) validate(p *problems, registry *Registry) {
	rest := strings.NewReplacer("{topic}", "", "{part}", "").Replace(r.GlueSchemaName)
	if r.GlueSchemaName == "" || strings.ContainsAny(rest, "{}") {
		p.add("--glue-schema-name %q: only {topic} and {part} are filled in", r.GlueSchemaName)
	}
	if !strings.Contains(r.GlueSchemaName, "{topic}") {
		p.add("--glue-schema-name %q gives all topics one schema: {topic} is missing", r.GlueSchemaName)
	}
	p.required("--glue-registry", r.GlueRegistry, "it names Glue's registry")
	p.oneOf("--glue-compatibility", r.GlueCompatibility, "NONE", "DISABLED", "BACKWARD", "BACKWARD_ALL", "FORWARD", "FORWARD_ALL", "FULL", "FULL_ALL")
	if r.NormalizeSchemas && registry.SchemaRegistryAuth == registryGlue {
		p.add("--normalize-schemas belongs to a Confluent-compatible registry")
	}
}
