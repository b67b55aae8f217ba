// Package server starts the servers that the tests, the benchmarks and the
// demo run against: real MySQL and MariaDB, unpacked into a cache, a Kafka
// broker in this process, and what needs Java: Kafka, Kafka Connect with
// Debezium, Trino. All of them listen on loopback only.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Kind names a database server that scripts/database unpacks.
type Kind string

// The servers that can be started.
const (
	MySQL9  Kind = "mysql9"
	MySQL8  Kind = "mysql8"
	MariaDB Kind = "mariadb"
)

// User and Password are the account that firn-reader uses: SELECT and
// replication, nothing else.
const (
	User     = "firn"
	Password = "firn-secret"
)

// DebeziumUser is an account with the same password and what Debezium needs
// besides: a lock while it begins its snapshot.
const DebeziumUser = "debezium"

// Database is a running database server.
type Database struct {
	Kind Kind
	Addr string // host:port

	dir   string
	flags []string
	root  string
	cmd   *exec.Cmd
	done  chan struct{} // closed when the server has ended
	ended error         // why, then
}

// StartDatabase starts a server of its own in dir, with a binary log as firn
// needs it; flags come after ours and so override them. It returns once the
// server accepts connections. The caller calls Stop.
func StartDatabase(ctx context.Context, kind Kind, dir string, flags ...string) (*Database, error) {
	root, err := unpacked(ctx, kind)
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	d := &Database{Kind: kind, Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: dir, flags: flags, root: root}
	if err := d.initialise(ctx); err != nil {
		return nil, fmt.Errorf("initialise %s in %s: %w", kind, dir, err)
	}
	if err := d.Start(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Port returns the port that the server listens on.
func (d *Database) Port() int {
	_, port, _ := strings.Cut(d.Addr, ":")
	n, _ := strconv.Atoi(port)
	return n
}

// DSN returns the data source name of the all-powerful account, for the
// go-sql-driver form user@tcp(host:port)/.
func (d *Database) DSN() string { return "root@tcp(" + d.Addr + ")/" }

// Start starts a server that was stopped or killed, on the same port.
func (d *Database) Start(ctx context.Context) error {
	_, port, _ := net.SplitHostPort(d.Addr)
	args := append(d.base(),
		"--datadir="+filepath.Join(d.dir, "data"), "--tmpdir="+d.dir, "--socket="+filepath.Join(d.dir, "sock"),
		"--pid-file="+filepath.Join(d.dir, "pid"), "--log-error="+d.errorLog(), "--init-file="+filepath.Join(d.dir, "init.sql"),
		"--bind-address=127.0.0.1", "--port="+port, "--skip-name-resolve", "--default-time-zone=+00:00",
		"--server-id=1", "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL", "--binlog-row-metadata=FULL",
		"--character-set-server=utf8mb4", "--max-allowed-packet=64M", "--max-connections=500", "--secure-file-priv=",
		"--performance-schema=OFF", "--innodb-buffer-pool-size=256M", "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0")
	if d.Kind == MariaDB {
		args = append(args, "--gtid-strict-mode=ON", "--log-slave-updates=ON", "--binlog-annotate-row-events=ON")
	} else {
		args = append(args, "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF")
	}
	d.cmd = d.command(context.WithoutCancel(ctx), append(args, d.flags...)...)
	if err := d.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", d.Kind, err)
	}
	cmd, done := d.cmd, make(chan struct{})
	d.done = done
	go func() {
		d.ended = cmd.Wait()
		close(done)
	}()
	return d.ready(ctx)
}

// Stop shuts the server down and removes its folder.
func (d *Database) Stop() error {
	err := d.end(syscall.SIGTERM)
	return errors.Join(err, os.RemoveAll(d.dir))
}

// Restart shuts the server down and starts it with other flags behind ours.
func (d *Database) Restart(ctx context.Context, flags ...string) error {
	if err := d.end(syscall.SIGTERM); err != nil {
		return err
	}
	d.flags = flags
	return d.Start(ctx)
}

// Kill ends the server at once, as a crash does. Start starts it again.
func (d *Database) Kill() error { return d.end(syscall.SIGKILL) }

func (d *Database) end(signal syscall.Signal) error {
	if d.cmd == nil || d.cmd.Process == nil {
		return nil
	}
	if err := d.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", d.Kind, err)
	}
	select {
	case <-d.done:
		d.cmd = nil
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("%s did not end within a minute", d.Kind)
	}
}

func (d *Database) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		if conn, err := dialer.DialContext(ctx, "tcp", d.Addr); err == nil {
			return conn.Close()
		}
		select {
		case <-d.done:
			d.cmd = nil
			log, _ := os.ReadFile(d.errorLog())
			return fmt.Errorf("%s ended at start (%w):\n%s", d.Kind, d.ended, tail(log, 2000))
		case <-ctx.Done():
			return fmt.Errorf("wait for %s on %s: %w", d.Kind, d.Addr, ctx.Err())
		case <-tick.C:
		}
	}
}

func (d *Database) errorLog() string { return filepath.Join(d.dir, "error.log") }

