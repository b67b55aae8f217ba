package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// class reads what is behind [: unions of characters, ranges and classes, with &&
// between what all must have. A ^ before it all takes the rest.
func (p *javaParser) class() (set, error) {
	negated := p.take("^")
	var all []set
	for {
		one, end, err := p.union()
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		if end {
			break
		}
	}
	return func(r rune) bool {
		for _, s := range all {
			if !s(r) {
				return negated
			}
		}
		return !negated
	}, nil
}

// union reads up to && or the end of the class, which it reports.
func (p *javaParser) union() (union set, end bool, err error) {
	var some []set
	union = func(r rune) bool {
		for _, s := range some {
			if s(r) {
				return true
			}
		}
		return false
	}
	for first := true; p.more(); first = false {
		switch {
		case p.take("&&"):
			return union, false, nil
		case !first && p.take("]"):
			return union, true, nil
		case first && p.take("]"):
			some = append(some, p.character(']'))
			continue
		case p.take("["):
			s, err := p.class()
			if err != nil {
				return nil, false, err
			}
			some = append(some, s)
			continue
		case p.take(`\Q`):
			for p.more() && !p.take(`\E`) {
				some = append(some, p.character(p.text[p.at]))
				p.at++
			}
			continue
		}
		s, err := p.member()
		if err != nil {
			return nil, false, err
		}
		some = append(some, s)
	}
	return nil, false, errors.New("there is a [ without a ]")
}

// member reads a character, a range, or what a backslash begins.
func (p *javaParser) member() (set, error) {
	s, low, err := p.classCharacter()
	if err != nil || low < 0 || p.at+1 >= len(p.text) || p.text[p.at] != '-' || p.text[p.at+1] == ']' || p.text[p.at+1] == '[' {
		return s, err
	}
	p.at++
	_, high, err := p.classCharacter()
	switch {
	case err != nil:
		return nil, err
	case high < low:
		return nil, errors.New("a range ends before it begins")
	}
	return p.fold(func(r rune) bool { return low <= r && r <= high }), nil
}

func (p *javaParser) classCharacter() (s set, c rune, err error) {
	c = p.text[p.at]
	p.at++
	if c == '\\' && p.more() {
		return p.escaped()
	}
	return p.character(c), c, nil
}

// escaped reads what is behind a backslash: a class, for which c is -1, or the character c.
func (p *javaParser) escaped() (s set, c rune, err error) {
	c = p.text[p.at]
	p.at++
	if s := predefined(c); s != nil {
		return s, -1, nil
	}
	switch c {
	case 'p', 'P':
		s, err := p.property()
		if c == 'P' && err == nil {
			return func(r rune) bool { return !s(r) }, -1, nil
		}
		return s, -1, err
	case 't', 'n', 'r', 'f', 'a', 'e':
		c = map[rune]rune{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f', 'a': '\a', 'e': 0x1B}[c]
	case 'x', 'u':
		if c, err = p.hexadecimal(c); err != nil {
			return nil, -1, err
		}
	case '0':
		if c, err = p.octal(); err != nil {
			return nil, -1, err
		}
	default:
		if c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			return nil, -1, fmt.Errorf(`\%c is not supported`, c)
		}
	}
	return p.character(c), c, nil
}

// hexadecimal reads \xhh, \x{h…} or \uhhhh.
func (p *javaParser) hexadecimal(kind rune) (rune, error) {
	length := map[rune]int{'x': 2, 'u': 4}[kind]
	digits := ""
	if kind == 'x' && p.take("{") {
		var err error
		if digits, err = p.until('}'); err != nil {
			return 0, err
		}
	} else if p.at+length <= len(p.text) {
		digits = string(p.text[p.at : p.at+length])
		p.at += length
	}
	n, err := strconv.ParseUint(digits, 16, 21)
	if err != nil {
		return 0, fmt.Errorf(`\%c is not followed by a character's number`, kind)
	}
	return rune(n), nil
}

// octal reads \0n, \0nn or \0mnn, of which m is 3 at most.
func (p *javaParser) octal() (rune, error) {
	begin, n := p.at, rune(0)
	for p.more() && p.text[p.at] >= '0' && p.text[p.at] <= '7' && n*8+p.text[p.at]-'0' <= 0o377 {
		n = n*8 + p.text[p.at] - '0'
		p.at++
	}
	if p.at == begin {
		return 0, errors.New(`\0 is not followed by a character's number`)
	}
	return n, nil
}

// predefined returns the class of a letter behind a backslash, or nil.
func predefined(c rune) set {
	in := func(members string) set { return func(r rune) bool { return strings.ContainsRune(members, r) } }
	var s set
	switch unicode.ToLower(c) {
	case 'd':
		s = func(r rune) bool { return '0' <= r && r <= '9' }
	case 'w':
		s = isWord
	case 's':
		s = in(" \t\n\v\f\r")
	case 'h':
		s = in(" \t\u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000")
	case 'v':
		s = in("\n\v\f\r\u0085\u2028\u2029")
	default:
		return nil
	}
	if unicode.IsUpper(c) {
		return func(r rune) bool { return !s(r) }
	}
	return s
}

func isWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= lower(r) && lower(r) <= 'z'
}

// property reads L or {Name} behind \p. Where case does not count, it does not in
// properties of case either.
func (p *javaParser) property() (set, error) {
	var name string
	switch {
	case p.take("{"):
		var err error
		if name, err = p.until('}'); err != nil {
			return nil, err
		}
	case p.more():
		name = string(p.text[p.at])
		p.at++
	}
	if p.folded {
		switch name {
		case "Lower", "Upper":
			name = "Alpha"
		case "Lu", "Ll", "Lt", "IsLu", "IsLl", "IsLt", "IsUppercase", "IsLowercase":
			return func(r rune) bool { return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt) }, nil
		}
	}
	if s := posix(name); s != nil {
		return func(r rune) bool { return r <= unicode.MaxASCII && s(r) }, nil
	}
	name = strings.TrimPrefix(name, "Is")
	switch name {
	case "Alphabetic":
		return func(r rune) bool { return unicode.In(r, unicode.L, unicode.Nl, unicode.Other_Alphabetic) }, nil
	case "Letter":
		return unicode.IsLetter, nil
	case "Digit":
		return unicode.IsDigit, nil
	}
	for _, tables := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts} {
		if table := tables[name]; table != nil {
			return func(r rune) bool { return unicode.Is(table, r) }, nil
		}
	}
	return nil, fmt.Errorf(`\p{%s} is not supported`, name)
}

// posix returns a class of ASCII's characters by its name, or nil.
func posix(name string) set {
	switch name {
	case "Lower":
		return unicode.IsLower
	case "Upper":
		return unicode.IsUpper
	case "ASCII":
		return func(rune) bool { return true }
	case "Alpha":
		return unicode.IsLetter
	case "Digit":
		return unicode.IsDigit
	case "Alnum":
		return func(r rune) bool { return r != '_' && isWord(r) }
	case "Punct":
		return func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }
	case "Graph":
		return func(r rune) bool { return r > ' ' && r < 0x7F }
	case "Print":
		return func(r rune) bool { return r >= ' ' && r < 0x7F }
	case "Blank":
		return func(r rune) bool { return r == ' ' || r == '\t' }
	case "Cntrl":
		return unicode.IsControl
	case "XDigit":
		return func(r rune) bool { return '0' <= r && r <= '9' || 'a' <= lower(r) && lower(r) <= 'f' }
	case "Space":
		return predefined('s')
	default:
		return nil
	}
}
