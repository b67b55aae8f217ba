package reference

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
)

// Lab is where a case runs.
type Lab struct {
	Database *server.Database
	Broker   string // host:port
	Dir      string // of files and logs
}

// Connector returns the case's connector configuration as someone who runs
// Debezium has it: a file of properties.
func (l *Lab) Connector(c *Case) (path string, err error) {
	host, port, err := net.SplitHostPort(l.Database.Addr)
	if err != nil {
		return "", err
	}
	class := "io.debezium.connector.mysql.MySqlConnector"
	if l.Database.Kind == server.MariaDB {
		class = "io.debezium.connector.mariadb.MariaDbConnector"
	}
	properties := []string{
		"name=" + c.Name, "connector.class=" + class, "tasks.max=1", "topic.prefix=" + c.Name,
		"database.hostname=" + host, "database.port=" + port, "database.user=" + server.User, "database.password=" + server.Password,
		"database.include.list=" + c.Name, "schema.history.internal.kafka.bootstrap.servers=" + l.Broker,
		"schema.history.internal.kafka.topic=__history." + c.Name, "schema.history.internal.store.only.captured.databases.ddl=true",
	}
	path = filepath.Join(l.Dir, string(l.Database.Kind)+"-"+c.Name, "connector.properties")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(strings.Join(append(properties, c.Properties...), "\n")+"\n"), 0o644)
}

// Prepare makes the case's database and returns a connection that uses it.
func (l *Lab) Prepare(ctx context.Context, c *Case) (*sql.Conn, error) {
	db, err := sql.Open("mysql", l.Database.DSN())
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return conn, Execute(ctx, conn, []string{
		"DROP DATABASE IF EXISTS `" + c.Name + "`", "CREATE DATABASE `" + c.Name + "` CHARACTER SET utf8mb4", "USE `" + c.Name + "`",
	})
}

// Execute executes statements. Some of the corpus are refused by some servers,
// as they were when the reference was recorded: those are passed over.
func Execute(ctx context.Context, conn *sql.Conn, statements []string) error {
	for _, statement := range statements {
		if pause, ok := strings.CutPrefix(statement, Wait); ok {
			ms, err := strconv.Atoi(pause)
			if err != nil {
				return err
			}
			select {
			case <-time.After(time.Duration(ms) * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		if _, err := conn.ExecContext(ctx, statement); err != nil && !refused(err) {
			return fmt.Errorf("%.80s: %w", statement, err)
		}
	}
	return ctx.Err()
}

// refused reports whether the server said no, as opposed to being away.
func refused(err error) bool {
	return !errors.Is(err, sql.ErrConnDone) && !errors.Is(err, context.Canceled) && strings.HasPrefix(err.Error(), "Error ")
}

// Reader runs firn-reader with a connector's configuration until it has
// published all that there is.
func (*Lab) Reader(ctx context.Context, c *Case, config string) error {
	process, err := start(ctx, c, config, "--stop-at-end")
	if err != nil {
		return err
	}
	select {
	case <-process.Exited():
	case <-ctx.Done():
		return errors.Join(ctx.Err(), process.Kill())
	}
	if code := process.ExitCode(); code != 0 {
		tail := strings.TrimSpace(process.Tail())
		return &StoppedError{Said: tail[strings.LastIndexByte(tail, '\n')+1:]}
	}
	return nil
}

// Run starts a firn-reader that reads on until it is stopped.
func (*Lab) Run(ctx context.Context, c *Case, config string) (*pipeline.Process, error) {
	return start(ctx, c, config)
}

func start(ctx context.Context, c *Case, config string, more ...string) (*pipeline.Process, error) {
	return pipeline.Start(ctx, filepath.Dir(config), "firn-reader", nil, append([]string{
		"run", "--debezium-config=" + config, "--topic-partitions=3", "--database-server-id=" + strconv.Itoa(serverID(c)), "--log-format=json",
	}, more...)...)
}

// StoppedError says that firn-reader ended otherwise than by having read all.
type StoppedError struct{ Said string } // its last line

func (e *StoppedError) Error() string { return "stopped: " + e.Said }

// serverID returns an id that no other case uses.
func serverID(c *Case) int {
	id := 7000
	for _, b := range []byte(c.Name) {
		id = id*31%1_000_003 + int(b)
	}
	return id
}

// Records returns all records of the topics of a case, except those that firn
// keeps for itself, by topic and partition.
func (l *Lab) Records(ctx context.Context, c *Case) ([]Record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.Broker))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	var records []Record
	for _, topic := range topics.Names() {
		if topic != c.Name && !strings.HasPrefix(topic, c.Name+c.delimiter()) && topic != "__debezium-heartbeat."+c.Name {
			continue
		}
		read, err := pipeline.ReadTopic(ctx, l.Broker, topic)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(read, func(a, b *kgo.Record) int { return int(a.Partition - b.Partition) })
		for _, r := range read {
			record := Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
			for _, h := range r.Headers {
				record.Headers = append(record.Headers, Header{Key: h.Key, Value: string(h.Value)})
			}
			records = append(records, record)
		}
	}
	return records, nil
}
