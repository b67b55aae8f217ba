package schemahistory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// unlogged notes why stored values changed although the binlog has no rows of it.
func (a *alteration) unlogged(format string, args ...any) {
	a.touched.Unlogged = append(a.touched.Unlogged, fmt.Sprintf(format, args...))
}

// convert follows CONVERT TO CHARACTER SET.
func (a *alteration) convert(r *reader) error {
	charset := r.options().charset
	switch charset {
	case "":
		return errors.New("want a character set")
	case "default":
		charset = a.s.databaseCharset(a.id.Database)
	}
	for i := range a.table.Columns {
		c := &a.table.Columns[i]
		if isText(c) && !covers(charset, c.Charset) && (!a.s.ctx.SQLMode.Strict() || charset == charsetBinary || c.Charset == charsetBinary) {
			a.unlogged("column %s is converted from %s to %s", c.Name, c.Charset, charset)
		}
	}
	a.charset, a.table.DefaultCharset = charset, charset
	return nil
}

// option follows what is left: table options, of which the character set and
// the comment show, and what does not touch the definition.
func (a *alteration) option(r *reader) error {
	t := r.peek()
	switch {
	case t.Is("ORDER"):
		a.list = true
		return nil
	case t.Is("FORCE"), t.Is("ALGORITHM"), t.Is("LOCK"), t.Is("DISABLE"), t.Is("ENABLE"), t.Is("WITHOUT"), t.Is("WITH"):
		return nil
	case t.Is("DISCARD"), t.Is("IMPORT"):
		a.unlogged("%s TABLESPACE replaces the table's rows", strings.ToUpper(t.Text))
		return nil
	case t.Is("DEFAULT"), t.Is("CHARACTER"), t.Is("CHARSET"), t.Is("COLLATE"), t.Is("COMMENT"):
	case t.Kind == mysql.TokenWord && (r.at(1).Is("=") || isOption(t)):
	default:
		return r.unexpected("a clause of ALTER TABLE")
	}
	o := r.options()
	switch o.charset {
	case "":
	case "default":
		a.table.DefaultCharset = a.s.databaseCharset(a.id.Database)
	default:
		a.table.DefaultCharset = o.charset
	}
	if o.comment != nil && a.s.h.opts.Comments {
		a.table.Comment = a.s.h.opts.comment(*o.comment)
	}
	return nil
}

// isOption reports whether the word begins a table option, which needs no equals sign.
func isOption(t *mysql.Token) bool {
	return slices.ContainsFunc([]string{
		"AUTO_INCREMENT", "AUTOEXTEND_SIZE", "AVG_ROW_LENGTH", "CHECKSUM", "COMPRESSION", "CONNECTION", "DATA", "DELAY_KEY_WRITE",
		"ENCRYPTION", "ENGINE", "ENGINE_ATTRIBUTE", "INDEX", "INSERT_METHOD", "KEY_BLOCK_SIZE", "MAX_ROWS", "MIN_ROWS", "PACK_KEYS",
		"PAGE_CHECKSUM", "PASSWORD", "ROW_FORMAT", "SECONDARY_ENGINE", "SECONDARY_ENGINE_ATTRIBUTE", "SECONDARY_LOAD", "SECONDARY_UNLOAD",
		"SEQUENCE", "STATS_AUTO_RECALC", "STATS_PERSISTENT", "STATS_SAMPLE_PAGES", "TABLESPACE", "TRANSACTIONAL", "TYPE", "UNION",
	}, t.Is)
}

// partitioning follows a clause about partitions, and reports whether it is one.
func (a *alteration) partitioning(r *reader) bool {
	t := r.peek()
	if t.Is("PARTITION") || t.Is("REMOVE") && r.at(1).Is("PARTITIONING") {
		r.i = len(r.toks)
		a.list = true
		return true
	}
	if !r.at(1).Is("PARTITION") && (!t.Is("CONVERT") || !r.at(1).Is("TABLE")) {
		return false
	}
	verb := strings.ToUpper(t.Text)
	switch verb {
	case "DROP", "TRUNCATE", "DISCARD", "IMPORT", "CONVERT":
		a.unlogged("%s PARTITION removes or replaces rows", verb)
		a.exchanged(r)
	case "EXCHANGE":
		a.unlogged("EXCHANGE PARTITION swaps rows with another table")
		a.exchanged(r)
	case "REORGANIZE", "COALESCE", "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR":
	default:
		return false
	}
	a.list = true
	return true
}

// exchanged notes the other table of EXCHANGE and CONVERT PARTITION.
func (a *alteration) exchanged(r *reader) {
	for !r.done() {
		if !r.accept("TABLE") {
			r.next()
			continue
		}
		id, err := r.tableID(a.s.database)
		if err == nil {
			a.other = &Touched{Table: a.s.h.stored(id), Kind: Altered, Unlogged: []string{fmt.Sprintf("rows were exchanged with %s", a.id)}}
		}
		return
	}
}

// changes returns why MODIFY or CHANGE altered the values stored in a column,
// or "". A server in strict mode refuses a change that a value does not survive.
func (s *statement) changes(old *debezium.Column, d *columnDef) string {
	c, strict := &d.col, s.ctx.SQLMode.Strict()
	switch {
	case d.computed:
		return "its values are computed anew"
	case old.Optional && !c.Optional && !strict:
		return "NULL became the implicit default, sql_mode not being strict"
	case numbered(c) && !numbered(old) && s.ctx.SQLMode&mysql.NoAutoValueOnZero == 0:
		return "AUTO_INCREMENT gives a number to rows with 0"
	}
	from, to := familyOf(old), familyOf(c)
	if why := familyChange(old, c, from, to); why != "" {
		return why
	}
	if strict || !narrows(old, c, from) {
		return ""
	}
	return fmt.Sprintf("%s became %s, and values that do not fit were cut, sql_mode not being strict", describe(old), describe(c))
}

// numbered reports whether the column is AUTO_INCREMENT. Debezium's flag means
// ON UPDATE CURRENT_TIMESTAMP as well.
func numbered(c *debezium.Column) bool { return c.AutoIncremented && isNumber(c) }

func describe(c *debezium.Column) string {
	switch {
	case c.Length < 0 || len(c.EnumValues) > 0:
		return c.TypeName
	case c.Scale < 0:
		return fmt.Sprintf("%s(%d)", c.TypeName, c.Length)
	}
	return fmt.Sprintf("%s(%d,%d)", c.TypeName, c.Length, c.Scale)
}
