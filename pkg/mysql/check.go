package mysql

import "github.com/firn-cdc/firn/pkg/debezium"

// Problem is one thing about a server that keeps its changes from being captured whole.
type Problem struct {
	Name    string // short and stable, e.g. binlog-format
	Message string // what is wrong
	Fix     string // what exactly to do
	Notice  bool   // capture works all the same
}

// CheckOptions say what [Conn.Check] should allow and look for.
type CheckOptions struct {
	From           debezium.Position // where reading is to resume; zero for a first start
	AllowFKCascade bool              // --allow-fk-cascade
}
