package snapshot

import (
	"errors"
	"fmt"
	"strings"
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
	// Unsorted marks a column that its index orders in another way than comparisons do, and text beside one.
	Unsorted bool
	// Labels are an ENUM's, as SQL literals: only comparisons with labels read a range of an index.
	Labels []string
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

// ErrKey is a place in a table's key order that is none of the key that the table has.
var ErrKey = errors.New("the key does not fit the table")

// literal returns the SQL literal of a value that expr selected. Only what
// expr can have selected is accepted: a key may come from a topic.
func (c *KeyColumn) literal(v string) (string, error) {
	k, ok := c.kind()
	if !ok {
		return "", fmt.Errorf("column %s: %w", c.Name, ErrKey)
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
		return "", fmt.Errorf("column %s: %w", c.Name, ErrKey)
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
		if c.Unsorted {
			return "_binary " + hexLiteral(v), nil
		}
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
		return nil, fmt.Errorf("key of %s: %w", t.ID, ErrKey)
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
