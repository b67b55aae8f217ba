//go:build !integration

package cases

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/source"
)

// JSON without schemas, read with the connector's modes as flags, makes the table
// that the same rows make with schemas. The rows are Debezium's own.
func TestApplier_ModesOfJSONWithoutSchemas(t *testing.T) {
	files := []string{"ints"} // with bigint.unsigned.handling.mode=long, its default
	for _, pattern := range []string{"opt_bigint_*", "opt_binary_*", "opt_decimal_*", "opt_time_*"} {
		found, err := filepath.Glob("../../pkg/convert/testdata/mysql8/" + pattern + ".jsonl")
		if err != nil || len(found) == 0 {
			t.Fatalf("no goldens %s: %v", pattern, err)
		}
		for _, file := range found {
			files = append(files, strings.TrimSuffix(filepath.Base(file), ".jsonl"))
		}
	}
	for _, name := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := "../../pkg/convert/testdata/mysql8/" + name + ".jsonl"
			if name == "ints" {
				file = "../../pkg/convert/testdata/mysql9/" + name + ".jsonl"
			}
			recordedModes(t, readRecording(t, file))
		})
	}
}

func recordedModes(t *testing.T, r *recording) {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()[0]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	f := &badTopic{t: t, broker: broker, client: client, admin: kadm.NewClient(client)}
	f.Pipeline = &pipeline.Pipeline{
		Dir: t.TempDir(), Prefix: "modes", Broker: broker.ListenAddrs()[0], ApplierFlags: append(r.flags, "--stop-at-end"),
	}
	for _, name := range []string{"bare", "schemas"} {
		f.table = source.New(f.Prefix, "d", name, 1)
		f.table.Schemas = name == "schemas"
		f.must(f.table.Create(t.Context(), client, 1))
		for _, row := range r.rows {
			f.must(f.table.Recorded(r.schema, row.Key, row.After))
		}
		f.publish()
		if name == "bare" {
			_, err := f.admin.CreateTopic(t.Context(), 1, 1, nil, f.Prefix)
			f.must(err)
			f.send(f.table.RecordedChange("CREATE", "CREATE TABLE", r.table))
		}
	}
	if slices.Contains(r.flags, "--time-precision-mode=isostring") {
		f.ApplierFlags = []string{"--stop-at-end"}
		f.start()
		if code, said := f.end(), f.said(); code != 1 || !strings.Contains(said, "give --decimal-handling-mode") {
			t.Errorf("without the connector's modes: exit code %d:\n%s", code, said)
		}
		f.ApplierFlags = append(r.flags, "--stop-at-end")
	}
	f.apply()
	lake := duckDB(t)
	for _, query := range []string{"SELECT typeof(COLUMNS(*)) FROM {table} LIMIT 1", "SELECT * FROM {table} ORDER BY 1"} {
		results := make(map[string]*engine.Result)
		for _, name := range []string{"bare", "schemas"} {
			result, err := lake.Query(f.Table("d."+name), query)
			f.must(err)
			results[name] = result
		}
		if diff := cmp.Diff(results["schemas"].Rows, results["bare"].Rows); diff != "" {
			t.Errorf("%s with schemas (-) and without (+) differ:\n%s", query, diff)
		}
		if len(results["bare"].Rows) == 0 {
			t.Errorf("%s returns nothing", query)
		}
	}
}

// recording is the first table of a golden file, and the flags for its modes.
type recording struct {
	flags         []string
	table, schema json.RawMessage
	rows          []recordedRow
}

type recordedRow struct {
	After json.RawMessage `json:"want_after"`
	Key   json.RawMessage `json:"want_key"`
}

func readRecording(t *testing.T, file string) *recording {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := &recording{flags: []string{"--bigint-unsigned-handling-mode=long"}}
	model := ""
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			recordedRow
			Properties    []string
			Model         string
			Table, Schema json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Model != "" && model != "" && line.Model != model {
			break
		}
		switch {
		case len(line.Properties) > 0:
			for _, property := range line.Properties {
				r.flags = append(r.flags, "--"+strings.ReplaceAll(property, ".", "-"))
			}
		case line.Model != "":
			model, r.table, r.schema = line.Model, line.Table, line.Schema
		case line.After != nil && string(line.After) != "null":
			r.rows = append(r.rows, line.recordedRow)
		}
	}
	if err := lines.Err(); err != nil || len(r.rows) == 0 {
		t.Fatalf("%s: %d rows, %v", file, len(r.rows), err)
	}
	return r
}
