package schemahistory

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	end    kind = iota
	word        // a keyword or an unquoted identifier
	quoted      // a quoted identifier
	text        // a string literal
	number      // digits, a decimal point, an exponent
	bits        // b'01' or 0b01
	hex         // x'01' or 0x01
	punct       // one character
)

// token is one lexeme of a statement.
type token struct {
	kind       kind
	val        string // identifiers and strings without their quotes (strings otherwise as written), else as written
	start, end int    // in the statement
	double     bool   // a string in double quotes
}

// is reports whether the token is the keyword or the punctuation s, given in upper case.
func (t *token) is(s string) bool {
	return (t.kind == word || t.kind == punct) && strings.EqualFold(t.val, s)
}

// name reports whether the token can name something.
func (t *token) name() bool { return t.kind == word || t.kind == quoted }

var errUnterminated = errors.New("quote or comment is not closed")

// lexer cuts a statement into tokens. Comments vanish; the contents of the
// executable ones (/*! … */) are read as if they stood there.
type lexer struct {
	src     string
	i       int
	exec    int // open executable comments
	mode    SQLMode
	mariaDB bool
	named   bool // the token before was a name, so that a dot separates
}

func (l *lexer) all() ([]token, error) {
	var toks []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		if t.kind == end {
			return toks, nil
		}
		l.named = t.name()
		toks = append(toks, t)
	}
}

func (l *lexer) next() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	if l.i >= len(l.src) {
		return token{kind: end, start: l.i, end: l.i}, nil
	}
	start, c := l.i, l.src[l.i]
	switch {
	case c == '`' || c == '"' && l.mode&ANSIQuotes != 0:
		return l.identifier(c)
	case c == '\'' || c == '"':
		return l.literal(text, 0)
	case c == '.' && !l.named && l.digitAt(l.i+1) || isDigit(c):
		return l.digits(), nil
	case isWord(c):
		if l.i+1 < len(l.src) && l.src[l.i+1] == '\'' {
			switch c {
			case 'b', 'B':
				return l.literal(bits, 1)
			case 'x', 'X':
				return l.literal(hex, 1)
			case 'n', 'N':
				return l.literal(text, 1)
			}
		}
		for l.i < len(l.src) && isWord(l.src[l.i]) {
			l.i++
		}
		return token{kind: word, val: l.src[start:l.i], start: start, end: l.i}, nil
	default:
		_, n := utf8.DecodeRuneInString(l.src[l.i:])
		l.i += n
		return token{kind: punct, val: l.src[start:l.i], start: start, end: l.i}, nil
	}
}

// skip passes over white space and comments.
func (l *lexer) skip() error {
	for l.i < len(l.src) {
		rest := l.src[l.i:]
		switch {
		case rest[0] <= ' ':
			l.i++
		case rest[0] == '#', strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest) - 1
			}
			l.i += n + 1
		case strings.HasPrefix(rest, "*/") && l.exec > 0:
			l.exec--
			l.i += 2
		case strings.HasPrefix(rest, "/*"):
			if n := l.executable(rest); n > 0 {
				l.exec++
				l.i += n
				continue
			}
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return errUnterminated
			}
			l.i += n + 4
		default:
			return nil
		}
	}
	return nil
}

// executable returns the length of the opening of an executable comment, or 0
// if the server would not execute it.
func (l *lexer) executable(s string) int {
	n := 0
	switch {
	case strings.HasPrefix(s, "/*!"):
		n = 3
	case strings.HasPrefix(s, "/*M!") && l.mariaDB:
		n = 4
	default:
		return 0
	}
	version, digits := 0, 0
	for digits < 6 && n < len(s) && isDigit(s[n]) {
		version = version*10 + int(s[n]-'0')
		n++
		digits++
	}
	if digits != 0 && digits < 5 {
		n -= digits // MySQL wants five or six digits, anything shorter is part of the statement
	}
	if l.mariaDB && version >= 50700 && version < 100000 {
		return 0 // MariaDB leaves out what is meant for MySQL 5.7 and later
	}
	return n
}

func (l *lexer) identifier(q byte) (token, error) {
	start := l.i
	l.i++
	var b strings.Builder
	for l.i < len(l.src) {
		c := l.src[l.i]
		if c == q {
			l.i++
			if l.i >= len(l.src) || l.src[l.i] != q {
				return token{kind: quoted, val: b.String(), start: start, end: l.i}, nil
			}
		}
		b.WriteByte(c)
		l.i++
	}
	return token{}, errUnterminated
}

// literal reads a quoted literal whose quote is prefix bytes away.
func (l *lexer) literal(k kind, prefix int) (token, error) {
	start := l.i
	l.i += prefix
	q := l.src[l.i]
	l.i++
	from := l.i
	for l.i < len(l.src) {
		c := l.src[l.i]
		switch {
		case c == '\\' && l.mode&NoBackslashEscapes == 0:
			l.i++
		case c == q && l.i+1 < len(l.src) && l.src[l.i+1] == q:
			l.i++
		case c == q:
			l.i++
			return token{kind: k, val: l.src[from : l.i-1], start: start, end: l.i, double: q == '"'}, nil
		}
		l.i++
	}
	return token{}, errUnterminated
}

func (l *lexer) digits() token {
	start := l.i
	if strings.HasPrefix(l.src[l.i:], "0x") || strings.HasPrefix(l.src[l.i:], "0b") {
		k := hex
		if l.src[l.i+1] == 'b' {
			k = bits
		}
		for l.i += 2; l.i < len(l.src) && isWord(l.src[l.i]); l.i++ {
		}
		return token{kind: k, val: l.src[start+2 : l.i], start: start, end: l.i}
	}
	dot := false
	for l.i < len(l.src) {
		switch c := l.src[l.i]; {
		case isDigit(c):
		case c == '.' && !dot:
			dot = true
		case (c == 'e' || c == 'E') && l.exponent():
			l.i++ // the sign or the first digit follows
		case isWord(c): // an identifier such as 1digit
			for l.i < len(l.src) && isWord(l.src[l.i]) {
				l.i++
			}
			return token{kind: word, val: l.src[start:l.i], start: start, end: l.i}
		default:
			return token{kind: number, val: l.src[start:l.i], start: start, end: l.i}
		}
		l.i++
	}
	return token{kind: number, val: l.src[start:l.i], start: start, end: l.i}
}

func (l *lexer) exponent() bool {
	n := l.i + 1
	if n < len(l.src) && (l.src[n] == '+' || l.src[n] == '-') {
		n++
	}
	return l.digitAt(n)
}

func (l *lexer) digitAt(i int) bool { return i < len(l.src) && isDigit(l.src[i]) }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c == '@' || c >= utf8.RuneSelf
}
