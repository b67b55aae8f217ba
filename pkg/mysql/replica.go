package mysql

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Replica is how a reader of the binlog introduces itself to the server.
type Replica struct {
	ServerID uint32
	Name     string // the same at every start
}

// maxReplicaHost is what every server takes for a replica's host.
const maxReplicaHost = 60

// Host is what the server lists for the replica: who it is, and where.
func (r Replica) Host() string {
	host, _ := os.Hostname() // without one, the name alone is listed
	return cutHost(r.Name + "@" + host)
}

func cutHost(host string) string { return host[:min(len(host), maxReplicaHost)] }

// Other returns the host of another client that uses the replica's server id,
// or "" if the server tells of none. A list may name one for some time that is
// gone: until the server has written to it twice.
func (r Replica) Other(ctx context.Context, c *Conn) (host string, err error) {
	return r.other(ctx, c, c.flavor(), versionNumber(c.version))
}

func (r Replica) other(ctx context.Context, q querier, flavor string, number int) (string, error) {
	query := "SHOW SLAVE HOSTS"
	if flavor == debezium.FlavorMySQL && number >= 80022 {
		query = "SHOW REPLICAS"
	}
	rows, err := q.Strings(ctx, query)
	if IsServerError(err, CodeMissingPrivilege) { // MariaDB asks for REPLICATION MASTER ADMIN; there the server ends the older of two
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("list the server's replicas: %w", err)
	}
	for _, row := range rows { // Server_Id, Host, …
		if row[0] == strconv.FormatUint(uint64(r.ServerID), 10) && !strings.HasPrefix(row[1], cutHost(r.Name+"@")) {
			return row[1], nil
		}
	}
	return "", nil
}

// problems finds others that go by the replica's server id.
func (r Replica) problems(ctx context.Context, q querier, s *Server) ([]Problem, error) {
	if r.ServerID == 0 { // none is chosen yet
		return nil, nil
	}
	problem := Problem{Name: "server-id", Fix: "choose another --database-server-id, one that no server and no other reader has"}
	if r.ServerID == s.ServerID {
		problem.Message = fmt.Sprintf("server id %d is the server's own", r.ServerID)
		return []Problem{problem}, nil
	}
	host, err := r.other(ctx, q, s.Flavor, s.Number)
	if err != nil || host == "" {
		return nil, err
	}
	problem.Message = fmt.Sprintf("another replica uses server id %d: %s, as the server lists it", r.ServerID, host)
	return []Problem{problem}, nil
}
