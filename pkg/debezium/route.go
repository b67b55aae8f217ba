package debezium

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Route renames topics as Kafka Connect's transform RegexRouter does: in a name
// that the expression matches as a whole, its first match is replaced.
type Route struct {
	whole, first *regexp.Regexp
	replacement  string // as regexp.Expand wants it
}

// NewRoute returns a route from an expression and a replacement, which refers to
// the expression's groups as Java does: $1, ${name}, and \ before what stands for
// itself.
func NewRoute(regex, replacement string) (*Route, error) {
	first, err := regexp.Compile(regex)
	if err != nil {
		return nil, err
	}
	r := &Route{first: first}
	if r.whole, err = regexp.Compile("^(?:" + regex + ")$"); err != nil {
		return nil, err
	}
	if r.replacement, err = expansion(first, replacement); err != nil {
		return nil, fmt.Errorf("replacement %s: %w", replacement, err)
	}
	return r, nil
}

// Topic returns the name that a topic has behind the transform.
func (r *Route) Topic(name string) string {
	if !r.whole.MatchString(name) {
		return name
	}
	match := r.first.FindStringSubmatchIndex(name)
	routed := r.first.ExpandString([]byte(name[:match[0]]), r.replacement, name, match)
	return string(routed) + name[match[1]:]
}

// expansion translates a replacement of Java's Matcher.
func expansion(re *regexp.Regexp, replacement string) (string, error) {
	var b strings.Builder
	for rest := replacement; rest != ""; {
		c := rest[0]
		rest = rest[1:]
		switch {
		case c == '\\' && rest == "":
			return "", errors.New("nothing follows the backslash")
		case c == '\\':
			c, rest = rest[0], rest[1:]
			literal(&b, c)
		case c != '$':
			literal(&b, c)
		default:
			group, n, err := groupReference(re, rest)
			if err != nil {
				return "", err
			}
			b.WriteString("${" + group + "}")
			rest = rest[n:]
		}
	}
	return b.String(), nil
}

func literal(b *strings.Builder, c byte) {
	if c == '$' {
		b.WriteByte('$')
	}
	b.WriteByte(c)
}

// groupReference reads what stands behind a dollar: the group, and how long its
// name is. A number goes on for as long as there is such a group.
func groupReference(re *regexp.Regexp, s string) (group string, length int, err error) {
	if name, found := strings.CutPrefix(s, "{"); found {
		name, _, found = strings.Cut(name, "}")
		if !found || re.SubexpIndex(name) < 0 {
			return "", 0, fmt.Errorf("the expression has no group ${%s}", name)
		}
		return name, len(name) + len("{}"), nil
	}
	for length < len(s) && isASCIIDigit(rune(s[length])) {
		if n, err := strconv.Atoi(s[:length+1]); err != nil || n > re.NumSubexp() {
			break
		}
		length++
	}
	if length == 0 {
		return "", 0, errors.New("a dollar is followed by a group of the expression, or has a backslash before it")
	}
	return strings.TrimLeft(s[:length-1], "0") + s[length-1:length], length, nil
}
