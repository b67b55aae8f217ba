package mysql

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// QuoteName returns an identifier in backquotes.
func QuoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// QuoteString returns a string literal that means s in every SQL mode.
func QuoteString(s string) string {
	if strings.ContainsAny(s, "\\\x00") {
		return "_utf8mb4 0x" + hex.EncodeToString([]byte(s))
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// expand replaces each ? of query by the literal of its argument. A ? inside a
// literal or a name is not told apart: pass such text as an argument.
func expand(query string, args []any) (string, error) {
	parts := strings.Split(query, "?")
	if len(parts) != len(args)+1 {
		return "", fmt.Errorf("query: %d arguments for %d places", len(args), len(parts)-1)
	}
	var b strings.Builder
	for i, arg := range args {
		b.WriteString(parts[i])
		switch v := arg.(type) {
		case nil:
			b.WriteString("NULL")
		case string:
			b.WriteString(QuoteString(v))
		case []byte:
			if len(v) == 0 {
				b.WriteString("''")
			} else {
				b.WriteString("0x" + hex.EncodeToString(v))
			}
		case int:
			b.WriteString(strconv.Itoa(v))
		case int64:
			b.WriteString(strconv.FormatInt(v, 10))
		case uint64:
			b.WriteString(strconv.FormatUint(v, 10))
		default:
			return "", fmt.Errorf("query: argument %d: unsupported type %T", i+1, arg)
		}
	}
	b.WriteString(parts[len(args)])
	return b.String(), nil
}
