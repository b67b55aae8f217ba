package config

import "slices"

// javaPattern is an expression of Java's, of which RE2 lacks some and reads others
// in another way. It backtracks, as Java does: names are short.
type javaPattern struct {
	root   node
	groups int
}

// match reports whether the expression matches the whole of s.
func (p *javaPattern) match(s string) bool {
	m := &matching{text: []rune(s), groups: make([]span, p.groups+1)}
	return p.root.match(m, 0, func(end int) bool { return end == len(m.text) })
}

type matching struct {
	text   []rune
	groups []span
}

// span is where a group has matched.
type span struct {
	begin, end int
	set        bool
}

// node is a part of an expression. It calls rest with each place where a match
// that begins at i may end, until rest is content.
type node interface {
	match(m *matching, i int, rest func(end int) bool) bool
}

// set is one character.
type set func(r rune) bool

func (s set) match(m *matching, i int, rest func(int) bool) bool {
	return i < len(m.text) && s(m.text[i]) && rest(i+1)
}

// assertion is true of places.
type assertion func(text []rune, i int) bool

func (a assertion) match(m *matching, i int, rest func(int) bool) bool {
	return a(m.text, i) && rest(i)
}

type sequence []node

func (s sequence) match(m *matching, i int, rest func(int) bool) bool {
	if len(s) == 0 {
		return rest(i)
	}
	return s[0].match(m, i, func(end int) bool { return s[1:].match(m, end, rest) })
}

type alternatives []node

func (a alternatives) match(m *matching, i int, rest func(int) bool) bool {
	return slices.ContainsFunc(a, func(n node) bool { return n.match(m, i, rest) })
}

type group struct {
	inner node
	index int
}

func (g *group) match(m *matching, i int, rest func(int) bool) bool {
	return g.inner.match(m, i, func(end int) bool {
		was := m.groups[g.index]
		m.groups[g.index] = span{i, end, true}
		if rest(end) {
			return true
		}
		m.groups[g.index] = was
		return false
	})
}

// backReference is what a group has matched.
type backReference struct {
	index  int
	folded bool
}

func (b *backReference) match(m *matching, i int, rest func(int) bool) bool {
	g := m.groups[b.index]
	end := i + g.end - g.begin
	if !g.set || end > len(m.text) {
		return false
	}
	for k, r := range m.text[g.begin:g.end] {
		if got := m.text[i+k]; got != r && (!b.folded || lower(got) != lower(r)) {
			return false
		}
	}
	return rest(end)
}

type repeat struct {
	inner    node
	min, max int // -1: no bound
	lazy     bool
}

func (r *repeat) match(m *matching, i int, rest func(int) bool) bool { return r.after(m, i, 0, rest) }

// after matches what comes behind n times.
func (r *repeat) after(m *matching, i, n int, rest func(int) bool) bool {
	once := func() bool {
		return (r.max < 0 || n < r.max) && r.inner.match(m, i, func(end int) bool {
			if end == i { // as often as it takes
				return n < r.min && rest(end)
			}
			return r.after(m, end, n+1, rest)
		})
	}
	enough := func() bool { return n >= r.min && rest(i) }
	if r.lazy {
		return enough() || once()
	}
	return once() || enough()
}

// atomic is the first match of what is in it, and no other.
type atomic struct{ inner node }

func (a *atomic) match(m *matching, i int, rest func(int) bool) bool {
	groups, at := slices.Clone(m.groups), 0
	if a.inner.match(m, i, func(end int) bool { at = end; return true }) && rest(at) {
		return true
	}
	copy(m.groups, groups)
	return false
}

// look is whether something else matches at a place.
type look struct {
	inner        node
	behind, deny bool
}

func (l *look) match(m *matching, i int, rest func(int) bool) bool {
	groups := slices.Clone(m.groups)
	found := false
	if l.behind {
		for begin := i; begin >= 0 && !found; begin-- {
			found = l.inner.match(m, begin, func(end int) bool { return end == i })
		}
	} else {
		found = l.inner.match(m, i, func(int) bool { return true })
	}
	if found != l.deny && rest(i) {
		return true
	}
	copy(m.groups, groups)
	return false
}

// lower folds ASCII alone, as Java does if it is not told otherwise.
func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

func upper(r rune) rune {
	if 'a' <= r && r <= 'z' {
		return r - 'a' + 'A'
	}
	return r
}
