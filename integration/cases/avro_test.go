package cases

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/workload"
)

// avro has both binaries use Avro and a schema registry of the fixture's own.
func (f *fixture) avro() *server.Registry {
	f.t.Helper()
	registry, err := server.StartRegistry(f.t.Context(), f.t.TempDir())
	f.must(err)
	f.t.Cleanup(func() { _ = registry.Down() }) // if it is up
	f.ReaderFlags = append(f.ReaderFlags, "--key-converter=avro", "--value-converter=avro", "--schema-name-adjustment-mode=avro")
	f.ReaderFlags = append(f.ReaderFlags, registry.Flags()...)
	f.ApplierFlags = append(f.ApplierFlags, registry.Flags()...)
	return registry
}

// get waits until an endpoint of a process answers with a text.
func (f *fixture) get(p *pipeline.Process, path, text string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	last := ""
	err := pipeline.Wait(ctx, 20*time.Millisecond, func() (bool, error) {
		_, body, err := p.Get(ctx, path)
		last = body
		return err == nil && strings.Contains(body, text), f.alive()
	})
	if err != nil {
		f.t.Fatalf("%s of %s does not say %q: %v\n%s", path, p.Name, text, err, last)
	}
}

const registryAway = "the schema registry does not answer"

// Rows of all types go through Avro. While the registry is away, tables whose
// schemas are known go on; what needs it waits, says so, and is neither lost nor
// doubled, though both processes are started anew meanwhile.
func TestAvro_RegistryAway(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		registry := f.avro()
		registry.SetCompatibility("", "NONE")
		database := "avro_" + string(f.kind)
		w, err := workload.New(t.Context(), f.db, database, 7, f.kind != server.MariaDB)
		f.must(err)
		defer w.Close()
		f.Tables = database + `\..*`
		table := database + "." + workload.Composite

		f.must(registry.Down()) // at the first start
		f.start()
		f.get(f.Reader, "/readyz", registryAway)
		f.must(registry.Up(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
			f.must(w.Step(t.Context()))
		}
		f.exec("INSERT INTO " + table + " VALUES ('before', 1, 1, 'the schemas are known')")
		f.equal(w.Tables()...)

		f.must(registry.Down())
		f.exec("INSERT INTO " + table + " VALUES ('without', 1, 1, 'the registry')")
		f.same(table, table)
		f.exec("ALTER TABLE "+table+" ADD COLUMN added INT NOT NULL DEFAULT 5", "UPDATE "+table+" SET added = n")
		f.get(f.Reader, "/readyz", registryAway)
		f.get(f.Reader, "/status", registryAway)
		f.must(f.Stop())
		f.start()
		f.get(f.Reader, "/readyz", registryAway)
		f.get(f.Applier, "/status", registryAway)
		f.must(registry.Up(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.equal(w.Tables()...)
	})
}

// What the registry refuses ends the reader, with what to do. After that it goes
// on where it was.
func TestAvro_RegistryRefuses(t *testing.T) {
	f := newFixture(t, server.Kinds()[0])
	registry := f.avro()
	database := "avro_refusals"
	table := database + ".t"
	f.Tables = database + `\..*`
	f.exec("DROP DATABASE IF EXISTS "+database, "CREATE DATABASE "+database,
		"CREATE TABLE "+table+" (id INT PRIMARY KEY, v INT, `with space` INT)", "INSERT INTO "+table+" VALUES (1, 1, 1), (2, 2, 2)")
	ends := func(says ...string) {
		t.Helper()
		select {
		case <-f.Reader.Exited():
		case <-time.After(patience):
			t.Fatalf("the reader goes on:\n%s", f.Reader.Tail())
		}
		for _, part := range says {
			if said := f.Reader.Tail(); f.Reader.ExitCode() != 1 || !strings.Contains(said, part) {
				t.Errorf("exit code %d; the reader does not say %q:\n%s", f.Reader.ExitCode(), part, said)
			}
		}
		f.Reader = nil
	}
	password, err := os.ReadFile(registry.PasswordFile)
	f.must(err)
	f.must(os.WriteFile(registry.PasswordFile, []byte("another"), 0o600))
	f.must(f.StartReader(t.Context()))
	ends("the schema registry does not accept the credentials (status 401: Unauthorized); correct --schema-registry-user")
	f.must(os.WriteFile(registry.PasswordFile, password, 0o600))

	registry.Instead(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>please log in") })
	f.must(f.StartReader(t.Context()))
	ends("what answers at 127.0.0.1", "is no schema registry", "correct --schema-registry-url")
	registry.Instead(nil)

	f.start()
	f.must(f.Reader.Ready(t.Context()))
	f.exec("INSERT INTO " + table + " VALUES (3, 3, 3)")
	f.eventually(table, "SELECT id, v, with_space FROM {table} ORDER BY id", "1,1,1", "2,2,2", "3,3,3")
	f.exec("UPDATE "+table+" SET v = 7 WHERE v IS NULL", "ALTER TABLE "+table+" MODIFY v BIGINT NOT NULL DEFAULT 3, ADD w INT NOT NULL", "INSERT INTO "+table+" VALUES (4, 4, 4, 4)")
	ends("status 409: Schema being registered is incompatible", "set that of TestAvro-RegistryRefuses."+table+"-value to NONE")
	registry.SetCompatibility(f.Prefix+"."+table+"-value", "NONE")
	f.must(f.StartReader(t.Context()))
	f.eventually(table, "SELECT id, v, with_space, w FROM {table} ORDER BY id", "1,1,1,0", "2,2,2,0", "3,3,3,0", "4,4,4,4")
	f.exec("ALTER TABLE "+table+" RENAME COLUMN `with space` TO `another space`, ADD `new one` INT NOT NULL DEFAULT 5", "UPDATE "+table+" SET `new one` = 6 WHERE id = 4")
	f.eventually(table, "SELECT * FROM {table} ORDER BY id", "1,1,1,0,5", "2,2,2,0,5", "3,3,3,0,5", "4,4,4,4,6")
	f.eventually(table, "SELECT id, v, another_space, w, new_one FROM {table} WHERE id = 4", "4,4,4,4,6")
	if got, want := registry.Subjects()[f.Prefix+"."+table+"-value"], 3; got != want {
		t.Errorf("the rows have %d schemas, want %d", got, want)
	}
}

// What the applier cannot read stops the table with what to do: without a
// registry, with one that answers garbage, and a record whose schema nobody knows,
// of which the other tables know nothing.
func TestAvro_UnknownSchema(t *testing.T) {
	f := newFixture(t, server.Kinds()[0])
	registry := f.avro()
	f.ReaderFlags = append(f.ReaderFlags, "--key-converter=json") // keys and values may differ
	database := "avro_unknown"
	f.Tables = database + `\..*`
	f.exec("DROP DATABASE IF EXISTS "+database, "CREATE DATABASE "+database,
		"CREATE TABLE "+database+".good (id INT PRIMARY KEY, v INT)", "CREATE TABLE "+database+".bad (id INT PRIMARY KEY, v INT)",
		"INSERT INTO "+database+".good VALUES (1, 1)", "INSERT INTO "+database+".bad VALUES (1, 1)")
	f.must(f.StartReader(t.Context()))
	f.must(f.Reader.Ready(t.Context()))
	stops := func(says string) {
		t.Helper()
		f.must(f.StartApplier(t.Context()))
		f.get(f.Applier, "/status", says)
		f.must(f.Applier.Kill()) // it would end with the tables' errors
		f.Applier = nil
	}
	flags := f.ApplierFlags
	f.ApplierFlags = flags[:len(flags)-len(registry.Flags())]
	stops("framed for a schema registry of Confluent's kind; give --schema-registry-url")
	f.ApplierFlags = flags
	registry.Instead(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>please log in") })
	stops("is no schema registry: invalid character '\\u003c'")
	registry.Instead(nil)

	f.must(f.StartApplier(t.Context()))
	f.exec("UPDATE "+database+".good SET v = 2", "DELETE FROM "+database+".bad")
	f.eventually(database+".good", "SELECT id, v FROM {table}", "1,2")
	f.eventually(database+".bad", "SELECT count(*) FROM {table}", "0")
	client, err := kgo.NewClient(kgo.SeedBrokers(f.Broker))
	f.must(err)
	defer client.Close()
	unknown := []byte{0, 0, 0, 0x03, 0xe7, 2}
	f.must(client.ProduceSync(t.Context(), &kgo.Record{Topic: f.Prefix + "." + database + ".bad", Value: unknown}).FirstErr())
	f.get(f.Applier, "/status", "schema 999 is not in the schema registry; point at the registry in which the writer of the topic registers")
	f.exec("INSERT INTO " + database + ".good VALUES (2, 2)")
	f.eventually(database+".good", "SELECT id FROM {table} ORDER BY id", "1", "2")
	f.must(f.Applier.Kill())
	f.Applier = nil
	log, err := os.ReadFile(filepath.Join(f.Dir, "firn-applier.log"))
	f.must(err)
	if !strings.Contains(string(log), "table has stopped, others go on") {
		t.Errorf("the log does not say that a table has stopped:\n%s", log)
	}
}
