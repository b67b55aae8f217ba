package convert

import (
	"math"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// temporal is what the converters of DATE, TIME and DATETIME share.
type temporal struct {
	name   string // of the schema, which decides the value's form
	adjust bool   // two-digit years
	exact  bool
}

func newTemporal(s *debezium.Schema, opts *Options) temporal {
	return temporal{name: s.Name, adjust: !opts.NoTimeAdjuster, exact: opts.DebeziumExact}
}

// day returns the days since 1970 of a date; false for one with zero parts or
// that no calendar has (ALLOW_INVALID_DATES), which is as NULL.
func (t *temporal) day(year, month, day int) (int64, bool) {
	if year <= 0 || month <= 0 || day <= 0 || month > 12 || day > debezium.DaysIn(year, month) {
		return 0, false
	}
	if t.adjust {
		if y := debezium.AdjustYear(year); y != year {
			year = y
			if last := debezium.DaysIn(year, month); day > last {
				day = last // 29 February of a year that adjusts to one without it
			}
		}
	}
	return debezium.EpochDay(year, month, day), true
}

// date converts DATE.
type date struct{ temporal }

func (d *date) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Date {
		return kindError{v.Kind}
	}
	d.store(a, int(v.I>>9), int(v.I>>5&15), int(v.I&31), out)
	return nil
}

func (d *date) selected(a *arena, text []byte, out *debezium.Value) error {
	year, month, day, rest, ok := parseDate(text)
	if !ok || len(rest) > 0 {
		return errMalformed
	}
	d.store(a, year, month, day, out)
	return nil
}

func (d *date) store(a *arena, year, month, day int, out *debezium.Value) {
	days, ok := d.day(year, month, day)
	switch {
	case !ok:
		*out = debezium.Value{}
	case d.name == debezium.NameISODate:
		from := len(a.b)
		a.b = append(debezium.AppendISODate(a.b, days), 'Z')
		*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	default:
		*out = debezium.Int(debezium.Int32, days)
	}
}

// datetime converts DATETIME, which has no zone and is taken as UTC.
type datetime struct{ temporal }

func (d *datetime) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Datetime {
		return kindError{v.Kind}
	}
	clock := v.I >> 24 & (1<<17 - 1)
	months := v.I >> 46
	micros := (clock>>12*3600+clock>>6&63*60+clock&63)*1e6 + v.I&(1<<24-1)
	return d.store(a, int(months/13), int(months%13), int(v.I>>41&31), micros, out)
}

func (d *datetime) selected(a *arena, text []byte, out *debezium.Value) error {
	year, month, day, micros, ok := parseDatetime(text)
	if !ok {
		return errMalformed
	}
	return d.store(a, year, month, day, micros, out)
}

func (d *datetime) store(a *arena, year, month, day int, micros int64, out *debezium.Value) error {
	days, ok := d.day(year, month, day)
	if !ok {
		*out = debezium.Value{}
		return nil
	}
	at := days*debezium.MicrosPerDay + micros
	switch d.name {
	case debezium.NameTimestamp, debezium.NameConnectTS:
		millis := at / 1e3
		if at%1e3 < 0 {
			millis--
		}
		*out = debezium.Int(debezium.Int64, millis)
	case debezium.NameMicroTimestamp:
		*out = debezium.Int(debezium.Int64, at)
	case debezium.NameNanoTimestamp:
		nanos := at * 1e3
		if nanos/1e3 != at || d.exact && days < firstNanoDay {
			return errNanos
		}
		*out = debezium.Int(debezium.Int64, nanos)
	default:
		from := len(a.b)
		a.b = debezium.AppendISOTimestamp(a.b, at, 0)
		*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	}
	return nil
}

// firstNanoDay is the first whole day in 64 bits of nanoseconds. Debezium has nothing before it.
const firstNanoDay = int64(math.MinInt64) / 1000 / int64(debezium.MicrosPerDay)

// year converts YEAR.
type year struct{ adjust, exact bool }

func (y *year) streamed(_ *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Year && v.Kind != mysql.Int {
		return kindError{v.Kind}
	}
	if v.I == 0 && y.exact {
		*out = debezium.Int(debezium.Int32, 1900)
		return nil
	}
	y.store(int(v.I), out)
	return nil
}

func (y *year) selected(_ *arena, text []byte, out *debezium.Value) error {
	i, err := parseInt(text)
	if err != nil {
		return err
	}
	y.store(int(i), out)
	return nil
}

func (y *year) store(n int, out *debezium.Value) {
	if y.adjust {
		n = debezium.AdjustYear(n)
	}
	*out = debezium.Int(debezium.Int32, int64(n))
}
