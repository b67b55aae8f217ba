package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Patterns is a list of regular expressions by Debezium's matching rules: they
// are separated by commas (a comma that belongs to one is written \,), match
// whole names and do not tell upper from lower case of ASCII's letters.
type Patterns struct {
	text string
	list []*expression
}

// ParsePatterns reads a list of Java's expressions.
func ParsePatterns(s string) (Patterns, error) {
	p := Patterns{text: s}
	var errs []error
	for _, part := range splitPatterns(s) {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		re, err := newExpression(part)
		if err != nil {
			errs = append(errs, fmt.Errorf("regular expression %s: %w", part, err))
			continue
		}
		p.list = append(p.list, re)
	}
	return p, errors.Join(errs...)
}

// UnmarshalText reads a list.
func (p *Patterns) UnmarshalText(text []byte) error {
	var err error
	*p, err = ParsePatterns(string(text))
	return err
}

// String returns the list as it was given.
func (p Patterns) String() string { return p.text }

// Empty reports whether the list has no expression.
func (p Patterns) Empty() bool { return len(p.list) == 0 }

// Match reports whether an expression of the list matches the whole name.
func (p Patterns) Match(name string) bool { return p.index(name) >= 0 }

// index returns which expression of the list is the first to match, or -1.
func (p Patterns) index(name string) int {
	return slices.IndexFunc(p.list, func(e *expression) bool { return e.match(name) })
}

// splitPatterns splits at commas that no backslash stands before, and takes
// that backslash away.
func splitPatterns(s string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == ',':
			parts = append(parts, part.String())
			part.Reset()
			continue
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == ',':
			i++
		case s[i] == '\\' && i+1 < len(s):
			part.WriteByte(s[i])
			i++
		default:
		}
		part.WriteByte(s[i])
	}
	return append(parts, part.String())
}

// javaOnly names the first feature of Java's expressions that RE2 lacks or
// reads in another way.
func javaOnly(p string) string {
	inClass := false
	for i := 0; i < len(p); i++ {
		rest := p[i:]
		switch {
		case strings.HasPrefix(rest, `\Q`):
			end := strings.Index(rest, `\E`)
			if end < 0 {
				return ""
			}
			i += end + 1
		case p[i] == '\\' && i+1 < len(p):
			i++
			switch c := p[i]; {
			case c >= '1' && c <= '9', c == 'k':
				return "a back reference"
			case strings.IndexByte("GZhHRX", c) >= 0:
				return `\` + string(c)
			default:
			}
		case inClass && p[i] == ']':
			inClass = false
		case inClass && strings.HasPrefix(rest, "&&"):
			return "an intersection of classes"
		case inClass && p[i] == '[':
			return "a class within a class"
		case inClass:
		case p[i] == '[':
			inClass = true
			if strings.HasPrefix(rest, "[]") || strings.HasPrefix(rest, "[^]") {
				i = i + strings.IndexByte(rest, ']')
			} else if strings.HasPrefix(rest, "[^") {
				i++
			}
		case strings.HasPrefix(rest, "(?=") || strings.HasPrefix(rest, "(?!"):
			return "a look ahead"
		case strings.HasPrefix(rest, "(?<=") || strings.HasPrefix(rest, "(?<!"):
			return "a look behind"
		case strings.HasPrefix(rest, "(?>"):
			return "an atomic group"
		case i+1 < len(p) && p[i+1] == '+' && strings.IndexByte("*+?}", p[i]) >= 0:
			return "a possessive quantifier"
		default:
		}
	}
	return ""
}
