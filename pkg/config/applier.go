package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Applier is what firn-applier can be told.
type Applier struct {
	Common
	Source  `group:"Source:"`
	Plain   `group:"As the connector has it, for JSON without schemas:"`
	Catalog `group:"Catalog:"`
	Writing `group:"Writing:"`
	Upkeep  `group:"Maintenance:"`

	Tables      []Table     `kong:"-"` // settings of tables, the first that matches counts
	Maintenance Maintenance `kong:"-"` // budgets

	Command   string   `kong:"-"` // run, check, plan, replay, maintain, verify, dead-letters list, …
	StopAtEnd bool     `kong:"-"` // of run
	Selected  Patterns `kong:"-"` // tables that the command is for; empty for all
	From      string   `kong:"-"` // of replay: earliest or a time
	MySQL     Database `kong:"-"` // of verify
}

// Source says what is read from Kafka.
type Source struct {
	GroupID         string        `name:"group-id" default:"firn-applier" help:"Consumer group."`
	TopicPrefix     string        `help:"Read the topics of this prefix."`
	Topics          string        `placeholder:"REGEX" help:"Read the topics whose whole names match, instead of a prefix."`
	TopicDelimiter  string        `default:"." help:"Stands between the parts of a topic's name, as the connector has it."`
	AutoOffsetReset string        `default:"earliest" help:"Where nothing is committed: earliest, which must be the topic's first record; available, whatever retention has left; latest; or an RFC 3339 time."`
	OnBadRecord     string        `default:"stop" help:"stop or dead-letter."`
	SessionTimeout  time.Duration `default:"10s" help:"A process that gives no sign of life for so long loses its tables to others of the group."`
	Shards          int           `default:"1" help:"Owners that one table may have."`
	Memory          Bytes         `default:"1GiB" help:"Memory to stay under."`
}

// Plain says how JSON without schemas is to be read, which does not say it
// itself, and what columns become that schema changes add: as the connector's
// properties of the same names are.
type Plain struct {
	DecimalHandlingMode        string `default:"precise" help:"As the connector has it: precise, double or string."`
	TimePrecisionMode          string `default:"adaptive_time_microseconds" help:"As the connector has it: adaptive_time_microseconds, connect, isostring, microseconds or nanoseconds."`
	BigintUnsignedHandlingMode string `default:"precise" help:"As the connector has it: precise, or long, which is Debezium's default."`
	BinaryHandlingMode         string `default:"bytes" help:"As the connector has it: bytes, base64, base64-url-safe or hex."`
	FieldNameAdjustmentMode    string `default:"none" help:"As the connector has it: none, which is avro where schema changes come in Avro; avro or avro_unicode."`
	UnwrapAddFields            string `placeholder:"LIST" help:"As add.fields of the connector's ExtractNewRecordState: op,source.ts_ms:ts."`
	UnwrapAddFieldsPrefix      string `default:"__" help:"As add.fields.prefix of it."`
}

// Catalog says where the tables are.
type Catalog struct {
	Catalog       string            `default:"sql" help:"sql, rest, glue or s3tables."`
	CatalogURI    string            `name:"catalog-uri" help:"SQLite file of sql, URL of rest, ARN of the bucket of s3tables."`
	CatalogOption map[string]string `placeholder:"K=V;..." help:"Further options, as iceberg-go has them."`
	Warehouse     string            `help:"file:///path or s3://bucket/prefix; ./warehouse if not given."`
	S3SSE         string            `name:"s3-sse" help:"AES256, aws:kms or aws:kms:dsse."`
	S3KMSKeyID    string            `name:"s3-kms-key-id" help:"Key of aws:kms."`
	TableName     string            `default:"{database}.{table}" help:"Names of Iceberg tables: {prefix}, {database}, {table}."`
	TableMap      map[string]string `placeholder:"DB.TABLE=NAMESPACE.TABLE;..." help:"Names of single tables."`
	FormatVersion int               `default:"2" help:"2, or 3 for engines that read deletion vectors."`
}

