package schemahistory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// TableMeta is what a table map of the binlog says of a table.
type TableMeta struct {
	Table   debezium.TableID
	Columns []ColumnMeta
	// Full says that names, signs, character sets, labels and the primary key are there (binlog_row_metadata=FULL).
	Full bool
	// PrimaryKey holds the indexes of the key's columns, in key order.
	PrimaryKey []int
}

// ColumnMeta is what a table map says of a column.
type ColumnMeta struct {
	Name string
	Type byte // enum_field_types of the server; ENUM and SET, which are logged as strings, are 247 and 248
	// Meta is the precision<<8 | scale of a decimal, the fraction digits of a time, the bytes of a CHAR,
	// VARCHAR or BINARY, the bits of a BIT, the bytes of a BLOB's length.
	Meta      uint16
	Nullable  bool
	SignKnown bool // Unsigned is known
	Unsigned  bool
	Charset   string // "binary" for bytes, "" if unknown
	Labels    []string
	Geometry  byte // 0 GEOMETRY, 1 POINT … 7 GEOMETRYCOLLECTION
}

// ErrSequence is a table map of a sequence: MariaDB logs as a row what it
// reserves of one. No statement makes a sequence known, and it has no rows to capture.
var ErrSequence = errors.New("it is a sequence, not a table")

// isSequence reports whether the columns are those that every sequence has: four of
// its integer type, two of BIGINT, a TINYINT and a BIGINT.
func (m *TableMeta) isSequence() bool {
	if len(m.Columns) != 8 || len(m.PrimaryKey) > 0 || m.Full && m.Columns[0].Name != "next_not_cached_value" {
		return false
	}
	for i := range m.Columns {
		c := &m.Columns[i]
		want := c.Type
		switch i {
		case 1, 2, 3:
			want = m.Columns[0].Type
		case 4, 5, 7:
			want = fieldLonglong
		case 6:
			want = fieldTiny
		}
		if c.Nullable || c.Type != want {
			return false
		}
	}
	switch m.Columns[0].Type {
	case fieldTiny, fieldShort, fieldInt24, fieldLong, fieldLonglong:
		return true
	default:
		return false
	}
}

// MismatchError reports a table map that disagrees with the definition and says
// too little to replace it.
type MismatchError struct {
	Table  debezium.TableID
	Reason string
	// Behind counts the BIGINTs that the binlog has behind the definition's columns, which agree with it. MariaDB
	// keeps the hash of a unique key over long text in such a column, which no statement names.
	Behind int
}

// Error says what differs and what to do.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("compare definition of %s with the binlog: %s; set binlog_row_metadata=FULL, or request a snapshot of the table", e.Table, e.Reason)
}

// Reconcile compares a table's definition with what the binlog says. Full
// metadata is authoritative: it corrects the definition, or supplies one where
// none is known, and Reconcile returns the corrections in words, for the log. Without
// it a difference is a [MismatchError]. A sequence is [ErrSequence].
func (h *History) Reconcile(m *TableMeta) (corrections []string, err error) {
	e := h.tables[h.key(m.Table)]
	known := e != nil && !e.stale
	if e == nil && h.opts.MariaDB && m.isSequence() {
		return nil, ErrSequence
	}
	if !known && !m.Full {
		return nil, &MismatchError{Table: m.Table, Reason: errUnknownTable.Error()}
	}
	key := m.key()
	if known && e.promote != "" && h.opts.DebeziumExact { // the server may have promoted another
		key = nil
	}
	if known && m.agrees(e.table, key) {
		return nil, nil
	}
	if !m.Full {
		mismatch := &MismatchError{Table: m.Table, Reason: difference(e.table, m)}
		if h.opts.MariaDB {
			mismatch.Behind = m.behind(e.table)
		}
		return nil, mismatch
	}
	old := &debezium.Table{DefaultCharset: h.DatabaseCharset(m.Table.Database)}
	next := &entry{id: h.stored(m.Table)}
	if e != nil {
		old, next.unique, next.promote = e.table, e.unique, e.promote
	}
	t := &debezium.Table{DefaultCharset: old.DefaultCharset, Comment: old.Comment}
	for i := range m.Columns {
		c, why := reconcileColumn(old, &m.Columns[i])
		c.Position = i + 1
		if why != "" {
			corrections = append(corrections, why)
		}
		t.Columns = append(t.Columns, c)
	}
	for i := range old.Columns {
		if t.Column(old.Columns[i].Name) == nil {
			corrections = append(corrections, "column "+old.Columns[i].Name+" is gone")
		}
	}
	switch {
	case len(key) > 0:
		t.PrimaryKey = key
		if next.promote = ""; !slices.Equal(key, old.PrimaryKey) {
			corrections = append(corrections, "key is "+strings.Join(key, ", "))
		}
	default: // a unique key that stands in for one is not in the metadata
		t.PrimaryKey = slices.DeleteFunc(slices.Clone(old.PrimaryKey), func(c string) bool { return t.Column(c) == nil })
	}
	if len(corrections) == 0 {
		corrections = append(corrections, "the order of its columns")
	}
	next.table = t
	h.tables[h.key(m.Table)] = next
	return corrections, nil
}

