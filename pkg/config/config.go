// Package config reads what both binaries are told: flags, FIRN_ environment
// variables and a YAML file, in this order of precedence, a Debezium
// connector's configuration, and the defaults. Names that nobody knows are
// errors, and so are values that cannot work: all of them are reported, each
// by its flag. Secrets come from the environment or from files, never from
// flags, and never show when printed. Reaching AWS for them is left to others.
package config

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrHelp is returned when help was asked for and printed.
var ErrHelp = errors.New("help was printed")

// UsageError is an error in what the binary was told: the process ends with 2.
type UsageError struct{ Err error }

// Error returns the errors, one in a line.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the errors.
func (e *UsageError) Unwrap() error { return e.Err }

// Input is what a process is started with.
type Input struct {
	Args    []string // without the binary's name
	Environ []string // as os.Environ
	Dir     string   // the working directory
	Stdout  io.Writer
	Stderr  io.Writer
}

// Common is what both binaries can be told.
type Common struct {
	File     string `name:"config" type:"path" placeholder:"FILE" help:"YAML file of settings, by the names of the flags."`
	Kafka    `group:"Kafka:"`
	Registry `group:"Schema registry:"`
	AWS      `group:"AWS:"`
	HTTP     `group:"Process:"`
	Log      `group:"Process:"`

	// Warnings are what the operator should know about the settings.
	Warnings []string `kong:"-"`
}

// Kafka says where Kafka is and how to get in.
type Kafka struct {
	BootstrapServers  []string `placeholder:"HOST:PORT" help:"Kafka's brokers."`
	MSKClusterARN     string   `name:"msk-cluster-arn" help:"Ask MSK for the brokers of this cluster."`
	KafkaAuth         string   `default:"none" help:"none, iam (MSK), scram-sha-512, scram-sha-256, plain or mtls."`
	KafkaUser         string   `help:"User name; the password is in FIRN_KAFKA_PASSWORD, or one of the next two."`
	KafkaPasswordFile string   `placeholder:"FILE" help:"File that holds the password."`
	KafkaSecretARN    string   `name:"kafka-secret-arn" help:"Secrets Manager secret with user name and password."`
	KafkaTLS          bool     `name:"kafka-tls" negatable:"" help:"Encrypt; always with iam and mtls."`
	KafkaCAFile       string   `name:"kafka-ca-file" placeholder:"FILE" help:"Certificates to trust; the system's if not given."`
	KafkaCertFile     string   `placeholder:"FILE" help:"Client certificate, for mtls."`
	KafkaKeyFile      string   `placeholder:"FILE" help:"Key of the client certificate."`
	ClientRack        string   `help:"Read from replicas in this rack: with MSK the id of the availability zone."`

	KafkaPassword Secret `kong:"-"`
}

// AWS says how AWS is reached; what is not set is the SDK's default.
type AWS struct {
	AWSRegion     string `name:"aws-region" help:"Region of all services."`
	AWSRoleARN    string `name:"aws-role-arn" help:"Role to assume; one per service in the file."`
	AWSExternalID string `name:"aws-external-id" help:"External id of the role."`
	AWSEndpoint   string `name:"aws-endpoint" help:"Another endpoint for all services."`

	// Roles are by service: kafka, glue, s3, secrets, rds.
	Roles map[string]Role `kong:"-"`
}

// Role is a role to assume for one service.
type Role struct {
	RoleARN    string `yaml:"role-arn"`
	ExternalID string `yaml:"external-id"`
}

// HTTP says where the status page is.
type HTTP struct {
	HTTPListen string `name:"http-listen" default:"${http_listen}" placeholder:"HOST:PORT" help:"Where /status, /metrics, /healthz and /readyz are (${default})."`
	Pprof      bool   `help:"Show /debug/pprof there too."`
}

// Log says how the log is written.
type Log struct {
	LogLevel  string `default:"info" help:"debug, info, warn or error."`
	LogFormat string `help:"text or json; by default text on a terminal, else json."`
}

// problems gathers everything that is wrong.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

// oneOf reports a value that is none of those allowed.
func (p *problems) oneOf(flag, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		p.add("%s %q is not one of %s", flag, value, strings.Join(allowed, ", "))
	}
}

// required reports a value that is missing.
func (p *problems) required(flag, value, why string) {
	if value == "" {
		p.add("%s is required: %s", flag, why)
	}
}

// atLeast reports a number that is too small.
func (p *problems) atLeast(flag string, value, least int64) {
	if value < least {
		p.add("%s %d must be at least %d", flag, value, least)
	}
}

// err returns the problems as a usage error, or nil.
func (p *problems) err() error {
	if len(*p) == 0 {
		return nil
	}
	return &UsageError{Err: errors.Join(*p...)}
}

func (c *Common) validate(p *problems) {
	c.Kafka.validate(p)
	c.Registry.validate(p)
	p.oneOf("--log-level", c.LogLevel, "debug", "info", "warn", "error")
	if c.LogFormat != "" {
		p.oneOf("--log-format", c.LogFormat, "text", "json")
	}
	if c.AWSExternalID != "" && c.AWSRoleARN == "" {
		p.add("--aws-external-id belongs to a role: --aws-role-arn is not set")
	}
}

func (k *Kafka) validate(p *problems) {
	switch {
	case len(k.BootstrapServers) == 0 && k.MSKClusterARN == "":
		p.add("--bootstrap-servers is required: host:port of one or more brokers, or --msk-cluster-arn")
	case len(k.BootstrapServers) > 0 && k.MSKClusterARN != "":
		p.add("--bootstrap-servers and --msk-cluster-arn: give one of them")
	}
	for _, b := range k.BootstrapServers {
		if _, port, ok := strings.Cut(b, ":"); !ok || port == "" {
			p.add("--bootstrap-servers: %q is not host:port", b)
		}
	}
	p.oneOf("--kafka-auth", k.KafkaAuth, "none", "iam", "scram-sha-512", "scram-sha-256", "plain", "mtls")
	switch k.KafkaAuth {
	case "scram-sha-512", "scram-sha-256", "plain":
		if k.KafkaSecretARN != "" {
			break // which holds the user name too
		}
		p.required("--kafka-user", k.KafkaUser, "--kafka-auth is "+k.KafkaAuth)
		if k.KafkaPassword == "" && k.KafkaPasswordFile == "" {
			p.add("--kafka-auth %s needs a password: FIRN_KAFKA_PASSWORD, --kafka-password-file or --kafka-secret-arn", k.KafkaAuth)
		}
	case "mtls":
		p.required("--kafka-cert-file", k.KafkaCertFile, "--kafka-auth is mtls")
		p.required("--kafka-key-file", k.KafkaKeyFile, "--kafka-auth is mtls")
	default:
	}
	one(p, map[string]bool{
		"FIRN_KAFKA_PASSWORD": k.KafkaPassword != "", "--kafka-password-file": k.KafkaPasswordFile != "", "--kafka-secret-arn": k.KafkaSecretARN != "",
	})
}

// one reports sources of a secret of which more than one is given.
func one(p *problems, given map[string]bool) {
	var names []string
	for name, ok := range given {
		if ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) > 1 {
		p.add("%s: give one of them", strings.Join(names, " and "))
	}
}
