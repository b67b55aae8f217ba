//go:build !integration

package cases

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/source"
	"github.com/firn-cdc/firn/integration/validate"
	"github.com/firn-cdc/firn/pkg/lake"
)

// badRecords is something that the applier cannot work with, or says something
// about: what it says, and what heals it as it says.
type badRecords struct {
	name   string
	before func(f *badTopic) // the applier starts
	says   []string          // parts of what it says
	code   int               // that it exits with
	goesOn bool              // it says so and waits: the fix comes while it runs, and it exits with 0
	fix    func(f *badTopic) // as it says; nil: nothing is broken
}

// badTopic is a topic of three partitions with a table's changes as Debezium
// writes them, and an applier that reads to its end.
type badTopic struct {
	*pipeline.Pipeline
	t        *testing.T
	broker   *kfake.Cluster
	client   *kgo.Client
	admin    *kadm.Client
	table    *source.Table
	fault    *kfake.FaultHandle
	unlocked func() // ends what is held
	target   string // of the table in Iceberg
}

// The applier says what it cannot work with and what heals it; with that, the
// table is what the records amount to.
func TestApplier_BadInput(t *testing.T) {
	for _, b := range slices.Concat(badSettings(), badTopics(), badValues(), badTables()) {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			b.run(newBadTopic(t))
		})
	}
}

func newBadTopic(t *testing.T) *badTopic {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	f := &badTopic{t: t, broker: broker, target: "d.t", table: source.New("bad", "d", "t", 1)}
	f.Pipeline = &pipeline.Pipeline{Dir: t.TempDir(), Prefix: f.table.Prefix, Broker: broker.ListenAddrs()[0]}
	f.ApplierFlags = []string{"--stop-at-end"}
	f.connect()
	f.must(f.table.Create(t.Context(), f.client, 3))
	f.table.Random(50, 20)
	f.publish()
	t.Cleanup(func() {
		if f.Applier != nil {
			_ = f.Applier.Kill() // if it still runs
		}
	})
	return f
}

func (b *badRecords) run(f *badTopic) {
	if b.before != nil {
		b.before(f)
	}
	f.start()
	if b.goesOn {
		f.waitFor(b.says)
		b.fix(f)
		b.code = 0
	}
	if code := f.end(); code != b.code {
		f.t.Errorf("exit code %d, want %d", code, b.code)
	}
	said := f.said()
	for _, part := range b.says {
		if !strings.Contains(said, part) {
			f.t.Errorf("the applier does not say %q:\n%s", part, said)
		}
	}
	if b.fix != nil && !b.goesOn {
		b.fix(f)
		f.apply()
	}
	f.holds()
}

// start starts the applier with a log of its own.
func (f *badTopic) start() {
	f.t.Helper()
	if err := os.Remove(filepath.Join(f.Dir, "firn-applier.log")); err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	f.must(f.StartApplier(f.t.Context()))
}

// end waits until the applier has ended, and returns its exit code.
func (f *badTopic) end() int {
	f.t.Helper()
	select {
	case <-f.Applier.Exited():
	case <-time.After(patience):
		f.t.Fatalf("the applier goes on:\n%s", f.said())
	}
	return f.Applier.ExitCode()
}

// apply applies all there is.
func (f *badTopic) apply() {
	f.t.Helper()
	f.start()
	if code := f.end(); code != 0 {
		f.t.Fatalf("exit code %d:\n%s", code, f.said())
	}
}

func (f *badTopic) said() string {
	f.t.Helper()
	text, err := os.ReadFile(f.Applier.Log)
	f.must(err)
	return strings.ReplaceAll(string(text), `\"`, `"`)
}

func (f *badTopic) waitFor(says []string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	err := pipeline.Wait(ctx, 50*time.Millisecond, func() (bool, error) {
		said := f.said()
		return !slices.ContainsFunc(says, func(part string) bool { return !strings.Contains(said, part) }), nil
	})
	if err != nil {
		f.t.Fatalf("the applier does not say %q: %v\n%s", says, err, f.said())
	}
}

// holds fails unless the table is what the records amount to.
func (f *badTopic) holds() {
	f.t.Helper()
	differences, err := validate.Rows(duckDB(f.t), f.Table(f.target), f.table.Names(false), f.table.Rows())
	f.must(err)
	if len(differences) > 0 {
		f.t.Errorf("the table is not what its records amount to:\n%s", strings.Join(differences, "\n"))
	}
}

