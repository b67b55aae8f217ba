package snapshot

import (
	"errors"
	"fmt"
	"strings"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// Key is a place in a table's key order: the text of the values of the key's
// columns, or of the first few. It is plain ASCII, fit to be stored as JSON.
// Nil is the beginning.
type Key []string

// KeyColumn is a column of the key that orders a table.
type KeyColumn struct {
	Name               string
	Type               string // as information_schema.columns.data_type has it
	Charset, Collation string // of character columns
	Descending         bool
}

// kind says how the values of a column are selected and written as literals,
// so that the server compares them as the index does.
type kind int

const (
	number   kind = iota // also ENUM, SET and BIT, whose index order is that of the number
	decimal              // exact
	float                // needs all digits: a FLOAT's plain text is rounded
	temporal             // quoted
	opaque               // MariaDB's UUID and INET types: quoted
	text                 // bytes in the column's character set, compared in its collation
	binary               // bytes
)

func (c *KeyColumn) kind() (kind, bool) {
	switch c.Type {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit", "enum", "set":
		return number, true
	case "decimal":
		return decimal, true
	case "float", "double":
		return float, true
	case "date", "datetime", "timestamp", "time":
		return temporal, true
	case "uuid", "inet4", "inet6":
		return opaque, true
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		return text, true
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return binary, true
	default: // JSON, geometry and vectors cannot be in a unique key
		return 0, false
	}
}

// expr selects the column in the text that literal takes.
func (c *KeyColumn) expr(name string) string {
	switch c.Type {
	case "bit", "enum", "set", "year":
		return "CAST(" + name + " AS UNSIGNED)"
	}
	switch k, _ := c.kind(); k {
	case float:
		return name + "+0e0"
	case text, binary:
		return "HEX(" + name + ")"
	default:
		return name
	}
}

var errKey = errors.New("the key does not fit the table")

// literal returns the SQL literal of a value that expr selected. Only what
// expr can have selected is accepted: a key may come from a topic.
func (c *KeyColumn) literal(v string) (string, error) {
	k, ok := c.kind()
	if !ok {
		return "", fmt.Errorf("column %s: %w", c.Name, errKey)
	}
	allowed := [...]string{
		number:   "0123456789-",
		decimal:  "0123456789-.",
		float:    "0123456789-+.e",
		temporal: "0123456789-:. ",
		opaque:   "0123456789abcdef-:.",
		text:     "0123456789ABCDEF",
		binary:   "0123456789ABCDEF",
	}[k]
	if strings.Trim(v, allowed) != "" || v == "" && k != text && k != binary {
		return "", fmt.Errorf("column %s: %w", c.Name, errKey)
	}
	switch k {
	case number, decimal:
		return v, nil
	case float:
		if !strings.Contains(v, "e") {
			v += "e0" // else it is an exact decimal
		}
		return v, nil
	case temporal, opaque:
		return "'" + v + "'", nil
	case binary:
		return "_binary " + hexLiteral(v), nil
	default:
		return "_" + c.Charset + " " + hexLiteral(v) + " COLLATE " + c.Collation, nil
	}
}

func hexLiteral(v string) string {
	if v == "" {
		return "''"
	}
	return "0x" + v
}

// literals returns the literals of a key, which may be shorter than the table's.
func (t *Table) literals(k Key) ([]string, error) {
	if len(k) > len(t.Key) {
		return nil, fmt.Errorf("key of %s: %w", t.ID, errKey)
	}
	out := make([]string, len(k))
	for i := range k {
		var err error
		if out[i], err = t.Key[i].literal(k[i]); err != nil {
			return nil, fmt.Errorf("key of %s: %w", t.ID, err)
		}
	}
	return out, nil
}

// column returns the name of a key column, which the select list's own names cannot hide.
func (t *Table) column(i int) string {
	return mysql.QuoteName(t.ID.Table) + "." + mysql.QuoteName(t.Key[i].Name)
}

// beyond returns the condition that a row comes after k, in the key's order.
// It starts with a plain bound on the first column, so that every optimizer
// reads the index from there.
func (t *Table) beyond(k []string) string {
	last := len(k) - 1
	cond := t.column(last) + t.after(last) + k[last]
	for i := last - 1; i >= 0; i-- {
		cond = fmt.Sprintf("(%s%s%s OR (%s = %s AND %s))", t.column(i), t.after(i), k[i], t.column(i), k[i], cond)
	}
	if last > 0 {
		cond = t.column(0) + strings.TrimSuffix(t.after(0), " ") + "= " + k[0] + " AND " + cond
	}
	return cond
}

// upTo returns the condition that a row comes before k or is it.
func (t *Table) upTo(k []string) string {
	last := len(k) - 1
	cond := t.column(last) + strings.TrimSuffix(t.before(last), " ") + "= " + k[last]
	for i := last - 1; i >= 0; i-- {
		cond = fmt.Sprintf("(%s%s%s OR (%s = %s AND %s))", t.column(i), t.before(i), k[i], t.column(i), k[i], cond)
	}
	if last > 0 {
		cond = t.column(0) + strings.TrimSuffix(t.before(0), " ") + "= " + k[0] + " AND " + cond
	}
	return cond
}

func (t *Table) after(i int) string {
	if t.Key[i].Descending {
		return " < "
	}
	return " > "
}

func (t *Table) before(i int) string {
	if t.Key[i].Descending {
		return " > "
	}
	return " < "
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
		b.WriteString(", " + t.Key[i].expr(t.column(i)))
		if i > 0 {
			order.WriteString(", ")
		}
		order.WriteString(t.column(i))
		if t.Key[i].Descending {
			order.WriteString(" DESC")
		}
	}
	b.WriteString(" FROM " + mysql.QuoteTable(t.ID) + " FORCE INDEX (" + mysql.QuoteName(t.Index) + ")")
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
