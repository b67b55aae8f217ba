package schemahistory

import (
	"strings"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// leftOut reports whether Debezium makes no record of a statement that does
// nothing to tables and databases: it is a change of rows or of privileges, about
// users, views and programs, or the end of a session (schema.history.internal.ddl.filter).
func (s *statement) leftOut() bool {
	r := &reader{src: s.r.src, toks: s.r.toks}
	switch {
	case r.done():
		return true
	case r.acceptAny("INSERT", "UPDATE", "DELETE", "REPLACE", "TRUNCATE", "SAVEPOINT", "GRANT", "REVOKE", "XA", "BEGIN", "END", "COMMIT", "ROLLBACK"):
		return true
	case r.accept("FLUSH"):
		return r.accept("PRIVILEGES") || r.accept("RELAY", "LOGS")
	case r.acceptAny("ANALYZE", "OPTIMIZE", "REPAIR"):
		r.acceptAny("NO_WRITE_TO_BINLOG", "LOCAL")
		return r.accept("TABLE")
	case r.accept("CREATE", "TEMPORARY"), r.accept("DROP", "TEMPORARY"):
		return true
	case r.acceptAny("CREATE", "ALTER", "DROP"):
		return r.leftOutObject()
	}
	return false
}

// leftOutObject reports whether what CREATE, ALTER or DROP is about is none of Debezium's.
func (r *reader) leftOutObject() bool {
	r.accept("OR", "REPLACE")
	if r.accept("ALGORITHM") {
		r.accept("=")
		r.next()
	}
	if r.accept("DEFINER") {
		r.accept("=")
		r.next()
		if at := r.peek(); at.Kind == mysql.TokenWord && strings.HasPrefix(at.Text, "@") { // @host, or @ and a quoted one
			if r.next(); at.Text == "@" {
				r.next()
			}
		}
	}
	if r.accept("SQL", "SECURITY") {
		r.next()
	}
	return r.acceptAny("USER", "ROLE", "VIEW", "FUNCTION", "PROCEDURE", "TRIGGER")
}
