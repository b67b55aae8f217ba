package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/config"
)

func input(args ...string) config.Input {
	return config.Input{Args: args, Environ: []string{"HOME=/home/firn"}, Dir: "/work", Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}}
}

func readerArgs(more ...string) config.Input {
	return input(append([]string{
		"run", "--bootstrap-servers=k:9092", "--database-hostname=m", "--database-user=u", "--topic-prefix=shop",
	}, more...)...)
}

func applierArgs(more ...string) config.Input {
	return input(append([]string{"run", "--bootstrap-servers=k:9092", "--topic-prefix=shop"}, more...)...)
}

// TestRejectedFiles reads every testdata/*.bad.yml as an applier's file.
func TestRejectedFiles(t *testing.T) {
	tests := []struct{ file, message string }{
		{"unknown_name", `testdata/unknown_name.bad.yml: line 1: no flag has the name "topic-prefx"`},
		{"secret", `testdata/secret.bad.yml: line 1: database-password: secrets do not go into the file; use FIRN_DATABASE_PASSWORD or --database-password-file`},
		{"not_yaml", `yaml: line 1: did not find expected ',' or ']'`},
		{"twice", `mapping key "topic-prefix" already defined`},
		{"nested", `testdata/nested.bad.yml: line 2: kafka: a map of single values is wanted`},
		{"size", `"12 parsecs" is not a size such as 64MiB or 1GiB`},
		{"number", `--commit-rows: expected a valid 64 bit int but got "many"`},
		{"duration", `--commit-interval: expected duration but got "30"`},
		{"bool", `--kafka-tls: bool value must be true, 1, yes, false, 0 or no but got "perhaps"`},
		{"table_unknown", `field write-mood not found`},
		{"table_name", `tables[0]: name is required: a regular expression for database.table`},
		{"table_mode", `tables[0] "shop.orders": write-mode "replace" is not one of upsert, append, soft-delete, history`},
		{"table_partition", `"bucket(id)" is not a partition field such as country, day(created) or bucket(16, id)`},
		{"table_regex", `regular expression shop.(orders.*: there is a ( without a )`},
		{"table_columns", `tables[0] "shop.orders": columns: "id" is there twice`},
		{"table_columns", `tables[0] "shop.orders": columns: each has a name and a type`},
		{"maintenance_age", `maintenance: orphan-age 1h0m0s is too short`},
		{"maintenance_unknown", `maintenance: yaml: unmarshal errors:`},
		{"role", `aws-roles: "lambda" is not one of kafka, glue, s3, secrets, rds`},
		{"values", `--kafka-auth "kerberos" is not one of none, iam, scram-sha-512, scram-sha-256, plain, mtls`},
		{"values", `--catalog "hive" is not one of sql, rest, glue, s3tables`},
		{"values", `--snapshot-max-age 10m0s is too short: queries that run need at least 1h`},
		{"values", `--format-version 4 is not one of 2, 3`},
		{"values", `--table-name "{db}.{table}": only {prefix}, {database} and {table} are filled in`},
		{"values", `--table-map: a.b and e.f are both mapped to c.d`},
	}
	rejected := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			rejected[tt.file+".bad.yml"] = true
			_, err := config.ParseApplier(applierArgs("--config=testdata/" + tt.file + ".bad.yml"))
			var usage *config.UsageError
			if !errors.As(err, &usage) || !strings.Contains(strings.ReplaceAll(err.Error(), wd(t)+"/", ""), tt.message) {
				t.Errorf("got error %v\nwant %s", err, tt.message)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error tells a secret")
			}
		})
	}
	files, err := filepath.Glob("testdata/*.bad.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !rejected[filepath.Base(f)] {
			t.Errorf("%s has no row", f)
		}
	}
}

