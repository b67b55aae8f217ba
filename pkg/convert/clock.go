package convert

import (
	"math"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// clock converts TIME, from -838:59:59.000000 to 838:59:59.000000.
type clock struct{ temporal }

func (c *clock) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Time {
		return kindError{v.Kind}
	}
	return c.store(a, v.I, out)
}

func (c *clock) selected(a *arena, text []byte, out *debezium.Value) error {
	micros, ok := parseClock(text)
	if !ok {
		return errMalformed
	}
	return c.store(a, micros, out)
}

func (c *clock) store(a *arena, micros int64, out *debezium.Value) error {
	switch c.name {
	case debezium.NameMicroTime:
		*out = debezium.Int(debezium.Int64, micros)
		return nil
	case debezium.NameNanoTime:
		*out = debezium.Int(debezium.Int64, micros*1e3)
		return nil
	}
	if c.exact && (micros < 0 || micros > debezium.MicrosPerDay) {
		return errClock
	}
	if c.name == debezium.NameConnectTime {
		millis := micros / 1e3
		if micros%1e3 < 0 {
			millis--
		}
		if millis > math.MaxInt32 || millis < math.MinInt32 {
			return errClock
		}
		*out = debezium.Int(debezium.Int32, millis)
		return nil
	}
	if c.exact {
		micros %= debezium.MicrosPerDay
	}
	from := len(a.b)
	if micros < 0 {
		a.b = append(a.b, '-')
		micros = -micros
	}
	if hundreds := micros / (100 * 3600 * 1e6); hundreds > 0 {
		a.b = append(a.b, byte('0'+hundreds))
	}
	a.b = append(debezium.AppendISOTime(a.b, micros, 0), 'Z')
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

// timestamp converts TIMESTAMP, a moment in UTC. As with Debezium, a stream
// prints as many digits of the second as the column has, a snapshot as many as
// needed; but in a key both must print the same, or one key has two partitions.
type timestamp struct{ width, selectedWidth int }

func newTimestamp(c *debezium.Column, key bool) converter {
	t := &timestamp{width: c.Length}
	if key {
		t.selectedWidth = c.Length
	}
	return t
}

func (t *timestamp) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Timestamp {
		return kindError{v.Kind}
	}
	if v.I == 0 {
		*out = debezium.Value{} // the zero timestamp
		return nil
	}
	from := len(a.b)
	a.b = debezium.AppendISOTimestamp(a.b, v.I, t.width)
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

func (t *timestamp) selected(a *arena, text []byte, out *debezium.Value) error {
	year, month, day, micros, ok := parseDatetime(text)
	switch {
	case !ok:
		return errMalformed
	case month == 0 || day == 0:
		*out = debezium.Value{}
		return nil
	}
	from := len(a.b)
	a.b = debezium.AppendISOTimestamp(a.b, debezium.EpochDay(year, month, day)*debezium.MicrosPerDay+micros, t.selectedWidth)
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

// parseDate reads yyyy-mm-dd, whose parts may be zero.
func parseDate(text []byte) (year, month, day int, rest []byte, ok bool) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return 0, 0, 0, nil, false
	}
	year, ok1 := digits(text[:4])
	month, ok2 := digits(text[5:7])
	day, ok3 := digits(text[8:10])
	return year, month, day, text[10:], ok1 && ok2 && ok3
}

// parseDatetime reads yyyy-mm-dd hh:mm:ss[.ffffff].
func parseDatetime(text []byte) (year, month, day int, micros int64, ok bool) {
	year, month, day, rest, ok := parseDate(text)
	if !ok || len(rest) == 0 || rest[0] != ' ' {
		return 0, 0, 0, 0, false
	}
	micros, ok = parseClock(rest[1:])
	return year, month, day, micros, ok && micros >= 0
}

// parseClock reads [-]h…h:mm:ss[.ffffff] as microseconds.
func parseClock(text []byte) (int64, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	h := 0
	for h < len(text) && text[h] != ':' {
		h++
	}
	if h == 0 || h > 3 || len(text) < h+6 || text[h+3] != ':' {
		return 0, false
	}
	hours, ok1 := digits(text[:h])
	minutes, ok2 := digits(text[h+1 : h+3])
	seconds, ok3 := digits(text[h+4 : h+6])
	if !ok1 || !ok2 || !ok3 {
		return 0, false
	}
	micros := int64(hours*3600+minutes*60+seconds) * 1e6
	if fraction := text[h+6:]; len(fraction) > 0 {
		n, ok := digits(fraction[1:])
		if fraction[0] != '.' || !ok || len(fraction) > 7 {
			return 0, false
		}
		for i := len(fraction); i < 7; i++ {
			n *= 10
		}
		micros += int64(n)
	}
	if negative {
		micros = -micros
	}
	return micros, true
}

func digits(text []byte) (int, bool) {
	n := 0
	for _, d := range text {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + int(d-'0')
	}
	return n, true
}
