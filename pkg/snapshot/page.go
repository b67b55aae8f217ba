package snapshot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// name returns the name of a key column, which the select list's own names cannot hide.
func (t *Table) name(i int) string {
	return mysql.QuoteName(t.ID.Table) + "." + mysql.QuoteName(t.Key[i].Name)
}

// column returns what rows are ordered by and keys are compared with.
func (t *Table) column(i int) string {
	switch c := &t.Key[i]; {
	case !c.Unsorted:
		return t.name(i)
	case c.Type == "set":
		return c.expr(t.name(i))
	default:
		return "CAST(" + t.name(i) + " AS BINARY)"
	}
}

// hint has the server read the key's index from the bound on, or sort where the index would not do.
func (t *Table) hint() string {
	verb := " FORCE"
	if slices.ContainsFunc(t.Key, func(c KeyColumn) bool { return c.Unsorted }) {
		verb = " IGNORE"
	}
	return verb + " INDEX (" + mysql.QuoteName(t.Index) + ")"
}

// beyond returns the condition that a row comes after k, in the key's order.
func (t *Table) beyond(k []string) string { return t.compare(k, ">", "<", false) }

// upTo returns the condition that a row comes before k or is it.
func (t *Table) upTo(k []string) string { return t.compare(k, "<", ">", true) }

// compare returns the condition that a row lies on one side of k. Ascending
// columns are compared by asc, descending ones by desc. It starts with a bound
// on the first column, so that every optimizer reads the index from there.
func (t *Table) compare(k []string, asc, desc string, orEqual bool) string {
	op := func(i int) string {
		if t.Key[i].Descending {
			return desc
		}
		return asc
	}
	last := len(k) - 1
	end := op(last)
	if orEqual {
		end += "="
	}
	cond := t.condition(last, end, k[last])
	for i := last - 1; i >= 0; i-- {
		cond = "(" + t.condition(i, op(i), k[i]) + " OR (" + t.condition(i, "=", k[i]) + " AND " + cond + "))"
	}
	if last > 0 {
		cond = t.condition(0, op(0)+"=", k[0]) + " AND " + cond
	}
	return cond
}

// condition compares a key column with a literal.
func (t *Table) condition(i int, op, literal string) string {
	if labels := t.Key[i].Labels; len(labels) > 0 {
		n, err := strconv.Atoi(literal)
		switch {
		case err != nil || n < 1 || n > len(labels): // 0 is the value of a label that was refused
		case op == "=":
			return t.column(i) + " = " + labels[n-1]
		case op == ">=":
			return t.column(i) + " IN (" + strings.Join(labels[n-1:], ", ") + ")"
		case op == ">" && n == len(labels):
			return "FALSE"
		case op == ">":
			return t.column(i) + " IN (" + strings.Join(labels[n:], ", ") + ")"
		}
	}
	return t.column(i) + " " + op + " " + literal
}

// pageQuery returns the query for the rows after one key, up to another, in key order.
func (t *Table) pageQuery(span Range, limit int) (string, error) {
	after, err := t.literals(span.After)
	if err != nil {
		return "", err
	}
	until, err := t.literals(span.Until)
	if err != nil {
		return "", err
	}
	var b, order strings.Builder
	b.WriteString("SELECT " + t.Select)
	for i := range t.Key {
		b.WriteString(", " + t.Key[i].expr(t.name(i)))
		if i > 0 {
			order.WriteString(", ")
		}
		order.WriteString(t.column(i))
		if t.Key[i].Descending {
			order.WriteString(" DESC")
		}
	}
	b.WriteString(" FROM " + mysql.QuoteTable(t.ID) + t.hint())
	var conds []string
	if len(after) > 0 {
		conds = append(conds, t.beyond(after))
	}
	if len(until) > 0 {
		conds = append(conds, t.upTo(until))
	}
	b.WriteString(t.where(conds))
	fmt.Fprintf(&b, " ORDER BY %s LIMIT %d", order.String(), limit)
	return b.String(), nil
}

// passQuery returns the query for all rows, in no order.
func (t *Table) passQuery() string {
	return "SELECT " + t.Select + " FROM " + mysql.QuoteTable(t.ID) + t.where(nil)
}

func (t *Table) where(conds []string) string {
	if t.Where != "" {
		conds = append(conds, "("+t.Where+"\n)") // a line of its own ends a comment in the condition
	}
	if len(conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conds, " AND ")
}
