package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// javaParser reads an expression as java.util.regex.Pattern does.
type javaParser struct {
	text   []rune
	at     int
	names  map[string]int
	groups int

	folded, dotAll, multiline bool // flags i, s and m
}

// parseJava reads an expression that does not tell upper from lower case.
func parseJava(pattern string) (*javaPattern, error) {
	p := &javaParser{text: []rune(pattern), names: map[string]int{}, folded: true}
	root, err := p.alternatives()
	if err == nil && p.more() {
		err = errors.New("there is a ) without a (")
	}
	return &javaPattern{root: root, groups: p.groups}, err
}

func (p *javaParser) more() bool { return p.at < len(p.text) }

// take goes past s if it is next.
func (p *javaParser) take(s string) bool {
	if !strings.HasPrefix(string(p.text[p.at:min(p.at+len(s), len(p.text))]), s) {
		return false
	}
	p.at += len(s)
	return true
}

// until goes past the next end, and returns what is before it.
func (p *javaParser) until(end rune) (string, error) {
	i := slices.Index(p.text[p.at:], end)
	if i < 0 {
		return "", fmt.Errorf("there is no %c", end)
	}
	s := string(p.text[p.at : p.at+i])
	p.at += i + 1
	return s, nil
}

// alternatives reads up to a ) or the end. Flags that are set within end there.
func (p *javaParser) alternatives() (node, error) {
	folded, dotAll, multiline := p.folded, p.dotAll, p.multiline
	defer func() { p.folded, p.dotAll, p.multiline = folded, dotAll, multiline }()
	var all alternatives
	for {
		var s sequence
		for p.more() && p.text[p.at] != '|' && p.text[p.at] != ')' {
			n, err := p.quantified()
			if err != nil {
				return nil, err
			}
			s = append(s, n)
		}
		if all = append(all, s); !p.take("|") {
			return all, nil
		}
	}
}

func (p *javaParser) quantified() (node, error) {
	n, err := p.atom()
	if err != nil {
		return nil, err
	}
	if p.more() && strings.ContainsRune("*+?{", p.text[p.at]) {
		r := &repeat{inner: n, max: -1}
		switch {
		case p.take("*"):
		case p.take("+"):
			r.min = 1
		case p.take("?"):
			r.max = 1
		default:
			p.at++
			if err := p.counts(r); err != nil {
				return nil, err
			}
		}
		r.lazy = p.take("?")
		if n = r; !r.lazy && p.take("+") {
			n = &atomic{r}
		}
	}
	if p.more() && strings.ContainsRune("*+?", p.text[p.at]) {
		return nil, fmt.Errorf("nothing is before %c", p.text[p.at])
	}
	return n, nil
}

// counts reads what is behind {.
func (p *javaParser) counts(r *repeat) error {
	text, err := p.until('}')
	if err != nil {
		return err
	}
	low, high, ranged := strings.Cut(text, ",")
	if r.min, err = strconv.Atoi(low); err != nil {
		return fmt.Errorf("{%s} is no count", text)
	}
	switch {
	case !ranged:
		r.max = r.min
	case high != "":
		if r.max, err = strconv.Atoi(high); err != nil || r.max < r.min {
			return fmt.Errorf("{%s} is no count", text)
		}
	}
	return nil
}

func (p *javaParser) atom() (node, error) {
	c := p.text[p.at]
	p.at++
	switch c {
	case '(':
		return p.group()
	case '[':
		s, err := p.class()
		return s, err
	case '\\':
		return p.escape()
	case '.':
		dotAll := p.dotAll
		return set(func(r rune) bool { return dotAll || !strings.ContainsRune("\n\r\u0085\u2028\u2029", r) }), nil
	case '^':
		multiline := p.multiline
		return assertion(func(t []rune, i int) bool { return i == 0 || multiline && t[i-1] == '\n' }), nil
	case '$':
		multiline := p.multiline
		return assertion(func(t []rune, i int) bool { return atEnd(t, i) || multiline && t[i] == '\n' }), nil
	case '*', '+', '?', '{':
		return nil, fmt.Errorf("nothing is before %c", c)
	default:
		return p.character(c), nil
	}
}

// atEnd reports whether nothing but a line's end is left.
func atEnd(t []rune, i int) bool {
	rest := string(t[i:])
	return rest == "" || rest == "\r\n" || len(t) == i+1 && strings.ContainsRune("\n\r\u0085\u2028\u2029", t[i])
}

