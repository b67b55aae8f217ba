package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// checkTables looks at each table's definition. It returns the tables without a key, too.
func checkTables(ctx context.Context, q querier, s *Server, g *grants, tables []debezium.TableID, opts CheckOptions) (keyless []debezium.TableID, found []Problem, err error) {
	var denied, missing []debezium.TableID
	for _, t := range tables {
		// LIMIT 0 reads nothing, and asks for the privilege on every column.
		_, err := q.Strings(ctx, "SELECT * FROM "+QuoteTable(t)+" LIMIT 0")
		switch {
		case IsServerError(err, CodeTableAccessDenied, CodeColumnAccessDenied, CodeDBAccessDenied):
			denied = append(denied, t)
			continue
		case IsServerError(err, CodeNoSuchTable, CodeUnknownDatabase):
			missing = append(missing, t)
			continue
		case err != nil:
			return nil, nil, fmt.Errorf("check %s: %w", t, err)
		}
		rows, err := q.Strings(ctx, "SHOW CREATE TABLE "+QuoteTable(t))
		if err != nil {
			return nil, nil, fmt.Errorf("check %s: %w", t, err)
		}
		if len(rows) != 1 || len(rows[0]) < 2 {
			return nil, nil, fmt.Errorf("check %s: no answer to SHOW CREATE TABLE", t)
		}
		create := rows[0][1]
		if !opts.AllowFKCascade && !s.CascadesInBinlog {
			if names := cascades(create); len(names) > 0 {
				found = append(found, s.CascadeProblem(t, names))
			}
		}
		keyed, err := hasKey(ctx, q, t, create)
		if err != nil {
			return nil, nil, fmt.Errorf("check %s: %w", t, err)
		}
		if !keyed {
			keyless = append(keyless, t)
		}
	}
	if len(denied) > 0 {
		found = append(found, Problem{
			Name:    "grant-select",
			Message: g.user + " may not read every column of " + names(denied),
			Fix:     selectFix(g.user, denied),
		})
	}
	if len(missing) > 0 {
		found = append(found, Problem{
			Name:    "table-missing",
			Message: "no such table: " + names(missing),
			Fix:     "correct --table-include-list, or create the table",
		})
	}
	if len(keyless) > 0 {
		found = append(found, Problem{
			Name:    "no-key",
			Message: "tables without a primary key, or unique key of columns that are never NULL, are appended to, never mirrored: " + names(keyless),
			Fix:     "ALTER TABLE … ADD PRIMARY KEY, or let it be appended",
			Notice:  true,
		})
	}
	versioned, err := versionedTables(ctx, q, s, tables)
	return keyless, append(found, versioned...), err
}

// versionedTables finds MariaDB's system-versioned tables.
func versionedTables(ctx context.Context, q querier, s *Server, tables []debezium.TableID) ([]Problem, error) {
	if s.Flavor != debezium.FlavorMariaDB {
		return nil, nil
	}
	rows, err := q.Strings(ctx, "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'SYSTEM VERSIONED'")
	if err != nil {
		return nil, fmt.Errorf("look for system-versioned tables: %w", err)
	}
	var found []Problem
	for _, row := range rows {
		if id := (debezium.TableID{Database: row[0], Table: row[1]}); slices.Contains(tables, id) {
			found = append(found, VersionedProblem(id))
		}
	}
	return found, nil
}

// VersionedProblem is a table that MariaDB keeps old versions of: the binlog has
// an update's old version as an insert behind it, and a delete as an update.
func VersionedProblem(id debezium.TableID) Problem {
	return Problem{
		Name:    "system-versioned",
		Message: id.String() + " is system-versioned: its binlog holds old versions of rows as if they were new rows, and no deletes",
		Fix: "exclude the table (--table-exclude-list); it can be captured, and is read anew, when a reader that excludes it " +
			"has passed the statement ALTER TABLE … DROP SYSTEM VERSIONING",
	}
}

func selectFix(user string, tables []debezium.TableID) string {
	if len(tables) > 3 {
		return fmt.Sprintf("GRANT SELECT ON *.* TO %s; or on each of the tables", user)
	}
	fixes := make([]string, len(tables))
	for i, t := range tables {
		fixes[i] = fmt.Sprintf("GRANT SELECT ON %s TO %s;", QuoteTable(t), user)
	}
	return strings.Join(fixes, " ")
}

// CascadeProblem is a table that foreign keys change without a trace in the binlog.
func (s *Server) CascadeProblem(t debezium.TableID, constraints []string) Problem {
	fix := "accept that such changes are lost, with --allow-fk-cascade; or drop the constraint's action and let the application do it"
	switch {
	case s.AtLeast(debezium.FlavorMySQL, 90600):
		fix = s.atStart("innodb_native_foreign_keys", "OFF") + "; or " + fix
	case s.Flavor == debezium.FlavorMySQL:
		fix += "; or upgrade to MySQL 9.6, which logs them"
	}
	return Problem{
		Name: "fk-cascade",
		Message: fmt.Sprintf("%s is changed by foreign-key actions, which the server does not write to its binlog: constraint %s",
			t, strings.Join(constraints, ", ")),
		Fix: fix,
	}
}

// cascades returns the foreign keys of SHOW CREATE TABLE through which a change
// of the parent changes this table. Information_schema hides them from users
// who may only read.
func cascades(create string) []string {
	var constraints []string
	for line := range strings.Lines(create) {
		rest, ok := strings.CutPrefix(line, "  CONSTRAINT `")
		name, clause, found := strings.Cut(rest, "` FOREIGN KEY (")
		if !ok || !found {
			continue
		}
		clause = clause[strings.LastIndexByte(clause, '`')+1:] // what follows the last name
		for _, event := range []string{" ON DELETE ", " ON UPDATE "} {
			_, action, _ := strings.Cut(clause, event)
			if strings.HasPrefix(action, "CASCADE") || strings.HasPrefix(action, "SET NULL") || strings.HasPrefix(action, "SET DEFAULT") {
				constraints = append(constraints, strings.ReplaceAll(name, "``", "`"))
				break
			}
		}
	}
	return constraints
}

// hasKey reports whether the table has a primary key or a unique key of whole columns that are never NULL.
func hasKey(ctx context.Context, q querier, t debezium.TableID, create string) (bool, error) {
	if strings.Contains(create, "\n  PRIMARY KEY (") {
		return true, nil
	}
	if !strings.Contains(create, "\n  UNIQUE KEY ") {
		return false, nil
	}
	// Key_name is column 2, Sub_part 7 and Null 9.
	rows, err := q.Strings(ctx, "SHOW INDEX FROM "+QuoteTable(t)+" WHERE Non_unique = 0")
	if err != nil {
		return false, err
	}
	usable := map[string]bool{}
	for _, row := range rows {
		if _, seen := usable[row[2]]; !seen {
			usable[row[2]] = true
		}
		if row[4] == "" || row[7] != "" || row[9] != "" {
			usable[row[2]] = false
		}
	}
	for _, ok := range usable {
		if ok {
			return true, nil
		}
	}
	return false, nil
}