func TestParseApplier_Memory(t *testing.T) {
	for _, tt := range []struct {
		memory, index string
		fits          bool
	}{{"1GiB", "128MiB", true}, {"192MiB", "128MiB", true}, {"128MiB", "64MiB", true}, {"128MiB", "128MiB", false}, {"1GiB", "2GiB", false}} {
		_, err := config.ParseApplier(applierArgs("--memory="+tt.memory, "--index-memory="+tt.index))
		if tt.fits != (err == nil) || err != nil && !strings.Contains(err.Error(), "--memory "+tt.memory+" is too little beside --index-memory "+tt.index) {
			t.Errorf("--memory=%s --index-memory=%s: the error is %v", tt.memory, tt.index, err)
		}
	}
}

func wd(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestParseApplier_File(t *testing.T) {
	in := applierArgs("--config=testdata/good_applier.yml")
	in.Args = []string{"run", "--config=testdata/good_applier.yml"}
	c, err := config.ParseApplier(in)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"brokers": c.BootstrapServers, "memory": c.Memory.String(), "interval": c.CommitInterval, "rows": c.CommitRows, "tls": c.KafkaTLS,
		"options": c.CatalogOption, "map": c.TableMap, "roles": c.Roles, "max bytes": c.Maintenance.MaxBytes.String(), "min files": c.Maintenance.MinFiles,
	}
	want := map[string]any{
		"brokers": []string{"a:9092", "b:9092"}, "memory": "2GiB", "interval": 10 * time.Second, "rows": 1000, "tls": true,
		"options": map[string]string{"s3.endpoint": "http://127.0.0.1:9000", "odd": "a;b,c=d"},
		"map":     map[string]string{"shop.customer": "lake.customers"},
		"roles":   map[string]config.Role{"glue": {RoleARN: "arn:aws:iam::1:role/glue", ExternalID: "x"}}, "max bytes": "2GiB", "min files": 4,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	orders := c.Settings("shop", "order_lines")
	if diff := cmp.Diff([]config.PartitionField{
		{Transform: "day", Column: "created"}, {Transform: "bucket", Width: 16, Column: "id"}, {Transform: "identity", Column: "country"},
	}, orders.Partition); diff != "" || orders.WriteMode != "soft-delete" || orders.Properties["write.parquet.compression-codec"] != "zstd" {
		t.Errorf("settings of shop.order_lines: %+v\n%s", orders, diff)
	}
	if got := c.Settings("shop", "log"); got.WriteMode != "append" || len(got.Columns) != 2 || !got.Columns[0].NotNull || got.Key[0] != "id" {
		t.Errorf("settings of shop.log: %+v", got)
	}
	if got := c.Settings("shop", "other"); got.WriteMode != "" {
		t.Errorf("settings of shop.other: %+v", got)
	}
}

// TestDefaults holds the defaults against the command line's description.
func TestDefaults(t *testing.T) {
	r, err := config.ParseReader(readerArgs())
	if err != nil {
		t.Fatal(err)
	}
	a, err := config.ParseApplier(applierArgs())
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s %s %s %t %s %d %d %s %d %s %s %s %t %s %s %s %s",
		r.HTTPListen, r.KafkaAuth, r.ValueConverter, r.SchemasEnable, r.SnapshotMode, r.SnapshotParallelism, r.SnapshotChunkRows,
		r.Delivery, r.DatabasePort, r.DatabaseSSLMode, r.KafkaCompression, r.Memory, r.Standby, r.DebeziumVersion, r.LogLevel,
		r.OnUnloggedChange, strings.Join(r.OtherDefaults(), " "))
	want := "127.0.0.1:9183 none json true initial 4 20000 exactly-once 3306 preferred lz4 150MiB false 3.6 info stop " +
		"bigint.unsigned.handling.mode=precise event.converting.failure.handling.mode=fail skipped.operations=none replace.null.with.default=false"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reader (-want +got):\n%s", diff)
	}
	got = fmt.Sprintf("%s %s %s %s %s %v %d %s %s %s %s %s %s %s %s %s %d %v %d %s %d %s",
		a.HTTPListen, a.GroupID, a.Catalog.Catalog, a.Warehouse, a.TableName, a.CommitInterval, a.CommitRows, a.CommitBytes,
		a.AutoOffsetReset, a.IndexDir, a.IndexMemory, a.Memory, a.WriteMode, a.OnBadRecord, a.OnIncompatibleType, a.OnDropColumn,
		a.FormatVersion, a.SnapshotMaxAge, a.SnapshotMinCount, a.TargetFileSize, a.Shards, a.Mode)
	want = "127.0.0.1:9184 firn-applier sql file:///work/warehouse {database}.{table} 30s 500000 128MiB earliest " +
		"/home/firn/.cache/firn/index/firn-applier 128MiB 1GiB upsert stop stop keep 2 2h0m0s 100 256MiB 1 on"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("applier (-want +got):\n%s", diff)
	}
}

