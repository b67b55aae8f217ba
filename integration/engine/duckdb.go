// Package engine reads Iceberg tables with engines that firn's authors did not
// write, so that a test or the demo believes no figure of our own.
package engine

import (
	"bufio"
	"context"
	_ "embed" // the program that runs inside Python
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"github.com/firn-cdc/firn/integration/server"
)

//go:embed query.py
var program string

// DuckDB is a running DuckDB with its Iceberg extension. It answers one query
// at a time.
type DuckDB struct {
	cmd *exec.Cmd

	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Reader
}

// Table names a table in a SQLite catalog.
type Table struct {
	Catalog string // the catalog's file
	Name    string // namespace.table
}

// Result is the answer to a query: every value as text, nil for NULL.
type Result struct {
	Columns  []string    `json:"columns"`
	Rows     [][]*string `json:"rows"`
	Metadata string      `json:"metadata"` // the metadata file that was read
	Error    string      `json:"error"`
}

// OpenDuckDB installs DuckDB into the cache if it is not there, and starts it.
func OpenDuckDB(ctx context.Context) (*DuckDB, error) {
	python, err := server.Script(ctx, "duckdb")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, python, "-c", program)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start duckdb: %w", err)
	}
	return &DuckDB{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<20)}, nil
}

// Query runs sql, in which {table} stands for the table as the catalog names
// it at this moment.
func (d *DuckDB) Query(table Table, sql string) (*Result, error) {
	request, err := json.Marshal(map[string]string{"catalog": table.Catalog, "table": table.Name, "sql": sql})
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.in.Write(append(request, '\n')); err != nil {
		return nil, fmt.Errorf("ask duckdb: %w", err)
	}
	line, err := d.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("read duckdb's answer: %w", err)
	}
	var result Result
	if err := json.Unmarshal(line, &result); err != nil {
		return nil, fmt.Errorf("read duckdb's answer: %w", err)
	}
	if result.Error != "" {
		return nil, fmt.Errorf("query %s: %s", table.Name, result.Error)
	}
	return &result, nil
}

// Close ends DuckDB.
func (d *DuckDB) Close() error {
	err := d.in.Close()
	if waitErr := d.cmd.Wait(); waitErr != nil {
		if _, exited := errors.AsType[*exec.ExitError](waitErr); !exited {
			err = errors.Join(err, waitErr)
		}
	}
	return err
}

// Text returns a row's values joined by commas, NULL for null: the form in
// which expectations are written.
func Text(row []*string) string {
	texts := make([]string, len(row))
	for i, v := range row {
		texts[i] = "NULL"
		if v != nil {
			texts[i] = *v
		}
	}
	return strings.Join(texts, ",")
}
