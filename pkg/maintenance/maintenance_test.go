package maintenance_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/firn-cdc/firn/pkg/maintenance"
)

// TestMaintainer_Random changes a table at random, maintains it at random, and
// compares it with a map and its index with a new one after every step.
func TestMaintainer_Random(t *testing.T) {
	for _, seed := range []uint64{1, 2, uint64(time.Now().UnixNano())} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			w := newWorld(t, maintenance.Config{
				Policy:      maintenance.Policy{TargetBytes: 4 << 10, MinFiles: 2 + r.IntN(3)},
				InlineBytes: int64(1 + r.IntN(2)*(8<<20)), // beside, or at once
			})
			columns := 0
			for step := range 60 {
				switch n := r.IntN(20); {
				case n < 10:
					w.flush(t, w.randomChanges(r))
				case n < 18:
					if _, err := w.m.Step(t.Context()); err != nil {
						t.Fatal(err)
					}
				case columns < 4 && len(w.rows) > 0:
					columns++
					w.addColumn(t, fmt.Sprint("c", columns), fmt.Sprint("default", columns))
				}
				w.check(t, false)
				if t.Failed() {
					t.Fatalf("at step %d", step)
				}
			}
			if err := w.m.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.check(t, true)
		})
	}
}

// randomChanges makes events of the present schema, some of an older one.
func (w *world) randomChanges(r *rand.Rand) []change {
	var changes []change
	for range 1 + r.IntN(60) {
		c := change{key: r.Int64N(150)}
		if r.IntN(5) > 0 {
			for i := range len(w.row.Fields) - 1 {
				c.values = append(c.values, fmt.Sprint("v", i, "-", r.IntN(1000)))
			}
		}
		changes = append(changes, c)
	}
	return changes
}
