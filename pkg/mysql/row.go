package mysql

// Kind says how a column's value is held in a [Value].
type Kind uint8

// The kinds of value. Values come either from a row image of the binlog or
// from the text of a SELECT; the same column may use another kind in each, and
// a converter accepts both.
const (
	// Null is SQL NULL.
	Null Kind = iota
	// Absent is a column that the row image left out (row image not FULL). It is not NULL.
	Absent
	// Int is in I, sign-extended from the column's width. The binlog does not always say whether a
	// column is unsigned: whoever knows the column reinterprets it. From a SELECT it is the number, with
	// BIGINT UNSIGNED above MaxInt64 wrapped. ENUM (index) and SET (bit mask) and BIT (the bits) use it in row images.
	Int
	// Float is in I, the bits of a float64; FLOAT columns hold a float32 widened without loss.
	Float
	// Decimal is in I, unscaled by the column's scale, for a precision of at most 18 digits.
	Decimal
	// DecimalText is in B, plain decimal text with all digits of the scale.
	DecimalText
	// Date is in I: year<<9 | month<<5 | day. Parts may be zero.
	Date
	// Time is in I, signed microseconds.
	Time
	// Datetime is in I, MySQL's packed form: (((year*13+month)<<5|day)<<17 | hour<<12 | minute<<6 | second)<<24 | microseconds.
	// Parts may be zero.
	Datetime
	// Timestamp is in I, microseconds since 1970 UTC; 0 is the zero timestamp '0000-00-00 00:00:00'.
	Timestamp
	// Year is in I; 0 is YEAR 0000.
	Year
	// Text is in B, UTF-8.
	Text
	// Raw is in B: characters in the column's own character set, or the bytes of a binary column
	// (trailing zeros of BINARY(n) as the source gave them), geometry (SRID and WKB) or a vector.
	Raw
	// JSONB is in B, MySQL's binary JSON.
	JSONB
)

// Value is one column's value. B is borrowed and valid until the next row is read.
type Value struct {
	Kind Kind
	I    int64
	B    []byte
}

// Row holds one value per column, in table order.
type Row []Value