// command runs the server program with the libraries it was unpacked with.
func (d *Database) command(ctx context.Context, args ...string) *exec.Cmd {
	lib := filepath.Join(d.root, "usr/lib/x86_64-linux-gnu")
	var cmd *exec.Cmd
	switch d.Kind {
	case MySQL9: // built against a newer C library than this system's
		loader := filepath.Join(d.root, "usr/lib64/ld-linux-x86-64.so.2")
		cmd = exec.CommandContext(ctx, loader, append([]string{"--library-path", lib, filepath.Join(d.root, "usr/sbin/mysqld")}, args...)...)
	case MySQL8:
		cmd = exec.CommandContext(ctx, filepath.Join(d.root, "bin/mysqld"), args...)
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(d.root, "lib")+":"+filepath.Join(d.root, "lib/private"))
	default:
		cmd = exec.CommandContext(ctx, filepath.Join(d.root, "usr/sbin/mariadbd"), args...)
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+lib+":"+filepath.Join(d.root, "lib/x86_64-linux-gnu"))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// base are the flags that tell the server where it was unpacked.
func (d *Database) base() []string {
	flags := []string{"--no-defaults"}
	if os.Geteuid() == 0 {
		flags = append(flags, "--user=root")
	}
	if d.Kind == MySQL8 {
		return append(flags, "--basedir="+d.root, "--lc-messages-dir="+filepath.Join(d.root, "share"),
			"--character-sets-dir="+filepath.Join(d.root, "share/charsets"))
	}
	return append(flags, "--basedir="+filepath.Join(d.root, "usr"), "--lc-messages-dir="+filepath.Join(d.root, "usr/share/mysql"),
		"--character-sets-dir="+filepath.Join(d.root, "usr/share/mysql/charsets"), "--plugin-dir="+filepath.Join(d.root, "usr/lib/mysql/plugin"))
}

// initialise makes the data folder, from a template that is made once per
// server and kept in the cache.
func (d *Database) initialise(ctx context.Context) error {
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	template := filepath.Join(filepath.Dir(d.root), "data")
	if _, err := os.Stat(template); errors.Is(err, os.ErrNotExist) {
		if err := d.makeTemplate(ctx, template); err != nil {
			return err
		}
	}
	if out, err := exec.CommandContext(ctx, "cp", "-a", template, filepath.Join(d.dir, "data")).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", template, err, out)
	}
	replication := "REPLICATION CLIENT"
	if d.Kind == MariaDB {
		replication = "BINLOG MONITOR"
	}
	init := "SET SESSION sql_log_bin=0;\n" +
		"CREATE USER IF NOT EXISTS root@'127.0.0.1';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n" +
		"CREATE USER IF NOT EXISTS " + User + "@'%' IDENTIFIED BY '" + Password + "';\n" +
		"CREATE USER IF NOT EXISTS " + DebeziumUser + "@'%' IDENTIFIED BY '" + Password + "';\n" +
		"GRANT SELECT, REPLICATION SLAVE, " + replication + " ON *.* TO " + User + "@'%';\n" +
		"GRANT SELECT, RELOAD, SHOW DATABASES, LOCK TABLES, REPLICATION SLAVE, " + replication + " ON *.* TO " + DebeziumUser + "@'%';\n" +
		"SET SESSION sql_log_bin=1;\n"
	return os.WriteFile(filepath.Join(d.dir, "init.sql"), []byte(init), 0o600)
}

func (d *Database) makeTemplate(ctx context.Context, template string) error {
	work, err := os.MkdirTemp(filepath.Dir(template), "data.")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var cmd *exec.Cmd
	if d.Kind == MariaDB {
		script, err := d.bootstrapScript()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(work, "mysql"), 0o755); err != nil {
			return err
		}
		cmd = d.command(ctx, append(d.base(), "--bootstrap", "--datadir="+work, "--log-warnings=0", "--max-allowed-packet=8M")...)
		cmd.Stdin = bytes.NewReader(script)
	} else {
		cmd = d.command(ctx, append(d.base(), "--initialize-insecure", "--datadir="+work, "--log-error-verbosity=1")...)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w:\n%s", err, tail(out, 2000))
	}
	if err := os.Remove(filepath.Join(work, "auto.cnf")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // every server gets a UUID of its own
	}
	if err := os.Rename(work, template); err != nil && !errors.Is(err, os.ErrExist) {
		if _, statErr := os.Stat(template); statErr != nil {
			return err
		}
	}
	return nil
}

// bootstrapScript is what MariaDB's own installer feeds to the server.
func (d *Database) bootstrapScript() ([]byte, error) {
	script := []byte("use mysql;\nSET @auth_root_socket=NULL;\n")
	for _, name := range []string{
		"mysql_system_tables", "mysql_performance_tables", "mysql_system_tables_data", "fill_help_tables", "maria_add_gis_sp_bootstrap", "mysql_sys_schema",
	} {
		part, err := os.ReadFile(filepath.Join(d.root, "usr/share/mysql", name+".sql"))
		if err != nil {
			return nil, err
		}
		script = append(script, part...)
	}
	return script, nil
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
