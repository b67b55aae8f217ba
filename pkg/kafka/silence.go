package kafka

import (
	"sync"
	"time"
)

// silence is the time in which a request goes without an answer that counts. The
// log says so after a tenth of what a request may take, then after every third,
// also while a connection is being made.
type silence struct {
	session *session
	began   time.Time

	mu    sync.Mutex
	timer *time.Timer
	last  error // nil: the first attempt is under way, or the last one was answered
	said  bool
	over  bool
}

// listen begins a silence.
func (s *session) listen() *silence {
	q := &silence{session: s, began: time.Now()}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timer = time.AfterFunc(s.timeout/10, q.say)
	return q
}

// is notes what came of an attempt.
func (q *silence) is(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = err
}

func (q *silence) say() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		return
	}
	err := ErrUnreachable
	if q.last != nil {
		err = explain(q.last)
	}
	q.session.logger.Warn("no answer from Kafka yet, trying on", "brokers", q.session.brokers, "duration", time.Since(q.began).Round(time.Millisecond), "error", err)
	q.said = true
	q.timer.Reset(q.session.timeout / 3)
}

// end ends it. Nothing is said afterwards.
func (q *silence) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timer.Stop()
	q.over = true
	if q.said && q.last == nil {
		q.session.logger.Info("broker answers", "duration", time.Since(q.began).Round(time.Millisecond))
	}
}
