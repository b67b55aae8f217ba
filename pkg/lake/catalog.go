package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"sync"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/utils"
	"github.com/aws/aws-sdk-go-v2/aws"
)

// Catalog is an open catalog. It may be used by several goroutines.
type Catalog struct {
	kind      string
	warehouse string // "" where the catalog decides where tables are
	cat       catalog.Catalog
	ours      table.CatalogIO // what tables commit through: conflicts recognised, one FileIO
	options   iceberg.Properties
	aws       *aws.Config
	closers   []io.Closer
	log       *slog.Logger

	mu  sync.Mutex
	ios map[string]icebergio.IO // by scheme and bucket
}

// OpenCatalog opens the catalog. Nothing is created in it.
func OpenCatalog(ctx context.Context, cfg Config) (*Catalog, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Catalog{
		kind:    cfg.Type,
		options: iceberg.Properties{},
		log:     cfg.Logger,
		ios:     make(map[string]icebergio.IO),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	maps.Copy(c.options, cfg.Options)
	var err error
	switch cfg.Type {
	case SQL:
		err = c.openSQL(ctx, &cfg)
	case Glue:
		err = c.openGlue(ctx, &cfg)
	case REST, S3Tables:
		err = c.openREST(ctx, &cfg)
	default:
		err = fmt.Errorf("unknown catalog %q", cfg.Type)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s catalog: %w", cfg.Type, err), c.Close())
	}
	if closer, ok := c.cat.(io.Closer); ok {
		c.closers = append([]io.Closer{closer}, c.closers...)
	}
	c.ours = &committing{c: c}
	return c, nil
}

// Wrap puts f between the catalog and the tables that are loaded afterwards.
// Tests inject faults with it.
func (c *Catalog) Wrap(f func(table.CatalogIO) table.CatalogIO) { c.ours = f(c.ours) }

// Close releases the catalog's connections.
func (c *Catalog) Close() error {
	var errs []error
	for _, closer := range c.closers {
		errs = append(errs, closer.Close())
	}
	c.closers = nil
	return errors.Join(errs...)
}

// Fold returns the name under which the catalog keeps a table: Glue and S3
// Tables know lower case only.
func (c *Catalog) Fold(n Name) Name {
	if c.kind == Glue || c.kind == S3Tables {
		return Name{Namespace: strings.ToLower(n.Namespace), Table: strings.ToLower(n.Table)}
	}
	return n
}

// Check asks the catalog something harmless, so that a wrong address or a
// missing right shows before there is anything to write.
func (c *Catalog) Check(ctx context.Context) error {
	if _, err := c.cat.ListNamespaces(c.withAWS(ctx), nil); err != nil {
		return fmt.Errorf("list namespaces: %w", err)
	}
	return nil
}

// Exists reports whether the table is there.
func (c *Catalog) Exists(ctx context.Context, n Name) (bool, error) {
	_, err := c.ours.LoadTable(ctx, n.identifier())
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, catalog.ErrNoSuchTable), errors.Is(err, catalog.ErrNoSuchNamespace):
		return false, nil
	default:
		return false, fmt.Errorf("load table %s: %w", n, err)
	}
}

func (c *Catalog) ensureNamespace(ctx context.Context, namespace string) error {
	id := []string{namespace}
	ok, err := c.cat.CheckNamespaceExists(c.withAWS(ctx), id)
	if err != nil {
		return fmt.Errorf("look for namespace %s: %w", namespace, err)
	}
	if ok {
		return nil
	}
	err = c.cat.CreateNamespace(c.withAWS(ctx), id, nil)
	if err != nil && !errors.Is(err, catalog.ErrNamespaceAlreadyExists) {
		return fmt.Errorf("create namespace %s: %w", namespace, err)
	}
	return nil
}

// withAWS makes iceberg-go use our AWS configuration, and so our HTTP client,
// wherever it would build one of its own.
func (c *Catalog) withAWS(ctx context.Context) context.Context {
	if c.aws == nil {
		return ctx
	}
	return utils.WithAwsConfig(ctx, c.aws)
}

// fileIO returns the one FileIO for location's bucket. It outlives ctx.
func (c *Catalog) fileIO(ctx context.Context, location string) (icebergio.IO, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("read location: %w", err)
	}
	key := u.Scheme + "://" + u.Host
	c.mu.Lock()
	defer c.mu.Unlock()
	if fs, ok := c.ios[key]; ok {
		return fs, nil
	}
	fs, err := icebergio.LoadFS(c.withAWS(context.WithoutCancel(ctx)), c.options, location)
	if err != nil {
		return nil, fmt.Errorf("open file io of %s: %w", key, err)
	}
	c.ios[key] = fs
	return fs, nil
}

// committing is the catalog as tables see it. iceberg-go's catalogs other than
// REST report an ordinary conflict as a plain error, which reads as a lost
// answer; here it becomes table.ErrCommitFailed, because requirements are
// checked before anything is written.
type committing struct{ c *Catalog }

func (o *committing) LoadTable(ctx context.Context, id table.Identifier) (*table.Table, error) {
	t, err := o.c.cat.LoadTable(o.c.withAWS(ctx), id)
	if err != nil {
		return nil, err
	}
	fs := t.FS
	if o.c.kind != REST && o.c.kind != S3Tables { // those hand out credentials that expire, table by table
		location := t.MetadataLocation()
		fs = func(ctx context.Context) (icebergio.IO, error) { return o.c.fileIO(ctx, location) }
	}
	fs = o.c.awsFS(fs)
	return table.New(t.Identifier(), t.Metadata(), t.MetadataLocation(), fs, o.bounded(t.Metadata(), fs)), nil
}

func (c *Catalog) awsFS(fs table.FSysF) table.FSysF {
	return func(ctx context.Context) (icebergio.IO, error) {
		return fs(c.withAWS(context.WithoutCancel(ctx)))
	}
}

func (o *committing) CommitTable(ctx context.Context, id table.Identifier, rq []table.Requirement, up []table.Update) (table.Metadata, string, error) {
	meta, location, err := o.c.cat.CommitTable(o.c.withAWS(ctx), id, rq, up)
	if err != nil && !errors.Is(err, table.ErrCommitFailed) && strings.Contains(strings.ToLower(err.Error()), "requirement failed") {
		err = fmt.Errorf("%w: %w", table.ErrCommitFailed, err)
	}
	return meta, location, err
}
