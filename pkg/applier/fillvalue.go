package applier

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
)

var errFill = errors.New("its default cannot be read")

// fillValue reads a column's text, as MySQL prints it, as a value of its Connect
// schema, or returns errFill. Zero dates are what Debezium makes of them, and what
// nanoseconds cannot tell is null, as in events. began is what
// CURRENT_TIMESTAMP was, in the time zone of the session.
func fillValue(s *debezium.Schema, c *debezium.Column, text string, began time.Time) (debezium.Value, error) {
	switch s.Name {
	case debezium.NameDecimal:
		return fillDecimal(s, text)
	case debezium.NameBits:
		return fillBits(c, text)
	case debezium.NameDate, debezium.NameConnectDate, debezium.NameISODate,
		debezium.NameTimestamp, debezium.NameConnectTS, debezium.NameMicroTimestamp, debezium.NameNanoTimestamp,
		debezium.NameISOTimestamp, debezium.NameZonedTimestamp:
		return fillMoment(s, c, text, began)
	case debezium.NameMicroTime, debezium.NameNanoTime, debezium.NameConnectTime, debezium.NameISOTime:
		return fillTime(s, text)
	}
	switch s.Type {
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return debezium.Int(s.Type, n), nil
		}
		n, err := strconv.ParseUint(text, 10, 64) // BIGINT UNSIGNED as long
		if err != nil {
			return debezium.Value{}, errFill
		}
		return debezium.Int(s.Type, int64(n)), nil
	case debezium.Boolean:
		return debezium.Bool(text != "0" && text != ""), nil
	case debezium.Float32, debezium.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return debezium.Value{}, errFill
		}
		return debezium.Float(s.Type, f), nil
	case debezium.String:
		return debezium.Text(text), nil
	case debezium.Bytes:
		return debezium.Value{Type: debezium.Bytes, B: []byte(text)}, nil
	case debezium.Struct, debezium.Array, debezium.Map:
		return debezium.Value{}, nil // such columns have no default
	default:
		return debezium.Value{}, fmt.Errorf("fill of type %s", s.Type)
	}
}

func fillDecimal(s *debezium.Schema, text string) (debezium.Value, error) {
	scale := 0
	for _, p := range s.Params {
		if p.Key == debezium.ParamScale {
			scale, _ = strconv.Atoi(p.Value) // of our own making
		}
	}
	n, ok := debezium.ParseUnscaled(text, scale)
	if !ok {
		return debezium.Value{}, errFill
	}
	return debezium.Value{Type: debezium.Bytes, B: debezium.AppendUnscaledBig(nil, n)}, nil
}

// fillBits returns a BIT's number in Debezium's order, the lowest byte first.
func fillBits(c *debezium.Column, text string) (debezium.Value, error) {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return debezium.Value{}, errFill
	}
	b := make([]byte, (max(c.Length, 1)+7)/8)
	if n.Sign() < 0 || n.BitLen() > 8*len(b) {
		return debezium.Value{}, errFill
	}
	n.FillBytes(b)
	slices.Reverse(b)
	return debezium.Value{Type: debezium.Bytes, B: b}, nil
}

// fillMoment reads a DATE, DATETIME or TIMESTAMP, taken as UTC.
func fillMoment(s *debezium.Schema, c *debezium.Column, text string, began time.Time) (debezium.Value, error) {
	var t time.Time
	switch {
	case text == debezium.EventTime && c.BaseType() == "TIMESTAMP":
		t = truncate(began.UTC(), c.Length)
	case text == debezium.EventTime: // a DATETIME is what the clock of the session said
		_, offset := began.Zone()
		t = truncate(began.UTC().Add(time.Duration(offset)*time.Second), c.Length)
	default:
		var err error
		if t, err = time.Parse("2006-01-02 15:04:05", text); err != nil {
			t, err = time.Parse("2006-01-02", text)
		}
		if err != nil { // a zero or impossible date
			if s.Optional {
				return debezium.Value{}, nil
			}
			t = time.Unix(0, 0).UTC()
		}
	}
	switch s.Name {
	case debezium.NameDate, debezium.NameConnectDate:
		year, month, day := t.Date()
		return debezium.Int(s.Type, debezium.EpochDay(year, int(month), day)), nil
	case debezium.NameTimestamp, debezium.NameConnectTS:
		return debezium.Int(s.Type, t.UnixMilli()), nil
	case debezium.NameMicroTimestamp:
		return debezium.Int(s.Type, t.UnixMicro()), nil
	case debezium.NameNanoTimestamp:
		if !time.Unix(0, t.UnixNano()).Equal(t) { // before 1678 or after 2261
			return debezium.Value{}, nil
		}
		return debezium.Int(s.Type, t.UnixNano()), nil
	case debezium.NameISODate:
		return debezium.Text(t.Format("2006-01-02Z")), nil
	default: // ZonedTimestamp, IsoTimestamp
		return debezium.Text(t.Format(time.RFC3339Nano)), nil
	}
}

// truncate cuts a time to as many decimals of a second.
func truncate(t time.Time, decimals int) time.Time {
	unit := time.Second
	for range min(max(decimals, 0), 6) {
		unit /= 10
	}
	return t.Truncate(unit)
}

// fillTime reads a TIME such as -838:59:59.5.
func fillTime(s *debezium.Schema, text string) (debezium.Value, error) {
	digits, negative := strings.CutPrefix(text, "-")
	parts := strings.SplitN(digits, ":", 3)
	if len(parts) != 3 {
		return debezium.Value{}, errFill
	}
	hours, err1 := strconv.Atoi(parts[0])
	minutes, err2 := strconv.Atoi(parts[1])
	seconds, err3 := strconv.ParseFloat(parts[2], 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return debezium.Value{}, errFill
	}
	us := int64(hours)*3600e6 + int64(minutes)*60e6 + int64(seconds*1e6+0.5)
	if negative {
		us = -us
	}
	switch s.Name {
	case debezium.NameConnectTime:
		return debezium.Int(s.Type, us/1000), nil
	case debezium.NameNanoTime:
		return debezium.Int(s.Type, us*1000), nil
	case debezium.NameISOTime:
		return debezium.Value{Type: debezium.String, B: append(debezium.AppendISOTime(nil, us, 0), 'Z')}, nil
	default:
		return debezium.Int(s.Type, us), nil
	}
}
