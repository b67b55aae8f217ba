// Command record runs SQL scripts on an empty server and keeps the binlog that
// each makes beside it:
//
//	go run pkg/binlog/testdata/record.go -addr 127.0.0.1:3306 -data DATADIR pkg/binlog/testdata/mysql9/*.sql
//
// The server must be nobody else's: its binlogs are reset. In a script a line
// "-- session NAME" changes the connection, and "-- expect SELECT …" writes the
// server's own text of rows to the script's .txt file, tab-separated.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3306", "host:port of the server")
	data := flag.String("data", "", "the server's data directory")
	flag.Parse()
	for _, script := range flag.Args() {
		if err := record(*addr, *data, script); err != nil {
			log.Fatalf("%s: %v", script, err)
		}
	}
}

func record(addr, data, script string) error {
	sql, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	admin, err := client.Connect(addr, "root", "", "")
	if err != nil {
		return err
	}
	defer admin.Close()
	reset := "RESET MASTER"
	if strings.HasPrefix(admin.GetServerVersion(), "9.") {
		reset = "RESET BINARY LOGS AND GTIDS"
	}
	for _, q := range []string{"DROP DATABASE IF EXISTS d", "DROP DATABASE IF EXISTS other", reset} {
		if _, err := admin.Execute(q); err != nil {
			return err
		}
	}
	expected, err := run(addr, string(sql))
	if err != nil {
		return err
	}
	if _, err := admin.Execute("FLUSH BINARY LOGS"); err != nil {
		return err
	}
	base := strings.TrimSuffix(script, ".sql")
	if expected != nil {
		if err := os.WriteFile(base+".txt", expected, 0o644); err != nil {
			return err
		}
	}
	log, err := os.ReadFile(filepath.Join(data, "binlog.000001"))
	if err != nil {
		return err
	}
	return os.WriteFile(base+".binlog", log, 0o644)
}

func run(addr, script string) (expected []byte, err error) {
	sessions := map[string]*client.Conn{}
	session := "main"
	for _, part := range split(script) {
		if name, ok := strings.CutPrefix(part, "-- session "); ok {
			session = name
			continue
		}
		c := sessions[session]
		if c == nil {
			if c, err = client.Connect(addr, "root", "", ""); err != nil {
				return nil, err
			}
			defer c.Close()
			sessions[session] = c
			if _, err := c.Execute("SET NAMES utf8mb4, sql_mode='', time_zone='+00:00'"); err != nil {
				return nil, err
			}
		}
		query, isExpect := strings.CutPrefix(part, "-- expect ")
		r, err := c.Execute(query)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", query, err)
		}
		if isExpect {
			expected = appendRows(expected, r.Values, r.GetString)
		}
	}
	return expected, nil
}

func appendRows[T any](dst []byte, rows []T, text func(row, column int) (string, error)) []byte {
	for i := range rows {
		for j := 0; ; j++ {
			s, err := text(i, j)
			if err != nil {
				break
			}
			if j > 0 {
				dst = append(dst, '\t')
			}
			dst = append(dst, s...)
		}
		dst = append(dst, '\n')
	}
	return dst
}

// split cuts a script at semicolons that end lines, and takes directives out.
func split(script string) []string {
	var parts []string
	var statement bytes.Buffer
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "-- session "), strings.HasPrefix(line, "-- expect "):
			parts = append(parts, line)
			continue
		case strings.HasPrefix(line, "--"), line == "":
			continue
		}
		end := strings.HasSuffix(line, ";")
		statement.WriteString(strings.TrimSuffix(line, ";"))
		statement.WriteByte('\n')
		if end {
			parts = append(parts, strings.TrimSpace(statement.String()))
			statement.Reset()
		}
	}
	return parts
}