// duckDB returns an engine that reads files, whatever the cases are read by.
func duckDB(t *testing.T) *engine.DuckDB {
	t.Helper()
	duckdb, err := engine.OpenDuckDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { duckdb.Close() })
	return duckdb
}

func (f *badTopic) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// connect makes a client that knows nothing of topics yet.
func (f *badTopic) connect() {
	f.t.Helper()
	var err error
	f.client, err = kgo.NewClient(kgo.SeedBrokers(f.broker.ListenAddrs()[0]))
	f.must(err)
	f.t.Cleanup(f.client.Close)
	f.admin = kadm.NewClient(f.client)
}

// publish publishes the changes that were made.
func (f *badTopic) publish() {
	f.t.Helper()
	f.must(f.table.Publish(f.t.Context(), f.client))
}

// change makes some changes more and publishes them.
func (f *badTopic) change() {
	f.t.Helper()
	f.table.Random(50, 20)
	f.publish()
}

// snapshot has the topic hold all rows once more, as a new snapshot does.
func (f *badTopic) snapshot() {
	f.t.Helper()
	f.table.Snapshot()
	f.publish()
}

// send publishes a record as it is.
func (f *badTopic) send(r *kgo.Record) {
	f.t.Helper()
	f.must(f.client.ProduceSync(f.t.Context(), r).FirstErr())
}

// expire removes all records, as retention does.
func (f *badTopic) expire() {
	f.t.Helper()
	ends, err := f.admin.ListEndOffsets(f.t.Context(), f.table.Topic())
	f.must(err)
	_, err = f.admin.DeleteRecords(f.t.Context(), ends.Offsets())
	f.must(err)
}

// recreate deletes the topic and creates it again, empty.
func (f *badTopic) recreate() {
	f.t.Helper()
	_, err := f.admin.DeleteTopic(f.t.Context(), f.table.Topic())
	f.must(err)
	f.connect()
	f.must(f.table.Create(f.t.Context(), f.client, 3))
}

// iceberg runs fn on the table.
func (f *badTopic) iceberg(fn func(ctx context.Context, t *lake.Table) error) {
	f.t.Helper()
	catalog, err := lake.OpenCatalog(f.t.Context(), lake.Config{Type: lake.SQL, Warehouse: "file://" + f.Warehouse()})
	f.must(err)
	defer catalog.Close()
	name, err := lake.ParseName(f.target)
	f.must(err)
	table, err := catalog.Load(f.t.Context(), name)
	f.must(err)
	f.must(fn(f.t.Context(), table))
}

// drop drops the table.
func (f *badTopic) drop() {
	f.t.Helper()
	f.iceberg(func(ctx context.Context, t *lake.Table) error { return t.Drop(ctx) })
}

// deny has the broker refuse requests about the topic.
func (f *badTopic) deny(keys ...kmsg.Key) {
	f.fault = f.broker.Fault(kfake.Fault{Keys: keys, Topic: f.table.Topic(), Err: kerr.TopicAuthorizationFailed, Count: -1})
}

func badSettings() []badRecords {
	return []badRecords{
		{
			name:   "a flag is unknown",
			before: func(f *badTopic) { f.ApplierFlags = append(f.ApplierFlags, "--commit-row=5") },
			says:   []string{"unknown flag --commit-row"},
			code:   2,
			fix:    func(f *badTopic) { f.ApplierFlags = []string{"--stop-at-end", "--commit-rows=5"} },
		},
		{
			name:   "no broker answers",
			before: func(f *badTopic) { f.Broker = "127.0.0.1:1" },
			says:   []string{"no answer from Kafka yet, trying on", `"brokers":"127.0.0.1:1"`, "no Kafka broker of --bootstrap-servers answers"},
			code:   1,
			fix:    func(f *badTopic) { f.Broker = f.broker.ListenAddrs()[0] },
		},
		{
			name:   "the catalog's folder cannot be made",
			before: func(f *badTopic) { f.ApplierFlags = append(f.ApplierFlags, "--warehouse=file:///proc/firn") },
			says:   []string{"create the folder of the sql catalog: mkdir /proc/firn"},
			code:   1,
			fix:    func(f *badTopic) { f.ApplierFlags = f.ApplierFlags[:1] },
		},
		{
			name: "the warehouse is not writable",
			before: func(f *badTopic) {
				f.must(os.MkdirAll(f.Warehouse(), 0o755))
				f.must(os.WriteFile(filepath.Join(f.Warehouse(), "d"), nil, 0o644)) // where the namespace's folder goes
			},
			says:   []string{"retrying", "create table d.t: mkdir", "not a directory"},
			goesOn: true,
			fix:    func(f *badTopic) { f.must(os.Remove(filepath.Join(f.Warehouse(), "d"))) },
		},
		{
			name: "the catalog's file is corrupt",
			before: func(f *badTopic) {
				f.apply()
				f.change()
				file := filepath.Join(f.Warehouse(), "catalog.sqlite")
				good, err := os.ReadFile(file)
				f.must(err)
				f.must(os.WriteFile(file, []byte(strings.Repeat("no database", 1000)), 0o644))
				f.unlocked = func() { f.must(os.WriteFile(file, good, 0o644)) }
			},
			says: []string{"open sql catalog", "file is not a database", "catalog.sqlite"},
			code: 1,
			fix:  func(f *badTopic) { f.unlocked() },
		},
		{
			name: "the catalog's file is locked",
			before: func(f *badTopic) {
				f.apply()
				f.change()
				f.lock()
			},
			says:   []string{"commit failed or its answer was lost", "database is locked"},
			goesOn: true,
			fix:    func(f *badTopic) { f.unlocked() },
		},
	}
}

