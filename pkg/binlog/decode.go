package binlog

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// columnPlan decodes one column's values.
type columnPlan struct {
	// decode reads a value from the front of data, which holds at least size bytes, and returns how many
	// it took.
	decode func(c *columnPlan, v *mysql.Value, data []byte, r *Rows) (int, error)
	size   int // of a fixed value, or of the length before a variable one
	meta   int // what decode needs besides: fraction digits, precision
	scale  int
}

// compilePlan chooses a decoder for each column.
func compilePlan(columns []ColumnMeta) []columnPlan {
	plan := make([]columnPlan, len(columns))
	for i := range columns {
		plan[i] = planOf(&columns[i])
	}
	return plan
}

func planOf(c *ColumnMeta) columnPlan {
	switch c.Type {
	case TypeTiny:
		return columnPlan{decode: decodeInt8, size: 1}
	case TypeShort:
		return columnPlan{decode: decodeInt16, size: 2}
	case TypeInt24:
		return columnPlan{decode: decodeInt24, size: 3}
	case TypeLong:
		return columnPlan{decode: decodeInt32, size: 4}
	case TypeLonglong:
		return columnPlan{decode: decodeInt64, size: 8}
	case TypeYear:
		return columnPlan{decode: decodeYear, size: 1}
	case TypeFloat:
		return columnPlan{decode: decodeFloat, size: 4}
	case TypeDouble:
		return columnPlan{decode: decodeDouble, size: 8}
	case TypeNewDecimal:
		return planDecimal(int(c.Meta>>8), int(c.Meta&0xff))
	case TypeBit:
		return columnPlan{decode: decodeBigEndian, size: (int(c.Meta) + 7) / 8}
	case TypeEnum, TypeSet:
		return columnPlan{decode: decodeLittleEndian, size: int(c.Meta)}
	case TypeString, TypeVarchar, TypeVarString:
		if c.Meta > 255 {
			return columnPlan{decode: decodeRaw2, size: 2}
		}
		return columnPlan{decode: decodeRaw1, size: 1}
	case TypeVarcharCompressed:
		return columnPlan{decode: decodeCompressed, size: stringLengthSize(c.Meta)}
	case TypeBlobCompressed:
		return columnPlan{decode: decodeCompressed, size: int(c.Meta)}
	case TypeBlob, TypeGeometry, TypeVector:
		return columnPlan{decode: decodeRaw, size: int(c.Meta)}
	case TypeJSON:
		return columnPlan{decode: decodeJSON, size: int(c.Meta)}
	default:
		return planTemporal(c)
	}
}

func stringLengthSize(maxBytes uint16) int {
	if maxBytes > 255 {
		return 2
	}
	return 1
}

func decodeInt8(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Int, I: int64(int8(data[0]))}
	return 1, nil
}

func decodeInt16(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Int, I: int64(int16(binary.LittleEndian.Uint16(data)))}
	return 2, nil
}

func decodeInt24(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Int, I: int64(signed24(data))}
	return 3, nil
}

func signed24(b []byte) int32 {
	return int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24) >> 8
}

func decodeInt32(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Int, I: int64(int32(binary.LittleEndian.Uint32(data)))}
	return 4, nil
}

func decodeInt64(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Int, I: int64(binary.LittleEndian.Uint64(data))}
	return 8, nil
}

func decodeYear(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Year}
	if data[0] != 0 {
		v.I = 1900 + int64(data[0])
	}
	return 1, nil
}

func decodeFloat(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	f := math.Float32frombits(binary.LittleEndian.Uint32(data))
	*v = mysql.Value{Kind: mysql.Float, I: int64(math.Float64bits(float64(f)))}
	return 4, nil
}

func decodeDouble(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Float, I: int64(binary.LittleEndian.Uint64(data))}
	return 8, nil
}

func decodeBigEndian(c *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Int, I: int64(bigEndian(data[:c.size]))}
	return c.size, nil
}

func decodeLittleEndian(c *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Int, I: int64(littleEndian(data[:c.size]))}
	return c.size, nil
}

func decodeRaw1(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	end := 1 + int(data[0])
	if end > len(data) {
		return 0, errTruncated
	}
	*v = mysql.Value{Kind: mysql.Raw, B: data[1:end:end]}
	return end, nil
}

func decodeRaw2(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	end := 2 + int(binary.LittleEndian.Uint16(data))
	if end > len(data) {
		return 0, errTruncated
	}
	*v = mysql.Value{Kind: mysql.Raw, B: data[2:end:end]}
	return end, nil
}

// decodeRaw reads the length of a blob in one to four bytes.
func decodeRaw(c *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	end := c.size + int(littleEndian(data[:c.size]))
	if end > len(data) {
		return 0, errTruncated
	}
	*v = mysql.Value{Kind: mysql.Raw, B: data[c.size:end:end]}
	return end, nil
}

func decodeJSON(c *columnPlan, v *mysql.Value, data []byte, r *Rows) (int, error) {
	n, err := decodeRaw(c, v, data, r)
	v.Kind = mysql.JSONB
	return n, err
}

// decodeCompressed reads a column that MariaDB stores compressed
// (https://mariadb.com/kb/en/storage-engine-independent-column-compression/).
func decodeCompressed(c *columnPlan, v *mysql.Value, data []byte, r *Rows) (int, error) {
	n, err := decodeRaw(c, v, data, r)
	if err != nil || len(v.B) == 0 {
		return n, err
	}
	head, body := v.B[0], v.B[1:]
	if head == 0 {
		v.B = body
		return n, nil
	}
	sizeBytes := int(head & 7)
	if head>>4 != 8 || sizeBytes == 0 || sizeBytes > 4 || sizeBytes > len(body) {
		return 0, fmt.Errorf("unknown column compression %#x", head)
	}
	size := int(bigEndian(body[:sizeBytes]))
	start := len(r.scratch)
	if r.scratch, err = inflate(r.scratch, body[sizeBytes:], size, head&8 == 0); err != nil {
		return 0, err
	}
	v.B = r.scratch[start:]
	return n, nil
}
