package gauge

import (
	"slices"
	"time"
)

// Times are waits, each of which may stand for several changes.
type Times struct {
	waits []wait
	total int
}

type wait struct {
	time  time.Duration
	count int
}

// Add adds a wait that count changes had.
func (t *Times) Add(d time.Duration, count int) {
	t.waits = append(t.waits, wait{d, count})
	t.total += count
}

// Count returns how many changes were added.
func (t *Times) Count() int { return t.total }

// Quantile returns the wait that a share q of all changes did not exceed.
func (t *Times) Quantile(q float64) time.Duration {
	slices.SortFunc(t.waits, func(a, b wait) int { return int(a.time - b.time) })
	left := int(q * float64(t.total))
	for _, w := range t.waits {
		if left -= w.count; left < 0 {
			return w.time
		}
	}
	if len(t.waits) == 0 {
		return 0
	}
	return t.waits[len(t.waits)-1].time
}
