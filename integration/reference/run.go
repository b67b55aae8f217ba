package reference

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
)

// Lab is where a case runs.
type Lab struct {
	Database *server.Database
	Broker   string // host:port
	Dir      string // of files and logs
}

// Properties returns the case's connector configuration as someone who runs
// Debezium has it: name=value, the last of a name counts.
func (l *Lab) Properties(c *Case) ([]string, error) {
	host, port, err := net.SplitHostPort(l.Database.Addr)
	if err != nil {
		return nil, err
	}
	class := "io.debezium.connector.mysql.MySqlConnector"
	if l.Database.Kind == server.MariaDB {
		class = "io.debezium.connector.mariadb.MariaDbConnector"
	}
	properties := []string{
		"name=" + c.Name, "connector.class=" + class, "tasks.max=1", "topic.prefix=" + c.Name,
		"database.hostname=" + host, "database.port=" + port, "database.user=" + server.DebeziumUser, "database.password=" + server.Password,
		"database.include.list=" + c.database(), "schema.history.internal.kafka.bootstrap.servers=" + l.Broker,
		"schema.history.internal.kafka.topic=" + c.history(), "schema.history.internal.store.only.captured.databases.ddl=true",
		"topic.creation.default.partitions=" + strconv.Itoa(Partitions), "topic.creation.default.replication.factor=1",
	}
	return append(properties, c.Properties...), nil
}

// Partitions is how many each topic of a case has.
const Partitions = 3

// Connector writes the case's connector configuration to a file.
func (l *Lab) Connector(c *Case) (path string, err error) {
	properties, err := l.Properties(c)
	if err != nil {
		return "", err
	}
	path = filepath.Join(l.Dir, string(l.Database.Kind)+"-"+c.Name, "connector.properties")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(strings.Join(properties, "\n")+"\n"), 0o644)
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
	if c.Sole {
		if err := dropOthers(ctx, conn); err != nil {
			return conn, err
		}
	}
	return conn, Execute(ctx, conn, []string{
		"DROP DATABASE IF EXISTS `" + c.Name + "`", "CREATE DATABASE `" + c.Name + "` CHARACTER SET utf8mb4", "USE `" + c.Name + "`",
	})
}

// dropOthers drops every database that is not the server's own.
func dropOthers(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, "SELECT CONCAT('DROP DATABASE `', REPLACE(schema_name, '`', '``'), '`') FROM information_schema.schemata"+
		" WHERE schema_name NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')")
	if err != nil {
		return err
	}
	defer rows.Close()
	var drops []string
	for rows.Next() {
		var drop string
		if err := rows.Scan(&drop); err != nil {
			return err
		}
		drops = append(drops, drop)
	}
	return errors.Join(rows.Err(), Execute(ctx, conn, drops))
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
		"run", "--debezium-config=" + config, "--database-server-id=" + strconv.Itoa(serverID(c)), "--log-format=json",
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
