package mysql

// SQLMode holds the bits of sql_mode as a binlog QUERY event carries them.
type SQLMode uint64

// The modes that change what a statement means.
const (
	ANSIQuotes         SQLMode = 1 << 2 // "x" is a name and not a string
	NoAutoValueOnZero  SQLMode = 1 << 19
	NoBackslashEscapes SQLMode = 1 << 20
	StrictTransTables  SQLMode = 1 << 21
	StrictAllTables    SQLMode = 1 << 22
)

// Strict reports whether the server refuses values that do not fit.
func (m SQLMode) Strict() bool { return m&(StrictTransTables|StrictAllTables) != 0 }
