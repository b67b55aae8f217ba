package binlog

import (
	"encoding/binary"
	"fmt"

	"github.com/firn-cdc/firn/pkg/mysql"
)

const (
	microsPerSecond = 1_000_000
	datetime2Zero   = 0x8000000000 // added to DATETIME's five bytes, so that they sort
	time2Zero       = 0x800000
)

func planTemporal(c *ColumnMeta) columnPlan {
	fraction := (int(c.Meta) + 1) / 2 // bytes
	switch c.Type {
	case TypeDate, TypeNewDate:
		return columnPlan{decode: decodeDate, size: 3}
	case TypeTime:
		return columnPlan{decode: decodeOldTime, size: 3}
	case TypeDatetime:
		return columnPlan{decode: decodeOldDatetime, size: 8}
	case TypeTimestamp:
		return columnPlan{decode: decodeOldTimestamp, size: 4}
	case TypeTime2:
		return columnPlan{decode: decodeTime2, size: 3 + fraction, meta: fraction}
	case TypeDatetime2:
		return columnPlan{decode: decodeDatetime2, size: 5 + fraction, meta: fraction}
	case TypeTimestamp2:
		return columnPlan{decode: decodeTimestamp2, size: 4 + fraction, meta: fraction}
	default:
		t := c.Type
		return columnPlan{decode: func(*columnPlan, *mysql.Value, []byte, *Rows) (int, error) {
			return 0, fmt.Errorf("unknown column type %d", t)
		}}
	}
}

// micros scales a fraction of 1, 2 or 3 bytes, which count hundredths,
// ten-thousandths or millionths.
func micros(fraction int64, size int) int64 {
	switch size {
	case 1:
		return fraction * 10_000
	case 2:
		return fraction * 100
	default:
		return fraction
	}
}

func decodeDate(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Date, I: int64(uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16)}
	return 3, nil
}

func decodeOldTime(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	n := int64(signed24(data)) // hhmmss in decimal
	*v = mysql.Value{Kind: mysql.Time, I: (n/10000*3600 + n/100%100*60 + n%100) * microsPerSecond}
	return 3, nil
}

func decodeOldDatetime(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	n := int64(binary.LittleEndian.Uint64(data)) // yyyymmddhhmmss in decimal
	date, clock := n/1_000_000, n%1_000_000
	ymd := (date/10000*13+date/100%100)<<5 | date%100
	hms := clock/10000<<12 | clock/100%100<<6 | clock%100
	*v = mysql.Value{Kind: mysql.Datetime, I: (ymd<<17 | hms) << 24}
	return 8, nil
}

func decodeOldTimestamp(_ *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	*v = mysql.Value{Kind: mysql.Timestamp, I: int64(binary.LittleEndian.Uint32(data)) * microsPerSecond}
	return 4, nil
}

// decodeTime2 reads hour<<12 | minute<<6 | second and the fraction as one
// number, which is stored plus an offset so that negative times sort.
func decodeTime2(c *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	bits := 8 * c.meta
	n := int64(bigEndian(data[:c.size])) - time2Zero<<bits
	sign := int64(1)
	if n < 0 {
		n, sign = -n, -1
	}
	hms, fraction := n>>bits, n&(1<<bits-1)
	seconds := hms>>12&0x3ff*3600 + hms>>6&0x3f*60 + hms&0x3f
	*v = mysql.Value{Kind: mysql.Time, I: sign * (seconds*microsPerSecond + micros(fraction, c.meta))}
	return c.size, nil
}

func decodeDatetime2(c *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	whole := int64(bigEndian(data[:5])) - datetime2Zero
	fraction := int64(bigEndian(data[5:c.size]))
	*v = mysql.Value{Kind: mysql.Datetime, I: whole<<24 | micros(fraction, c.meta)}
	return c.size, nil
}

func decodeTimestamp2(c *columnPlan, v *mysql.Value, data []byte, _ *Rows) (int, error) {
	seconds := int64(binary.BigEndian.Uint32(data))
	fraction := int64(bigEndian(data[4:c.size]))
	*v = mysql.Value{Kind: mysql.Timestamp, I: seconds*microsPerSecond + micros(fraction, c.meta)}
	return c.size, nil
}
