package codec

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON. Strings without escapes are slices of what it reads,
// others of its arena.
type scanner struct {
	b     []byte
	i     int
	arena []byte
}

// maxDepth bounds the nesting of what is read, so that it cannot exhaust the stack.
const maxDepth = 128

func (s *scanner) fail(reason string) error { return &FormatError{Reason: reason, Offset: s.i} }

// space skips white space and returns the byte after it, 0 at the end.
func (s *scanner) space() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// literal skips the text if it is next, without white space before it.
func (s *scanner) literal(text []byte) bool {
	if !bytes.HasPrefix(s.b[s.i:], text) {
		return false
	}
	s.i += len(text)
	return true
}

// open reads the bracket that begins an object or array, and reports whether it is empty, then read whole.
func (s *scanner) open(bracket, end byte, what string) (empty bool, err error) {
	if s.space() != bracket {
		return false, s.fail(what)
	}
	s.i++
	if s.space() == end {
		s.i++
		return true, nil
	}
	return false, nil
}

// next reads what follows an element: a comma, or the end, when done is true.
func (s *scanner) next(end byte) (done bool, err error) {
	switch s.space() {
	case ',':
		s.i++
		return false, nil
	case end:
		s.i++
		return true, nil
	default:
		return false, s.fail("a comma or the end of an object or array was expected")
	}
}

// key reads a member's name and the colon.
func (s *scanner) key() ([]byte, error) {
	s.space()
	name, err := s.str()
	if err != nil {
		return nil, err
	}
	if s.space() != ':' {
		return nil, s.fail("a colon was expected")
	}
	s.i++
	return name, nil
}

// null reads null if it is next.
func (s *scanner) null() (bool, error) {
	if s.space() != 'n' {
		return false, nil
	}
	return true, s.word("null")
}

func (s *scanner) word(w string) error {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return s.fail("an unknown literal")
	}
	s.i += len(w)
	return nil
}

func (s *scanner) str() ([]byte, error) {
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		return nil, s.fail("a string was expected")
	}
	start := s.i + 1
	for i := start; ; {
		i = plain(s.b, i)
		if i >= len(s.b) {
			s.i = i
			return nil, s.fail("a string does not end")
		}
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return s.b[start:i:i], nil
		case c == '\\':
			return s.unescape(start, i)
		case c < ' ':
			s.i = i
			return nil, s.fail("a control character in a string")
		default:
			r, n := utf8.DecodeRune(s.b[i:])
			if r == utf8.RuneError && n == 1 {
				s.i = i
				return nil, s.fail("a string is not UTF-8")
			}
			i += n
		}
	}
}

// unescape reads the string that began at start and has its first backslash at i.
func (s *scanner) unescape(start, i int) ([]byte, error) {
	from := len(s.arena)
	for {
		s.arena = append(s.arena, s.b[start:i]...)
		s.i = i
		if i >= len(s.b) {
			return nil, s.fail("a string does not end")
		}
		start = i
		switch c := s.b[i]; {
		case c == '"':
			s.i++
			return s.arena[from:len(s.arena):len(s.arena)], nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
			start = s.i
		case c < ' ':
			return nil, s.fail("a control character in a string")
		default:
			r, n := utf8.DecodeRune(s.b[i:])
			if r == utf8.RuneError && n == 1 {
				return nil, s.fail("a string is not UTF-8")
			}
			s.i += n
		}
		i = plain(s.b, s.i)
	}
}

// escape reads one escape, a pair of surrogates included, into the arena.
func (s *scanner) escape() error {
	if s.i+1 >= len(s.b) {
		return s.fail("a string does not end")
	}
	c := s.b[s.i+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.unicode()
	default:
		return s.fail("an unknown escape in a string")
	}
	s.arena = append(s.arena, c)
	s.i += 2
	return nil
}

func (s *scanner) unicode() error {
	r, ok := s.hex(s.i)
	if !ok {
		return s.fail("an unknown escape in a string")
	}
	n := 6
	if utf16.IsSurrogate(r) {
		low, ok := s.hex(s.i + n)
		if !ok {
			return s.fail("half of a surrogate pair in a string")
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return s.fail("half of a surrogate pair in a string")
		}
		n = 12
	}
	s.arena = utf8.AppendRune(s.arena, r)
	s.i += n
	return nil
}

// hex returns the code unit of the escape \uXXXX at i.
func (s *scanner) hex(i int) (rune, bool) {
	if i+6 > len(s.b) || s.b[i] != '\\' || s.b[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s.b[i+2 : i+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
