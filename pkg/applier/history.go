package applier

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// ddl is what one schema change does to a table's columns, as far as Iceberg
// has to follow it.
type ddl struct {
	offset   int64
	position string      // of the statement in the source
	renamed  [][2]string // from, to
	added    []debezium.Field
	fills    []lake.Fill // of those added whose old rows are not null
	changed  []debezium.Field
	dropped  []string
	perRow   []string // added columns whose old rows cannot be filled with one value
}

// history folds a table's versions into the changes between them.
func history(versions []version, modes debezium.Modes) ([]ddl, error) {
	var changes []ddl
	var last *debezium.Table
	dropped := make(map[string]bool)
	for i := range versions {
		v := &versions[i]
		if v.Table == nil || v.Type == "CREATE" || last == nil {
			last = v.Table
			continue
		}
		d, err := compare(last, v, modes)
		if err != nil {
			return nil, fmt.Errorf("schema change at offset %d: %w", v.Offset, err)
		}
		for _, name := range d.dropped {
			dropped[strings.ToLower(name)] = true
		}
		for _, f := range d.added {
			if dropped[strings.ToLower(f.Name)] { // old rows hold what they had before the column was dropped
				d.perRow = append(d.perRow, f.Name)
			}
		}
		changes = append(changes, d)
		last = v.Table
	}
	return changes, nil
}

func compare(old *debezium.Table, v *version, modes debezium.Modes) (ddl, error) {
	d := ddl{offset: v.Offset, position: fmt.Sprintf("%s:%d", v.Source.File, v.Source.Pos)}
	if v.Source.GTID != "" {
		d.position = v.Source.GTID
	}
	from := make(map[string]string) // new name to old name, in lower case
	for i := range old.Columns {
		was := old.Columns[i].Name
		if v.Table.Column(was) != nil {
			continue
		}
		if to := renamedTo(v.DDL, was, old, v.Table); to != "" {
			d.renamed = append(d.renamed, [2]string{was, to})
			from[strings.ToLower(to)] = was
			continue
		}
		d.dropped = append(d.dropped, was)
	}
	for i := range v.Table.Columns {
		c := &v.Table.Columns[i]
		s, err := c.Schema(modes)
		if err != nil {
			return d, err
		}
		name := c.Name
		if was, ok := from[strings.ToLower(name)]; ok {
			name = was
		}
		before := old.Column(name)
		switch {
		case before == nil:
			if err := d.add(c, s, v); err != nil {
				return d, err
			}
		case before.TypeExpression != c.TypeExpression || before.TypeName != c.TypeName || before.Length != c.Length || before.Scale != c.Scale:
			d.changed = append(d.changed, debezium.Field{Name: c.Name, Schema: s})
		}
	}
	return d, nil
}

// add notes a new column, and what MySQL has put into the rows there were.
func (d *ddl) add(c *debezium.Column, s *debezium.Schema, v *version) error {
	d.added = append(d.added, debezium.Field{Name: c.Name, Schema: s})
	if computed(c, v.DDL) {
		d.perRow = append(d.perRow, c.Name)
		return nil
	}
	text, null, perRow := debezium.Fill(c)
	if perRow {
		d.perRow = append(d.perRow, c.Name)
	}
	if null || perRow {
		return nil
	}
	value, err := fillValue(s, c, text, v.Source.TsNs)
	if err != nil {
		return fmt.Errorf("column %s: %w", c.Name, err)
	}
	if !value.IsNull() {
		d.fills = append(d.fills, lake.Fill{Column: c.Name, Schema: s, Value: value})
	}
	return nil
}

// computed reports whether the statement gives the column an expression: its
// table change says so of generated columns at most.
func computed(c *debezium.Column, statement string) bool {
	if c.Generated {
		return true
	}
	re := regexp.MustCompile(`(?is)` + quotedName(c.Name) + `\s+[^,]*?(\bDEFAULT\s*\(|\bAS\s*\()`)
	return re.MatchString(statement)
}

func quotedName(name string) string {
	return "(?:`" + regexp.QuoteMeta(strings.ReplaceAll(name, "`", "``")) + "`|\\b" + regexp.QuoteMeta(name) + "\\b)"
}

// renamedTo finds the new name of a column that has left the table, "" if it
// was dropped.
func renamedTo(statement, was string, old, now *debezium.Table) string {
	for i := range now.Columns {
		to := now.Columns[i].Name
		if old.Column(to) != nil {
			continue
		}
		re := regexp.MustCompile(`(?is)\b(?:RENAME\s+COLUMN\s+` + quotedName(was) + `\s+TO|CHANGE(?:\s+COLUMN)?(?:\s+IF\s+EXISTS)?\s+` + quotedName(was) + `)\s+` + quotedName(to))
		if re.MatchString(statement) {
			return to
		}
	}
	return ""
}
