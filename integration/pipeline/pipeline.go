package pipeline

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/server"
)

// Pipeline is one reader and one applier between a database, a broker and a
// warehouse folder, under one topic prefix.
type Pipeline struct {
	Dir       string // logs, warehouse and index go below it
	Prefix    string
	Database  string // host:port
	User      string
	Password  string
	Broker    string
	Tables    string   // --table-include-list
	Topics    string   // --topics of the applier, in place of the prefix
	TableMaps []string // --table-map
	// ReaderFlags and ApplierFlags come after the others.
	ReaderFlags, ApplierFlags []string

	Reader, Applier *Process
}

// Warehouse returns the folder of the Iceberg tables.
func (p *Pipeline) Warehouse() string { return filepath.Join(p.Dir, "warehouse") }

// Table returns how an engine finds the table called name (namespace.table).
func (p *Pipeline) Table(name string) engine.Table {
	return engine.Table{Catalog: filepath.Join(p.Warehouse(), "catalog.sqlite"), Name: name}
}

// StartReader starts firn-reader.
func (p *Pipeline) StartReader(ctx context.Context) (err error) {
	host, port, err := net.SplitHostPort(p.Database)
	if err != nil {
		return err
	}
	args := []string{
		"run", "--database-hostname=" + host, "--database-port=" + port, "--database-user=" + p.User,
		"--bootstrap-servers=" + p.Broker, "--topic-prefix=" + p.Prefix, "--table-include-list=" + p.Tables,
	}
	p.Reader, err = Start(ctx, p.Dir, "firn-reader", []string{"FIRN_DATABASE_PASSWORD=" + p.Password}, append(args, p.ReaderFlags...)...)
	return err
}

// StartApplier starts firn-applier.
func (p *Pipeline) StartApplier(ctx context.Context) (err error) {
	p.Applier, err = p.AnotherApplier(ctx, "index")
	return err
}

// AnotherApplier starts a further applier of the same group, with an index
// folder of its own below the pipeline's.
func (p *Pipeline) AnotherApplier(ctx context.Context, index string) (*Process, error) {
	args := []string{
		"run", "--bootstrap-servers=" + p.Broker, "--group-id=" + p.Prefix + "-applier",
		"--warehouse=file://" + p.Warehouse(), "--index-dir=" + filepath.Join(p.Dir, index), "--commit-interval=1s",
		"--session-timeout=6s", // as short as brokers allow: a killed process holds its tables that long
	}
	if p.Topics != "" {
		args = append(args, "--topics="+p.Topics)
	} else {
		args = append(args, "--topic-prefix="+p.Prefix)
	}
	for _, m := range p.TableMaps {
		args = append(args, "--table-map="+m)
	}
	return Start(ctx, p.Dir, "firn-applier", nil, append(args, p.ApplierFlags...)...)
}

// Stop ends whatever runs, as an operator would.
func (p *Pipeline) Stop() error {
	var errs []error
	for _, process := range []*Process{p.Reader, p.Applier} {
		if process == nil {
			continue
		}
		select {
		case <-process.Exited():
		default:
			errs = append(errs, process.Stop())
		}
	}
	return errors.Join(errs...)
}

// Logs returns the end of both logs, for a failure's report.
func (p *Pipeline) Logs() string {
	var b strings.Builder
	for _, name := range []string{"firn-reader", "firn-applier"} {
		if log, err := os.ReadFile(filepath.Join(p.Dir, name+".log")); err == nil {
			b.WriteString("---- " + name + "\n" + string(log[max(0, len(log)-6000):]))
		}
	}
	return b.String()
}

// For returns a pipeline that reads db as firn's own account.
func For(dir, prefix string, db *server.Database, broker string) *Pipeline {
	return &Pipeline{Dir: dir, Prefix: prefix, Database: db.Addr, User: server.User, Password: server.Password, Broker: broker, Tables: ".*"}
}