func badTopics() []badRecords {
	return []badRecords{
		{
			name:   "the topic may not be described",
			before: func(f *badTopic) { f.deny(kmsg.ListOffsets) },
			says:   []string{"topic bad.d.t cannot be read", "allow this user to read and describe it"},
			code:   1,
			fix:    func(f *badTopic) { f.fault.Remove() },
		},
		{
			name:   "the topic may not be read",
			before: func(f *badTopic) { f.deny(kmsg.Fetch) },
			says:   []string{"topic bad.d.t cannot be read", "allow this user to read and describe it"},
			code:   1,
			fix:    func(f *badTopic) { f.fault.Remove() },
		},
		{
			name:   "a transaction is left open",
			before: func(f *badTopic) { f.leaveOpen() },
			says:   []string{"an open transaction holds back all records behind it", `"topic":"bad.d.t"`, `"transactional_id":"left-open"`, `"producer_id":`, "kafka-transactions.sh abort"},
			goesOn: true,
			fix:    func(f *badTopic) { f.unlocked() },
		},
		{
			name: "the topic was created anew",
			before: func(f *badTopic) {
				f.apply()
				f.recreate()
				f.change()
			},
			says: []string{"table d.t was filled from a topic that has been deleted and created again", "drop the table", "new snapshot"},
			code: 1,
			fix: func(f *badTopic) {
				f.drop()
				f.snapshot()
			},
		},
		{
			name: "retention has passed",
			before: func(f *badTopic) {
				f.apply()
				f.change()
				f.expire()
			},
			says: []string{"Kafka's retention has removed", "offsets of bad.d.t/", "drop the Iceberg table, delete the topic", "new snapshot", "__firn-offsets.<prefix>"},
			code: 1,
			fix: func(f *badTopic) {
				f.drop()
				f.recreate()
				f.snapshot()
			},
		},
		{
			name: "retention has removed the beginning",
			before: func(f *badTopic) {
				f.expire()
				f.snapshot()
			},
			says: []string{
				"Kafka's retention has removed the first", "offsets of bad.d.t/", "nothing is recorded of the table: it would lack rows",
				"delete the topic, and have the reader take a new snapshot", "--auto-offset-reset=available",
			},
			code: 1,
			fix: func(f *badTopic) {
				f.recreate()
				f.snapshot()
			},
		},
		{
			name: "retention has removed the beginning, and the rest is whole",
			before: func(f *badTopic) {
				f.expire()
				f.snapshot()
			},
			says: []string{"nothing is recorded of the table", "--auto-offset-reset=available"},
			code: 1,
			fix:  func(f *badTopic) { f.ApplierFlags = append(f.ApplierFlags, "--auto-offset-reset=available") },
		},
		{
			name: "the topic has got more partitions",
			before: func(f *badTopic) {
				f.apply()
				_, err := f.admin.UpdatePartitions(f.t.Context(), 5, f.table.Topic())
				f.must(err)
				f.connect()
				f.change()
			},
			says: []string{"topic bad.d.t has 5 partitions and had 3", "snapshotted into a new topic", "--table-map"},
			code: 1,
			fix: func(f *badTopic) {
				f.Prefix, f.table.Prefix, f.target = "better", "better", "d.anew"
				f.TableMaps = []string{"d.t=d.anew"}
				f.must(f.table.Create(f.t.Context(), f.client, 5))
				f.snapshot()
			},
		},
	}
}