func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "firn.yml")
	if err := os.WriteFile(file, []byte("topic-prefix: file\nsnapshot-chunk-rows: 1\nname: file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	connector := filepath.Join(dir, "connector.properties")
	if err := os.WriteFile(connector, []byte("name=connector\ndatabase.server.id=7\ndatabase.port=1\nsnapshot.mode=no_data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := input("run", "--bootstrap-servers=k:9092", "--database-hostname=m", "--database-user=u", "--topic-prefix=flag")
	in.Environ = append(in.Environ, "FIRN_CONFIG="+file, "FIRN_DEBEZIUM_CONFIG="+connector,
		"FIRN_TOPIC_PREFIX=environment", "FIRN_SNAPSHOT_CHUNK_ROWS=2", "FIRN_DATABASE_PORT=2", "FIRN_KAFKA_USER=",
		"FIRN_DATABASE_PASSWORD=hunter2", "FIRN_COMMIT_INTERVAL=10s", "FIRN_READER_SERVICE_HOST=10.0.0.1", "FIRN_READER_PORT_9183_TCP_ADDR=10.0.0.1")
	c, err := config.ParseReader(in)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.TopicPrefix, c.SnapshotChunkRows, c.Name, c.DatabasePort, c.DatabaseServerID, c.SnapshotMode, c.DatabasePassword.Reveal()}
	want := []any{"flag", 2, "file", 2, uint32(7), "no_data", "hunter2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	in.Environ = append(in.Environ, "FIRN_TOPIC_PREFX=x")
	if _, err := config.ParseReader(in); err == nil || err.Error() != "FIRN_TOPIC_PREFX: no flag has this name" {
		t.Errorf("got error %v for an unknown variable", err)
	}
}

func TestParse_Rejects(t *testing.T) {
	reader := func(in config.Input) error { _, err := config.ParseReader(in); return err }
	applier := func(in config.Input) error { _, err := config.ParseApplier(in); return err }
	with := func(in config.Input, environ ...string) config.Input {
		in.Environ = append(in.Environ, environ...)
		return in
	}
	tests := []struct {
		name  string
		parse func(config.Input) error
		in    config.Input
		want  []string
	}{
		{"a secret as a flag", reader, readerArgs("--database-password=x"), []string{"unknown flag --database-password"}},
		{"no command", reader, input(), []string{`expected one of "run"`}},
		{"everything that is missing", reader, input("run"), []string{
			"--bootstrap-servers is required", "--database-hostname is required", "--database-user is required", "--topic-prefix is required",
		}},
		{"include and exclude", reader, readerArgs("--table-include-list=a.b", "--table-exclude-list=c.d"), []string{"--table-include-list and --table-exclude-list: give one of them"}},
		{"two passwords", reader, with(readerArgs("--database-password-file=f"), "FIRN_DATABASE_PASSWORD=x"), []string{"--database-password-file and FIRN_DATABASE_PASSWORD: give one of them"}},
		{"avro without a registry", reader, readerArgs("--value-converter=avro"), []string{"--value-converter avro needs --schema-registry-url"}},
		{"a removed snapshot mode", reader, readerArgs("--snapshot-mode=never"), []string{"--snapshot-mode never was removed in Debezium 3.6: use no_data"}},
		{"skipped operations", reader, readerArgs("--skipped-operations=c,x"), []string{`--skipped-operations "x" is not one of c, u, d, t`}},
		{"scram without a password", reader, readerArgs("--kafka-auth=plain"), []string{"--kafka-user is required", "--kafka-auth plain needs a password"}},
		{"mtls without a certificate", applier, applierArgs("--kafka-auth=mtls"), []string{"--kafka-cert-file is required", "--kafka-key-file is required"}},
		{"a broker without a port", applier, input("run", "--topic-prefix=p", "--bootstrap-servers=k"), []string{`--bootstrap-servers: "k" is not host:port`}},
		{"prefix and topics", applier, applierArgs("--topics=x.*"), []string{"--topic-prefix and --topics: give one of them"}},
		{"s3 without a place for the catalog", applier, applierArgs("--warehouse=s3://b/p"), []string{"--catalog-uri is required"}},
		{"an offset reset", applier, applierArgs("--auto-offset-reset=yesterday"), []string{`--auto-offset-reset "yesterday" is not one of earliest, available, latest and a time`}},
		{"a connector's mode that there is not", applier, applierArgs("--time-precision-mode=adaptive"), []string{`--time-precision-mode "adaptive" is not one of adaptive_time_microseconds, connect`}},
		{"a replay of nothing", applier, input("replay", "x", "--from=latest", "--topic-prefix=p", "--bootstrap-servers=k:1"), []string{"--from latest: a replay begins at earliest or at a time"}},
		{"verify without a database", applier, input("verify", "--topic-prefix=p", "--bootstrap-servers=k:1"), []string{"--database-hostname is required"}},
		{"a missing file", applier, applierArgs("--config=testdata/none.yml"), []string{"read --config: open"}},
		{"an applier's section in a reader's file", reader, readerArgs("--config=testdata/table_mode.bad.yml"), []string{"the reader has no sections tables and maintenance"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.parse(tt.in)
			if _, ok := errors.AsType[*config.UsageError](err); !ok {
				t.Fatalf("got error %v, want a usage error", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v\nwant %s", err, want)
				}
			}
		})
	}
}

func TestParse_Commands(t *testing.T) {
	c, err := config.ParseReader(input("snapshot", `shop\.orders,shop\.lines`, "--condition=id > 5", "--topic-prefix=p", "--bootstrap-servers=k:1"))
	if err != nil || c.Command != "snapshot" || !c.Signal.Tables.Match("shop.lines") || c.Signal.Condition != "id > 5" {
		t.Errorf("snapshot: %+v, error %v", c, err)
	}
	a, err := config.ParseApplier(input("dead-letters", "replay", "shop.*", "--topic-prefix=p", "--bootstrap-servers=k:1"))
	if err != nil || a.Command != "dead-letters replay" || !a.Selected.Match("shop.orders") {
		t.Errorf("dead-letters replay: %+v, error %v", a, err)
	}
	in := input("verify", "--database-hostname=m", "--database-user=u", "--topic-prefix=p", "--bootstrap-servers=k:1")
	in.Environ = append(in.Environ, "FIRN_DATABASE_PASSWORD=x")
	if a, err = config.ParseApplier(in); err != nil || a.MySQL.DatabaseHostname != "m" || a.MySQL.DatabasePassword != "x" {
		t.Errorf("verify: %+v, error %v", a, err)
	}
	if a, err = config.ParseApplier(applierArgs("--stop-at-end")); err != nil || !a.StopAtEnd {
		t.Errorf("run --stop-at-end: %+v, error %v", a, err)
	}
	for _, args := range [][]string{{"status"}, {"version"}} {
		if _, err := config.ParseReader(input(args...)); err != nil {
			t.Errorf("%v needs settings: %v", args, err)
		}
	}
	help := input("--help")
	if _, err := config.ParseReader(help); !errors.Is(err, config.ErrHelp) || !strings.Contains(help.Stdout.(*bytes.Buffer).String(), "--table-include-list") {
		t.Errorf("help: error %v", err)
	}
}

func TestConnector(t *testing.T) {
	t.Run("json", func(t *testing.T) {
		c, err := config.ParseReader(input("run", "--debezium-config=testdata/connector.json"))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintln(c.Name, c.DatabaseHostname, c.DatabasePort, c.DatabaseUser, c.DatabasePassword.Reveal(), c.DatabaseServerID, c.TopicPrefix,
			c.BootstrapServers, c.SchemaHistoryInternalKafkaTopic, c.SchemasEnable, c.DecimalHandlingMode, c.TopicReplication, c.TopicPartitions,
			c.TableIncludeList.Match("shop.orders"), c.TableIncludeList.Match("shopXorders"), c.DebeziumDefaults, string(c.Skipped()))
		want := "shop-connector mysql 3307 debezium dbz 184054 shop [kafka:9092] history.shop false string 3 0 true false true t\n"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{
			"--debezium-config: it has no key.converter, and the worker's is not known: keys are JSON unless --key-converter says otherwise",
			"--debezium-config: max.batch.size is ignored",
		}, c.Warnings); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
		if got := len(c.LapsedPromises()); got != 6 {
			t.Errorf("%d promises lapse, want 6: %q", got, c.LapsedPromises())
		}
	})
	t.Run("numbers stand for themselves", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "connector.json")
		if err := os.WriteFile(path, []byte(`{"connector.class": "io.debezium.connector.mysql.MySqlConnector", "database.hostname": "h", "database.user": "u",
			"topic.prefix": "p", "database.server.id": 85744000, "heartbeat.interval.ms": 3600000, "database.port": 3307, "include.query": true, "name": null}`), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.ParseReader(input("run", "--debezium-config="+path, "--bootstrap-servers=k:1"))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(c.DatabaseServerID, c.HeartbeatIntervalMs, c.DatabasePort, c.IncludeQuery); got != "85744000 3600000 3307 true" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("properties", func(t *testing.T) {
		c, err := config.ParseReader(input("run", "--debezium-config=testdata/connector.properties", "--bootstrap-servers=k:1", "--topic-prefix=other"))
		if err != nil {
			t.Fatal(err)
		}
		if c.TopicPrefix != "other" || c.BigintUnsignedHandlingMode != "precise" || !c.TableIncludeList.Match("shop.customers") || c.TableIncludeList.Match("shop.x") {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("keys keep their schemas where values alone are told to have none", func(t *testing.T) {
		for file, want := range map[string]string{"connector.json": "false false", "connector_values.properties": "false true"} {
			c, err := config.ParseReader(input("run", "--debezium-config=testdata/"+file))
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(c.SchemasEnable, " ", c.KeySchemas()); got != want {
				t.Errorf("%s: schemas of values and keys are %s, want %s", file, got, want)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		_, err := config.ParseReader(input("run", "--debezium-config=testdata/connector_refused.json"))
		if err == nil {
			t.Fatal("accepted")
		}
		for _, want := range []string{
			"connector.class: io.debezium.connector.postgresql.PostgresConnector is not Debezium's connector for MySQL or MariaDB",
			"column.mask.hash.ROT13.with.salt.…: ROT13 is not one of",
			"value.converter: io.confluent.connect.protobuf.ProtobufConverter is not supported",
			"transforms: is not supported",
			"flux.capacitor: is not a property of Debezium's connectors",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("not in the error: %s", want)
			}
		}
		if got := strings.Count(err.Error(), "\n") + 1; got != 5 {
			t.Errorf("%d errors, want 5:\n%v", got, err)
		}
	})
}

func TestPatterns(t *testing.T) {
	tests := []struct {
		list  string
		match []string
		other []string
	}{
		{"shop.orders", []string{"shop.orders", "SHOP.Orders", "shopXorders"}, []string{"shop.orders2", "myshop.orders"}},
		{`shop\.(a|b), crm\..*`, []string{"shop.a", "crm.x", "crm."}, []string{"shop.ab", "shopxa"}},
		{`t\,x,y`, []string{"t,x", "y"}, []string{"t", "x"}},
		{`a{1\,2}`, []string{"a", "aa"}, []string{"aaa"}},
		{"a|b", []string{"a", "b"}, []string{"ab", "ax"}},
		{`\Qa.b\E.*`, []string{"a.bc"}, []string{"axbc"}},
		{`[[:alpha:]]+,\p{Alpha}+,(?!x)\w+`, []string{"lap:", "ab"}, []string{"ä", "x1"}},
		{"(){999999999}a,(|b){3}", []string{"a", "", "bb", "bbb"}, []string{"bbbb"}},
		{"", nil, []string{"", "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			p, err := config.ParsePatterns(tt.list)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range tt.match {
				if !p.Match(s) {
					t.Errorf("%q is not matched", s)
				}
			}
			for _, s := range tt.other {
				if p.Match(s) {
					t.Errorf("%q is matched", s)
				}
			}
		})
	}
	for list, want := range map[string]string{
		"a(b":         "there is a ( without a )",
		"a)b":         "there is a ) without a (",
		"a[b":         "there is a [ without a ]",
		"(?x)a":       "the flag x is not supported",
		`\p{InGreek}`: `\p{InGreek} is not supported`,
		`\X`:          `\X is not supported`,
		"*a":          "nothing is before *",
	} {
		if _, err := config.ParsePatterns(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want %s", list, err, want)
		}
	}
}

func TestCapture(t *testing.T) {
	c, err := config.ParseReader(readerArgs("--database-include-list=shop|crm", "--table-exclude-list=shop\\.tmp_.*", "--column-exclude-list=crm.people.secret"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"shop.orders": true, "shop.tmp_1": false, "crm.tmp_1": true, "other.orders": false, "mysql.user": false} {
		db, table, _ := strings.Cut(name, ".")
		if got := c.Table(db, table); got != want {
			t.Errorf("%s is captured: %v", name, got)
		}
	}
	if c.Column("crm", "people", "Secret") || !c.Column("crm", "people", "name") {
		t.Error("columns are not told apart")
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]config.Bytes{"64MiB": 64 << 20, "1.5 GiB": 3 << 29, "100": 100, "7B": 7, "2TiB": 2 << 40, "0": 0} {
		var got config.Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s reads as %d, error %v", text, got, err)
		}
		var again config.Bytes
		if err := again.UnmarshalText([]byte(got.String())); err != nil || again != got {
			t.Errorf("%s is written %s, which reads as %d, error %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1MiB", "1MB", "NaN", "9999999999TiB"} {
		var got config.Bytes
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q reads as %d", text, got)
		}
	}
}

func TestSecret(t *testing.T) {
	s := config.Secret("hunter2")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "a", s, "b", struct{ P config.Secret }{s})
	text, err := json.Marshal(struct{ P config.Secret }{s})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%s %v %+v %#v %q", s, s, struct{ P config.Secret }{s}, struct{ P config.Secret }{s}, s) + log.String() + string(text)
	if strings.Contains(all, "hunter2") {
		t.Errorf("the secret is shown: %s", all)
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, ask := range map[string]func() (string, error){
		"hunter2":   func() (string, error) { return config.Password(s, "")(t.Context()) },
		"from file": func() (string, error) { return config.Password("", file)(t.Context()) },
	} {
		if got, err := ask(); err != nil || got != want {
			t.Errorf("password %q, error %v; want %q", got, err, want)
		}
	}
}
