package config

import (
	"regexp"
	"strconv"
	"time"
)

// Table is the settings of the tables whose names match, in the file's list
// tables. What is not set is as for all tables.
type Table struct {
	Name       Patterns          `yaml:"name"`       // database.table, by Debezium's matching rules
	WriteMode  string            `yaml:"write-mode"` // as --write-mode
	Key        []string          `yaml:"key"`        // columns that name a row, where the records have no key
	Partition  []PartitionField  `yaml:"partition"`  // such as day(created) or bucket(16, id)
	Properties map[string]string `yaml:"properties"` // of the Iceberg table
	Columns    []Column          `yaml:"columns"`    // for JSON without schemas and without a schema-change topic
}

// Column is a column's type as MySQL writes it, such as decimal(10,2).
type Column struct {
	Name    string `yaml:"name"`
	Type    string `yaml:"type"`
	NotNull bool   `yaml:"not-null"`
}

// PartitionField is one field of an Iceberg partition spec.
type PartitionField struct {
	Transform string // identity, bucket, truncate, year, month, day, hour or void
	Width     int    // of bucket and truncate
	Column    string
}

// UnmarshalText reads column, transform(column) or transform(width, column).
func (f *PartitionField) UnmarshalText(text []byte) error {
	m := regexp.MustCompile(`^\s*(?:([a-z]+)\s*\(\s*(?:(\d+)\s*,)?\s*)?([^\s(),]+)\s*(\))?\s*$`).FindStringSubmatch(string(text))
	*f = PartitionField{Transform: "identity"}
	if m == nil || (m[1] == "") != (m[4] == "") {
		return partitionError(text)
	}
	f.Column = m[3]
	if m[1] == "" {
		return nil
	}
	f.Transform = m[1]
	switch m[1] {
	case "bucket", "truncate":
		width, err := strconv.Atoi(m[2])
		if err != nil || width < 1 {
			return partitionError(text)
		}
		f.Width = width
	case "identity", "year", "month", "day", "hour", "void":
		if m[2] != "" {
			return partitionError(text)
		}
	default:
		return partitionError(text)
	}
	return nil
}

type partitionError string

// Error says what a partition field looks like.
func (e partitionError) Error() string {
	return strconv.Quote(string(e)) + " is not a partition field such as country, day(created) or bucket(16, id)"
}

func (t *Table) validate(p *problems, i int) {
	where := "tables[" + strconv.Itoa(i) + "]"
	if t.Name.Empty() {
		p.add("%s: name is required: a regular expression for database.table", where)
	} else {
		where += " " + strconv.Quote(t.Name.String())
	}
	if t.WriteMode != "" {
		p.oneOf(where+": write-mode", t.WriteMode, writeModes()...)
	}
	seen := map[string]bool{}
	for _, c := range t.Columns {
		switch {
		case c.Name == "" || c.Type == "":
			p.add("%s: columns: each has a name and a type", where)
		case seen[c.Name]:
			p.add("%s: columns: %q is there twice", where, c.Name)
		default:
		}
		seen[c.Name] = true
	}
}

// Settings returns the settings of a table: those of the first in the list that
// matches, or none.
func (c *Applier) Settings(database, table string) Table {
	for _, t := range c.Tables {
		if t.Name.Match(database + "." + table) {
			return t
		}
	}
	return Table{}
}

// Maintenance is what maintenance may spend, in the file's section maintenance.
type Maintenance struct {
	Interval   time.Duration `yaml:"interval"`    // between looks at a table
	MaxBytes   Bytes         `yaml:"max-bytes"`   // rewritten at a time
	DeadRows   float64       `yaml:"dead-rows"`   // share of a partition's rows that may be deleted
	MinFiles   int           `yaml:"min-files"`   // small files that are worth merging
	OrphanAge  time.Duration `yaml:"orphan-age"`  // of files that belong to nothing
	OrphanScan time.Duration `yaml:"orphan-scan"` // between searches for them
}

func defaultMaintenance() Maintenance {
	return Maintenance{
		Interval: time.Minute, MaxBytes: 1 << 30, DeadRows: 0.005, MinFiles: 4, OrphanAge: 72 * time.Hour, OrphanScan: 24 * time.Hour,
	}
}

func (m *Maintenance) validate(p *problems) {
	if m.Interval < time.Second {
		p.add("maintenance: interval %v is too short: at least 1s", m.Interval)
	}
	if m.MaxBytes < 1<<20 {
		p.add("maintenance: max-bytes %s is too little: at least 1MiB", m.MaxBytes)
	}
	if m.DeadRows <= 0 || m.DeadRows > 1 {
		p.add("maintenance: dead-rows %v is not a share between 0 and 1", m.DeadRows)
	}
	if m.MinFiles < 2 {
		p.add("maintenance: min-files %d must be at least 2", m.MinFiles)
	}
	if m.OrphanAge < 24*time.Hour {
		p.add("maintenance: orphan-age %v is too short: files of a running commit belong to nothing yet; at least 24h", m.OrphanAge)
	}
	if m.OrphanScan < time.Hour {
		p.add("maintenance: orphan-scan %v is too short: at least 1h", m.OrphanScan)
	}
}
