package schemahistory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// reader walks over a statement's tokens.
type reader struct {
	src  string
	toks []mysql.Token
	i    int
}

// peek returns the next token, or one of kind end.
func (r *reader) peek() *mysql.Token { return r.at(0) }

func (r *reader) at(n int) *mysql.Token {
	if r.i+n < len(r.toks) {
		return &r.toks[r.i+n]
	}
	return &mysql.Token{Start: len(r.src), End: len(r.src)}
}

func (r *reader) done() bool { return r.i >= len(r.toks) }

func (r *reader) next() *mysql.Token {
	t := r.peek()
	r.i++
	return t
}

// accept passes over the words if they all follow.
func (r *reader) accept(words ...string) bool {
	for n, w := range words {
		if !r.at(n).Is(w) {
			return false
		}
	}
	r.i += len(words)
	return true
}

// acceptAny passes over one of the words.
func (r *reader) acceptAny(words ...string) bool {
	if slices.ContainsFunc(words, r.peek().Is) {
		r.i++
		return true
	}
	return false
}

func (r *reader) expect(w string) error {
	if !r.accept(w) {
		return r.unexpected(w)
	}
	return nil
}

func (r *reader) unexpected(want string) error {
	t := r.peek()
	if t.Kind == mysql.TokenEnd {
		return fmt.Errorf("want %s at the end", want)
	}
	return fmt.Errorf("want %s at %q", want, r.src[t.Start:t.End])
}

// name reads an identifier.
func (r *reader) name() (string, error) {
	if !r.peek().IsName() {
		return "", r.unexpected("a name")
	}
	return r.next().Text, nil
}

// tableID reads [database.]table.
func (r *reader) tableID(database string) (debezium.TableID, error) {
	r.accept(".") // MySQL takes .t for t
	n, err := r.name()
	if err != nil {
		return debezium.TableID{}, err
	}
	if !r.accept(".") {
		return debezium.TableID{Database: database, Table: n}, nil
	}
	t, err := r.name()
	return debezium.TableID{Database: n, Table: t}, err
}

// tableIDs reads a list of tables.
func (r *reader) tableIDs(database string) ([]debezium.TableID, error) {
	var ids []debezium.TableID
	for {
		id, err := r.tableID(database)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
		if !r.accept(",") {
			return ids, nil
		}
	}
}

// columnName reads a column's name, which may be qualified by its table's.
func (r *reader) columnName() (string, error) {
	n, err := r.name()
	for err == nil && r.accept(".") {
		n, err = r.name()
	}
	return n, err
}

// parens passes over a balanced pair of parentheses and what is inside.
func (r *reader) parens() error {
	if err := r.expect("("); err != nil {
		return err
	}
	for depth := 1; depth > 0; {
		switch t := r.next(); {
		case t.Kind == mysql.TokenEnd:
			return fmt.Errorf("parenthesis is not closed")
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		}
	}
	return nil
}

// inner returns a reader of what is inside the parentheses that follow, and passes over them.
func (r *reader) inner() (*reader, error) {
	from := r.i + 1
	if err := r.parens(); err != nil {
		return nil, err
	}
	return &reader{src: r.src, toks: r.toks[from : r.i-1]}, nil
}

// split cuts the rest at its commas outside parentheses.
func (r *reader) split() []*reader {
	var parts []*reader
	depth, from := 0, r.i
	for i := r.i; i < len(r.toks); i++ {
		switch t := &r.toks[i]; {
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		case t.Is(",") && depth == 0:
			parts = append(parts, &reader{src: r.src, toks: r.toks[from:i]})
			from = i + 1
		}
	}
	r.i = len(r.toks)
	if from < len(r.toks) {
		parts = append(parts, &reader{src: r.src, toks: r.toks[from:]})
	}
	return parts
}

// source returns the statement's text from token from up to token to.
func (r *reader) source(from, to int) string {
	if from >= to || to > len(r.toks) {
		return ""
	}
	return r.src[r.toks[from].Start:r.toks[to-1].End]
}

// sql writes the rest for the grammar: comments gone, identifiers quoted as
// MySQL's default mode quotes them, and words quoted that the grammar reserves
// although servers take them as names.
func (r *reader) sql() string {
	var b strings.Builder
	depth := 0
	for ; r.i < len(r.toks); r.i++ {
		t := &r.toks[r.i]
		switch {
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		}
		if t.Kind == mysql.TokenQuoted || t.Kind == mysql.TokenWord && (depth == 1 && !t.Is("ASC") && !t.Is("DESC") || reservedByGrammar(t.Text)) {
			b.WriteString(quote(t.Text))
		} else {
			b.WriteString(r.src[t.Start:t.End])
		}
		b.WriteByte(' ')
	}
	return b.String()
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// reservedByGrammar reports whether sqlparser refuses as a name what MySQL or
// MariaDB accept.
func reservedByGrammar(w string) bool {
	switch strings.ToLower(w) {
	case "_gb18030", "cast", "cume_dist", "curdate", "curtime", "dense_rank", "empty", "escape", "extract", "first_value",
		"generated", "groups", "json_length", "json_table", "lag", "last_value", "lateral", "lead", "next", "now", "nth_value", "ntile",
		"of", "off", "optimizer_costs", "percent_rank", "postpone", "rank", "revert", "row", "savepoint", "sql_cache",
		"sql_no_cache", "sql_tsi_microsecond", "stored", "substr", "substring", "sysdate", "system", "virtual", "vstream", "window":
		return true
	}
	return false
}
