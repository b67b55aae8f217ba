package applier

import (
	"regexp"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// before returns a table as it was before a statement, by the statement's own
// words: where retention has removed what the schema-change topic had before, its
// first version of a table may be one that was altered. Types are those of after.
func before(v *version) *debezium.Table {
	old := *v.Table
	old.Columns = nil
	for i := range v.Table.Columns {
		c := v.Table.Columns[i]
		if from := renamedFrom(v.DDL, c.Name); from != "" {
			c.Name = from
		} else if adds(v.DDL, c.Name) {
			continue
		}
		old.Columns = append(old.Columns, c)
	}
	for _, name := range drops(v.DDL) {
		if old.Column(name) == nil {
			old.Columns = append(old.Columns, debezium.Column{Name: name})
		}
	}
	return &old
}

const anyName = "(`(?:[^`]|``)+`|[\\w$\u0080-\\x{10FFFF}]+)"

func unquoted(name string) string {
	if inner, ok := strings.CutPrefix(name, "`"); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "`"), "``", "`")
	}
	return name
}

// renamedFrom finds the old name of a column that a statement renames, "" for none.
func renamedFrom(statement, column string) string {
	if !mentions(statement, column) || !mentions(statement, "RENAME") && !mentions(statement, "CHANGE") {
		return ""
	}
	name := quotedName(column)
	m := regexp.MustCompile(`(?is)\b(?:RENAME\s+COLUMN\s+` + anyName + `\s+TO\s+` + name + `|CHANGE(?:\s+COLUMN)?(?:\s+IF\s+EXISTS)?\s+` + anyName + `\s+` + name + `)`).
		FindStringSubmatch(statement)
	if m == nil {
		return ""
	}
	from := unquoted(m[1] + m[2])
	if strings.EqualFold(from, column) {
		return ""
	}
	return from
}

// adds reports whether a statement adds a column.
func adds(statement, column string) bool {
	if !mentions(statement, "ADD", column) {
		return false
	}
	name := quotedName(column) + `\s`
	if regexp.MustCompile(`(?is)\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?` + name).MatchString(statement) {
		return true
	}
	list := regexp.MustCompile(`(?is)\bADD\s+(?:COLUMN\s+)?\((.*)`).FindStringSubmatch(statement)
	return list != nil && regexp.MustCompile(`(?is)(?:^|,)\s*(?:IF\s+NOT\s+EXISTS\s+)?`+name).MatchString(list[1])
}

// drops returns the columns that a statement drops.
func drops(statement string) []string {
	if !mentions(statement, "DROP") {
		return nil
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?is)\bDROP\s+(?:COLUMN\s+)?(?:IF\s+EXISTS\s+)?`+anyName).FindAllStringSubmatch(statement, -1) {
		switch strings.ToUpper(m[1]) {
		case "COLUMN", "INDEX", "KEY", "FOREIGN", "PRIMARY", "CONSTRAINT", "CHECK", "PARTITION", "DEFAULT", "SYSTEM", "PERIOD":
		default:
			names = append(names, unquoted(m[1]))
		}
	}
	return names
}
