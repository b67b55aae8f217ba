package reference

import (
	_ "embed" // the list
	"fmt"
	"regexp"
	"strings"
)

//go:embed differences.txt
var acceptedText string

// Accepted is a difference that is meant to be.
type Accepted struct {
	When   Occasion // * for all
	Server string   // mysql8, mysql9, mariadb; * for all
	Case   string   // * for all
	Match  *regexp.Regexp
	Reason string

	seen bool
}

// ReadAccepted reads what differences.txt says of an occasion: occasion,
// server, case, a regular expression of the difference's text, and the reason,
// with tabs between.
func ReadAccepted(occasion Occasion) ([]*Accepted, error) {
	var list []*Accepted
	for line := range strings.Lines(acceptedText) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "\t")
		if len(parts) != 5 {
			return nil, fmt.Errorf("differences.txt: %q: occasion, server, case, expression and reason are wanted, with tabs between", line)
		}
		if parts[0] != "*" && parts[0] != string(occasion) {
			continue
		}
		match, err := regexp.Compile("(?s)" + parts[3])
		if err != nil {
			return nil, fmt.Errorf("differences.txt: %w", err)
		}
		list = append(list, &Accepted{When: Occasion(parts[0]), Server: parts[1], Case: parts[2], Match: match, Reason: parts[4]})
	}
	return list, nil
}

// Unaccepted returns the differences that no line of the list is about, and
// the lines about this case that no difference has any more.
func Unaccepted(list []*Accepted, kind, name string, differences []Difference) (unexpected []Difference, idle []*Accepted) {
	var mine []*Accepted
	for _, a := range list {
		if (a.Server == "*" || a.Server == kind) && (a.Case == "*" || a.Case == name) {
			mine = append(mine, a)
		}
	}
	for _, d := range differences {
		accepted := false
		for _, a := range mine {
			if a.Match.MatchString(d.String()) {
				a.seen, accepted = true, true
			}
		}
		if !accepted {
			unexpected = append(unexpected, d)
		}
	}
	for _, a := range mine {
		if !a.seen && a.Case != "*" && a.Server != "*" {
			idle = append(idle, a)
		}
	}
	return unexpected, idle
}
