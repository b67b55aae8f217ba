package binlog

import (
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// scanner reads a statement token by token, as far as it is wanted.
type scanner struct {
	lex    mysql.Lexer
	failed bool // a quote or a comment is not closed: what follows is not known
}

func (s *scanner) next() mysql.Token {
	t, err := s.lex.Next()
	s.failed = s.failed || err != nil
	return t
}

// verb returns the first word, in upper case. Parentheses before it are passed over.
func (s *scanner) verb() string {
	t := s.next()
	for t.Is("(") || t.Is(";") {
		t = s.next()
	}
	if t.Kind != mysql.TokenWord {
		return ""
	}
	return strings.ToUpper(t.Text)
}

// action returns the verb of what a statement does and leaves the scanner behind it: behind
// MariaDB's SET STATEMENT … FOR, and behind its ANALYZE, which runs what it analyzes.
func (s *scanner) action() string {
	s.lex.BehindSet()
	word := s.verb()
	if word != "ANALYZE" {
		return word
	}
	inner := s.verb()
	if inner == "FORMAT" {
		s.next() // =
		s.next()
		inner = s.verb()
	}
	if changesRows(inner) {
		return inner
	}
	return word
}

// changesRows reports whether statements that begin with the verb change rows.
// A SELECT is logged only if it calls a stored function that does.
func changesRows(verb string) bool {
	switch verb {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "WITH", "SELECT":
		return true
	default:
		return false
	}
}

// target returns the one table that a statement which changes rows names as its
// target, where that is plain to see.
func (s *scanner) target(verb, database string) (debezium.TableID, bool) {
	word := s.next()
	marker := ""
	switch verb {
	case "INSERT", "REPLACE":
		marker = "INTO"
	case "DELETE":
		marker = "FROM"
	case "UPDATE":
	default:
		return debezium.TableID{}, false
	}
	for isModifier(&word) {
		word = s.next()
	}
	switch {
	case marker != "" && word.Is(marker):
		word = s.next()
	case marker == "FROM":
		return debezium.TableID{}, false // DELETE t1, t2 FROM …
	}
	if !word.IsName() {
		return debezium.TableID{}, false
	}
	id := debezium.TableID{Database: database, Table: word.Text}
	after := s.next()
	if after.Is(".") {
		table := s.next()
		id = debezium.TableID{Database: word.Text, Table: table.Text}
		after = s.next()
	}
	if slices.ContainsFunc([]string{",", "JOIN", "INNER", "LEFT", "RIGHT", "CROSS", "NATURAL", "STRAIGHT_JOIN", "AS", ".", "USING"}, after.Is) {
		return debezium.TableID{}, false
	}
	if verb == "UPDATE" && !after.Is("SET") {
		return debezium.TableID{}, false
	}
	return id, id.Table != ""
}

func isModifier(word *mysql.Token) bool {
	return slices.ContainsFunc([]string{"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE"}, word.Is)
}
