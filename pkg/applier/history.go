package applier

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
)

// ddl is what one schema change does to a table's columns, as far as Iceberg
// has to follow it.
type ddl struct {
	offset        int64
	source        debezium.Source // of the statement
	position      string          // of the statement in the source
	before, after []string        // the table's columns
	renamed       [][2]string     // from, to
	added         []debezium.Field
	fills         []maintenance.Fill // of those added whose old rows are not null
	changed       []debezium.Field
	dropped       []string
	perRow        []string // added columns whose old rows cannot be filled with one value
}

// squash returns what the changes come to, by the names that columns have at
// last: a table that has followed none of them has been made by its rows, whose
// columns are called so. Dropped columns come with old rows, if with any.
func squash(changes []ddl, has func(column string) bool) ddl {
	var net ddl
	for i := range changes {
		d := &changes[i]
		net.offset, net.position, net.source = d.offset, d.position, d.source
		net.rename(d.renamed)
		for _, name := range d.dropped {
			net.drop(name)
		}
		for _, f := range d.added {
			net.dropped = slices.DeleteFunc(net.dropped, func(name string) bool { return strings.EqualFold(name, f.Name) })
		}
		net.dropped = append(net.dropped, d.dropped...)
		net.renamed = append(net.renamed, d.renamed...)
		net.added, net.changed = append(net.added, d.added...), net.retype(d.changed)
		net.fills, net.perRow = append(net.fills, d.fills...), append(net.perRow, d.perRow...)
	}
	isNew := func(column string) bool {
		return slices.ContainsFunc(net.added, func(f debezium.Field) bool { return f.Name == column })
	}
	last := changes[len(changes)-1].after
	net.renamed = slices.DeleteFunc(net.renamed, func(r [2]string) bool {
		// A new column may have had the name that an older one has at last.
		return !has(r[0]) || has(r[1]) || isNew(r[1]) && slices.Contains(last, r[0])
	})
	return net
}

// retype gives columns that have another type their last one, and returns those
// that were there before. A column whose old rows get a value of another type is
// left to whoever refuses it.
func (d *ddl) retype(changed []debezium.Field) []debezium.Field {
	for _, f := range changed {
		same := func(known debezium.Field) bool { return strings.EqualFold(known.Name, f.Name) }
		filled := slices.ContainsFunc(d.fills, func(fill maintenance.Fill) bool { return strings.EqualFold(fill.Column, f.Name) })
		if i := slices.IndexFunc(d.added, same); i >= 0 && (!filled || d.added[i].Schema.Type == f.Schema.Type) {
			d.added[i].Schema = f.Schema
		} else if i := slices.IndexFunc(d.changed, same); i >= 0 {
			d.changed[i].Schema = f.Schema
		} else {
			d.changed = append(d.changed, f)
		}
	}
	return d.changed
}

// rename gives what is known of columns their new names, all at once: names may
// change places.
func (d *ddl) rename(renamed [][2]string) {
	to := func(name *string) {
		if i := slices.IndexFunc(renamed, func(r [2]string) bool { return strings.EqualFold(r[0], *name) }); i >= 0 {
			*name = renamed[i][1]
		}
	}
	for _, fields := range [][]debezium.Field{d.added, d.changed} {
		for i := range fields {
			to(&fields[i].Name)
		}
	}
	for i := range d.fills {
		to(&d.fills[i].Column)
	}
	for i := range d.perRow {
		to(&d.perRow[i])
	}
	for i := range d.renamed {
		to(&d.renamed[i][1])
	}
}

// adjust calls all columns as the records of rows do.
func (d *ddl) adjust(names debezium.NameAdjustment) {
	if names == debezium.NamesAsTheyAre {
		return
	}
	for _, columns := range [][]string{d.before, d.after, d.dropped, d.perRow} {
		for i := range columns {
			columns[i] = names.FieldName(columns[i])
		}
	}
	for i := range d.renamed {
		d.renamed[i] = [2]string{names.FieldName(d.renamed[i][0]), names.FieldName(d.renamed[i][1])}
	}
	for _, fields := range [][]debezium.Field{d.added, d.changed} {
		for i := range fields {
			fields[i].Name = names.FieldName(fields[i].Name)
		}
	}
	for i := range d.fills {
		d.fills[i].Column = names.FieldName(d.fills[i].Column)
	}
}

// drop forgets what is known of a column.
func (d *ddl) drop(column string) {
	is := func(name string) bool { return strings.EqualFold(name, column) }
	gone := func(f debezium.Field) bool { return is(f.Name) }
	d.added, d.changed = slices.DeleteFunc(d.added, gone), slices.DeleteFunc(d.changed, gone)
	d.fills = slices.DeleteFunc(d.fills, func(f maintenance.Fill) bool { return is(f.Column) })
	d.perRow = slices.DeleteFunc(d.perRow, is)
}

// history folds a table's versions into the changes between them. Columns that
// the source has dropped are kept, or are not.
func history(versions []version, modes debezium.Modes, kept bool) ([]ddl, error) {
	var changes []ddl
	var last *debezium.Table
	dropped := make(map[string]bool)
	for i := range versions {
		v := &versions[i]
		if v.Table == nil || v.Type == "CREATE" {
			last = v.Table
			continue
		}
		if last == nil {
			last = before(v)
		}
		d, err := compare(last, v, modes)
		if err != nil {
			return nil, fmt.Errorf("schema change at offset %d: %w", v.Offset, err)
		}
		d.adjust(v.Names)
		for _, name := range d.dropped {
			dropped[strings.ToLower(name)] = true
		}
		for _, f := range d.added {
			if kept && dropped[strings.ToLower(f.Name)] { // old rows hold what they had before the column was dropped
				d.perRow = append(d.perRow, f.Name)
			}
		}
		changes = append(changes, d)
		last = v.Table
	}
	return changes, nil
}

