package mysql

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// grants are the privileges of the connected user, those of active roles included.
type grants struct {
	user string // 'user'@'host'
	list []grant
}

type grant struct {
	privileges []string // upper case
	on         string   // *.*, `db`.* or `db`.`table`
}

func readGrants(ctx context.Context, q querier) (*grants, error) {
	user, err := q.Strings(ctx, "SELECT CURRENT_USER()")
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	rows, err := q.Strings(ctx, "SHOW GRANTS")
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	g := &grants{user: QuoteString(user[0][0])}
	if at := strings.LastIndexByte(user[0][0], '@'); at >= 0 {
		g.user = QuoteString(user[0][0][:at]) + "@" + QuoteString(user[0][0][at+1:])
	}
	for _, row := range rows {
		text, ok := strings.CutPrefix(row[0], "GRANT ")
		privileges, rest, on := strings.Cut(text, " ON ")
		if !ok || !on {
			continue // a role, whose privileges have lines of their own
		}
		object, _, _ := strings.Cut(rest, " TO ")
		g.list = append(g.list, grant{privileges: strings.Split(strings.ToUpper(privileges), ", "), on: object})
	}
	return g, nil
}

// global reports whether the user has the privilege on everything.
func (g *grants) global(privilege string) bool {
	return slices.ContainsFunc(g.list, func(x grant) bool { return x.on == "*.*" && x.has(privilege) })
}

// database reports whether the user has the privilege on all tables of a database.
func (g *grants) database(privilege, database string) bool {
	return g.global(privilege) || slices.ContainsFunc(g.list, func(x grant) bool {
		name, ok := strings.CutSuffix(x.on, "`.*")
		return ok && x.has(privilege) && likeMatch(strings.TrimPrefix(name, "`"), database)
	})
}

func (x *grant) has(privilege string) bool {
	if slices.Contains(x.privileges, privilege) || slices.Contains(x.privileges, "ALL PRIVILEGES") {
		return true
	}
	switch privilege {
	case "REPLICATION CLIENT", "BINLOG MONITOR":
		return slices.Contains(x.privileges, "SUPER") ||
			slices.Contains(x.privileges, "REPLICATION CLIENT") || slices.Contains(x.privileges, "BINLOG MONITOR")
	default:
		return false
	}
}

// likeMatch matches a database name in a grant, where % and _ are wild cards unless escaped.
func likeMatch(pattern, name string) bool {
	var glob strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '%':
			glob.WriteByte('*')
		case '_':
			glob.WriteByte('?')
		case '\\':
			if i+1 < len(pattern) {
				i++
			}
			glob.WriteString(`\` + string(pattern[i]))
		case '*', '?', '[', ']':
			glob.WriteString(`\` + string(c))
		default:
			glob.WriteByte(c)
		}
	}
	ok, err := path.Match(strings.ReplaceAll(glob.String(), "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return ok && err == nil
}

// monitorPrivilege is the privilege to ask for the binlog's position.
func (s *Server) monitorPrivilege() string {
	if s.Flavor == debezium.FlavorMariaDB {
		return "BINLOG MONITOR"
	}
	return "REPLICATION CLIENT"
}

// problems returns the privileges that are missing for the binlog, and for the table locks of snapshots.
func (g *grants) problems(s *Server, keyless []debezium.TableID) []Problem {
	var found []Problem
	for _, p := range []struct{ name, privilege, what string }{
		{"grant-replication-slave", "REPLICATION SLAVE", "read the binlog"},
		{"grant-replication-client", s.monitorPrivilege(), "ask for the binlog's position"},
	} {
		if !g.global(p.privilege) {
			found = append(found, Problem{
				Name:    p.name,
				Message: fmt.Sprintf("%s lacks %s, needed to %s", g.user, p.privilege, p.what),
				Fix:     fmt.Sprintf("GRANT %s ON *.* TO %s;", p.privilege, g.user),
			})
		}
	}
	if s.Flavor == debezium.FlavorMariaDB {
		return found
	}
	if !s.GTIDMode && !g.global("LOCK TABLES") {
		return append(found, Problem{
			Name:    "grant-lock-tables",
			Message: g.user + " lacks LOCK TABLES: without GTIDs the position of a snapshot's chunk is known only while its table is locked, for a moment",
			Fix:     fmt.Sprintf("GRANT LOCK TABLES ON *.* TO %s; or turn gtid_mode on", g.user),
		})
	}
	keyless = slices.DeleteFunc(slices.Clone(keyless), func(t debezium.TableID) bool { return g.database("LOCK TABLES", t.Database) })
	if s.GTIDMode && len(keyless) > 0 {
		found = append(found, Problem{
			Name:    "grant-lock-tables",
			Message: g.user + " lacks LOCK TABLES: a snapshot of tables without a key may repeat rows that change while it starts: " + names(keyless),
			Fix:     fmt.Sprintf("GRANT LOCK TABLES ON *.* TO %s;", g.user),
			Notice:  true,
		})
	}
	return found
}

// names lists some tables and counts the rest.
func names(tables []debezium.TableID) string {
	const shown = 10
	var b strings.Builder
	for i, t := range tables[:min(len(tables), shown)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(t.String())
	}
	if n := len(tables) - shown; n > 0 {
		fmt.Fprintf(&b, " and %d more", n)
	}
	return b.String()
}
