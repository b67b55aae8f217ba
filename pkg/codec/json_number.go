package codec

import "math"

// number reads a number and returns its text.
func (s *scanner) number() ([]byte, error) {
	start, b := s.i, s.b
	i := start
	if i < len(b) && b[i] == '-' {
		i++
	}
	first := i
	i = digitsEnd(b, i)
	if i == first || b[first] == '0' && i > first+1 {
		return nil, s.fail("a number was expected")
	}
	if i < len(b) && b[i] == '.' {
		from := i + 1
		if i = digitsEnd(b, from); i == from {
			return nil, s.fail("a number has no digit after its point")
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from := i
		if i = digitsEnd(b, from); i == from {
			return nil, s.fail("a number has no digit in its exponent")
		}
	}
	s.i = i
	return b[start:i:i], nil
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// integer reads a whole number; fits is false for one that is not whole or not an int64.
func (s *scanner) integer() (n int64, fits bool, err error) {
	b, i := s.b, s.i
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	from, u := i, uint64(0)
	for i < len(b) && b[i]-'0' <= 9 && i-from < 19 {
		u = u*10 + uint64(b[i]-'0')
		i++
	}
	if i < len(b) && (b[i]-'0' <= 9 || b[i] == '.' || b[i]|0x20 == 'e') || i == from || b[from] == '0' && i > from+1 || u > math.MaxInt64 {
		return s.longInteger()
	}
	s.i = i
	if negative {
		return -int64(u), true, nil
	}
	return int64(u), true, nil
}

func (s *scanner) longInteger() (n int64, fits bool, err error) {
	text, err := s.number()
	if err != nil {
		return 0, false, err
	}
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	u := uint64(0)
	for _, c := range text {
		if c < '0' || c > '9' || u > math.MaxInt64/10 {
			return 0, false, nil
		}
		u = u*10 + uint64(c-'0') // at most 2^63 + 9
	}
	if negative {
		return -int64(u), u <= 1<<63, nil
	}
	return int64(u), u <= math.MaxInt64, nil
}

// skip reads any value.
func (s *scanner) skip(depth int) error {
	switch c := s.space(); c {
	case '{', '[':
		return s.skipAll(c, depth)
	case '"':
		keep := len(s.arena)
		_, err := s.str()
		s.arena = s.arena[:keep]
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		_, err := s.number()
		return err
	default:
		return s.fail("a value was expected")
	}
}

func (s *scanner) skipAll(bracket byte, depth int) error {
	if depth == 0 {
		return s.fail("nested too deep")
	}
	end := bracket + 2
	done, err := s.open(bracket, end, "")
	for !done && err == nil {
		if bracket == '{' {
			keep := len(s.arena)
			_, err = s.key()
			s.arena = s.arena[:keep]
		}
		if err == nil {
			err = s.skip(depth - 1)
		}
		if err == nil {
			done, err = s.next(end)
		}
	}
	return err
}
