// Package binlog reads a MySQL or MariaDB server's binary log as row changes,
// statements and transaction ends, in order, from one connection. It decodes
// events from their bytes (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html);
// go-mysql only speaks the connection's protocol.
//
// It leaves to its callers what a statement does to a table, what a value means
// in its column, and when to reconnect: a [Stream] never does so by itself.
package binlog

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Config says which server to read and what of it.
type Config struct {
	Host     string // a name, an address, or the path of a Unix socket
	Port     int    // 0: 3306
	User     string
	Password func(ctx context.Context) (string, error) // nil: none; asked at each Open
	TLS      *tls.Config                               // nil: no TLS
	Dialer   func(ctx context.Context, network, addr string) (net.Conn, error)

	Flavor   string // debezium.FlavorMySQL or debezium.FlavorMariaDB
	ServerID uint32 // of this reader, as a replica; unique among the server's replicas
	ListedAs string // the host that the server lists the reader with; "": this one's name
	// GTIDMode says that the server gives every transaction a GTID, so that an empty GTID set in a
	// position means none executed and not none known.
	GTIDMode bool

	Heartbeat    time.Duration // the server speaks at least this often; 0: 5 s
	ReadTimeout  time.Duration // silence for so long is a broken connection; 0: 30 s, at least 3 heartbeats
	BufferBytes  int           // events read ahead; 0: 4 MiB
	PreparedDir  string        // for the rows of prepared XA transactions; "": the system's directory for temporary files
	PreparedSize int           // bytes of them held in memory; 0: 4 MiB

	// Captures says whether rows of a table are wanted; nil: all. It is asked once per definition of a table.
	Captures func(debezium.TableID) bool
	// CapturesDatabase says whether any table of a database may be captured. It decides whether a
	// statement that changes rows, and was logged as a statement, is an error. nil: all but the system's.
	CapturesDatabase func(database string) bool
	// Query says that the statements behind row changes are wanted (Rows.Query). MariaDB sends its
	// annotations either way; they count as events, as in Debezium, only if this is set.
	Query bool
	// IgnoreUnknownXA skips an XA COMMIT whose XA PREPARE was not read. Otherwise it is an *UnknownXAError.
	IgnoreUnknownXA bool

	Logger *slog.Logger
}

// Validate reports everything that is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	if c.Host == "" {
		errs = append(errs, errors.New("binlog host is missing"))
	}
	if c.ServerID == 0 {
		errs = append(errs, errors.New("server id must not be 0"))
	}
	if c.Flavor != debezium.FlavorMySQL && c.Flavor != debezium.FlavorMariaDB {
		errs = append(errs, errors.New("flavor must be mysql or mariadb"))
	}
	return errors.Join(errs...)
}

// Resume says where reading begins: after a position, and after some rows of
// the transaction that follows it.
type Resume struct {
	Position debezium.Position // all before it has been delivered

	// Of the transaction after Position, which is the next one with a BEGIN, or the one called GTID if
	// that is set: Ordinal rows of captured tables were delivered; or, if Ordinal is 0, the rows of
	// Event events (counted as Debezium does) and Row rows of the event after them.
	GTID    string
	Ordinal int64
	Event   int
	Row     int

	// Prepared is Commit.Prepared of the commit that Position is from.
	Prepared debezium.Position
}

const (
	defaultPort         = 3306
	defaultHeartbeat    = 5 * time.Second
	defaultReadTimeout  = 30 * time.Second
	defaultBufferBytes  = 4 << 20
	defaultPreparedSize = 4 << 20
)

func (c Config) withDefaults() Config {
	switch {
	case strings.HasPrefix(c.Host, "/"):
		c.Port = 0 // go-mysql's sign of a socket
	case c.Port == 0:
		c.Port = defaultPort
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = defaultHeartbeat
	}
	if c.ReadTimeout <= 0 {
		c.ReadTimeout = max(defaultReadTimeout, 3*c.Heartbeat)
	}
	if c.BufferBytes <= 0 {
		c.BufferBytes = defaultBufferBytes
	}
	if c.PreparedSize <= 0 {
		c.PreparedSize = defaultPreparedSize
	}
	if c.Captures == nil {
		c.Captures = func(debezium.TableID) bool { return true }
	}
	if c.CapturesDatabase == nil {
		c.CapturesDatabase = func(db string) bool { return !systemDatabase(db) }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func systemDatabase(db string) bool {
	switch db {
	case "mysql", "sys", "information_schema", "performance_schema":
		return true
	default:
		return false
	}
}