// Writing says how batches are made and written.
type Writing struct {
	CommitInterval     time.Duration `default:"30s" help:"A batch is committed at this age,"`
	CommitRows         int           `default:"500000" help:"or with so many rows,"`
	CommitBytes        Bytes         `default:"128MiB" help:"or at this size."`
	TargetFileSize     Bytes         `default:"256MiB" help:"Size of data files."`
	WriteMode          string        `default:"upsert" help:"upsert, append, soft-delete or history; per table in the file."`
	OnIncompatibleType string        `default:"stop" help:"stop, dead-letter or new-column."`
	OnDropColumn       string        `default:"keep" help:"keep or delete."`
	OnTruncate         string        `default:"apply" help:"apply or ignore."`
	IndexDir           string        `type:"path" placeholder:"DIR" help:"Key indexes; below the user's cache directory if not given."`
	IndexMemory        Bytes         `default:"128MiB" help:"Memory for key indexes."`
}

// Upkeep says how tables are kept in order.
type Upkeep struct {
	Mode             string        `name:"maintenance" default:"on" help:"on or off; budgets in the file."`
	SnapshotMaxAge   time.Duration `default:"2h" help:"Age at which table snapshots expire, at least 1h."`
	SnapshotMinCount int           `default:"100" help:"Table snapshots that stay at any age."`
}

// applierCommands is the command line.
type applierCommands struct {
	Applier

	Run struct {
		StopAtEnd bool `help:"End when all that was there at start is committed."`
	} `cmd:"" help:"Apply topics to Iceberg tables."`
	Check  struct{} `cmd:"" help:"Say whether this can work, and what to change if not."`
	Plan   struct{} `cmd:"" help:"Print topics, tables and settings; touch nothing."`
	Replay struct {
		Tables Patterns `arg:"" help:"Tables, as database.table; regular expressions."`
		From   string   `default:"earliest" help:"earliest or an RFC 3339 time."`
	} `cmd:"" hidden:"" help:"Apply tables again from an earlier offset."`
	Maintain struct {
		Tables Patterns `arg:"" optional:"" help:"Tables; all if not given."`
	} `cmd:"" hidden:"" help:"Do the maintenance that is due, now."`
	Verify struct {
		Tables   Patterns `arg:"" optional:"" help:"Tables; all if not given."`
		Database `group:"Database:"`
	} `cmd:"" hidden:"" help:"Compare Iceberg tables with MySQL's."`
	DeadLetters struct {
		List struct {
			Tables Patterns `arg:"" optional:"" help:"Tables; all if not given."`
		} `cmd:"" help:"Print dead letters."`
		Replay struct {
			Tables Patterns `arg:"" optional:"" help:"Tables; all if not given."`
		} `cmd:"" help:"Apply dead letters again."`
	} `cmd:"" hidden:"" help:"Records that could not be applied."`
	Status  struct{} `cmd:"" help:"Print what the applier on this host does."`
	Version struct{} `cmd:"" help:"Print the version."`
}

// ParseApplier reads the command line of firn-applier. It returns ErrHelp
// where help was printed, and a *UsageError for everything that is wrong.
func ParseApplier(in Input) (*Applier, error) {
	var cli applierCommands
	p := parser{
		name: "firn-applier", listen: "127.0.0.1:9184", other: &readerCommands{},
		description: "Applies Debezium's topics to Iceberg tables, each change once.",
	}
	c := &cli.Applier
	sections, err := p.parse(&cli, in, &c.Common)
	if err != nil {
		return nil, err
	}
	c.Tables, c.Maintenance = sections.Tables, defaultMaintenance()
	if sections.Maintenance != nil {
		c.Maintenance = *sections.Maintenance
	}
	c.Command, c.StopAtEnd = p.command, cli.Run.StopAtEnd
	switch c.Command {
	case "replay":
		c.Selected, c.From = cli.Replay.Tables, cli.Replay.From
	case "maintain":
		c.Selected = cli.Maintain.Tables
	case "verify":
		c.Selected, c.MySQL = cli.Verify.Tables, cli.Verify.Database
	case "dead-letters list":
		c.Selected = cli.DeadLetters.List.Tables
	case "dead-letters replay":
		c.Selected = cli.DeadLetters.Replay.Tables
	default:
	}
	c.KafkaPassword = p.secret("kafka-password")
	c.SchemaRegistryPassword = p.secret("schema-registry-password")
	c.MySQL.DatabasePassword = p.secret("database-password")
	c.settleRegistry()
	c.setDirs(in, &p)
	return c, c.Validate(c.Command)
}

