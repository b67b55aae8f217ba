package cases

import (
	"database/sql/driver"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
)

// bad is something that the reader cannot work with: what it says, and what
// heals it as it says.
type bad struct {
	name   string
	before func(f *badFixture)    // the reader starts
	during func(f *badFixture)    // it streams
	says   []string               // parts of what it says
	code   int                    // that it exits with
	fix    func(f *badFixture)    // as it says
	skip   func(server.Kind) bool // servers on which this is no problem
}

// badFixture has a server and a broker of its own, a table d.t of three rows, and
// what the fix of one row has to know.
type badFixture struct {
	*fixture
	server *server.Database
	broker *server.Broker
	fault  *kfake.FaultHandle
}

const account = "'" + server.User + "'@'%'"

func badInput() []bad {
	return []bad{
		{
			name:   "the server writes no binlog",
			before: func(f *badFixture) { f.restart("--skip-log-bin") },
			says:   []string{"binlog-off: the server writes no binlog; log_bin = binlog in the server's my.cnf, and restart it"},
			code:   1,
			fix:    func(f *badFixture) { f.restart() },
		},
		{
			name:   "the server logs statements",
			before: func(f *badFixture) { f.exec("SET GLOBAL binlog_format = 'STATEMENT'") },
			says:   []string{"binlog-format: binlog_format is STATEMENT", "binlog_format = 'ROW'"},
			code:   1,
			fix:    func(f *badFixture) { f.exec("SET GLOBAL binlog_format = 'ROW'") },
		},
		{
			name: "two tables share a topic",
			before: func(f *badFixture) {
				f.exec("CREATE TABLE d.`t$1` (id INT PRIMARY KEY)", "CREATE TABLE d.`t#1` (id INT PRIMARY KEY)")
			},
			says: []string{"shared-topic: the tables d.t#1 and d.t$1 would share the topic two-tables-share-a-topic.d.t_1", "--table-include-list", "rename it"},
			code: 1,
			fix:  func(f *badFixture) { f.exec("RENAME TABLE d.`t#1` TO d.t_2") },
		},
		{
			name: "a new table shares a topic",
			during: func(f *badFixture) {
				f.exec("CREATE TABLE d.`t$1` (id INT PRIMARY KEY)", "CREATE TABLE d.`t_1` (id INT PRIMARY KEY)")
			},
			says: []string{"shared-topic: the tables d.t$1 and d.t_1 would share the topic a-new-table-shares-a-topic.d.t_1", "--table-include-list"},
			code: 1,
			fix:  func(f *badFixture) { f.Tables = `d\.(t|t_1)` },
		},
		{
			name:   "a session logs statements",
			during: func(f *badFixture) { f.session("SET SESSION binlog_format = 'STATEMENT'", "UPDATE d.t SET v = 5") },
			says:   []string{"UPDATE of d.t by thread", "was logged as a statement", "SET GLOBAL binlog_format=ROW", "then take a new snapshot"},
			code:   1,
			fix:    func(f *badFixture) { f.newSnapshot() },
		},
		{
			name:   "row images lack columns",
			before: func(f *badFixture) { f.exec("SET GLOBAL binlog_row_image = 'MINIMAL'") },
			says:   []string{"binlog-row-image: binlog_row_image is MINIMAL", "binlog_row_image = 'FULL'"},
			code:   1,
			fix:    func(f *badFixture) { f.exec("SET GLOBAL binlog_row_image = 'FULL'") },
		},
		{
			name:   "a session's row images lack columns",
			during: func(f *badFixture) { f.session("SET SESSION binlog_row_image = 'MINIMAL'", "UPDATE d.t SET v = 5") },
			says:   []string{"row image without column", "of d.t", "SET GLOBAL binlog_row_image=FULL", "take a new snapshot of the table"},
			code:   1,
			fix:    func(f *badFixture) { f.newSnapshot() },
		},
		{
			name: "JSON is logged in part",
			skip: func(kind server.Kind) bool { return kind == server.MariaDB },
			before: func(f *badFixture) {
				f.exec(`ALTER TABLE d.t ADD j JSON`, `UPDATE d.t SET j = '{"a": 1, "b": "some text that is longer"}'`)
			},
			during: func(f *badFixture) {
				f.session("SET SESSION binlog_row_value_options = 'PARTIAL_JSON'", "UPDATE d.t SET j = JSON_SET(j, '$.a', 2)")
			},
			says: []string{"partial JSON update of d.t", "SET GLOBAL binlog_row_value_options=''"},
			code: 1,
			fix:  func(f *badFixture) { f.newSnapshot() },
		},
		{
			name:   "the account may not read the binlog",
			before: func(f *badFixture) { f.exec("REVOKE REPLICATION SLAVE ON *.* FROM " + account) },
			says:   []string{"grant-replication-slave", "GRANT REPLICATION SLAVE ON *.* TO " + account},
			code:   1,
			fix:    func(f *badFixture) { f.exec("GRANT REPLICATION SLAVE ON *.* TO " + account) },
		},
		{
			name: "the account may not read all columns",
			before: func(f *badFixture) {
				f.exec("REVOKE SELECT ON *.* FROM "+account, "GRANT SELECT (id) ON d.t TO "+account)
			},
			says: []string{"grant-select", "d.t", "GRANT SELECT ON `d`.`t` TO " + account},
			code: 1,
			fix:  func(f *badFixture) { f.exec("GRANT SELECT ON *.* TO " + account) },
		},
		{
			name: "the position is purged",
			before: func(f *badFixture) {
				f.stream()
				f.must(f.Reader.Stop())
				f.exec("INSERT INTO d.t VALUES (4, 40, 'four')", "DELETE FROM d.t WHERE id = 1", "FLUSH BINARY LOGS", "INSERT INTO d.t VALUES (5, 50, 'five')")
				f.purge()
			},
			says: []string{"position-purged", "delete the topics __firn-offsets.<prefix> and __firn-schema-history.<prefix>"},
			code: 1,
			fix:  func(f *badFixture) { f.newSnapshot() },
		},
		{
			name:   "the password is wrong",
			before: func(f *badFixture) { f.Password = "wrong" },
			says:   []string{"access denied", "--database-user", "FIRN_DATABASE_PASSWORD", "--database-password-file"},
			code:   1,
			fix:    func(f *badFixture) { f.Password = server.Password },
		},
		{
			name:   "a flag is unknown",
			before: func(f *badFixture) { f.ReaderFlags = append(f.ReaderFlags, "--snapshot-chunk-row=5") },
			says:   []string{"unknown flag --snapshot-chunk-row"},
			code:   2,
			fix:    func(f *badFixture) { f.ReaderFlags = f.ReaderFlags[:len(f.ReaderFlags)-1] },
		},
		{
			name: "an XA transaction stays prepared",
			before: func(f *badFixture) {
				if f.kind != server.MariaDB {
					f.exec("GRANT XA_RECOVER_ADMIN ON *.* TO " + account)
				}
				f.prepare("left", "UPDATE d.t SET v = 11 WHERE id = 1")
			},
			says: []string{"XA transactions that were prepared before the first start are still open", "end each with XA COMMIT or XA ROLLBACK"},
			code: 1,
			fix: func(f *badFixture) {
				if f.kind != server.MariaDB {
					f.exec("REVOKE XA_RECOVER_ADMIN ON *.* FROM " + account)
				}
				f.exec("XA ROLLBACK 'left'")
			},
		},
		{
			name:   "an XA transaction was prepared before, where that may not be seen",
			skip:   func(kind server.Kind) bool { return kind == server.MariaDB },
			before: func(f *badFixture) { f.prepare("unseen", "UPDATE d.t SET v = 11 WHERE id = 1") },
			during: func(f *badFixture) { f.exec("XA COMMIT 'unseen'") },
			says:   []string{"XA COMMIT X'756e7365656e'", "its rows were not read: take a new snapshot", "with the privilege XA_RECOVER_ADMIN"},
			code:   1,
			fix:    func(f *badFixture) { f.newSnapshot() },
		},
		{
			name:   "the server id is the server's",
			before: func(f *badFixture) { f.ReaderFlags = append(f.ReaderFlags, "--database-server-id=1") },
			says:   []string{"server-id: server id 1 is the server's own", "choose another --database-server-id"},
			code:   1,
			fix:    func(f *badFixture) { f.ReaderFlags = f.ReaderFlags[:len(f.ReaderFlags)-1] },
		},
		{
			name: "the server id is another reader's", // of MariaDB's, TestReader_ServerIDClash
			skip: func(kind server.Kind) bool { return kind == server.MariaDB },
			before: func(f *badFixture) {
				f.ReaderFlags = append(f.ReaderFlags, "--database-server-id=4711")
				f.another("the-other")
			},
			says: []string{"server-id: another replica uses server id 4711: firn-reader.the-other@", "choose another --database-server-id"},
			code: 1,
			fix:  func(f *badFixture) { f.ReaderFlags = append(f.ReaderFlags, "--database-server-id=4712") },
		},
		{
			name:   "no broker answers", // which takes half a minute to say
			skip:   func(kind server.Kind) bool { return kind == server.MariaDB },
			before: func(f *badFixture) { f.Broker = "127.0.0.1:1" },
			says:   []string{"no Kafka broker of --bootstrap-servers answers"},
			code:   1,
			fix:    func(f *badFixture) { f.Broker = f.broker.Addr },
		},
		{
			name:   "a record is larger than the broker takes",
			before: func(f *badFixture) { f.ReaderFlags = append(f.ReaderFlags, "--topic-config=max.message.bytes=4000") },
			during: func(f *badFixture) {
				f.exec("ALTER TABLE d.t MODIFY pad TEXT")
				f.exec("INSERT INTO d.t VALUES (9, 90, '" + noise(20_000) + "')")
			},
			says: []string{"too large for topic", ".d.t", "raise the topic's max.message.bytes"},
			code: 1,
			fix: func(f *badFixture) {
				f.admin(func(a *kadm.Client) error {
					large := "1000000"
					_, err := a.AlterTopicConfigs(f.t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &large}}, f.Prefix+".d.t")
					return err
				})
			},
		},
		{
			name: "a topic is not ours to write",
			before: func(f *badFixture) {
				f.fault = f.broker.Cluster.Fault(kfake.Fault{
					Keys: []kmsg.Key{kmsg.Produce, kmsg.AddPartitionsToTxn, kmsg.CreateTopics}, Topic: f.Prefix + ".d.t",
					Err: kerr.TopicAuthorizationFailed, Count: -1,
				})
			},
			says: []string{".d.t", "not authorised in Kafka"},
			code: 1,
			fix:  func(f *badFixture) { f.fault.Remove() },
		},
		{
			name: "a child of a cascading foreign key",
			skip: func(kind server.Kind) bool { return kind == server.MySQL9 }, // which logs what cascades
			before: func(f *badFixture) {
				f.exec("CREATE TABLE d.child (id INT PRIMARY KEY, t INT, CONSTRAINT goes_along FOREIGN KEY (t) REFERENCES d.t (id) ON DELETE CASCADE)")
			},
			says: []string{"fk-cascade: d.child", "constraint goes_along", "--allow-fk-cascade"},
			code: 1,
			fix:  func(f *badFixture) { f.ReaderFlags = append(f.ReaderFlags, "--allow-fk-cascade") },
		},
		{
			name:   "a statement changes stored values",
			during: func(f *badFixture) { f.exec("ALTER TABLE d.t MODIFY v VARCHAR(20) NOT NULL") },
			says:   []string{"d.t was changed without row events", "--on-unlogged-change=", "new snapshot of the table"},
			code:   1,
			fix:    func(f *badFixture) { f.ReaderFlags = append(f.ReaderFlags, "--on-unlogged-change=resnapshot") },
		},
		{
			name: "nobody understands a statement, and the metadata is minimal",
			before: func(f *badFixture) {
				f.exec("SET GLOBAL binlog_row_metadata = 'MINIMAL'")
			},
			during: func(f *badFixture) {
				f.session("SET SESSION sql_log_bin = 0", "ALTER TABLE d.t ADD unseen INT", "SET SESSION sql_log_bin = 1", "ALTER TABLE d.t DROP unseen, ADD seen INT")
			},
			says: []string{"read schema change of d.t", "column unseen is not known", "set binlog_row_metadata=FULL"},
			code: 1,
			fix: func(f *badFixture) {
				f.exec("SET GLOBAL binlog_row_metadata = 'FULL'")
				f.session("UPDATE d.t SET seen = 1")
			},
		},
	}
}

