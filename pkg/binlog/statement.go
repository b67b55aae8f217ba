package binlog

import (
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// verb returns the first word of a statement, upper case, and what follows it.
// Comments are passed over, and the marks of executable ones.
func verb(sql string) (word, rest string) {
	for {
		sql = strings.TrimLeft(sql, " \t\r\n\f\v(;")
		switch {
		case strings.HasPrefix(sql, "/*!"), strings.HasPrefix(sql, "/*M!"):
			sql = strings.TrimLeft(sql[strings.IndexByte(sql, '!')+1:], "0123456789")
		case strings.HasPrefix(sql, "/*"):
			_, after, ok := strings.Cut(sql[2:], "*/")
			if !ok {
				return "", ""
			}
			sql = after
		case strings.HasPrefix(sql, "#"), strings.HasPrefix(sql, "--"):
			_, after, ok := strings.Cut(sql, "\n")
			if !ok {
				return "", ""
			}
			sql = after
		default:
			n := 0
			for n < len(sql) && isWord(sql[n]) {
				n++
			}
			return strings.ToUpper(sql[:n]), sql[n:]
		}
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// changesRows reports whether statements that begin with the verb change rows.
func changesRows(verb string) bool {
	switch verb {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "WITH":
		return true
	default:
		return false
	}
}

// target returns the one table that a statement which changes rows names as its
// target, where that is plain to see.
func target(verbWord, rest, database string) (debezium.TableID, bool) {
	t := tokens{rest: rest}
	word := t.next()
	marker := ""
	switch verbWord {
	case "INSERT", "REPLACE":
		marker = "INTO"
	case "DELETE":
		marker = "FROM"
	case "UPDATE":
	default:
		return debezium.TableID{}, false
	}
	for isModifier(word) {
		word = t.next()
	}
	switch {
	case marker != "" && strings.EqualFold(word, marker):
		word = t.next()
	case marker == "FROM":
		return debezium.TableID{}, false // DELETE t1, t2 FROM …
	}
	first := unquote(word)
	id := debezium.TableID{Database: database, Table: first}
	after := t.next()
	if after == "." {
		id = debezium.TableID{Database: first, Table: unquote(t.next())}
		after = t.next()
	}
	switch strings.ToUpper(after) {
	case ",", "JOIN", "INNER", "LEFT", "RIGHT", "CROSS", "NATURAL", "STRAIGHT_JOIN", "AS", ".", "USING":
		return debezium.TableID{}, false
	}
	if verbWord == "UPDATE" && !strings.EqualFold(after, "SET") {
		return debezium.TableID{}, false
	}
	return id, id.Table != ""
}

func isModifier(word string) bool {
	switch strings.ToUpper(word) {
	case "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE":
		return true
	default:
		return false
	}
}

// tokens splits a statement into words, quoted words and single characters.
type tokens struct{ rest string }

func (t *tokens) next() string {
	s := strings.TrimLeft(t.rest, " \t\r\n\f\v")
	n := 0
	switch {
	case s == "":
	case s[0] == '`' || s[0] == '"' || s[0] == '\'':
		n = len(s)
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			n = end + 2
		}
	case isWord(s[0]):
		for n < len(s) && isWord(s[n]) {
			n++
		}
	default:
		n = 1
	}
	t.rest = s[n:]
	return s[:n]
}

func unquote(word string) string {
	if len(word) >= 2 && (word[0] == '`' || word[0] == '"') {
		return word[1 : len(word)-1]
	}
	return word
}
