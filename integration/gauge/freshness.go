package gauge

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firn-cdc/firn/integration/load"
)

// Freshness measures how long after its commit in MySQL a change is in an
// Iceberg table, that is in the metadata file that the catalog names. The
// transactions that it is told of must be the server's only ones.
type Freshness struct {
	catalog *Catalog
	table   string

	mu      sync.Mutex
	first   uint64 // number of the first transaction's GTID
	commits []load.Commit
	visible int // transactions that are in the table
	times   Times
	state   State
}

// NewFreshness prepares to measure from the server's next transaction on.
func NewFreshness(ctx context.Context, db *sql.DB, catalog *Catalog, table string) (*Freshness, error) {
	var executed string
	if err := db.QueryRowContext(ctx, "SELECT @@GLOBAL.gtid_executed").Scan(&executed); err != nil {
		return nil, err
	}
	last := executed[strings.LastIndexAny(executed, ":-")+1:]
	n, err := strconv.ParseUint(strings.TrimSpace(last), 10, 64)
	if err != nil || strings.Contains(executed, ",") {
		return nil, fmt.Errorf("the server has executed %q: want the transactions of one server", executed)
	}
	return &Freshness{catalog: catalog, table: table, first: n + 1}, nil
}

// Committed tells of the server's next transaction.
func (f *Freshness) Committed(c load.Commit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits = append(f.commits, c)
}

// Watch looks at the table until ctx ends.
func (f *Freshness) Watch(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		file, err := f.catalog.Metadata(ctx, f.table)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if file == "" || file == last {
			continue
		}
		at := time.Now()
		state, err := ReadState(file)
		if os.IsNotExist(err) { // expired since
			continue
		}
		if err != nil {
			return err
		}
		last = file
		f.seen(state, at)
	}
}

func (f *Freshness) seen(state *State, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = *state
	for f.visible < len(f.commits) && f.first+uint64(f.visible) <= state.Sequence {
		c := f.commits[f.visible]
		f.times.Add(max(at.Sub(c.At), 0), c.Rows)
		f.visible++
	}
}

// Quantile returns how fresh the share q of the changes in the table were.
func (f *Freshness) Quantile(q float64) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.times.Quantile(q)
}

// Count returns how many changes are in the table.
func (f *Freshness) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.times.Count()
}

// Pending returns how many transactions are not in the table.
func (f *Freshness) Pending() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.commits) - f.visible
}

// State returns what the table was last seen to be.
func (f *Freshness) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}