func (m *TableMeta) key() []string {
	var key []string
	for _, i := range m.PrimaryKey {
		if i < len(m.Columns) {
			key = append(key, m.Columns[i].Name)
		}
	}
	return key
}

// agrees reports whether the definition can be the one that the metadata
// describes, with the key that it has, if any.
func (m *TableMeta) agrees(t *debezium.Table, key []string) bool {
	if len(t.Columns) != len(m.Columns) {
		return false
	}
	for i := range m.Columns {
		if !m.Columns[i].matches(&t.Columns[i], m.Full) {
			return false
		}
	}
	return !m.Full || len(key) == 0 || slices.Equal(key, t.PrimaryKey)
}

// behind counts the BIGINTs behind the columns of a definition that agrees otherwise.
func (m *TableMeta) behind(t *debezium.Table) int {
	if len(m.Columns) <= len(t.Columns) {
		return 0
	}
	known, rest := m.Columns[:len(t.Columns)], m.Columns[len(t.Columns):]
	if !(&TableMeta{Columns: known}).agrees(t, nil) ||
		slices.ContainsFunc(rest, func(c ColumnMeta) bool { return c.Type != fieldLonglong }) {
		return 0
	}
	return len(rest)
}

func difference(t *debezium.Table, m *TableMeta) string {
	if len(t.Columns) != len(m.Columns) {
		return fmt.Sprintf("it has %d columns, the binlog %d", len(t.Columns), len(m.Columns))
	}
	for i := range m.Columns {
		if c := &t.Columns[i]; !m.Columns[i].matches(c, m.Full) {
			return fmt.Sprintf("column %s is %s, the binlog has type %d", c.Name, describe(c), m.Columns[i].Type)
		}
	}
	return "keys differ"
}

// reconcileColumn returns the column as the metadata has it, with what only DDL knows
// of it, and what was wrong.
func reconcileColumn(old *debezium.Table, m *ColumnMeta) (debezium.Column, string) {
	known := old.Column(m.Name)
	if known != nil && m.matches(known, true) {
		return *known, ""
	}
	c := m.column()
	if known == nil {
		return c, "column " + m.Name + " was not known"
	}
	c.Comment, c.AutoIncremented, c.Generated = known.Comment, known.AutoIncremented, known.Generated
	if known.Default != nil && familyOf(known) == familyOf(&c) {
		c.Default, c.HasDefault = known.Default, true
	}
	if m.sameType(known) && !isText(known) && c.Unsigned() == known.Unsigned() { // DDL has more than one name for a type
		c.JDBCType, c.TypeName, c.TypeExpression, c.Length, c.Scale = known.JDBCType, known.TypeName, known.TypeExpression, known.Length, known.Scale
	}
	return c, fmt.Sprintf("column %s is %s", m.Name, describe(&c))
}
