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

// action returns the verb of what a statement does and what follows it: behind
// MariaDB's SET STATEMENT … FOR, and behind its ANALYZE, which runs what it analyzes.
func action(sql string) (word, rest string) {
	word, rest = verb(sql)
	t := tokens{rest: rest}
	switch word {
	case "SET":
		if !strings.EqualFold(t.next(), "STATEMENT") {
			return word, rest
		}
		for next := t.next(); next != ""; next = t.next() {
			if strings.EqualFold(next, "FOR") {
				return action(t.rest)
			}
		}
	case "ANALYZE":
		if strings.EqualFold(t.next(), "FORMAT") {
			t.next() // =
			t.next()
			rest = t.rest
		}
		if inner, after := verb(rest); changesRows(inner) {
			return inner, after
		}
	}
	return word, rest
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
	if !isName(word) {
		return debezium.TableID{}, false
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
// Comments are passed over, and the marks of executable ones.
type tokens struct{ rest string }

func (t *tokens) next() string {
	s := t.rest
	for {
		s = strings.TrimLeft(s, " \t\r\n\f\v")
		switch {
		case strings.HasPrefix(s, "/*!"), strings.HasPrefix(s, "/*M!"):
			s = strings.TrimLeft(s[strings.IndexByte(s, '!')+1:], "0123456789")
			continue
		case strings.HasPrefix(s, "/*"):
			_, s, _ = strings.Cut(s[2:], "*/")
			continue
		case strings.HasPrefix(s, "*/"):
			s = s[2:]
			continue
		case strings.HasPrefix(s, "#"), strings.HasPrefix(s, "-- "):
			_, s, _ = strings.Cut(s, "\n")
			continue
		}
		break
	}
	n := 0
	switch {
	case s == "":
	case s[0] == '`' || s[0] == '"' || s[0] == '\'':
		n = quotedLength(s)
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

// quotedLength returns the length of the quoted word that s begins with.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] != '`':
			i++
		case s[i] != s[0]:
		case i+1 < len(s) && s[i+1] == s[0]: // doubled, it stands for itself
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

func unquote(word string) string {
	if len(word) >= 2 && (word[0] == '`' || word[0] == '"') {
		return strings.ReplaceAll(word[1:len(word)-1], word[:1]+word[:1], word[:1])
	}
	return word
}
