package debezium

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Modes are the settings that decide which Connect schema a column has. The
// zero value is Debezium's defaults.
type Modes struct {
	Decimal        DecimalMode
	Time           TimeMode
	BigintUnsigned BigintMode
	Binary         BinaryMode
	// NoTimeAdjuster keeps two-digit years as they are (enable.time.adjuster=false).
	NoTimeAdjuster bool
}

// DecimalMode is Debezium's decimal.handling.mode.
type DecimalMode uint8

// The forms of DECIMAL.
const (
	DecimalPrecise DecimalMode = iota
	DecimalDouble
	DecimalString
)

// TimeMode is Debezium's time.precision.mode.
type TimeMode uint8

// The forms of DATE, TIME and DATETIME.
const (
	TimeAdaptive TimeMode = iota // adaptive_time_microseconds
	TimeConnect
	TimeISOString
	TimeMicroseconds
	TimeNanoseconds
)

// BigintMode is Debezium's bigint.unsigned.handling.mode.
type BigintMode uint8

// The forms of BIGINT UNSIGNED.
const (
	BigintLong BigintMode = iota // wraps to negative above 2^63-1
	BigintPrecise
)

// BinaryMode is Debezium's binary.handling.mode.
type BinaryMode uint8

// The forms of binary columns.
const (
	BinaryBytes BinaryMode = iota
	BinaryBase64
	BinaryBase64URLSafe
	BinaryHex
)

var (
	decimalModes = []string{"precise", "double", "string"}
	timeModes    = []string{"adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds"}
	bigintModes  = []string{"long", "precise"}
	binaryModes  = []string{"bytes", "base64", "base64-url-safe", "hex"}
)

// String returns Debezium's name of the mode.
func (m DecimalMode) String() string { return modeName(decimalModes, uint8(m)) }

// String returns Debezium's name of the mode.
func (m TimeMode) String() string { return modeName(timeModes, uint8(m)) }

// String returns Debezium's name of the mode.
func (m BigintMode) String() string { return modeName(bigintModes, uint8(m)) }

// String returns Debezium's name of the mode.
func (m BinaryMode) String() string { return modeName(binaryModes, uint8(m)) }

// ParseDecimalMode reads Debezium's name of the mode.
func ParseDecimalMode(s string) (DecimalMode, error) {
	i, err := parseMode("decimal.handling.mode", decimalModes, s)
	return DecimalMode(i), err
}

// ParseTimeMode reads Debezium's name of the mode.
func ParseTimeMode(s string) (TimeMode, error) {
	i, err := parseMode("time.precision.mode", timeModes, s)
	return TimeMode(i), err
}

// ParseBigintMode reads Debezium's name of the mode.
func ParseBigintMode(s string) (BigintMode, error) {
	i, err := parseMode("bigint.unsigned.handling.mode", bigintModes, s)
	return BigintMode(i), err
}

// ParseBinaryMode reads Debezium's name of the mode.
func ParseBinaryMode(s string) (BinaryMode, error) {
	i, err := parseMode("binary.handling.mode", binaryModes, s)
	return BinaryMode(i), err
}

// ParseModes reads Debezium's names of all modes.
func ParseModes(decimal, time, bigint, binary string) (m Modes, err error) {
	var errs [4]error
	m.Decimal, errs[0] = ParseDecimalMode(decimal)
	m.Time, errs[1] = ParseTimeMode(time)
	m.BigintUnsigned, errs[2] = ParseBigintMode(bigint)
	m.Binary, errs[3] = ParseBinaryMode(binary)
	return m, errors.Join(errs[:]...)
}

func modeName(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return "unknown"
}

func parseMode(setting string, names []string, s string) (uint8, error) {
	i := slices.Index(names, strings.ToLower(strings.TrimSpace(s)))
	if i < 0 {
		return 0, fmt.Errorf("%s %q is not one of %s", setting, s, strings.Join(names, ", "))
	}
	return uint8(i), nil
}
