package binlog

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// ColumnType is a column's type in the binlog (enum_field_types of the
// server). ENUM and SET, which are logged as strings, have their own.
type ColumnType uint8

// The column types.
const (
	TypeDecimal           ColumnType = 0 // before MySQL 5
	TypeTiny              ColumnType = 1
	TypeShort             ColumnType = 2
	TypeLong              ColumnType = 3
	TypeFloat             ColumnType = 4
	TypeDouble            ColumnType = 5
	TypeNull              ColumnType = 6
	TypeTimestamp         ColumnType = 7 // without fraction, before MySQL 5.6
	TypeLonglong          ColumnType = 8
	TypeInt24             ColumnType = 9
	TypeDate              ColumnType = 10
	TypeTime              ColumnType = 11 // without fraction, before MySQL 5.6
	TypeDatetime          ColumnType = 12 // without fraction, before MySQL 5.6
	TypeYear              ColumnType = 13
	TypeNewDate           ColumnType = 14
	TypeVarchar           ColumnType = 15
	TypeBit               ColumnType = 16
	TypeTimestamp2        ColumnType = 17
	TypeDatetime2         ColumnType = 18
	TypeTime2             ColumnType = 19
	TypeBlobCompressed    ColumnType = 140 // MariaDB
	TypeVarcharCompressed ColumnType = 141 // MariaDB
	TypeVector            ColumnType = 242
	TypeJSON              ColumnType = 245
	TypeNewDecimal        ColumnType = 246
	TypeEnum              ColumnType = 247
	TypeSet               ColumnType = 248
	TypeBlob              ColumnType = 252
	TypeVarString         ColumnType = 253
	TypeString            ColumnType = 254
	TypeGeometry          ColumnType = 255
)

// TableMap is a table's definition as the binlog gives it. It is never
// changed. While the definition stands, a Stream returns the same pointer.
type TableMap struct {
	Table   debezium.TableID
	Columns []ColumnMeta
	// Full says that the server logs names, keys and labels (binlog_row_metadata=FULL).
	Full bool
	// PrimaryKey holds the key's columns in key order, if Full. Empty: none.
	PrimaryKey []KeyPart
	// Version tells definitions of a stream apart.
	Version uint64

	plan []columnPlan // of the hidden columns, too, which come last
}

// KeyPart is one column of a key.
type KeyPart struct {
	Column int // index
	Prefix int // characters of a prefix key; 0: the whole column
}

// ColumnMeta is a column's definition. What Signed, Collation, Geometry and the
// fields of FULL metadata say is known only where the server logs it.
type ColumnMeta struct {
	Type ColumnType
	// Meta is, by type: the precision<<8 | scale of a decimal; the fraction digits of a time; the bytes of
	// CHAR, VARCHAR, BINARY; the bits of BIT; the bytes of the length of a BLOB, JSON, GEOMETRY; the bytes
	// of an ENUM or SET value; of FLOAT and DOUBLE.
	Meta     uint16
	Nullable bool

	SignKnown bool // Unsigned is known
	Unsigned  bool // of numbers
	Collation uint16
	Charset   string // of Collation; "" if unknown, "binary" for bytes

	Name      string   // FULL
	Labels    [][]byte // of ENUM and SET, in the column's character set (FULL)
	Geometry  uint8    // 0 GEOMETRY, 1 POINT, 2 LINESTRING … 7 GEOMETRYCOLLECTION (FULL; MySQL 8: always)
	Invisible bool     // FULL, MySQL 8.0.23
}

var errTruncated = errors.New("event is truncated")

