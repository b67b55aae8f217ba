package validate_test

import (
	"slices"
	"testing"

	"github.com/firn-cdc/firn/integration/validate"
)

// Each guarantee is found to be broken by what breaks it, and by nothing else.
func TestTopic_FaultsAreFound(t *testing.T) {
	const a, b = `{"id":1}`, `{"id":2}`
	history := []validate.Change{{a, "c", "1"}, {b, "c", "2"}, {a, "u", "3"}, {a, "d", "3"}, {a, "c", "4"}}
	row := func(version string) string { return `{"id":1,"v":"` + version + `"}` }
	whole := func() []validate.Event {
		events := []validate.Event{
			{Key: a, Op: "r", After: row("0"), Snapshot: "last"},
			{Key: a, Op: "d", Before: row("0")},
			{Key: a},
			{Key: a, Op: "c", After: row("1")},
			{Key: b, Op: "c", After: row("2"), Partition: 1},
			{Key: a, Op: "u", Before: row("1"), After: row("3")},
			{Key: a, Op: "d", Before: row("3")},
			{Key: a},
			{Key: a, Op: "c", After: row("4")},
		}
		return events
	}
	for _, tt := range []struct {
		name                         string
		fault                        func([]validate.Event) []validate.Event
		complete, order, once, chain bool // broken
	}{
		{name: "nothing", fault: func(e []validate.Event) []validate.Event { return e }},
		{
			name: "a change is missing", complete: true, chain: true,
			fault: func(e []validate.Event) []validate.Event { return slices.Delete(e, 5, 6) },
		},
		{
			name: "the last change is missing", complete: true,
			fault: func(e []validate.Event) []validate.Event { return e[:8] },
		},
		{
			name: "a change came twice", once: true, chain: true,
			fault: func(e []validate.Event) []validate.Event { return slices.Insert(e, 6, e[5]) },
		},
		{
			name: "two changes of a key changed places", order: true, chain: true,
			fault: func(e []validate.Event) []validate.Event { e[3], e[5] = e[5], e[3]; return e },
		},
		{
			name:  "two changes of different keys changed places",
			fault: func(e []validate.Event) []validate.Event { e[3], e[4] = e[4], e[3]; return e },
		},
		{
			name: "a key changed its partition", order: true,
			fault: func(e []validate.Event) []validate.Event { e[5].Partition = 2; return e },
		},
		{
			name: "a row of the snapshot is older than the stream", chain: true,
			fault: func(e []validate.Event) []validate.Event { e = append(e, e[0]); return e[1:] },
		},
		{
			name: "a row that was deleted is read", chain: true,
			fault: func(e []validate.Event) []validate.Event { e[0], e[1], e[2] = e[1], e[2], e[0]; return e },
		},
		{
			name: "a table is emptied and read again",
			fault: func(e []validate.Event) []validate.Event {
				return append([]validate.Event{e[0], {Op: "t"}}, e...)
			},
		},
		{
			name: "a tombstone is missing", once: true,
			fault: func(e []validate.Event) []validate.Event { return slices.Delete(e, 2, 3) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := tt.fault(whole())
			for guarantee, found := range map[string]struct {
				problems []string
				want     bool
			}{
				"complete": {validate.Complete(history, events, "v"), tt.complete},
				"order":    {validate.Order(history, events, "v"), tt.order},
				"once":     {validate.Once(events), tt.once},
				"chain":    {validate.Chain(events), tt.chain},
			} {
				if broken := len(found.problems) > 0; broken != found.want {
					t.Errorf("%s broken: %t, want %t: %q", guarantee, broken, found.want, found.problems)
				}
			}
		})
	}
}
