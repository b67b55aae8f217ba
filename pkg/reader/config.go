package reader

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/status"
	"github.com/firn-cdc/firn/pkg/telemetry"
)

// Delivery is what a reader promises about records after a crash.
type Delivery string

// The two deliveries. ExactlyOnce needs a broker with transactions.
const (
	ExactlyOnce Delivery = "exactly-once"
	AtLeastOnce Delivery = "at-least-once"
)

// SnapshotMode says whether rows that are there before the reader starts are read.
type SnapshotMode string

// The snapshot modes, by Debezium's names.
const (
	SnapshotInitial     SnapshotMode = "initial"
	SnapshotInitialOnly SnapshotMode = "initial_only"
	SnapshotNoData      SnapshotMode = "no_data"
)

// UnloggedChange says what to do about a statement that changed rows without
// logging them.
type UnloggedChange string

// What may be done about a change that was not logged.
const (
	UnloggedStop       UnloggedChange = "stop"
	UnloggedResnapshot UnloggedChange = "resnapshot"
	UnloggedMark       UnloggedChange = "mark"
)

// Config is what a reader does. NewConfig has the defaults.
type Config struct {
	Prefix        string // topic.prefix
	ConnectorName string // the connector's name in the offset record; the prefix if empty
	Replica       mysql.Replica

	MySQL *mysql.Config
	Kafka *kafka.Client

	// Captured reports whether a table's rows are wanted, CapturedDatabase whether any table of a database may be.
	Captured         func(debezium.TableID) bool
	CapturedDatabase func(database string) bool
	// Unread reports whether no snapshot reads a captured table, whose rows come by the stream alone; nil: all are read.
	Unread func(debezium.TableID) bool
	// ListedDatabase reports whether the lists of databases let one pass, which may be the server's own.
	ListedDatabase func(database string) bool
	Rank           func(debezium.TableID) int // captured tables are read by their rank, then by name

	Encoder        codec.Encoder
	IncludeQuery   bool                      // include.query
	SkipUnchanged  bool                      // skip.messages.without.change
	SchemaComments bool                      // include.schema.comments
	SchemaChanges  codec.SchemaChangeEncoder // nil: include.schema.changes=false
	OtherTables    bool                      // those of tables that are not captured, too
	OtherDatabases bool                      // those of databases that are not listed, too
	Structs        codec.StructEncoder       // of transactions and heartbeats; not needed without
	Transactions   bool                      // provide.transaction.metadata
	Heartbeats     Heartbeats
	Naming         debezium.Naming
	Unwrap         *debezium.Unwrap // nil: events keep their envelopes
	Rows           codec.RowEncoder // of Unwrap
	Convert        convert.Options
	Skipped        map[debezium.Op]bool // skipped.operations
	Tombstones     bool                 // tombstones.on.delete
	Headers        bool                 // extended.headers.enabled
	RunID          string               // of the headers

	Snapshot            SnapshotMode
	SnapshotParallelism int
	SnapshotChunkRows   int
	SnapshotChunkBytes  int

	Delivery        Delivery
	Compression     string
	TopicPartitions int32 // 0: the broker's default
	TopicReplicas   int16 // 0: the broker's default
	TopicConfig     map[string]string
	OffsetTopic     string
	HistoryTopic    string
	SharedHistory   bool // Debezium reads the history topic, too

	ConnectOffsetTopic string         // where a Connect worker keeps the offset to take over and to give back; empty: none
	Registry           codec.Registry // of records in Avro that are in Kafka; nil: there are none

	AllowFKCascade bool
	Unlogged       UnloggedChange
	StopAtEnd      bool

	BufferBytes  int           // of records on their way to Kafka
	SpanBytes    int           // a Kafka transaction ends at this size
	SpanTime     time.Duration // or at this age
	SaveInterval time.Duration // how often a position without records is saved
	ReconnectMin time.Duration
	ReconnectMax time.Duration

	Logger  *slog.Logger
	Status  *status.Board
	Metrics func(plugin string) *telemetry.Reader // makes the metrics once the server is known to be mysql or mariadb
	// At is called at each point of a span, for tests that kill the process there. Nil does nothing.
	At func(Point)
}

// NewConfig returns the defaults for everything that has one.
func NewConfig() Config {
	return Config{
		Snapshot: SnapshotInitial, SnapshotParallelism: 4, SnapshotChunkRows: 20000, SnapshotChunkBytes: 8 << 20,
		Delivery: ExactlyOnce, Compression: "lz4", Tombstones: true, Headers: true, Unlogged: UnloggedStop,
		BufferBytes: 32 << 20, SpanBytes: 4 << 20, SpanTime: 100 * time.Millisecond, SaveInterval: 5 * time.Second,
		ReconnectMin: 200 * time.Millisecond, ReconnectMax: 15 * time.Second,
	}
}

// Validate reports everything that is wrong, each by the name of its flag.
func (c *Config) Validate() error {
	var errs []error
	if c.Prefix == "" {
		errs = append(errs, errors.New("--topic-prefix is required: it names the topics, <prefix>.<database>.<table>"))
	} else if debezium.SanitizeTopic(c.Prefix) != c.Prefix {
		errs = append(errs, fmt.Errorf("--topic-prefix %q: only letters, digits, '.', '_' and '-' may stand in a topic's name", c.Prefix))
	}
	switch c.Snapshot {
	case SnapshotInitial, SnapshotInitialOnly, SnapshotNoData:
	case "never":
		errs = append(errs, errors.New("--snapshot-mode never was removed in Debezium 3.6: use no_data"))
	default:
		errs = append(errs, fmt.Errorf("--snapshot-mode %q is not supported: use initial, initial_only or no_data", c.Snapshot))
	}
	switch c.Delivery {
	case ExactlyOnce, AtLeastOnce:
	default:
		errs = append(errs, fmt.Errorf("--delivery %q: want exactly-once or at-least-once", c.Delivery))
	}
	switch c.Unlogged {
	case UnloggedStop, UnloggedResnapshot, UnloggedMark:
	default:
		errs = append(errs, fmt.Errorf("--on-unlogged-change %q: want stop, resnapshot or mark", c.Unlogged))
	}
	for flag, n := range map[string]int{
		"--snapshot-parallelism": c.SnapshotParallelism, "--snapshot-chunk-rows": c.SnapshotChunkRows,
	} {
		if n < 1 {
			errs = append(errs, fmt.Errorf("%s %d: must be at least 1", flag, n))
		}
	}
	return errors.Join(errs...)
}