// What the reader cannot work with it says, with the setting that heals it, and
// ends. With that it works.
func TestReader_BadInput(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		broker, err := server.StartBroker(3)
		f.must(err)
		t.Cleanup(broker.Stop)
		d := f.own()
		for _, b := range badInput() {
			if b.skip != nil && b.skip(f.kind) {
				continue
			}
			t.Run(b.name, func(t *testing.T) {
				row := *f.Pipeline
				row.Prefix, row.Dir, row.Broker, row.Tables = strings.ReplaceAll(b.name, " ", "-"), t.TempDir(), broker.Addr, `d\..*`
				row.Prefix = strings.Map(func(r rune) rune {
					if r == ',' || r == '\'' {
						return -1
					}
					return r
				}, row.Prefix)
				row.ReaderFlags = []string{"--no-schemas-enable"}
				b.run(&badFixture{fixture: &fixture{Pipeline: &row, t: t, db: f.db, kind: f.kind}, server: d, broker: broker})
			})
		}
	})
}

func (b *bad) run(f *badFixture) {
	f.exec("SET FOREIGN_KEY_CHECKS = 0", "DROP DATABASE IF EXISTS d", "CREATE DATABASE d",
		"CREATE TABLE d.t (id INT PRIMARY KEY, v INT, pad VARCHAR(100))", "INSERT INTO d.t VALUES (1, 10, 'one'), (2, 20, 'two'), (3, 30, 'three')")
	defer func() {
		if f.t.Failed() && f.Reader != nil {
			_ = f.Reader.Kill() // the test has failed
			f.t.Log(f.Logs())
		}
	}()
	if b.before != nil {
		b.before(f)
	}
	f.must(f.StartReader(f.t.Context()))
	if b.during != nil {
		f.must(f.Reader.Ready(f.t.Context()))
		b.during(f)
	}
	select {
	case <-f.Reader.Exited():
	case <-time.After(patience):
		f.t.Fatal("the reader goes on")
	}
	if code := f.Reader.ExitCode(); code != b.code {
		f.t.Errorf("exit code %d, want %d", code, b.code)
	}
	said := f.Reader.Tail()
	for _, part := range b.says {
		if !strings.Contains(said, part) {
			f.t.Errorf("the reader does not say %q:\n%s", part, said)
		}
	}
	b.fix(f)
	f.readToEnd()
	f.sameAsSource("d.t")
}