// character returns the set of one character, and of the other case's.
func (p *javaParser) character(c rune) set {
	return p.fold(func(r rune) bool { return r == c })
}

// fold adds the other case of ASCII's letters to a set, if the flag says so.
func (p *javaParser) fold(s set) set {
	if !p.folded {
		return s
	}
	return func(r rune) bool { return s(r) || s(lower(r)) || s(upper(r)) }
}

// group reads what is behind (.
func (p *javaParser) group() (node, error) {
	index := 0
	wrap := func(n node) node { return n }
	switch {
	case !p.take("?"):
		p.groups++
		index = p.groups
		wrap = func(n node) node { return &group{n, index} }
	case p.take(":"):
	case p.take("="):
		wrap = func(n node) node { return &look{inner: n} }
	case p.take("!"):
		wrap = func(n node) node { return &look{inner: n, deny: true} }
	case p.take("<="):
		wrap = func(n node) node { return &look{inner: n, behind: true} }
	case p.take("<!"):
		wrap = func(n node) node { return &look{inner: n, behind: true, deny: true} }
	case p.take(">"):
		wrap = func(n node) node { return &atomic{n} }
	case p.take("<"):
		name, err := p.until('>')
		if err != nil {
			return nil, err
		}
		p.groups++
		index = p.groups
		p.names[name] = index
		wrap = func(n node) node { return &group{n, index} }
	default:
		return p.flags()
	}
	n, err := p.alternatives()
	if err == nil && !p.take(")") {
		err = errors.New("there is a ( without a )")
	}
	return wrap(n), err
}

// flags reads (?i), of the rest of the group, or (?i:…).
func (p *javaParser) flags() (node, error) {
	folded, dotAll, multiline := p.folded, p.dotAll, p.multiline
	for on := true; p.more(); {
		c := p.text[p.at]
		p.at++
		switch c {
		case '-':
			on = false
		case 'i':
			p.folded = on
		case 's':
			p.dotAll = on
		case 'm':
			p.multiline = on
		case ')':
			return sequence{}, nil
		case ':':
			n, err := p.alternatives()
			if err == nil && !p.take(")") {
				err = errors.New("there is a ( without a )")
			}
			p.folded, p.dotAll, p.multiline = folded, dotAll, multiline
			return n, err
		default:
			return nil, fmt.Errorf("the flag %c is not supported", c)
		}
	}
	return nil, errors.New("there is a ( without a )")
}

// escape reads what is behind a backslash outside of a class.
func (p *javaParser) escape() (node, error) {
	if !p.more() {
		return nil, errors.New("nothing is behind the last backslash")
	}
	c := p.text[p.at]
	switch {
	case c >= '1' && c <= '9':
		return p.numbered()
	case p.take("k<"):
		name, err := p.until('>')
		if err == nil && p.names[name] == 0 {
			err = fmt.Errorf("there is no group %s", name)
		}
		return &backReference{p.names[name], p.folded}, err
	case p.take("b"):
		return assertion(wordEdge), nil
	case p.take("B"):
		return assertion(func(t []rune, i int) bool { return !wordEdge(t, i) }), nil
	case p.take("A"), p.take("G"):
		return assertion(func(_ []rune, i int) bool { return i == 0 }), nil
	case p.take("z"):
		return assertion(func(t []rune, i int) bool { return i == len(t) }), nil
	case p.take("Z"):
		return assertion(atEnd), nil
	case p.take("Q"):
		var s sequence
		for p.more() && !p.take(`\E`) {
			s = append(s, p.character(p.text[p.at]))
			p.at++
		}
		return s, nil
	default:
		s, _, err := p.escaped()
		return s, err
	}
}

// numbered reads the number of a group: as many digits as there are groups.
func (p *javaParser) numbered() (node, error) {
	n := int(p.text[p.at] - '0')
	for p.at++; p.more() && unicode.IsDigit(p.text[p.at]) && n*10+int(p.text[p.at]-'0') <= p.groups; p.at++ {
		n = n*10 + int(p.text[p.at]-'0')
	}
	if n > p.groups { // it has matched nothing yet
		return set(func(rune) bool { return false }), nil
	}
	return &backReference{n, p.folded}, nil
}

func wordEdge(t []rune, i int) bool {
	return (i > 0 && isWord(t[i-1])) != (i < len(t) && isWord(t[i]))
}