// setDirs fills in what is derived from where the process runs.
func (c *Applier) setDirs(in Input, p *parser) {
	if c.Warehouse == "" {
		c.Warehouse = (&url.URL{Scheme: "file", Path: filepath.Join(in.Dir, "warehouse")}).String()
	}
	if c.IndexDir == "" {
		cache := p.environ["XDG_CACHE_HOME"]
		if cache == "" && p.environ["HOME"] != "" {
			cache = filepath.Join(p.environ["HOME"], ".cache")
		}
		if cache == "" {
			cache = filepath.Join(in.Dir, ".cache")
		}
		c.IndexDir = filepath.Join(cache, "firn", "index", c.GroupID)
	}
}

// leastMemory is what batches and records that wait need.
const leastMemory = 64 << 20

// Validate reports everything that is wrong for a command.
func (c *Applier) Validate(command string) error {
	var p problems
	if command == "version" || command == "status" {
		return nil
	}
	c.Common.validate(&p)
	c.Source.validate(&p)
	c.Plain.validate(&p)
	c.Catalog.validate(&p)
	c.Writing.validate(&p)
	if c.Memory < c.IndexMemory+leastMemory {
		p.add("--memory %s is too little beside --index-memory %s, which is part of it: at least %s more", c.Memory, c.IndexMemory, Bytes(leastMemory))
	}
	p.oneOf("--maintenance", c.Mode, "on", "off")
	if c.SnapshotMaxAge < time.Hour {
		p.add("--snapshot-max-age %v is too short: queries that run need at least 1h", c.SnapshotMaxAge)
	}
	p.atLeast("--snapshot-min-count", int64(c.SnapshotMinCount), 1)
	for i := range c.Tables {
		c.Tables[i].validate(&p, i)
	}
	c.Maintenance.validate(&p)
	switch command {
	case "verify":
		c.MySQL.validate(&p)
	case "replay":
		if c.From == "latest" || c.From == "available" {
			p.add("--from %s: a replay begins at earliest or at a time", c.From)
		} else {
			validateStart(&p, "--from", c.From)
		}
	default:
	}
	return p.err()
}

func (s *Source) validate(p *problems) {
	p.required("--group-id", s.GroupID, "it names the consumer group")
	switch {
	case s.TopicPrefix == "" && s.Topics == "":
		p.add("--topic-prefix or --topics is required: what to read")
	case s.TopicPrefix != "" && s.Topics != "":
		p.add("--topic-prefix and --topics: give one of them")
	case s.Topics != "":
		if _, err := regexp.Compile(s.Topics); err != nil {
			p.add("--topics: %w", err)
		}
	default:
	}
	p.topicName("--topic-delimiter", s.TopicDelimiter)
	validateStart(p, "--auto-offset-reset", s.AutoOffsetReset)
	p.oneOf("--on-bad-record", s.OnBadRecord, "stop", "dead-letter")
	p.atLeast("--shards", int64(s.Shards), 1)
	if s.Memory < 128<<20 {
		p.add("--memory %s is too little: at least 128MiB", s.Memory)
	}
}

func (m *Plain) validate(p *problems) {
	validateModes(p, m.DecimalHandlingMode, m.TimePrecisionMode, m.BigintUnsignedHandlingMode, m.BinaryHandlingMode)
	p.oneOf("--field-name-adjustment-mode", m.FieldNameAdjustmentMode, "none", "avro", "avro_unicode")
	if _, err := debezium.ParseFieldReferences(m.UnwrapAddFieldsPrefix, m.UnwrapAddFields); err != nil {
		p.add("--unwrap-add-fields: %w", err)
	}
}

