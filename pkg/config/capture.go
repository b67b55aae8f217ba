package config

import "slices"

// Capture says which databases, tables and columns are read, by Debezium's
// rules: a table is captured if its database and its name pass their lists,
// and it is not MySQL's own.
type Capture struct {
	DatabaseIncludeList         Patterns `placeholder:"REGEX,..." help:"Databases to capture; all but MySQL's own if not given."`
	DatabaseExcludeList         Patterns `placeholder:"REGEX,..." help:"Databases to leave out."`
	TableIncludeList            Patterns `placeholder:"REGEX,..." help:"Tables to capture, as database.table."`
	TableExcludeList            Patterns `placeholder:"REGEX,..." help:"Tables to leave out."`
	ColumnIncludeList           Patterns `placeholder:"REGEX,..." help:"Columns to publish, as database.table.column."`
	ColumnExcludeList           Patterns `placeholder:"REGEX,..." help:"Columns to leave out; keys stay."`
	Tinyint1ToBoolean           Patterns `name:"tinyint1-to-boolean" placeholder:"REGEX,..." help:"Publish TINYINT(1) columns as booleans, true above zero."`
	TinyintToBoolean            Patterns `placeholder:"REGEX,..." help:"The same for TINYINT columns of any length."`
	ColumnRule                  []string `sep:"none" placeholder:"PROPERTY=REGEX,..." help:"Shorten, mask or hash columns, by Debezium's properties: column.truncate.to.N.chars, column.mask.with.N.chars, column.mask.hash[.v2].ALGORITHM.with.salt.SALT. Repeatable."`
	ColumnPropagateSourceType   Patterns `placeholder:"REGEX,..." help:"Columns whose MySQL type goes into the schema's parameters."`
	DatatypePropagateSourceType Patterns `placeholder:"REGEX,..." help:"The same by type, as database.table.TYPE."`
	MessageKeyColumns           string   `placeholder:"REGEX:COLUMN,...;..." help:"Columns of the record key of tables, if not the primary key's."`
	SignalDataCollection        []string `placeholder:"DATABASE.TABLE" help:"Tables of Debezium's signals: captured whatever the lists say, but no snapshot reads them. The signals are not obeyed."`
	TableIgnoreBuiltin          bool     `default:"true" negatable:"" help:"Leave out MySQL's own databases."`
}

// Database reports whether tables of a database may be captured.
func (c *Capture) Database(database string) bool {
	if c.TableIgnoreBuiltin && builtin(database) {
		return false
	}
	return c.Listed(database)
}

// Listed reports whether the lists let a database pass. It may be MySQL's own.
func (c *Capture) Listed(database string) bool {
	return pass(c.DatabaseIncludeList, c.DatabaseExcludeList, database)
}

// Table reports whether a table is captured.
func (c *Capture) Table(database, table string) bool {
	return c.Signals(database, table) || c.Database(database) && pass(c.TableIncludeList, c.TableExcludeList, database+"."+table)
}

// Signals reports whether a table is one of signals.
func (c *Capture) Signals(database, table string) bool {
	return slices.Contains(c.SignalDataCollection, database+"."+table)
}

// Rank orders captured tables as Debezium reads them: by the expression of the
// include list that names them, then by name.
func (c *Capture) Rank(database, table string) int {
	return c.TableIncludeList.index(database + "." + table)
}

// Column reports whether a column is published. Columns of the key are whatever
// this says.
func (c *Capture) Column(database, table, column string) bool {
	return pass(c.ColumnIncludeList, c.ColumnExcludeList, database+"."+table+"."+column)
}

func pass(include, exclude Patterns, name string) bool {
	if !include.Empty() {
		return include.Match(name)
	}
	return !exclude.Match(name)
}

func builtin(database string) bool {
	switch database {
	case "mysql", "sys", "performance_schema", "information_schema":
		return true
	default:
		return false
	}
}

func (c *Capture) validate(p *problems) {
	c.validateRules(p)
	for _, l := range []struct {
		kind             string
		include, exclude Patterns
	}{
		{"database", c.DatabaseIncludeList, c.DatabaseExcludeList},
		{"table", c.TableIncludeList, c.TableExcludeList},
		{"column", c.ColumnIncludeList, c.ColumnExcludeList},
	} {
		if !l.include.Empty() && !l.exclude.Empty() {
			p.add("--%s-include-list and --%s-exclude-list: give one of them", l.kind, l.kind)
		}
	}
}
