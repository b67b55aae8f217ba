package mysql

import (
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// problems returns what is wrong with the server's settings.
func (s *Server) problems() []Problem {
	var found []Problem
	add := func(name, message, fix string) {
		found = append(found, Problem{Name: name, Message: message, Fix: fix})
	}
	notice := func(name, message, fix string) {
		found = append(found, Problem{Name: name, Message: message, Fix: fix, Notice: true})
	}
	if !s.LogBin {
		add("binlog-off", "the server writes no binlog", s.enableBinlog())
		return found
	}
	if s.ServerID == 0 {
		add("server-id", "the server's server_id is 0, so it refuses everyone who reads its binlog", s.set("server_id", "1"))
	}
	if s.BinlogFormat != "" && s.BinlogFormat != "ROW" {
		add("binlog-format", "binlog_format is "+s.BinlogFormat+": the binlog holds statements, not rows",
			s.set("binlog_format", "ROW")+"; then reconnect every client, for sessions keep what they started with")
	}
	if s.RowImage != "" && s.RowImage != "FULL" {
		add("binlog-row-image", "binlog_row_image is "+s.RowImage+": row images lack columns",
			s.set("binlog_row_image", "FULL")+"; then reconnect every client, for sessions keep what they started with")
	}
	if s.RowValueOptions != "" {
		add("binlog-row-value-options", "binlog_row_value_options is "+s.RowValueOptions+": updates of JSON columns are logged in part",
			s.set("binlog_row_value_options", "")+"; then reconnect every client, for sessions keep what they started with")
	}
	if !s.GTIDMode {
		notice("gtid-mode", "gtid_mode is not ON: a failover to another server cannot be followed, and each chunk of a snapshot locks its table for a moment",
			"turn gtid_mode on in steps, see https://dev.mysql.com/doc/refman/en/replication-mode-change-online-enable-gtids.html; a reader that began without GTIDs needs a new snapshot then")
	}
	if !s.RowMetadataFull {
		notice("binlog-row-metadata", "binlog_row_metadata is MINIMAL: the shape of rows is known only as far as every DDL statement is understood",
			s.set("binlog_row_metadata", "FULL"))
	}
	if s.BinlogExpire > 0 && s.BinlogExpire < 86400 && !s.RDS {
		notice("binlog-retention", fmt.Sprintf("binlog files are deleted after %d s: a reader that stops for longer needs a new snapshot", s.BinlogExpire),
			s.set("binlog_expire_logs_seconds", "604800"))
	}
	return found
}

// set says how a setting is changed on this server so that it stays.
func (s *Server) set(name, value string) string {
	if s.RDS {
		return s.parameterGroup(name, value)
	}
	quoted := value
	if value == "" || value[0] < '0' || value[0] > '9' {
		quoted = QuoteString(value)
	}
	if s.Flavor == debezium.FlavorMariaDB {
		return fmt.Sprintf("SET GLOBAL %s = %s; and %s = %s in the [mariadbd] section of my.cnf", name, quoted, name, value)
	}
	return fmt.Sprintf("SET PERSIST %s = %s", name, quoted)
}

// atStart says how a setting is changed that needs a restart.
func (s *Server) atStart(name, value string) string {
	if s.RDS {
		return s.parameterGroup(name, value) + " and restart the instance"
	}
	return fmt.Sprintf("%s = %s in the server's my.cnf, and restart it", name, value)
}

func (s *Server) parameterGroup(name, value string) string {
	group := "DB parameter group"
	if s.Aurora {
		group = "DB cluster parameter group"
	}
	if value == "" {
		return fmt.Sprintf("reset %s in the %s", name, group)
	}
	return fmt.Sprintf("set %s = %s in the %s", name, value, group)
}

func (s *Server) enableBinlog() string {
	switch {
	case s.Aurora:
		return "set binlog_format = ROW in the DB cluster parameter group and restart the writer instance"
	case s.RDS:
		return "turn on automated backups (a backup retention period of at least 1 day), which turns on the binlog"
	default:
		return s.atStart("log_bin", "binlog")
	}
}
