package mysql

import (
	"context"
	"errors"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Problem is one thing about a server that keeps its changes from being captured whole.
type Problem struct {
	Name    string // short and stable, e.g. binlog-format
	Message string // what is wrong
	Fix     string // what exactly to do
	Notice  bool   // capture works all the same
}

// CheckOptions say what [Conn.Check] looks for and lets pass.
type CheckOptions struct {
	From           debezium.Position // where reading is to resume; zero for a first start
	AllowFKCascade bool              // --allow-fk-cascade
	Replica        Replica           // as which the binlog is to be read
}

// Check finds out what keeps the changes of the tables from being captured
// whole. It reads settings and definitions, never rows, and changes nothing. An
// error means that the check itself could not be done.
func (c *Conn) Check(ctx context.Context, tables []debezium.TableID, opts CheckOptions) ([]Problem, error) {
	return check(ctx, c, tables, opts)
}

// CheckPosition finds out what keeps the binlog from being read from a place on.
func (c *Conn) CheckPosition(ctx context.Context, s *Server, from debezium.Position) ([]Problem, error) {
	return checkPosition(ctx, c, s, from)
}

func check(ctx context.Context, q querier, tables []debezium.TableID, opts CheckOptions) ([]Problem, error) {
	s, err := readServer(ctx, q)
	if err != nil {
		return nil, err
	}
	problems := s.problems()
	grants, err := readGrants(ctx, q)
	if err != nil {
		return nil, err
	}
	keyless, found, err := checkTables(ctx, q, s, grants, tables, opts)
	if err != nil {
		return nil, err
	}
	problems = append(problems, grants.problems(s, keyless)...)
	problems = append(problems, found...)
	if !s.LogBin || !grants.global(s.monitorPrivilege()) {
		return problems, nil // the position cannot be asked for
	}
	for _, f := range []func(context.Context, querier, *Server) ([]Problem, error){
		func(ctx context.Context, q querier, s *Server) ([]Problem, error) {
			return checkFilters(ctx, q, s, tables)
		},
		checkReplica,
		opts.Replica.problems,
		func(ctx context.Context, q querier, s *Server) ([]Problem, error) {
			return checkPosition(ctx, q, s, opts.From)
		},
	} {
		found, err := f(ctx, q, s)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	return problems, nil
}

// checkFilters finds databases that the server keeps out of its binlog.
func checkFilters(ctx context.Context, q querier, s *Server, tables []debezium.TableID) ([]Problem, error) {
	rows, err := q.Strings(ctx, statusQuery(s.Flavor, s.Number))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	only, ignored := splitList(rows[0][2]), splitList(rows[0][3])
	var problems []Problem
	seen := map[string]bool{}
	for _, t := range tables {
		if seen[t.Database] {
			continue
		}
		seen[t.Database] = true
		option := ""
		switch {
		case len(only) > 0 && !only[t.Database]:
			option = "binlog-do-db"
		case ignored[t.Database]:
			option = "binlog-ignore-db"
		default:
			continue
		}
		problems = append(problems, Problem{
			Name:    "binlog-filter",
			Message: "the server's option " + option + " keeps changes of database " + t.Database + " out of the binlog",
			Fix:     "remove " + option + " from the server's configuration and restart it",
		})
	}
	return problems, nil
}

func splitList(s string) map[string]bool {
	set := map[string]bool{}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			set[part] = true
		}
	}
	return set
}

// checkReplica finds a replica that does not log what it replicates.
func checkReplica(ctx context.Context, q querier, s *Server) ([]Problem, error) {
	if s.LogReplicaUpdates {
		return nil, nil
	}
	query := "SHOW REPLICA STATUS"
	if s.Flavor == debezium.FlavorMariaDB {
		query = "SHOW ALL SLAVES STATUS"
	}
	rows, err := q.Strings(ctx, query)
	var answer *ServerError
	if errors.As(err, &answer) || err == nil && len(rows) == 0 {
		return nil, nil // not a replica, or not for us to know
	}
	if err != nil {
		return nil, err
	}
	name := "log_replica_updates"
	if s.Flavor == debezium.FlavorMariaDB {
		name = "log_slave_updates"
	}
	return []Problem{{
		Name:    "replica-updates",
		Message: "the server is a replica and does not write what it replicates to its binlog",
		Fix:     s.atStart(name, "ON"),
	}}, nil
}
