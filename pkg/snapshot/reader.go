package snapshot

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// ErrLockTables is a server on which positions can only be told apart under a
// table lock that the user may not take.
var ErrLockTables = errors.New("LOCK TABLES refused; GRANT SELECT, LOCK TABLES ON *.* to the user, or turn gtid_mode on")

// Reader reads chunks over a connection of its own, for one goroutine. Several
// may read the same table.
type Reader struct {
	cfg    *mysql.Config
	server *mysql.Server
	conn   *mysql.Conn
	locker *mysql.Conn // holds table locks for a moment; made when first needed
	pass   *pass

	sized   *Table // the table that rowSize was learnt from
	rowSize float64
	stage   atomic.Int32
}

// Stage is what a Reader is doing.
type Stage int32

// The stages. A Reader connects while it is Idle.
const (
	Idle       Stage = iota
	Committing       // the server has not committed all of Limits.NotBefore
	Locking          // the table is being locked for a moment
	Selecting        // the server is asked for rows
)

// Stage may be called by any goroutine.
func (r *Reader) Stage() Stage { return Stage(r.stage.Load()) }

func (r *Reader) enter(s Stage) { r.stage.Store(int32(s)) }

// New returns a reader of the server that cfg leads to. It connects when it first reads.
func New(cfg *mysql.Config, server *mysql.Server) *Reader {
	return &Reader{cfg: cfg, server: server}
}

// Close ends the reader's connections.
func (r *Reader) Close() error {
	if r.pass != nil {
		r.pass.cancel()
		r.pass = nil
	}
	var errs []error
	for _, c := range []*mysql.Conn{r.conn, r.locker} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// session lets keys that are impossible dates be compared with, and whole keys be sorted: they have 3,072 bytes at most.
const session = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', SESSION max_sort_length = 4096"

func (r *Reader) connect(ctx context.Context) error {
	if r.conn != nil && !r.conn.Broken() {
		return nil
	}
	conn, err := mysql.Connect(ctx, r.cfg)
	if err != nil {
		return err
	}
	if err := conn.Exec(ctx, session); err != nil {
		return errors.Join(err, conn.Close())
	}
	r.conn = conn
	return nil
}

// view is what the reader's next SELECT sees.
type view struct {
	low         debezium.Position // all committed up to it is seen
	high        debezium.Position // of a transaction: nothing committed after it is seen
	transaction bool              // a transaction is open
}

// open prepares the connection so that a SELECT sees at least what was committed up to the view's low position.
func (r *Reader) open(ctx context.Context, t *Table, notBefore debezium.Position) (view, error) {
	switch {
	case r.server.Flavor == debezium.FlavorMariaDB:
		low, high, err := openBetween(ctx, r.conn)
		if err != nil {
			return view{}, errors.Join(fmt.Errorf("open a consistent snapshot: %w", err), r.rollback(ctx))
		}
		return view{low: low, high: high, transaction: true}, nil
	case r.server.GTIDMode:
		r.enter(Committing)
		set, err := executed(ctx, r.conn, notBefore.GTIDs)
		return view{low: debezium.Position{GTIDs: set}}, err
	default: // under the lock, as on MariaDB, the end of the binlog is what is seen
		return r.openLocked(ctx, t)
	}
}

// finish ends the view and returns a position that it does not see beyond. MySQL
// may commit in the engine a moment before it says so: such a change comes again
// in the stream.
func (r *Reader) finish(ctx context.Context, v view) (debezium.Position, error) {
	if v.transaction {
		if r.conn.Broken() { // the server ended the transaction with the connection
			return v.high, nil
		}
		return v.high, r.conn.Exec(ctx, "COMMIT")
	}
	if err := r.connect(ctx); err != nil {
		return debezium.Position{}, err
	}
	set, err := executed(ctx, r.conn, debezium.GTIDSet{})
	return debezium.Position{GTIDs: set}, err
}

const startSnapshot = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