func compare(old *debezium.Table, v *version, modes debezium.Modes) (ddl, error) {
	d := ddl{offset: v.Offset, source: v.Source, position: fmt.Sprintf("%s:%d", v.Source.File, v.Source.Pos)}
	if v.Source.GTID != "" {
		d.position = v.Source.GTID
	}
	d.before, d.after = columnNames(old), columnNames(v.Table)
	from, away := make(map[string]string), make(map[string]bool) // new name to old name, old names; in lower case
	for i := range old.Columns {
		was := old.Columns[i].Name
		if to := renamedTo(v.DDL, was, v.Table); to != "" {
			d.renamed = append(d.renamed, [2]string{was, to})
			from[strings.ToLower(to)], away[strings.ToLower(was)] = was, true
		}
	}
	for i := range old.Columns {
		was := old.Columns[i].Name
		_, taken := from[strings.ToLower(was)] // by another column
		if !away[strings.ToLower(was)] && (taken || v.Table.Column(was) == nil || anew(v.DDL, was)) {
			d.dropped = append(d.dropped, was)
		}
	}
	for i := range v.Table.Columns {
		c := &v.Table.Columns[i]
		s, err := c.Schema(modes)
		if err != nil {
			return d, err
		}
		before := old.Column(c.Name)
		if was, ok := from[strings.ToLower(c.Name)]; ok {
			before = old.Column(was)
		} else if away[strings.ToLower(c.Name)] || before != nil && slices.Contains(d.dropped, before.Name) {
			before = nil
		}
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
	if text == debezium.EventTime && !timed(c, v.DDL) {
		text = *c.Default
	}
	if perRow {
		d.perRow = append(d.perRow, c.Name)
	}
	if null || perRow {
		return nil
	}
	value, err := fillValue(s, c, text, v.Began)
	if errors.Is(err, errFill) {
		d.perRow = append(d.perRow, c.Name)
		return nil
	}
	if err != nil {
		return fmt.Errorf("column %s: %w", c.Name, err)
	}
	if !value.IsNull() {
		d.fills = append(d.fills, maintenance.Fill{Fill: lake.Fill{Column: c.Name, Schema: s, Value: value}, Position: d.position})
	}
	return nil
}

// timed reports whether the statement gives the column CURRENT_TIMESTAMP: in the
// table change it is the epoch, which a DATETIME may also have.
func timed(c *debezium.Column, statement string) bool {
	return c.BaseType() == "TIMESTAMP" || gives(statement, c.Name, `\bDEFAULT\s+(?:CURRENT_TIMESTAMP|NOW|LOCALTIME|LOCALTIMESTAMP)\b`)
}

// computed reports whether the statement gives the column an expression: its
// table change says so of generated columns at most, and of those with AUTO_INCREMENT
// or ON UPDATE CURRENT_TIMESTAMP too.
func computed(c *debezium.Column, statement string) bool {
	return c.Generated && !c.AutoIncremented || gives(statement, c.Name, `\bDEFAULT\s*\(|\bAS\s*\(`)
}

// gives reports whether what a statement says of a column it defines has a part
// that matches what.
func gives(statement, column, what string) bool {
	const between = `(?:[^,('"]|\([^()]*\)|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")*?` // to the comma that ends it
	return regexp.MustCompile(`(?is)` + quotedName(column) + `\s+` + between + `(?:` + what + `)`).MatchString(statement)
}

// anew reports whether a statement drops a column and adds another one of its name.
func anew(statement, column string) bool {
	if !mentions(statement, "DROP", "ADD", column) {
		return false
	}
	name := quotedName(column)
	if strings.EqualFold(column, "PRIMARY") || strings.EqualFold(column, "CHECK") { // DROP PRIMARY KEY, ADD PRIMARY KEY
		name = "`" + column + "`"
	}
	for _, verb := range []string{`DROP\s+(?:COLUMN\s+)?(?:IF\s+EXISTS\s+)?` + name, `ADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?\(?\s*` + name + `\s`} {
		if !regexp.MustCompile(`(?is)\b` + verb).MatchString(statement) {
			return false
		}
	}
	return true
}

func quotedName(name string) string {
	return "(?:`" + regexp.QuoteMeta(strings.ReplaceAll(name, "`", "``")) + "`|\\b" + regexp.QuoteMeta(name) + "\\b)"
}

func columnNames(t *debezium.Table) []string {
	names := make([]string, len(t.Columns))
	for i := range t.Columns {
		names[i] = t.Columns[i].Name
	}
	return names
}

// renamedTo finds the new name that a statement gives a column, "" for none. A
// column that is added may have the old one.
func renamedTo(statement, was string, now *debezium.Table) string {
	if !mentions(statement, was) || !mentions(statement, "RENAME") && !mentions(statement, "CHANGE") {
		return ""
	}
	for i := range now.Columns {
		to := now.Columns[i].Name
		if to == was || !mentions(statement, to) {
			continue
		}
		re := regexp.MustCompile(`(?is)\b(?:RENAME\s+COLUMN\s+` + quotedName(was) + `\s+TO|CHANGE(?:\s+COLUMN)?(?:\s+IF\s+EXISTS)?\s+` + quotedName(was) + `)\s+` + quotedName(to))
		if re.MatchString(statement) {
			return to
		}
	}
	return ""
}

// mentions reports whether all words, names of columns among them, are somewhere
// in the statement, which costs less to know than what they mean.
func mentions(statement string, words ...string) bool {
	statement = strings.ToUpper(statement)
	return !slices.ContainsFunc(words, func(word string) bool {
		return !strings.Contains(statement, strings.ToUpper(strings.ReplaceAll(word, "`", "``")))
	})
}
