package debezium

import (
	"strconv"
	"strings"
)

func yearDefault(text string, m Modes) Value {
	year, err := strconv.Atoi(text)
	if err != nil {
		return Value{}
	}
	if !m.NoTimeAdjuster {
		year = AdjustYear(year)
	}
	return Int(Int32, int64(year))
}

// temporalDefault converts the default of a DATE, TIME, DATETIME or TIMESTAMP.
// What is zero or no date at all is the epoch, or nothing if the column is
// nullable; CURRENT_TIMESTAMP is in the model as the epoch.
func (c *Column) temporalDefault(s *Schema, m Modes, text string) Value {
	if c.JDBCType == JDBCTime {
		return timeDefault(s, text)
	}
	days, micros, ok := parseDatetime(text, m)
	if c.JDBCType == JDBCTimestampTZ && days == 0 && micros == 0 {
		ok = false
	}
	if !ok {
		if c.Optional {
			return Value{}
		}
		days, micros = 0, 0
	}
	at := days*MicrosPerDay + micros
	switch s.Name {
	case NameZonedTimestamp:
		width := c.Length
		if !ok {
			width = 0
		}
		return Value{Type: String, B: AppendISOTimestamp(nil, at, width)}
	case NameDate, NameConnectDate:
		return Int(Int32, days)
	case NameISODate:
		return Value{Type: String, B: append(AppendISODate(nil, days), 'Z')}
	case NameISOTimestamp:
		return Value{Type: String, B: AppendISOTimestamp(nil, at, 0)}
	case NameTimestamp, NameConnectTS:
		return Int(Int64, floorDiv(at, 1e3))
	case NameMicroTimestamp:
		return Int(Int64, at)
	default:
		if at > maxNanoMicros || at < -maxNanoMicros {
			return Value{}
		}
		return Int(Int64, at*1e3)
	}
}

// maxNanoMicros is the largest number of microseconds that nanoseconds in an int64 can hold.
const maxNanoMicros = (1<<63 - 1) / 1000

func timeDefault(s *Schema, text string) Value {
	if date, clock, ok := strings.Cut(text, " "); ok && strings.Contains(date, "-") {
		text = clock
	}
	micros, ok := parseClock(text)
	if !ok {
		return Value{}
	}
	switch s.Name {
	case NameMicroTime:
		return Int(Int64, micros)
	case NameNanoTime:
		return Int(Int64, micros*1e3)
	}
	if micros < 0 || micros >= MicrosPerDay {
		return Value{}
	}
	if s.Name == NameConnectTime {
		return Int(Int32, micros/1e3)
	}
	return Value{Type: String, B: append(AppendISOTime(nil, micros, 0), 'Z')}
}

// parseDatetime reads yyyy-mm-dd, with or without a time of day.
func parseDatetime(text string, m Modes) (days, micros int64, ok bool) {
	date, clock, timed := strings.Cut(strings.Replace(text, "T", " ", 1), " ")
	var part [3]int
	fields := strings.Split(date, "-")
	if len(fields) != len(part) {
		return 0, 0, false
	}
	for i, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, 0, false
		}
		part[i] = n
	}
	year, month, day := part[0], part[1], part[2]
	if year == 0 || month < 1 || month > 12 || day < 1 || day > DaysIn(year, month) {
		return 0, 0, false
	}
	if timed {
		if micros, ok = parseClock(strings.TrimSpace(clock)); !ok || micros < 0 || micros >= MicrosPerDay {
			return 0, 0, false
		}
	}
	if !m.NoTimeAdjuster {
		year = AdjustYear(year)
	}
	return EpochDay(year, month, day), micros, true
}

// parseClock reads [-]h:mm[:ss[.ffffff]], or the number hhmmss.
func parseClock(text string) (micros int64, ok bool) {
	text, negative := strings.CutPrefix(text, "-")
	text, fraction, _ := strings.Cut(text, ".")
	var h, mi, sec int64
	if fields := strings.Split(text, ":"); len(fields) == 1 {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return 0, false
		}
		h, mi, sec = int64(n/10000), int64(n/100%100), int64(n%100)
	} else {
		for i, f := range fields {
			n, err := strconv.ParseUint(f, 10, 16)
			if err != nil || i > 2 {
				return 0, false
			}
			*[]*int64{&h, &mi, &sec}[i] = int64(n)
		}
	}
	micros = (h*3600 + mi*60 + sec) * microsPerSecond
	if fraction != "" {
		n, err := strconv.ParseUint((fraction + "000000")[:6], 10, 32)
		if err != nil {
			return 0, false
		}
		micros += int64(n)
	}
	if negative {
		micros = -micros
	}
	return micros, true
}