func badValues() []badRecords {
	return []badRecords{
		{
			name: "another topic's JSON is not Debezium's",
			before: func(f *badTopic) {
				_, err := f.admin.CreateTopic(f.t.Context(), 1, 1, nil, "bad.d.other")
				f.must(err)
				f.send(&kgo.Record{Topic: "bad.d.other", Key: []byte(`{"id":1}`), Value: []byte(`[1, 2, 3]`)})
			},
			says: []string{"of bad.d.other/", "cannot be applied: not a Debezium change event", "--topics"},
			code: 1,
			fix:  func(f *badTopic) { f.Topics = `bad\.d\.t` },
		},
		{
			name: "events are unwrapped, without schemas, and no schema changes",
			before: func(f *badTopic) {
				f.recreate()
				f.send(&kgo.Record{Topic: "bad.d.t", Key: []byte(`{"id":1,"code":"a"}`), Value: []byte(`{"id":1,"code":"a","v":2,"note":null,"amount":null}`)})
			},
			says: []string{"of bad.d.t/", "carry no schema, and the schema-change topic bad does not have the table", "value.converter.schemas.enable", "include.schema.changes"},
			code: 1,
			fix: func(f *badTopic) {
				f.recreate()
				f.snapshot()
			},
		},
		{
			name: "no schemas, and no schema changes",
			before: func(f *badTopic) {
				f.recreate()
				f.table.Schemas = false
				f.snapshot()
			},
			says: []string{"records of topic bad.d.t carry no schema", "schema-change topic bad", "value.converter.schemas.enable", "include.schema.changes"},
			code: 1,
			fix:  func(f *badTopic) { f.schemaChange("CREATE") },
		},
		{
			name: "no schemas, and a type that nobody knows",
			before: func(f *badTopic) {
				f.recreate()
				f.table.Schemas = false
				f.table.Columns[3].MySQL = "HOLOGRAM"
				f.schemaChange("CREATE")
				f.snapshot()
			},
			says: []string{"topic bad.d.t", "column note has type HOLOGRAM", "no event schema is known", "value.converter.schemas.enable", "column.exclude.list"},
			code: 1,
			fix: func(f *badTopic) {
				f.recreate()
				f.table.Schemas = true
				f.snapshot()
			},
		},
		{
			name: "a value that does not fit its column",
			before: func(f *badTopic) {
				f.table.Put(int64(1), "a", nil, nil, int64(1e15)) // 13 digits before the point, of 8
				f.publish()
				f.table.Put(int64(1), "a", nil, nil, int64(1))
			},
			says: []string{"a value does not fit its column", "table d.t, column amount: the number has more than 10 digits", "delete the topic and its Iceberg table", "new snapshot"},
			code: 1,
			fix: func(f *badTopic) {
				f.drop()
				f.recreate()
				f.snapshot()
			},
		},
		{
			name: "a type that the column cannot take",
			before: func(f *badTopic) {
				f.apply()
				f.table.Columns[2].Kind = source.String
				f.table.Convert(2, func(v any) any {
					if v == nil {
						return nil
					}
					return fmt.Sprint("text ", v)
				})
				f.snapshot()
			},
			says: []string{"table d.t, column v is long, events now carry string", "rename or drop the column in Iceberg"},
			code: 1,
			fix: func(f *badTopic) {
				f.iceberg(func(ctx context.Context, t *lake.Table) error {
					txn := t.Iceberg().NewTransaction()
					if err := txn.UpdateSchema(true, false).RenameColumn([]string{"v"}, "v_as_number").Commit(); err != nil {
						return err
					}
					_, err := txn.Commit(ctx)
					return err
				})
			},
		},
		{
			name: "a table gets another key",
			before: func(f *badTopic) {
				f.recreate()
				f.table = source.New("bad", "d", "t", 2)
				f.table.Columns[1].Key = false
				f.table.Put(int64(1), "a", int64(7), "note", int64(1))
				f.table.Put(int64(2), "b", nil, nil, nil)
				f.publish()
				f.apply()
				f.table.Columns[1].Key = true
				f.snapshot()
			},
			says: []string{"the key of table d.t has changed", "drop the Iceberg table, delete the topic", "new snapshot"},
			code: 1,
			fix: func(f *badTopic) {
				f.drop()
				f.recreate()
				f.snapshot()
			},
		},
		{
			name: "a table without a key",
			before: func(f *badTopic) {
				f.recreate()
				f.table.Columns[0].Key, f.table.Columns[1].Key = false, false
				f.snapshot()
			},
			says: []string{"table has no key: its changes are appended, with the operation in a column", "__op"},
		},
	}
}

