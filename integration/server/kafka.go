package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Kafka is a broker of Apache Kafka, its own controller too.
type Kafka struct {
	Addr string // host:port

	dir     string
	java    string
	jars    string
	process *process
}

// StartKafka starts a broker with its data in dir. Topics that are created
// without a number of partitions get partitions of them; none is created by
// being asked for. It returns once the broker accepts connections. The caller
// calls Stop.
func StartKafka(ctx context.Context, dir string, partitions int) (*Kafka, error) {
	jars, err := Script(ctx, "kafka")
	if err != nil {
		return nil, err
	}
	home, err := Script(ctx, "java", "17")
	if err != nil {
		return nil, err
	}
	k := &Kafka{dir: dir, java: filepath.Join(home, "bin", "java"), jars: jars}
	if err := k.configure(ctx, partitions); err != nil {
		return nil, fmt.Errorf("configure kafka in %s: %w", dir, err)
	}
	k.process, err = startProcess(ctx, "kafka", dir, k.java, k.arguments("-Xms256m", "-Xmx512m", "kafka.Kafka", k.properties())...)
	if err != nil {
		return nil, err
	}
	return k, k.process.ready(ctx, accepts(k.Addr))
}

// Stop ends the broker and removes its folder.
func (k *Kafka) Stop() error { return errors.Join(k.process.stop(), os.RemoveAll(k.dir)) }

func (k *Kafka) properties() string { return filepath.Join(k.dir, "server.properties") }

// arguments are those of java, with a compiler that starts fast.
func (k *Kafka) arguments(args ...string) []string {
	return append([]string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(k.jars, "*"),
	}, args...)
}

// configure writes the settings and the empty log of a new cluster.
func (k *Kafka) configure(ctx context.Context, partitions int) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	control, err := freePort(ctx)
	if err != nil {
		return err
	}
	k.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	controller := net.JoinHostPort("127.0.0.1", strconv.Itoa(control))
	if err := os.MkdirAll(k.dir, 0o755); err != nil {
		return err
	}
	properties := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s
log.dirs=%[3]s
num.partitions=%[4]d
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
`, k.Addr, controller, filepath.Join(k.dir, "data"), partitions)
	if err := os.WriteFile(k.properties(), []byte(properties), 0o600); err != nil {
		return err
	}
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	format := exec.CommandContext(ctx, k.java, k.arguments("kafka.tools.StorageTool", "format",
		"--config", k.properties(), "--cluster-id="+base64.RawURLEncoding.EncodeToString(id[:]))...)
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format the log: %w:\n%s", err, tail(out, 2000))
	}
	return nil
}
