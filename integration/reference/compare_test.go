package reference_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/integration/reference"
)

func event(key, value string) reference.Record {
	return reference.Record{Topic: "p.d.t", Key: []byte(key), Value: []byte(value), Headers: []reference.Header{{Key: "h", Value: "x"}}}
}

// Each way in which records can differ is found, and what a mask takes out is not.
func TestCompare(t *testing.T) {
	want := []reference.Record{
		event(`{"id":1}`, `{"a":1,"source":{"version":"3","file":"f1","pos":7},"ts_ms":5}`),
		event(`{"id":2}`, `{"a":2,"source":{"version":"3","file":"f1","pos":8},"ts_ms":6}`),
		event(`{"id":1}`, `{"a":3,"source":{"version":"3","file":"f1","pos":9},"ts_ms":7}`),
	}
	edited := func(edit func(r []reference.Record) []reference.Record) []reference.Record {
		return edit(slices.Clone(want))
	}
	with := func(r reference.Record, edit func(r *reference.Record)) reference.Record {
		edit(&r)
		return r
	}
	for name, c := range map[string]struct {
		got      []reference.Record
		occasion reference.Occasion
		want     string // the beginning of the only difference
	}{
		"the clock": {got: edited(func(r []reference.Record) []reference.Record {
			r[0].Value = []byte(strings.Replace(string(r[0].Value), `"ts_ms":5`, `"ts_ms":9`, 1))
			return r
		})},
		"a position": {got: edited(func(r []reference.Record) []reference.Record {
			r[0].Value = []byte(strings.Replace(string(r[0].Value), `"pos":7`, `"pos":1`, 1))
			return r
		}), want: `value of {"id":1} differs`},
		"a position, on another server": {got: edited(func(r []reference.Record) []reference.Record {
			r[0].Value = []byte(strings.Replace(string(r[0].Value), `"pos":7`, `"pos":1`, 1))
			return r
		}), occasion: reference.Recorded},
		"a value": {got: edited(func(r []reference.Record) []reference.Record {
			r[1].Value = []byte(strings.Replace(string(r[1].Value), `"a":2`, `"a": 2`, 1))
			return r
		}), want: `value of {"id":2} differs`},
		"a key":            {got: edited(func(r []reference.Record) []reference.Record { r[1].Key = []byte(`{"id":"2"}`); return r }), want: `key of {"id":2} differs`},
		"a header":         {got: edited(func(r []reference.Record) []reference.Record { r[1].Headers = nil; return r }), want: `headers of {"id":2} differs`},
		"null for a value": {got: edited(func(r []reference.Record) []reference.Record { r[1].Value = nil; return r }), want: `value of {"id":2} differs`},
		"a record too few": {got: want[:2], want: `missing: {"id":1} {"a":3`},
		"a record twice":   {got: append(slices.Clone(want), want[2]), want: `not in the reference: {"id":1} {"a":3`},
		"a record in another partition": {got: edited(func(r []reference.Record) []reference.Record {
			r[1] = with(r[1], func(r *reference.Record) { r.Partition = 1 })
			return r
		}), want: `missing: {"id":2}`},
	} {
		t.Run(name, func(t *testing.T) {
			if c.occasion == "" {
				c.occasion = reference.Beside
			}
			mask, err := reference.NewMask(c.occasion)
			if err != nil {
				t.Fatal(err)
			}
			differences := reference.Compare(mask, want, c.got)
			if c.want == "" && len(differences) > 0 || c.want != "" && (len(differences) == 0 || !strings.HasPrefix(differences[0].Text, c.want)) {
				t.Errorf("got %v, want %q", differences, c.want)
			}
		})
	}
}

// What is written is read again, to the byte.
func TestGolden_RoundTrip(t *testing.T) {
	want := []reference.Record{
		event(`{"schema":{"type":"struct", "optional":false},"payload":{"id":1}}`, `{"schema":{"a":[1,{"b":"}"}]},"payload":{"x":"<é>"}}`),
		event(`{"schema":{"type":"struct", "optional":false},"payload":{"id":2}}`, `{"no":"schema"}`),
		{Topic: "p.d.t", Partition: 2, Key: nil, Value: nil},
	}
	path := filepath.Join(t.TempDir(), "golden.jsonl")
	if err := reference.WriteGolden(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := reference.ReadGolden(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
