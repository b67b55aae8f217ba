package config

import (
	"regexp"
	"strings"
)

// expression is one of Java's that matches whole names. Most read the same in RE2,
// which is hundreds of times faster where a list has a thousand names, and takes no
// longer for expressions that make Java go back again and again.
type expression struct {
	java *javaPattern
	same *regexp.Regexp // nil: RE2 reads it in another way, or not at all
}

func newExpression(pattern string) (*expression, error) {
	java, err := parseJava(pattern)
	if err != nil {
		return nil, err
	}
	e := &expression{java: java}
	if readsTheSame(pattern) {
		e.same, _ = regexp.Compile("(?i)^(?:" + pattern + ")$") // nil: only Java knows it
	}
	return e, nil
}

func (e *expression) match(name string) bool {
	if e.same != nil && isPrintable(name) {
		return e.same.MatchString(name)
	}
	return e.java.match(name)
}

// isPrintable reports whether a text is of ASCII's printable characters: in others
// letters fold differently, and a dot stands for others.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// count is how often, without the leading zeros that make it a text in RE2.
var count = regexp.MustCompile(`^\{(0|[1-9]\d*)(,([1-9]\d*)?)?\}`)

// readsTheSame reports whether an expression that Java understands has no part that
// RE2 reads in another way, of printable names.
func readsTheSame(pattern string) bool {
	if !isPrintable(pattern) {
		return false
	}
	for i := 0; i < len(pattern); i++ {
		switch rest := pattern[i:]; rest[0] {
		case '\\':
			i++
			if !escapesTheSame(rest) {
				return false
			}
		case '(':
			if strings.HasPrefix(rest, "(?") && !strings.HasPrefix(rest, "(?:") {
				return false
			}
		case '{':
			if !count.MatchString(rest) {
				return false
			}
		case '[':
			n := simpleClass(rest)
			if n == 0 {
				return false
			}
			i += n - 1
		default:
		}
	}
	return true
}

// escapesTheSame reports whether what a backslash begins is a class of characters
// that both know, or stands for itself.
func escapesTheSame(s string) bool {
	if len(s) < 2 {
		return false
	}
	c := s[1]
	return strings.IndexByte("dDwWsS", c) >= 0 || !isLetterOrDigit(c)
}

func isLetterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// simpleClass returns the length of the class that s begins with, or 0 if it has
// more than characters, escapes and ranges of letters and digits.
func simpleClass(s string) int {
	i := 1
	if i < len(s) && s[i] == '^' {
		i++
	}
	for first := i; i < len(s); i++ {
		switch c := s[i]; {
		case c == ']' && i > first:
			return i + 1
		case c == ']', c == '[', c == '&', c == '^':
			return 0
		case c == '\\':
			if !escapesTheSame(s[i:]) {
				return 0
			}
			i++
		case c == '-' && strings.HasPrefix(s[i:], "-]"):
		case c == '-' && (i == first || i+1 == len(s) || !isLetterOrDigit(s[i-1]) || !isLetterOrDigit(s[i+1])):
			return 0
		default:
		}
	}
	return 0
}
