package convert

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// charset decodes one of MySQL's character sets.
type charset interface {
	// decode appends src as UTF-8. What is no character becomes U+FFFD.
	decode(dst, src []byte) []byte
}

// newCharset returns the decoder of a MySQL character set; nil for UTF-8.
// With exact, latin1 has the gaps that Java's Windows-1252 has.
func newCharset(name string, exact bool) (charset, error) {
	name = strings.ToLower(name)
	switch name {
	case "", "utf8", "utf8mb3", "utf8mb4", "binary":
		return nil, nil //nolint:nilnil // no decoder is needed
	case "ascii":
		return newSingleByte(strings.Repeat("\uFFFD", 128)), nil
	case "swe7":
		s := newSingleByte(strings.Repeat("\uFFFD", 128))
		for b, r := range swe7 {
			s.set(b, r)
		}
		s.asciiOnly = false
		return s, nil
	case "ucs2", "utf16":
		return wide{size: 2}, nil
	case "utf16le":
		return wide{size: 2, little: true}, nil
	case "utf32":
		return wide{size: 4}, nil
	}
	if high, ok := singleByteHigh[name]; ok {
		s := newSingleByte(high)
		if name == "latin1" && exact {
			for _, b := range []byte{0x81, 0x8D, 0x8F, 0x90, 0x9D} {
				s.set(b, utf8.RuneError)
			}
		}
		return s, nil
	}
	if enc := multiByteEncoding(name); enc != nil {
		return &multiByte{set: name, decoder: enc.NewDecoder(), runs: multiByteRuns[name]}, nil
	}
	return nil, fmt.Errorf("character set %s is not supported", name)
}

// Text returns bytes of a character set as UTF-8. The error names a character
// set that is not supported.
func Text(name string, b []byte) (string, error) {
	set, err := newCharset(name, false)
	if err != nil || set == nil {
		return string(b), err
	}
	return string(set.decode(nil, b)), nil
}

func multiByteEncoding(name string) encoding.Encoding {
	switch name {
	case "gbk", "gb2312":
		return simplifiedchinese.GBK
	case "gb18030":
		return simplifiedchinese.GB18030
	case "big5":
		return traditionalchinese.Big5
	case "sjis", "cp932":
		return japanese.ShiftJIS
	case "ujis", "eucjpms":
		return japanese.EUCJP
	case "euckr":
		return korean.EUCKR
	default:
		return nil
	}
}

// singleByte is a character set of one byte.
type singleByte struct {
	chars     [256][utf8.UTFMax]byte
	sizes     [256]uint8
	asciiOnly bool // the lower half is ASCII
}

func newSingleByte(high string) *singleByte {
	s := &singleByte{asciiOnly: true}
	for b := range 128 {
		s.set(byte(b), rune(b))
	}
	b := 128
	for _, r := range high {
		s.set(byte(b), r)
		b++
	}
	return s
}

func (s *singleByte) set(b byte, r rune) {
	s.sizes[b] = uint8(utf8.EncodeRune(s.chars[b][:], r))
}

func (s *singleByte) decode(dst, src []byte) []byte {
	for _, b := range src {
		dst = append(dst, s.chars[b][:s.sizes[b]]...)
	}
	return dst
}

// wide is a set of two or four bytes: UTF-16, UCS-2 and UTF-32.
type wide struct {
	size   int
	little bool
}

func (w wide) decode(dst, src []byte) []byte {
	for len(src) >= w.size {
		r := w.unit(src)
		src = src[w.size:]
		if w.size == 2 && utf16.IsSurrogate(r) {
			low := rune(-1)
			if len(src) >= 2 {
				low = w.unit(src)
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				src = src[2:]
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	if len(src) > 0 {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	return dst
}

func (w wide) unit(src []byte) rune {
	var r rune
	for i := range w.size {
		b := src[i]
		if w.little {
			b = src[w.size-1-i]
		}
		r = r<<8 | rune(b)
	}
	return r
}

// multiByte is a set whose characters take one to four bytes.
type multiByte struct {
	set     string
	decoder *encoding.Decoder
	runs    []codeRun
	scratch [2 * utf8.UTFMax]byte
}

func (m *multiByte) decode(dst, src []byte) []byte {
	for len(src) > 0 {
		if src[0] < utf8.RuneSelf {
			dst = append(dst, src[0])
			src = src[1:]
			continue
		}
		n := min(m.size(src), len(src))
		dst = m.char(dst, src[:n])
		src = src[n:]
	}
	return dst
}

// size returns the length of the character that src begins with.
func (m *multiByte) size(src []byte) int {
	switch m.set {
	case "sjis", "cp932":
		if src[0] >= 0xA1 && src[0] <= 0xDF {
			return 1
		}
	case "ujis", "eucjpms":
		if src[0] == 0x8F {
			return 3
		}
	case "gb18030":
		if len(src) > 1 && src[1] >= '0' && src[1] <= '9' {
			return 4
		}
	}
	return 2
}

func (m *multiByte) char(dst, src []byte) []byte {
	var code uint32
	for _, b := range src {
		code = code<<8 | uint32(b)
	}
	i := sort.Search(len(m.runs), func(i int) bool { return m.runs[i].last >= code })
	if i < len(m.runs) && m.runs[i].first <= code {
		return utf8.AppendRune(dst, m.runs[i].char+rune(code-m.runs[i].first))
	}
	m.decoder.Reset()
	n, _, err := m.decoder.Transform(m.scratch[:], src, true)
	if err != nil || n == 0 {
		return utf8.AppendRune(dst, utf8.RuneError)
	}
	return append(dst, m.scratch[:n]...)
}
