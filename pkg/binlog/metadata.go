package binlog

import "fmt"

// Fields of a table map's optional metadata
// (https://dev.mysql.com/doc/dev/mysql-server/latest/classbinary__log_1_1Table__map__event.html).
const (
	metaSignedness            = 1
	metaDefaultCharset        = 2
	metaColumnCharset         = 3
	metaColumnName            = 4
	metaSetLabels             = 5
	metaEnumLabels            = 6
	metaGeometryType          = 7
	metaPrimaryKey            = 8
	metaPrimaryKeyPrefix      = 9
	metaEnumSetDefaultCharset = 10
	metaEnumSetColumnCharset  = 11
	metaVisibility            = 12
)

// readOptional reads the metadata at the end of a table map.
func (tm *TableMap) readOptional(data []byte, mariadb bool) error {
	isCharacter := ColumnType.isCharacter
	if mariadb {
		isCharacter = ColumnType.isCharacterMariaDB
	}
	d := buffer{data: data}
	for len(d.data) > 0 && !d.failed {
		kind := d.uint8()
		v := buffer{data: d.bytes(d.length())}
		if d.failed {
			return errTruncated
		}
		tm.readField(kind, &v, isCharacter)
		if v.failed {
			return fmt.Errorf("field %d: %w", kind, errTruncated)
		}
	}
	for i := range tm.Columns {
		tm.Columns[i].Charset = charsetOf(tm.Columns[i].Collation)
	}
	return nil
}

func (tm *TableMap) readField(kind byte, v *buffer, isCharacter func(ColumnType) bool) {
	switch kind {
	case metaSignedness:
		bits, i := v.rest(), 0
		for c := range tm.columns(ColumnType.isNumeric) {
			if i/8 < len(bits) {
				c.SignKnown, c.Unsigned = true, bits[i/8]&(0x80>>(i%8)) != 0
			}
			i++
		}
	case metaDefaultCharset:
		tm.readDefaultCharset(v, isCharacter)
	case metaColumnCharset:
		tm.readCharsets(v, isCharacter)
	case metaEnumSetDefaultCharset:
		tm.readDefaultCharset(v, isEnumOrSet)
	case metaEnumSetColumnCharset:
		tm.readCharsets(v, isEnumOrSet)
	case metaColumnName:
		tm.Full = true
		for i := range tm.Columns {
			tm.Columns[i].Name = string(v.bytes(v.length()))
		}
	case metaSetLabels:
		tm.readLabels(v, TypeSet)
	case metaEnumLabels:
		tm.readLabels(v, TypeEnum)
	case metaGeometryType:
		for c := range tm.columns(func(t ColumnType) bool { return t == TypeGeometry }) {
			c.Geometry = uint8(v.length())
		}
	case metaPrimaryKey, metaPrimaryKeyPrefix:
		for len(v.data) > 0 && !v.failed {
			part := KeyPart{Column: v.length()}
			if kind == metaPrimaryKeyPrefix {
				part.Prefix = v.length()
			}
			if part.Column >= len(tm.Columns) {
				v.failed = true
				return
			}
			tm.PrimaryKey = append(tm.PrimaryKey, part)
		}
	case metaVisibility:
		bits := v.rest()
		for i := range tm.Columns {
			tm.Columns[i].Invisible = i/8 < len(bits) && bits[i/8]&(0x80>>(i%8)) == 0
		}
	default:
		// A newer server's field, which changes nothing that is read here (vector dimension, for one).
	}
}

// readDefaultCharset reads the most frequent collation and the columns that differ.
func (tm *TableMap) readDefaultCharset(v *buffer, is func(ColumnType) bool) {
	common := uint16(v.length())
	for c := range tm.columns(is) {
		c.Collation = common
	}
	for len(v.data) > 0 && !v.failed {
		k, collation := v.length(), uint16(v.length())
		for c := range tm.columns(is) {
			if k == 0 {
				c.Collation = collation
			}
			k--
		}
	}
}

func (tm *TableMap) readCharsets(v *buffer, is func(ColumnType) bool) {
	for c := range tm.columns(is) {
		c.Collation = uint16(v.length())
	}
}

func (tm *TableMap) readLabels(v *buffer, t ColumnType) {
	for c := range tm.columns(func(o ColumnType) bool { return o == t }) {
		n := v.length()
		if n > len(v.data) {
			v.failed = true
			return
		}
		c.Labels = make([][]byte, n)
		for i := range c.Labels {
			c.Labels[i] = append([]byte{}, v.bytes(v.length())...)
		}
	}
}

// columns iterates over the columns of some types.
func (tm *TableMap) columns(is func(ColumnType) bool) func(yield func(*ColumnMeta) bool) {
	return func(yield func(*ColumnMeta) bool) {
		for i := range tm.Columns {
			if is(tm.Columns[i].Type) && !yield(&tm.Columns[i]) {
				return
			}
		}
	}
}

func isEnumOrSet(t ColumnType) bool { return t == TypeEnum || t == TypeSet }
