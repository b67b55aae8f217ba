package config_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/config"
)

// What java.util.regex.Pattern of Java 25 matches, with CASE_INSENSITIVE, of some names.
func TestPatterns_MatchWhatJavaDoes(t *testing.T) {
	f, err := os.Open("testdata/java_patterns.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type line struct {
		Pattern, Error string
		Matches, Names []string
	}
	var lines []line
	var names []string
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if lines = append(lines, l); l.Names != nil {
			names = l.Names
		}
	}
	if len(lines) < 100 || len(names) < 50 {
		t.Fatalf("%d lines, %d names", len(lines), len(names))
	}
	refused := map[string]bool{
		`(?x)a b`: true, `(?u)ä`: true, `(?U)\w+`: true, `\R`: true, `\X`: true, `\N{DIGIT ONE}`: true, `\p{javaLowerCase}+`: true, `\p{InGreek}`: true,
		`{2}`: true, `\cA`: true,
	}
	for _, l := range lines {
		p, err := config.ParsePatterns(strings.ReplaceAll(l.Pattern, ",", `\,`))
		if wrong := l.Error != "" || refused[l.Pattern]; wrong || err != nil {
			if !wrong || err == nil || !strings.HasPrefix(err.Error(), "regular expression "+l.Pattern+": ") {
				t.Errorf("%s: got error %v, Java's is %q", l.Pattern, err, l.Error)
			}
			continue
		}
		got := []string{}
		for _, name := range names {
			if p.Match(name) {
				got = append(got, name)
			}
		}
		if diff := cmp.Diff(l.Matches, got); diff != "" && l.Names == nil {
			t.Errorf("%s (-Java +ours):\n%s", l.Pattern, diff)
		}
	}
}

// No expression makes it panic, and one that is understood matches some name or none.
func FuzzPatterns(f *testing.F) {
	for _, seed := range []string{`shop\.(?!tmp_).*`, `[a-z&&[^b]]{1,3}+`, `(?<x>a)\k<x>|\1`, `\p{Lu}\x{61}\Qa`, `(?i-s:a)`, `[\`, `(?<`, `a{`, `\0`, `[a-`} {
		f.Add(seed, "shop.a")
	}
	f.Fuzz(func(t *testing.T, list, name string) {
		if p, err := config.ParsePatterns(list); err == nil && len(list) < 12 && len(name) < 12 {
			p.Match(name)
		}
	})
}
