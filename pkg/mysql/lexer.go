package mysql

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// TokenKind is what a [Token] is.
type TokenKind uint8

// The kinds of token.
const (
	TokenEnd    TokenKind = iota
	TokenWord             // a keyword or an unquoted identifier
	TokenQuoted           // a quoted identifier
	TokenText             // a string literal
	TokenNumber           // digits, a decimal point, an exponent
	TokenBits             // b'01' or 0b01
	TokenHex              // x'01' or 0x01
	TokenPunct            // one character
)

// Token is one lexeme of a statement.
type Token struct {
	Kind       TokenKind
	Text       string // identifiers and strings without their quotes (strings otherwise as written), else as written
	Start, End int    // in the statement
	Double     bool   // a string in double quotes
}

// Is reports whether the token is the keyword or the punctuation s, given in upper case.
func (t *Token) Is(s string) bool {
	return (t.Kind == TokenWord || t.Kind == TokenPunct) && strings.EqualFold(t.Text, s)
}

// IsName reports whether the token can name something.
func (t *Token) IsName() bool { return t.Kind == TokenWord || t.Kind == TokenQuoted }

var errUnterminated = errors.New("quote or comment is not closed")

// Lexer cuts a statement into tokens. Comments vanish; the contents of the
// executable ones (/*! … */) are read as if they stood there.
type Lexer struct {
	src     string
	i       int
	exec    int // open executable comments
	mode    SQLMode
	mariaDB bool
	named   bool // the token before was a name, so that a dot separates
}

// NewLexer returns a lexer at the beginning of a statement, which was parsed in a SQL mode.
func NewLexer(sql string, mode SQLMode, mariaDB bool) Lexer {
	return Lexer{src: sql, mode: mode, mariaDB: mariaDB}
}

// Rest returns what follows the tokens that were read, as written.
func (l *Lexer) Rest() string { return l.src[l.i:] }

// BehindSet passes over MariaDB's SET STATEMENT … FOR, which sets variables for
// the statement behind it. A value may have a FOR of its own, in parentheses or in quotes.
func (l *Lexer) BehindSet() {
	before := *l
	for l.set() {
		before = *l
	}
	*l = before
}

// set passes over one SET STATEMENT … FOR. If there is none, the lexer is anywhere afterwards.
func (l *Lexer) set() bool {
	for _, word := range [...]string{"SET", "STATEMENT"} {
		if t, err := l.Next(); err != nil || !t.Is(word) {
			return false
		}
	}
	for depth := 0; ; {
		t, err := l.Next()
		switch {
		case err != nil || t.Kind == TokenEnd:
			return false
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		case t.Is("FOR") && depth == 0:
			return true
		}
	}
}

// All returns the tokens up to the end.
func (l *Lexer) All() ([]Token, error) {
	var toks []Token
	for {
		t, err := l.Next()
		if err != nil {
			return nil, err
		}
		if t.Kind == TokenEnd {
			return toks, nil
		}
		toks = append(toks, t)
	}
}

// Next returns the next token. It fails where a quote or a comment is not closed.
func (l *Lexer) Next() (Token, error) {
	t, err := l.token()
	l.named = t.IsName()
	return t, err
}

func (l *Lexer) token() (Token, error) {
	if err := l.skip(); err != nil {
		return Token{}, err
	}
	if l.i >= len(l.src) {
		return Token{Kind: TokenEnd, Start: l.i, End: l.i}, nil
	}
	start, c := l.i, l.src[l.i]
	switch {
	case c == '`' || c == '"' && l.mode&ANSIQuotes != 0:
		return l.identifier(c)
	case c == '\'' || c == '"':
		return l.literal(TokenText, 0)
	case c == '.' && !l.named && l.digitAt(l.i+1) || isDigit(c):
		return l.digits(), nil
	case InWord(c):
		if l.i+1 < len(l.src) && l.src[l.i+1] == '\'' {
			switch c {
			case 'b', 'B':
				return l.literal(TokenBits, 1)
			case 'x', 'X':
				return l.literal(TokenHex, 1)
			case 'n', 'N':
				return l.literal(TokenText, 1)
			}
		}
		for l.i < len(l.src) && InWord(l.src[l.i]) {
			l.i++
		}
		return Token{Kind: TokenWord, Text: l.src[start:l.i], Start: start, End: l.i}, nil
	default:
		_, n := utf8.DecodeRuneInString(l.src[l.i:])
		l.i += n
		return Token{Kind: TokenPunct, Text: l.src[start:l.i], Start: start, End: l.i}, nil
	}
}

// skip passes over white space and comments.
func (l *Lexer) skip() error {
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
func (l *Lexer) executable(s string) int {
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

func (l *Lexer) identifier(q byte) (Token, error) {
	start := l.i
	l.i++
	var b strings.Builder
	for l.i < len(l.src) {
		c := l.src[l.i]
		if c == q {
			l.i++
			if l.i >= len(l.src) || l.src[l.i] != q {
				return Token{Kind: TokenQuoted, Text: b.String(), Start: start, End: l.i}, nil
			}
		}
		b.WriteByte(c)
		l.i++
	}
	return Token{}, errUnterminated
}

// literal reads a quoted literal whose quote is prefix bytes away.
func (l *Lexer) literal(k TokenKind, prefix int) (Token, error) {
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
			return Token{Kind: k, Text: l.src[from : l.i-1], Start: start, End: l.i, Double: q == '"'}, nil
		}
		l.i++
	}
	return Token{}, errUnterminated
}

func (l *Lexer) digits() Token {
	start := l.i
	if strings.HasPrefix(l.src[l.i:], "0x") || strings.HasPrefix(l.src[l.i:], "0b") {
		k := TokenHex
		if l.src[l.i+1] == 'b' {
			k = TokenBits
		}
		for l.i += 2; l.i < len(l.src) && InWord(l.src[l.i]); l.i++ {
		}
		return Token{Kind: k, Text: l.src[start+2 : l.i], Start: start, End: l.i}
	}
	dot := false
	for l.i < len(l.src) {
		switch c := l.src[l.i]; {
		case isDigit(c):
		case c == '.' && !dot:
			dot = true
		case (c == 'e' || c == 'E') && l.exponent():
			l.i++ // the sign or the first digit follows
		case InWord(c): // an identifier such as 1digit
			for l.i < len(l.src) && InWord(l.src[l.i]) {
				l.i++
			}
			return Token{Kind: TokenWord, Text: l.src[start:l.i], Start: start, End: l.i}
		default:
			return Token{Kind: TokenNumber, Text: l.src[start:l.i], Start: start, End: l.i}
		}
		l.i++
	}
	return Token{Kind: TokenNumber, Text: l.src[start:l.i], Start: start, End: l.i}
}

func (l *Lexer) exponent() bool {
	n := l.i + 1
	if n < len(l.src) && (l.src[n] == '+' || l.src[n] == '-') {
		n++
	}
	return l.digitAt(n)
}

func (l *Lexer) digitAt(i int) bool { return i < len(l.src) && isDigit(l.src[i]) }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// InWord reports whether c may be within a keyword or an unquoted identifier.
func InWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c == '@' || c >= utf8.RuneSelf
}