// stream runs the reader until it streams.
func (f *badFixture) stream() {
	f.t.Helper()
	f.must(f.StartReader(f.t.Context()))
	f.must(f.Reader.Ready(f.t.Context()))
}

// session runs statements in a session of its own.
func (f *fixture) session(statements ...string) {
	f.t.Helper()
	conn, err := f.db.Conn(f.t.Context())
	f.must(err)
	defer conn.Raw(func(any) error { return driver.ErrBadConn }) // it must not come back from the pool
	for _, statement := range statements {
		if _, err := conn.ExecContext(f.t.Context(), statement); err != nil {
			f.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// another starts a reader of another prefix with the same flags, which runs to
// the end of the test.
func (f *fixture) another(prefix string) *pipeline.Pipeline {
	f.t.Helper()
	other := *f.Pipeline
	other.Dir, other.Prefix, other.Reader = f.t.TempDir(), prefix, nil
	f.must(other.StartReader(f.t.Context()))
	f.t.Cleanup(func() {
		if err := other.Stop(); err != nil {
			f.t.Error(err)
		}
	})
	f.must(other.Reader.Ready(f.t.Context()))
	return &other
}

func (f *badFixture) restart(flags ...string) {
	f.t.Helper()
	f.must(f.server.Restart(f.t.Context(), flags...))
}

// purge deletes all binlog files but the last, as soon as nobody reads them.
func (f *badFixture) purge() {
	f.t.Helper()
	f.must(pipeline.Wait(f.t.Context(), 20*time.Millisecond, func() (bool, error) {
		logs := f.binlogs()
		f.exec("PURGE BINARY LOGS TO '" + logs[len(logs)-1] + "'")
		return len(f.binlogs()) == 1, nil
	}))
}

func (f *badFixture) binlogs() (names []string) {
	f.t.Helper()
	rows, err := f.db.QueryContext(f.t.Context(), "SHOW BINARY LOGS")
	f.must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	f.must(err)
	values := make([]any, len(columns))
	var name string
	for i := range values {
		values[i] = new(any)
	}
	values[0] = &name
	for rows.Next() {
		f.must(rows.Scan(values...))
		names = append(names, name)
	}
	f.must(rows.Err())
	return names
}

// newSnapshot makes the next start the first.
func (f *badFixture) newSnapshot() {
	f.t.Helper()
	f.admin(func(a *kadm.Client) error {
		_, err := a.DeleteTopics(f.t.Context(), "__firn-offsets."+f.Prefix, "__firn-schema-history."+f.Prefix)
		return err
	})
}

func (f *badFixture) admin(do func(*kadm.Client) error) {
	f.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(f.broker.Addr))
	f.must(err)
	defer client.Close()
	f.must(do(kadm.NewClient(client)))
}

// noise is text that does not compress.
func noise(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	text := make([]byte, n)
	for i := range text {
		text[i] = letters[rand.IntN(len(letters))]
	}
	return string(text)
}
