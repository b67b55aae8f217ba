package telemetry

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Lag is how far something is behind its source. It grows while nothing comes
// though something should, and is 0 once there is nothing left to do.
type Lag struct {
	sourceNs atomic.Int64 // source time of the last change; 0 when idle
	seenNs   atomic.Int64 // when the last change was seen; 0 before one

	mu      sync.Mutex
	recent  [256]int64 // the last lags, milliseconds
	n       int        // of them, all time
	minimum int64
	maximum int64
	sum     int64
}

// At says that the last change that was handled was made at sourceNs.
func (l *Lag) At(sourceNs int64) {
	now := time.Now().UnixNano()
	l.sourceNs.Store(sourceNs)
	l.seenNs.Store(now)
	ms := max(0, (now-sourceNs)/1e6)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == 0 {
		l.minimum = ms
	}
	l.recent[l.n%len(l.recent)] = ms
	l.n++
	l.minimum, l.maximum, l.sum = min(l.minimum, ms), max(l.maximum, ms), l.sum+ms
}

// Idle says that all there was has been handled.
func (l *Lag) Idle() { l.sourceNs.Store(0) }

// Waits says that since ns there has been a change that cannot be handled, or may have been.
func (l *Lag) Waits(ns int64) { l.sourceNs.CompareAndSwap(0, ns) }

// Seconds returns the lag now.
func (l *Lag) Seconds() float64 {
	source := l.sourceNs.Load()
	if source == 0 {
		return 0
	}
	return max(0, time.Since(time.Unix(0, source)).Seconds())
}

// sinceSeen returns the milliseconds since the last change, -1 before one.
func (l *Lag) sinceSeen() float64 { return sinceMs(l.seenNs.Load()) }

// lagSummary is the distribution of the lags that were seen, in milliseconds.
type lagSummary struct{ minimum, maximum, average, p50, p95, p99 float64 }

func (l *Lag) summary() lagSummary {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == 0 {
		return lagSummary{}
	}
	recent := slices.Clone(l.recent[:min(l.n, len(l.recent))])
	slices.Sort(recent)
	quantile := func(percent int) float64 { return float64(recent[(len(recent)-1)*percent/100]) }
	return lagSummary{
		minimum: float64(l.minimum), maximum: float64(l.maximum), average: float64(l.sum) / float64(l.n),
		p50: quantile(50), p95: quantile(95), p99: quantile(99),
	}
}

// sinceMs returns the milliseconds since ns, -1 if ns is 0.
func sinceMs(ns int64) float64 {
	if ns == 0 {
		return -1
	}
	return float64(time.Since(time.Unix(0, ns)).Milliseconds())
}
