package server

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The topics in which a worker keeps what it knows. Keys and values are JSON.
const (
	ConnectOffsets = "connect-offsets" // of 5 partitions
	ConnectConfigs = "connect-configs"
	ConnectStatus  = "connect-status"
)

// JVM is how a worker's virtual machine is set.
type JVM int

// What a worker is good at.
const (
	StartsFast JVM = iota // compiles little
	RunsFast              // as Kafka's own scripts start it
)

func (j JVM) options() []string {
	if j == RunsFast {
		return []string{
			"-Xms256m", "-Xmx2g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
			"-XX:+ExplicitGCInvokesConcurrent",
		}
	}
	return []string{"-Xms256m", "-Xmx1536m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}
}

// Connect is a worker of Kafka Connect with Debezium's connector. It is the
// only one of its group: what its connectors have done, they have when it is
// started again.
type Connect struct {
	URL string // of its REST interface

	dir, program string
	arguments    []string
	process      *process
	prefixes     map[string]string // connector to topic prefix
	since        map[string]int    // connector to the end of the log when it was started
}

// StartConnect starts a worker with the connector for a kind of database,
// which keeps its state in the topics of a broker and its log in dir.
// Properties of the worker come after ours and so override them. It returns
// once the worker takes connectors. The caller calls Stop.
func StartConnect(ctx context.Context, dir, broker string, kind Kind, jvm JVM, properties ...string) (*Connect, error) {
	connector := "mysql"
	if kind == MariaDB {
		connector = "mariadb"
	}
	jars, err := Script(ctx, "debezium", connector)
	if err != nil {
		return nil, err
	}
	home, err := Script(ctx, "java", "19") // before, a FLOAT was printed with more digits than it has
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	file := filepath.Join(dir, "worker.properties")
	c := &Connect{
		URL: "http://" + addr, dir: dir, program: filepath.Join(home, "bin", "java"),
		arguments: append(jvm.options(), "-Duser.timezone=UTC",
			"-Dorg.slf4j.simpleLogger.log.org.apache.kafka=warn", "-Dorg.slf4j.simpleLogger.log.org.reflections=error",
			"-Dorg.slf4j.simpleLogger.log.org.eclipse.jetty=warn",
			"-cp", filepath.Join(jars, "*"), "org.apache.kafka.connect.cli.ConnectDistributed", file),
		prefixes: make(map[string]string), since: make(map[string]int),
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	settings := append([]string{
		"bootstrap.servers=" + broker, "listeners=" + c.URL, "group.id=connect",
		"key.converter=org.apache.kafka.connect.json.JsonConverter", "value.converter=org.apache.kafka.connect.json.JsonConverter",
		"offset.storage.topic=" + ConnectOffsets, "offset.storage.replication.factor=1", "offset.storage.partitions=5",
		"config.storage.topic=" + ConnectConfigs, "config.storage.replication.factor=1",
		"status.storage.topic=" + ConnectStatus, "status.storage.replication.factor=1", "status.storage.partitions=1",
		"session.timeout.ms=6000", "heartbeat.interval.ms=1000", // as short as brokers allow: a killed worker is in the group for so long
		"scheduled.rebalance.max.delay.ms=0", // and is not waited for
		"plugin.discovery=service_load",
	}, properties...)
	if err := os.WriteFile(file, []byte(strings.Join(settings, "\n")+"\n"), 0o600); err != nil {
		return nil, err
	}
	return c, c.Start(ctx)
}

// Start starts a worker that was ended or killed: its connectors go on.
func (c *Connect) Start(ctx context.Context) (err error) {
	if c.process, err = startProcess(ctx, "kafka connect", c.dir, c.program, c.arguments...); err != nil {
		return err
	}
	clear(c.since) // its log begins anew
	return c.process.ready(ctx, func(ctx context.Context) error { return c.get(ctx, "/connectors", nil) })
}

// End ends the worker as an operator does: its connectors finish what they
// are doing and their offsets are written.
func (c *Connect) End() error { return c.process.end(syscall.SIGTERM) }

// Kill ends the worker at once.
func (c *Connect) Kill() error { return c.process.stop() }

// Stop ends the worker at once and removes its folder.
func (c *Connect) Stop() error { return errors.Join(c.process.stop(), os.RemoveAll(c.dir)) }

// PID returns the worker's process.
func (c *Connect) PID() int { return c.process.cmd.Process.Pid }

// Log returns the end of the worker's log, for a failure's report.
func (c *Connect) Log() string { return string(c.process.tail()) }

// Streaming waits until a connector has taken its snapshot and reads the
// binlog, since it was created, resumed or its worker was started.
func (c *Connect) Streaming(ctx context.Context, connector string) error {
	thread := []byte("-" + c.prefixes[connector] + "-change-event-source-coordinator]")
	return c.await(ctx, connector, func(*ConnectorStatus) bool {
		log, err := os.ReadFile(c.process.log)
		if err != nil {
			return false
		}
		for line := range bytes.Lines(log[min(c.since[connector], len(log)):]) {
			if bytes.Contains(line, thread) && bytes.Contains(line, []byte("Keepalive thread is running")) {
				return true
			}
		}
		return false
	})
}

// mark remembers that a connector begins now.
func (c *Connect) mark(connector string) error {
	info, err := os.Stat(c.process.log)
	if err != nil {
		return err
	}
	c.since[connector] = int(info.Size())
	return nil
}
