//go:build !integration

package cases

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/workload"
)

// Rows of all types go through Glue's schema registry, and schemas that change.
func TestAvro_GlueRegistry(t *testing.T) {
	aws, err := server.StartAWS(t.Context(), filepath.Join(t.TempDir(), "aws"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { aws.Stop() })
	for name, value := range aws.Environment() {
		t.Setenv(name, value)
	}
	f := newFixture(t, server.Kinds()[0])
	flags := []string{"--schema-registry-auth=glue", "--aws-endpoint=" + aws.URL}
	f.ReaderFlags = append(f.ReaderFlags, append(flags, "--key-converter=avro", "--value-converter=avro", "--glue-compatibility=NONE")...)
	f.ApplierFlags = append(f.ApplierFlags, flags...)
	w, err := workload.New(t.Context(), f.db, "avro_glue", 11, f.kind != server.MariaDB)
	f.must(err)
	defer w.Close()
	f.Tables = `avro_glue\..*`
	f.start()
	f.must(f.Reader.Ready(t.Context()))
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		f.must(w.Step(t.Context()))
	}
	f.exec("ALTER TABLE avro_glue."+workload.Composite+" ADD COLUMN added INT NOT NULL DEFAULT 5", "UPDATE avro_glue."+workload.Composite+" SET added = n")
	f.equal(w.Tables()...)
	f.must(f.Reader.Stop()) // what is registered is found again
	f.must(f.StartReader(t.Context()))
	f.exec("INSERT INTO avro_glue." + workload.Composite + " VALUES ('behind', 1, 1, 'a restart', 6)")
	f.equal(w.Tables()...)

	records, err := pipeline.ReadTopic(t.Context(), f.Broker, f.Prefix+".avro_glue."+workload.Composite)
	f.must(err)
	for _, r := range records {
		for _, b := range [][]byte{r.Key, r.Value} {
			if b != nil && (len(b) < 18 || b[0] != 3 || b[1] != 0) {
				t.Fatalf("a record begins %x", b[:min(len(b), 18)])
			}
		}
	}
	check := exec.CommandContext(t.Context(), pipeline.Binary("firn-applier"),
		append([]string{"check", "--bootstrap-servers=" + f.Broker, "--topic-prefix=" + f.Prefix, "--warehouse=file://" + f.Warehouse()}, flags...)...)
	if said, err := check.CombinedOutput(); !strings.Contains(string(said), "schema registry          ok") {
		t.Errorf("check says (%v):\n%s", err, said)
	}
}