func badTables() []badRecords {
	return []badRecords{
		{
			name: "a second group",
			before: func(f *badTopic) {
				f.apply()
				f.change()
				f.ApplierFlags = append(f.ApplierFlags, "--group-id=another")
			},
			says: []string{`table d.t is written by group "bad-applier", and this process is of group "another"`, "--group-id", "--table-map"},
			code: 1,
			fix:  func(f *badTopic) { f.ApplierFlags = f.ApplierFlags[:1] },
		},
		{
			name: "two topics for one table",
			before: func(f *badTopic) {
				f.must(source.New("bad", "e", "t", 1).Create(f.t.Context(), f.client, 3))
				f.ApplierFlags, f.target = append(f.ApplierFlags, "--table-name=x.{table}"), "x.t"
			},
			says: []string{
				"topics bad.d.t and bad.e.t would both be applied to table x.t", "topics bad.e.t and bad.d.t would both be applied to table x.t",
				"--table-map", "--table-name", "--topics",
			},
			code: 1,
			fix:  func(f *badTopic) { f.TableMaps = []string{"e.t=x.other"} },
		},
		{
			name: "a second topic for a table",
			before: func(f *badTopic) {
				f.ApplierFlags, f.target = append(f.ApplierFlags, "--table-name=x.{table}"), "x.t"
				f.apply()
				f.must(source.New("bad", "e", "t", 1).Create(f.t.Context(), f.client, 3))
				f.change() // which the table gets all the same
			},
			says: []string{"apply topic bad.e.t: topics bad.e.t and bad.d.t would both be applied to table x.t"},
			code: 1,
		},
		{
			name: "a table that was rolled back",
			before: func(f *badTopic) {
				f.apply()
				f.change()
				f.apply()
				f.change()
				f.iceberg(func(ctx context.Context, t *lake.Table) error {
					s := t.Iceberg().CurrentSnapshot()
					for range 2 {
						s = t.Iceberg().SnapshotByID(*s.ParentSnapshotID)
					}
					txn := t.Iceberg().NewTransaction()
					if err := txn.RollbackToSnapshot(s.SnapshotID); err != nil {
						return err
					}
					_, err := txn.Commit(ctx)
					return err
				})
			},
			says: []string{"table was rolled back: it is applied again from what its snapshot records"},
		},
	}
}

// schemaChange publishes what the table is now.
func (f *badTopic) schemaChange(kind string) {
	f.t.Helper()
	if _, err := f.admin.CreateTopic(f.t.Context(), 1, 1, nil, f.Prefix); err != nil {
		f.t.Fatal(err)
	}
	f.send(f.table.SchemaChange(kind, "CREATE TABLE t (…)"))
}

// leaveOpen leaves a transaction open in the topic, before further changes.
func (f *badTopic) leaveOpen() {
	f.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(f.broker.ListenAddrs()[0]), kgo.TransactionalID("left-open"), kgo.TransactionTimeout(10*time.Minute))
	f.must(err)
	f.t.Cleanup(client.Close)
	f.must(client.BeginTransaction())
	f.must(client.ProduceSync(f.t.Context(), &kgo.Record{Topic: f.table.Topic(), Key: []byte("{}")}).FirstErr())
	f.change()
	f.unlocked = func() { f.must(client.EndTransaction(f.t.Context(), kgo.TryAbort)) }
}

// lock locks the catalog's file against all writers, as a program that hangs in
// a transaction does.
func (f *badTopic) lock() {
	f.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(f.Warehouse(), "catalog.sqlite"))
	f.must(err)
	conn, err := db.Conn(f.t.Context())
	f.must(err)
	_, err = conn.ExecContext(f.t.Context(), "BEGIN IMMEDIATE")
	f.must(err)
	f.unlocked = func() {
		f.must(conn.Close())
		f.must(db.Close())
	}
	f.t.Cleanup(func() { _ = errors.Join(conn.Close(), db.Close()) }) // if the test has failed
}
