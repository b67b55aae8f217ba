package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	icesql "github.com/apache/iceberg-go/catalog/sql"
	_ "github.com/apache/iceberg-go/io/gocloud/s3" // s3:// locations
	_ "modernc.org/sqlite"                         // the driver
)

const (
	busyTimeout = 30 * time.Second
	openTime    = time.Second
	openPause   = 20 * time.Millisecond
)

// openSQL opens a catalog in a SQLite file. Several processes may share it: each
// write is one short transaction, which waits for the others'.
func (c *Catalog) openSQL(ctx context.Context, cfg *Config) error {
	file, err := cfg.sqliteFile()
	if err != nil {
		return err
	}
	c.warehouse = strings.TrimRight(cfg.Warehouse, "/")
	if strings.HasPrefix(c.warehouse, "/") {
		c.warehouse = "file://" + c.warehouse
	}
	if strings.HasPrefix(c.warehouse, "s3://") {
		if err := c.loadAWS(ctx, cfg); err != nil {
			return err
		}
	}
	query := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)",
	}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+query.Encode())
	if err != nil {
		return err
	}
	c.closers = append(c.closers, db)
	c.options["warehouse"] = c.warehouse

	// Two processes that create the file at once meet in its first pages, where
	// SQLite answers busy without waiting.
	for began := time.Now(); ; {
		if c.cat, err = newSQLCatalog(db, c.options); err == nil {
			return nil
		}
		if time.Since(began) > openTime || !strings.Contains(err.Error(), "locked") {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := pause(ctx, openPause); err != nil {
			return err
		}
	}
}

func newSQLCatalog(db *sql.DB, options map[string]string) (*icesql.Catalog, error) {
	cat, err := icesql.NewCatalog("firn", db, icesql.SQLite, options)
	if err != nil {
		return nil, err
	}
	return cat, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return errors.Join(ctx.Err(), context.Cause(ctx))
	case <-t.C:
		return nil
	}
}
