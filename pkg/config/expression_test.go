package config

import "testing"

// FuzzExpression: what RE2 matches, Java's expression matches, and nothing else.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		`shop\.orders`, `shop\..*`, `^(a|b)?[a-z0-9_-]{1,3}$`, `(?:a|)+b*?`, `[^\w.]\S\D`, `x{2,}|\$`, `[a\-b]`, `[A-z]`, `[^A-z]`, `[.-]`, `a{0}`, `()*`, `(a*)*`, `\_`, `[a-\d]`, `00{00}`, `a|`, `-`,
	} {
		f.Add(seed, "shop.orders")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 12 {
			return
		}
		e, err := newExpression(pattern)
		if err != nil || e.same == nil || !isPrintable(name) {
			return
		}
		if java, same := e.java.match(name), e.same.MatchString(name); java != same {
			t.Errorf("%s of %s: Java's %v, RE2's %v", pattern, name, java, same)
		}
	})
}

// The usual expressions are matched by RE2, which is what makes long lists quick.
func TestExpression_RE2(t *testing.T) {
	for pattern, want := range map[string]bool{
		`shop\.orders`: true, `shop\..*`: true, `.*`: true, `shop\.(orders|lines)_\d+`: true, `^db\.t[0-9]{1,2}$`: true, `[a-z_-]+\.[^.]+`: true,
		`shop\.(?!tmp).*`: false, `[a-z&&[^b]]`: false, `\Qa.b\E`: false, `(?i:a)`: false, `a*+`: false, `shop\.ä`: false, `\p{Alpha}`: false, `[]a]`: false, `[[:alpha:]]`: false,
	} {
		e, err := newExpression(pattern)
		if err != nil {
			if want {
				t.Errorf("%s: %v", pattern, err)
			}
			continue
		}
		if got := e.same != nil; got != want {
			t.Errorf("%s: by RE2 %v, want %v", pattern, got, want)
		}
	}
}

func BenchmarkPatterns(b *testing.B) {
	list := Patterns{}
	for i := range 1000 {
		e, err := newExpression(`shop\.orders_` + string(rune('a'+i%26)) + `\d+`)
		if err != nil {
			b.Fatal(err)
		}
		list.list = append(list.list, e)
	}
	b.ReportAllocs()
	for b.Loop() {
		list.Match("shop.orders")
	}
}
