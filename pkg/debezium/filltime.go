package debezium

import (
	"fmt"
	"strconv"
	"strings"
)

// fillTemporal writes a temporal default as the column prints it. MySQL takes
// any punctuation between the parts, parts of one digit, and plain digits.
func fillTemporal(base, v string, digits int) string {
	whole, frac, _ := strings.Cut(v, ".")
	sign := ""
	if base == "TIME" {
		if positive, ok := strings.CutPrefix(whole, "-"); ok {
			whole, sign = positive, "-"
		}
	}
	parts := strings.FieldsFunc(whole, func(r rune) bool { return r < '0' || r > '9' })
	want := 3
	if base == "DATETIME" || base == "TIMESTAMP" {
		want = 6
	}
	if len(parts) == 1 {
		parts = splitDigits(parts[0], base)
	}
	switch {
	case want == 6 && len(parts) == 3:
		parts = append(parts, "0", "0", "0")
	case want == 6 && len(parts) == 5, base == "TIME" && len(parts) == 2:
		parts = append(parts, "0")
	case base == "DATE" && len(parts) >= 5:
		parts = parts[:3]
	}
	n := make([]int, len(parts))
	for i, p := range parts {
		var err error
		if n[i], err = strconv.Atoi(p); err != nil {
			return v
		}
	}
	if len(n) != want {
		return v
	}
	fraction := fillFraction(frac, digits)
	if base == "TIME" {
		return fmt.Sprintf("%s%02d:%02d:%02d%s", sign, n[0], n[1], n[2], fraction)
	}
	if len(parts[0]) <= 2 {
		n[0] = fullYear(n[0])
	}
	date := fmt.Sprintf("%04d-%02d-%02d", n[0], n[1], n[2])
	if base == "DATE" {
		return date
	}
	return fmt.Sprintf("%s %02d:%02d:%02d%s", date, n[3], n[4], n[5], fraction)
}

// splitDigits cuts digits without punctuation into parts.
func splitDigits(s, base string) []string {
	if base == "TIME" {
		s = strings.Repeat("0", max(0, 6-len(s))) + s
		return []string{s[:len(s)-4], s[len(s)-4 : len(s)-2], s[len(s)-2:]}
	}
	year := 2
	if len(s) == 8 || len(s) == 14 {
		year = 4
	}
	parts := []string{s[:min(year, len(s))]}
	for i := year; i < len(s); i += 2 {
		parts = append(parts, s[i:min(i+2, len(s))])
	}
	return parts
}

func fillFraction(frac string, digits int) string {
	if digits <= 0 || digits > 6 {
		return ""
	}
	frac += strings.Repeat("0", digits)
	return "." + frac[:digits]
}

func fullYear(y int) int {
	if y < 70 {
		return y + 2000
	}
	return y + 1900
}

// fillYear writes a default of YEAR with four digits.
func fillYear(v string) string {
	n, err := strconv.Atoi(v)
	switch {
	case err != nil:
		return v
	case n == 0 && len(v) != 2: // 0 and '0000', but '00' is 2000
		return "0000"
	case n < 100:
		n = fullYear(n)
	}
	return fmt.Sprintf("%04d", n)
}
