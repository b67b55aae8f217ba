package convert

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Text is cut in UTF-16 units, as Java's strings are.
func TestTruncated(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "abc": "abc", "abcd": "abcd", "abcde": "abcd", "éééééé": "éééé", "中中中中中": "中中中中", "a😀b": "a😀b", "a😀bc": "a😀b", "abc😀": "abc?", "😀😀😀": "😀😀",
	} {
		var a arena
		out := debezium.Text(text)
		(&truncated{units: 4}).cut(&a, &out)
		if string(out.B) != want {
			t.Errorf("%q is cut to %q, want %q", text, out.B, want)
		}
	}
}

// A string is written as Java's serialisation writes it: in modified UTF-8,
// with a long form from 64 KiB on.
func TestAppendJava(t *testing.T) {
	for text, want := range map[string]string{
		"":           "aced0005740000",
		"a":          "aced000574000161",
		"\x00":       "aced0005740002c080",
		"é中":         "aced0005740005c3a9e4b8ad",
		"\U0001F600": "aced0005740006eda0bdedb880",
	} {
		if got := hex.EncodeToString(appendJava(nil, []byte(text))); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	long := appendJava([]byte("salt"), []byte(strings.Repeat("x", 70_000)))
	if got := hex.EncodeToString(long[:4+13]); got != hex.EncodeToString([]byte("salt"))+"aced00057c0000000000011170" || len(long) != 4+13+70_000 {
		t.Errorf("a long string begins with %s and has %d bytes", got, len(long))
	}
}

// What treatments store is borrowed from the arena: a row is converted without
// allocating.
func TestTreatment_AllocatesNothing(t *testing.T) {
	var a arena
	h := &hashed{hash: sha256.New(), salt: []byte("pepper"), java: true, limit: 40}
	c := &truncated{units: 3}
	text := []byte("ab😀cd")
	convert := func() {
		a.reset()
		out := debezium.Value{Type: debezium.String, B: text}
		c.cut(&a, &out)
		h.replace(&a, &out)
	}
	convert()
	if n := testing.AllocsPerRun(100, convert); n > 0 {
		t.Errorf("%v allocations per value", n)
	}
}
