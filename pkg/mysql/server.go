package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Server is what a server says of itself. None of it changes data, all of it
// changes how the binlog is read.
type Server struct {
	Flavor  string // debezium.FlavorMySQL or debezium.FlavorMariaDB
	Version string // as the server prints it
	Number  int    // 80031 for 8.0.31, 101106 for 10.11.6

	GTIDMode bool // MySQL: gtid_mode=ON; MariaDB always has GTIDs
	ServerID uint32

	LogBin              bool
	BinlogFormat        string // ROW, …
	RowImage            string // FULL, …
	RowMetadataFull     bool
	RowValueOptions     string // PARTIAL_JSON or ""
	LogReplicaUpdates   bool
	BinlogExpire        int64 // seconds; 0 is never
	CascadesInBinlog    bool  // changes made by foreign-key actions are logged as rows
	LowerCaseTableNames int   // lower_case_table_names
	Charset, Collation  string

	RDS, Aurora bool // settings change in a parameter group
}

// variables are the global variables that Server is made of. Servers that lack one leave it out.
const variables = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'gtid_mode', 'server_id', 'log_bin',
 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog_row_value_options', 'log_replica_updates', 'log_slave_updates',
 'binlog_expire_logs_seconds', 'innodb_native_foreign_keys', 'lower_case_table_names',
 'character_set_server', 'collation_server', 'basedir', 'aurora_version')`

// Server asks the server for its facts.
func (c *Conn) Server(ctx context.Context) (*Server, error) { return readServer(ctx, c) }

// querier runs small queries; a fake stands in for the server in tests.
type querier interface {
	Strings(ctx context.Context, query string, args ...any) ([][]string, error)
}

func readServer(ctx context.Context, q querier) (*Server, error) {
	rows, err := q.Strings(ctx, variables)
	if err != nil {
		return nil, fmt.Errorf("read server variables: %w", err)
	}
	v := make(map[string]string, len(rows))
	for _, row := range rows {
		v[strings.ToLower(row[0])] = row[1]
	}
	s := &Server{
		Flavor:          debezium.FlavorMySQL,
		Version:         v["version"],
		Number:          versionNumber(v["version"]),
		GTIDMode:        v["gtid_mode"] == "ON",
		LogBin:          on(v["log_bin"]),
		BinlogFormat:    v["binlog_format"],
		RowImage:        v["binlog_row_image"],
		RowMetadataFull: v["binlog_row_metadata"] == "FULL",
		RowValueOptions: v["binlog_row_value_options"],
		Charset:         v["character_set_server"],
		Collation:       v["collation_server"],
		RDS:             strings.HasPrefix(v["basedir"], "/rdsdbbin"),
	}
	_, s.Aurora = v["aurora_version"]
	if strings.Contains(s.Version, "MariaDB") {
		s.Flavor, s.GTIDMode = debezium.FlavorMariaDB, true
	}
	s.LogReplicaUpdates = on(v["log_replica_updates"]) || on(v["log_slave_updates"])
	s.CascadesInBinlog = s.AtLeast(debezium.FlavorMySQL, 90600) && !on(v["innodb_native_foreign_keys"])
	s.BinlogExpire, _ = strconv.ParseInt(v["binlog_expire_logs_seconds"], 10, 64) // absent is 0
	id, err := strconv.ParseUint(v["server_id"], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read server variables: server_id: %w", err)
	}
	s.ServerID = uint32(id) // fits: parsed as 32 bits
	if s.LowerCaseTableNames, err = strconv.Atoi(v["lower_case_table_names"]); err != nil {
		return nil, fmt.Errorf("read server variables: lower_case_table_names: %w", err)
	}
	return s, nil
}

// AtLeast reports whether the server is of the flavor and of version number (90600 for 9.6.0) or later.
func (s *Server) AtLeast(flavor string, number int) bool {
	return s.Flavor == flavor && s.Number >= number
}

func on(v string) bool { return v == "ON" || v == "1" }

// versionNumber reads 8.0.31-23-log as 80031.
func versionNumber(version string) int {
	numbers := [3]int{}
	i := 0
	for _, r := range strings.TrimPrefix(version, "5.5.5-") {
		switch {
		case r >= '0' && r <= '9':
			numbers[i] = numbers[i]*10 + int(r-'0')
		case r == '.' && i < len(numbers)-1:
			i++
		default:
			return (numbers[0]*100+numbers[1])*100 + numbers[2]
		}
	}
	return (numbers[0]*100+numbers[1])*100 + numbers[2]
}