// parseTableMap reads the body of a TABLE_MAP event after table id and flags.
// MariaDB lists character sets of more types.
func parseTableMap(body []byte, mariadb bool) (*TableMap, error) {
	d := buffer{data: body}
	var tm TableMap
	tm.Table.Database = string(d.bytes(int(d.uint8())))
	d.uint8() // terminator
	tm.Table.Table = string(d.bytes(int(d.uint8())))
	d.uint8()
	n := d.length()
	types := d.bytes(n)
	meta := buffer{data: d.bytes(d.length())}
	nulls := d.bytes((n + 7) / 8)
	if d.failed || n == 0 { // rows of no columns would have no end
		return nil, errTruncated
	}
	tm.Columns = make([]ColumnMeta, n)
	for i := range tm.Columns {
		c := &tm.Columns[i]
		c.Nullable = nulls[i/8]&(1<<(i%8)) != 0
		if err := c.readMeta(ColumnType(types[i]), &meta); err != nil {
			return nil, fmt.Errorf("column %d of %s: %w", i+1, tm.Table, err)
		}
	}
	if meta.failed {
		return nil, errTruncated
	}
	if err := tm.readOptional(d.rest(), mariadb); err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", tm.Table, err)
	}
	tm.plan = compilePlan(tm.Columns)
	if mariadb {
		tm.Columns = tm.Columns[:len(tm.Columns)-tm.hidden()]
	}
	return &tm, nil
}

// Hide takes the last n columns from the table's and from the images of its rows, for who knows
// that they are hidden although the server logs no names.
func (tm *TableMap) Hide(n int) { tm.Columns = tm.Columns[:len(tm.Columns)-n] }

// hidden counts the columns at the end that no statement names and no SELECT has: MariaDB keeps
// the hash of a unique key over long text in one, which is NOT NULL if the key's columns are.
func (tm *TableMap) hidden() int {
	n := 0
	for i := range tm.Columns {
		if c := &tm.Columns[i]; c.Type == TypeLonglong && c.Name == "DB_ROW_HASH_"+strconv.Itoa(n+1) {
			n++
		} else {
			n = 0
		}
	}
	return min(n, len(tm.Columns)-1)
}

// readMeta reads what the table map always says of a column's type.
func (c *ColumnMeta) readMeta(t ColumnType, meta *buffer) error {
	c.Type = t
	switch t {
	case TypeString:
		// The high bits of a CHAR's length above 255 hide in the type's byte, inverted.
		actual, length := meta.uint8(), uint16(meta.uint8())
		length |= uint16(actual&0x30^0x30) << 4
		c.Type, c.Meta = ColumnType(actual|0x30), length
	case TypeNewDecimal:
		c.Meta = uint16(meta.uint8())<<8 | uint16(meta.uint8())
	case TypeVarchar, TypeVarString, TypeVarcharCompressed:
		c.Meta = meta.uint16()
	case TypeBit:
		bits := uint16(meta.uint8())
		c.Meta = uint16(meta.uint8())*8 + bits
	case TypeBlob, TypeBlobCompressed, TypeDouble, TypeFloat, TypeGeometry, TypeVector, TypeJSON, TypeTime2, TypeDatetime2, TypeTimestamp2:
		c.Meta = uint16(meta.uint8())
	case TypeTiny, TypeShort, TypeLong, TypeLonglong, TypeInt24, TypeYear, TypeDate, TypeTime, TypeDatetime, TypeTimestamp:
	default:
		return fmt.Errorf("unknown column type %d", t)
	}
	return nil
}

// isNumeric reports whether the signedness bitmap has a bit for the type.
func (t ColumnType) isNumeric() bool {
	switch t {
	case TypeTiny, TypeShort, TypeInt24, TypeLong, TypeLonglong, TypeNewDecimal, TypeFloat, TypeDouble, TypeYear:
		return true
	default:
		return false
	}
}

// isCharacter reports whether MySQL's list of character sets has the type.
func (t ColumnType) isCharacter() bool {
	switch t {
	case TypeString, TypeVarString, TypeVarchar, TypeBlob, TypeVector, TypeBlobCompressed, TypeVarcharCompressed:
		return true
	default:
		return false
	}
}

// isCharacterMariaDB reports whether MariaDB's list of character sets has the type.
func (t ColumnType) isCharacterMariaDB() bool { return t.isCharacter() || t == TypeGeometry }
