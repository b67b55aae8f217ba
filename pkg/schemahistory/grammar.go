package schemahistory

import (
	"errors"
	"fmt"
	"slices"

	"vitess.io/vitess/go/vt/sqlparser"

	"github.com/firn-cdc/firn/pkg/mysql"
)

var errPeriodKey = errors.New("a key over a period does not identify rows by its columns")

// clause lets the grammar read one clause of ALTER TABLE.
func (h *History) clause(sql string) (sqlparser.AlterOption, error) {
	stmt, err := h.parser.ParseStrictDDL("ALTER TABLE t " + sql)
	if err != nil {
		return nil, err
	}
	alter, ok := stmt.(*sqlparser.AlterTable)
	if !ok || len(alter.AlterOptions) != 1 {
		return nil, fmt.Errorf("clause is a %T", stmt)
	}
	return alter.AlterOptions[0], nil
}

// indexDefinition reads a primary or unique key, as in ALTER TABLE ADD. One
// over expressions has no columns.
func (h *History) indexDefinition(r *reader) (ix index, primary bool, err error) {
	for i := r.i; i < len(r.toks); i++ {
		if !r.toks[i].Is("(") {
			continue
		}
		head := &reader{src: r.src, toks: r.toks[r.i:i], i: 0}
		body := &reader{src: r.src, toks: r.toks, i: i}
		if err := body.parens(); err != nil {
			return index{}, false, err
		}
		columns := &reader{src: r.src, toks: r.toks[i:body.i]}
		if overExpression(columns.toks) {
			return index{}, false, nil
		}
		if slices.ContainsFunc(columns.toks, func(t mysql.Token) bool { return t.Is("OVERLAPS") }) { // MariaDB: rows may share the columns
			return index{}, false, errPeriodKey
		}
		option, err := h.clause("ADD " + keyHead(head) + columns.sql())
		if err != nil {
			return index{}, false, err
		}
		add, ok := option.(*sqlparser.AddIndexDefinition)
		if !ok {
			return index{}, false, fmt.Errorf("key is a %T", option)
		}
		def := add.IndexDefinition
		ix.name = def.Info.Name.String()
		if c := def.Info.ConstraintName.String(); c != "" && ix.name == "" {
			ix.name = c
		}
		for _, c := range def.Columns {
			ix.columns = append(ix.columns, c.Column.String())
		}
		return ix, def.Info.Type == sqlparser.IndexTypePrimary, nil
	}
	return index{}, false, errors.New("want the key's columns")
}

// keyHead writes what stands before a key's columns, without what the grammar
// does not take there.
func keyHead(r *reader) string {
	for i := range r.toks {
		if r.toks[i].Is("USING") {
			r.toks = r.toks[:i]
			break
		}
	}
	return without(r, "IF", "NOT", "EXISTS")
}

// overExpression reports whether a parenthesis opens right inside the list.
func overExpression(toks []mysql.Token) bool {
	for i := 1; i < len(toks); i++ {
		if toks[i].Is("(") && (toks[i-1].Is("(") || toks[i-1].Is(",")) {
			return true
		}
	}
	return false
}

// without writes a clause without the words, which the grammar does not know.
func without(r *reader, words ...string) string {
	for i := range r.toks {
		probe := &reader{src: r.src, toks: r.toks, i: i}
		if probe.accept(words...) {
			rest := &reader{src: r.src, toks: append(append([]mysql.Token(nil), r.toks[:i]...), r.toks[probe.i:]...)}
			return rest.sql()
		}
	}
	return r.sql()
}
