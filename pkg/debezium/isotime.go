package debezium

const (
	microsPerSecond = 1e6
	secondsPerDay   = 86400
	// MicrosPerDay is a day in microseconds.
	MicrosPerDay = secondsPerDay * microsPerSecond
)

// EpochDay returns the days from 1970-01-01 to a date of the proleptic
// Gregorian calendar.
func EpochDay(year, month, day int) int64 {
	y := int64(year)
	if month <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yearOfEra := y - era*400
	dayOfYear := int64((153*((month+9)%12)+2)/5 + day - 1)
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// Date returns the year, month and day that are days after 1970-01-01.
func Date(days int64) (year, month, day int) {
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy-(153*mp+2)/5) + 1
	month = int(mp+2)%12 + 1
	year = int(yoe + era*400)
	if month <= 2 {
		year++
	}
	return year, month, day
}

// DaysIn returns the number of days of a month.
func DaysIn(year, month int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	default:
		return 31
	}
}

// AdjustYear applies MySQL's rule for two-digit years, as Debezium's time
// adjuster does: 0 to 69 are 2000 to 2069, 70 to 99 are 1970 to 1999.
func AdjustYear(year int) int {
	switch {
	case 0 <= year && year <= 69:
		return year + 2000
	case 70 <= year && year <= 99:
		return year + 1900
	default:
		return year
	}
}

// AppendISODate appends yyyy-mm-dd.
func AppendISODate(dst []byte, days int64) []byte {
	year, month, day := Date(days)
	dst = append2(dst, year/100)
	dst = append2(dst, year%100)
	dst = append(dst, '-')
	dst = append2(dst, month)
	dst = append(dst, '-')
	return append2(dst, day)
}

// AppendISOTime appends hh:mm:ss and a fraction of width digits; a width of
// less than 1 stands for as many as are needed.
func AppendISOTime(dst []byte, micros int64, width int) []byte {
	sec := micros / microsPerSecond
	dst = append2(dst, int(sec/3600))
	dst = append(dst, ':')
	dst = append2(dst, int(sec/60%60))
	dst = append(dst, ':')
	dst = append2(dst, int(sec%60))
	return appendFraction(dst, int(micros%microsPerSecond), width)
}

// AppendISOTimestamp appends the moment micros after 1970 as Debezium's
// ZonedTimestamp has it, in UTC with a Z; width as in [AppendISOTime].
func AppendISOTimestamp(dst []byte, micros int64, width int) []byte {
	days := floorDiv(micros, MicrosPerDay)
	dst = AppendISODate(dst, days)
	dst = append(dst, 'T')
	dst = AppendISOTime(dst, micros-days*MicrosPerDay, width)
	return append(dst, 'Z')
}

func appendFraction(dst []byte, micros, width int) []byte {
	if width < 1 {
		if micros == 0 {
			return dst
		}
		for width = 6; micros%10 == 0; width-- {
			micros /= 10
		}
	} else {
		for i := width; i < 6; i++ {
			micros /= 10
		}
	}
	n := len(dst)
	dst = append(dst, ".000000"[:width+1]...)
	for i := n + width; micros > 0; i-- {
		dst[i] = byte('0' + micros%10)
		micros /= 10
	}
	return dst
}

func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10%10), byte('0'+n%10)) }