func validateStart(p *problems, flag, s string) {
	if s == "earliest" || s == "available" || s == "latest" {
		return
	}
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		p.add("%s %q is not one of earliest, available, latest and a time such as 2026-01-31T12:00:00Z", flag, s)
	}
}

func (c *Catalog) validate(p *problems) {
	p.oneOf("--catalog", c.Catalog, "sql", "rest", "glue", "s3tables")
	if c.Catalog == "sql" && strings.HasPrefix(c.Warehouse, "s3://") && c.CatalogURI == "" {
		p.add("--catalog-uri is required: a sql catalog over %s needs the path of its SQLite file", c.Warehouse)
	}
	if c.S3SSE != "" {
		p.oneOf("--s3-sse", c.S3SSE, "AES256", "aws:kms", "aws:kms:dsse")
	}
	if c.S3KMSKeyID != "" && !strings.HasPrefix(c.S3SSE, "aws:kms") {
		p.add("--s3-kms-key-id belongs to --s3-sse aws:kms")
	}
	if c.FormatVersion != 2 && c.FormatVersion != 3 {
		p.add("--format-version %d is not one of 2, 3", c.FormatVersion)
	}
	rest := strings.NewReplacer("{prefix}", "", "{database}", "", "{table}", "").Replace(c.TableName)
	switch {
	case strings.ContainsAny(rest, "{}"):
		p.add("--table-name %q: only {prefix}, {database} and {table} are filled in", c.TableName)
	case !strings.Contains(c.TableName, "."):
		p.add("--table-name %q has no namespace: write it as namespace.table", c.TableName)
	case !strings.Contains(c.TableName, "{table}"):
		p.add("--table-name %q gives all tables one name: {table} is missing", c.TableName)
	default:
	}
	named := map[string]string{}
	for from, to := range c.TableMap {
		if !strings.Contains(from, ".") || !strings.Contains(to, ".") {
			p.add("--table-map %s=%s is not database.table=namespace.table", from, to)
		}
		if other, ok := named[to]; ok {
			p.add("--table-map: %s and %s are both mapped to %s", min(from, other), max(from, other), to)
		}
		named[to] = from
	}
}

func (w *Writing) validate(p *problems) {
	if w.CommitInterval < 100*time.Millisecond {
		p.add("--commit-interval %v is too short: at least 100ms", w.CommitInterval)
	}
	p.atLeast("--commit-rows", int64(w.CommitRows), 1)
	for flag, b := range map[string]Bytes{"--commit-bytes": w.CommitBytes, "--target-file-size": w.TargetFileSize, "--index-memory": w.IndexMemory} {
		if b < 1<<20 {
			p.add("%s %s is too little: at least 1MiB", flag, b)
		}
	}
	p.oneOf("--write-mode", w.WriteMode, writeModes()...)
	p.oneOf("--on-incompatible-type", w.OnIncompatibleType, "stop", "dead-letter", "new-column")
	p.oneOf("--on-drop-column", w.OnDropColumn, "keep", "delete")
	p.oneOf("--on-truncate", w.OnTruncate, "apply", "ignore")
}

func writeModes() []string { return []string{"upsert", "append", "soft-delete", "history"} }

// Start is where reading begins: the time; or its zero value with Latest, with
// Available, or without both, which is the earliest record.
type Start struct {
	Time      time.Time
	Latest    bool
	Available bool
}

// ParseStart reads the value of --auto-offset-reset or of replay's --from.
func ParseStart(s string) (Start, error) {
	switch s {
	case "earliest":
		return Start{}, nil
	case "available":
		return Start{Available: true}, nil
	case "latest":
		return Start{Latest: true}, nil
	default:
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return Start{}, fmt.Errorf("read start %q: %w", s, err)
		}
		return Start{Time: t}, nil
	}
}
