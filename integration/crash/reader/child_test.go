package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/reader"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// jobVariable holds the job of a process that is the reader instead of the tests.
const jobVariable = "FIRN_CRASH_JOB"

// job is what such a process does.
type job struct {
	MySQL, Broker, Prefix, Database string
	ServerID                        uint32
	Delivery                        reader.Delivery
	StopAtEnd                       bool

	Point reader.Point // it kills itself there, when it comes by for the Nth time; "": never
	Nth   int
	// OffsetFirst plants a bug: the position is saved before what lies behind it is published.
	OffsetFirst bool
}

// What a reader prints.
const (
	sayKilled = "killed at " // and the point behind it
	saySaved  = "saved"      // a span is durable, for the first time
)

// runJob is the reader's process.
func runJob(ctx context.Context, text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	cfg, err := j.config(ctx)
	if err != nil {
		return err
	}
	passed, saved := 0, false
	cfg.At = func(p reader.Point) {
		if p == reader.BeforePublish && j.OffsetFirst {
			if err := j.saveEnd(ctx, &cfg); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		if p == reader.AfterKafkaCommit && !saved {
			saved = true
			fmt.Println(saySaved)
		}
		if p != j.Point {
			return
		}
		if passed++; passed == j.Nth {
			fmt.Println(sayKilled + string(p))
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	return errors.Join(reader.New(cfg).Run(ctx), cfg.Kafka.Close())
}

func (j *job) config(ctx context.Context) (reader.Config, error) {
	cfg := reader.NewConfig()
	host, port, err := net.SplitHostPort(j.MySQL)
	if err != nil {
		return cfg, err
	}
	cfg.MySQL = &mysql.Config{
		Host: host, User: server.User, SSLMode: "preferred",
		Password: func(context.Context) (string, error) { return server.Password, nil },
	}
	if cfg.MySQL.Port, err = strconv.Atoi(port); err != nil {
		return cfg, err
	}
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	if cfg.Kafka, err = kafka.Open(ctx, kafka.Config{Brokers: strings.Split(j.Broker, ","), Logger: cfg.Logger}); err != nil {
		return cfg, err
	}
	encoder := codec.NewJSON(codec.JSONOptions{})
	cfg.Encoder, cfg.SchemaChanges = encoder, encoder
	cfg.Captured = func(id debezium.TableID) bool { return id.Database == j.Database }
	cfg.CapturedDatabase = func(database string) bool { return database == j.Database }
	cfg.Rank = func(debezium.TableID) int { return 0 }
	cfg.ListedDatabase = cfg.CapturedDatabase
	cfg.Prefix, cfg.Delivery, cfg.StopAtEnd = j.Prefix, j.Delivery, j.StopAtEnd
	cfg.Replica = mysql.Replica{ServerID: j.ServerID, Name: j.Prefix}
	cfg.OffsetTopic, cfg.HistoryTopic = checkpoint.Topic(j.Prefix), "__firn-schema-history."+j.Prefix
	// Small, so that a short test has many spans, and chunks to be killed in.
	cfg.SnapshotChunkRows, cfg.SpanBytes, cfg.SpanTime = 50, 8<<10, 20*time.Millisecond
	cfg.Status = status.NewBoard("crash")
	registry := prometheus.NewRegistry()
	cfg.Metrics = func(plugin string) *telemetry.Reader { return telemetry.NewReader(registry, j.Prefix, plugin) }
	return cfg, cfg.Validate()
}

// saveEnd saves the end of the binlog, of which nothing may be published yet.
func (j *job) saveEnd(ctx context.Context, cfg *reader.Config) (err error) {
	conn, err := mysql.Connect(ctx, cfg.MySQL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	end, err := conn.Position(ctx)
	if err != nil {
		return err
	}
	format := checkpoint.Format{Prefix: j.Prefix}
	saved, known, err := checkpoint.Load(ctx, cfg.Kafka, cfg.OffsetTopic, format)
	if err != nil || !known {
		return err // the first start has its position yet to find
	}
	progress := saved.Clone()
	progress.At(end, debezium.Position{}, 0, 0)
	records, err := format.Records(&progress, saved)
	if err != nil {
		return err
	}
	producer, err := kafka.NewProducer(ctx, cfg.Kafka, kafka.ProducerConfig{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, producer.Close()) }()
	for _, r := range records {
		if err := producer.Send(&kafka.Record{Topic: cfg.OffsetTopic, Key: r.Key, Value: r.Value}); err != nil {
			return err
		}
	}
	return producer.Flush(ctx)
}
