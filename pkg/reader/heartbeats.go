package reader

import (
	"context"
	"sync"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// Heartbeats are records that are published at an interval, whether anything is
// captured or not, and a statement that the source executes then. The position
// is saved with each.
type Heartbeats struct {
	Interval time.Duration // heartbeat.interval.ms; 0: none
	Query    string        // heartbeat.action.query; empty: none
}

// openHeartbeats begins the first interval, and what executes the query.
func (s *session) openHeartbeats() {
	if s.cfg.Heartbeats.Interval == 0 {
		return
	}
	s.lastBeat = time.Now()
	if s.cfg.Heartbeats.Query == "" {
		return
	}
	s.action = make(chan struct{}, 1)
	var working sync.WaitGroup
	working.Go(func() { s.act(s.life, s.action) })
	s.joinAction = working.Wait
}

// untilHeartbeat is how long the session may wait for something else, at most long.
func (s *session) untilHeartbeat(long time.Duration) time.Duration {
	interval := s.cfg.Heartbeats.Interval
	if interval == 0 {
		return long
	}
	return min(long, max(interval-time.Since(s.lastBeat), 0))
}

// heartbeat publishes a heartbeat when it is time.
func (s *session) heartbeat() error {
	interval := s.cfg.Heartbeats.Interval
	if interval == 0 || time.Since(s.lastBeat) < interval {
		return nil
	}
	s.lastBeat = time.Now()
	topic := s.cfg.Naming.Heartbeats(s.cfg.Prefix)
	if err := s.ensureTopic(kafka.TopicSpec{Name: topic, Partitions: 1, Replication: s.cfg.TopicReplicas}); err != nil {
		return err
	}
	key, err := s.cfg.Structs.AppendStructKey(nil, topic, debezium.HeartbeatKeySchema(), []debezium.Value{debezium.Text(s.cfg.Prefix)})
	if err != nil {
		return err
	}
	value, err := s.cfg.Structs.AppendStructValue(nil, topic, debezium.HeartbeatValueSchema(),
		[]debezium.Value{debezium.Int(debezium.Int64, s.lastBeat.UnixMilli())})
	if err != nil {
		return err
	}
	if s.action != nil {
		select {
		case s.action <- struct{}{}:
		default: // the one before is still being executed: a lock must not hold up the stream
		}
	}
	return s.send(&kafka.Record{Topic: topic, Partition: 0, Key: key, Value: value})
}

// act executes the query each time it is asked to, until ctx ends. One that
// fails is tried again with the next heartbeat.
func (s *session) act(ctx context.Context, asked <-chan struct{}) {
	var conn *mysql.Conn
	failing := false
	for {
		select {
		case <-ctx.Done():
			if conn != nil {
				_ = conn.Close() // nothing is under way on it
			}
			return
		case <-asked:
		}
		err := s.execute(ctx, &conn)
		switch {
		case ctx.Err() != nil:
		case err != nil && !failing:
			s.log.Warn("--heartbeat-action-query fails: it is tried again with each heartbeat", "error", err)
		case err == nil && failing:
			s.log.Info("the heartbeat's query succeeds again")
		}
		failing = err != nil
	}
}

func (s *session) execute(ctx context.Context, conn **mysql.Conn) (err error) {
	if *conn != nil && (*conn).Broken() {
		_ = (*conn).Close() // the connection is lost already
		*conn = nil
	}
	if *conn == nil {
		if *conn, err = mysql.Connect(ctx, s.cfg.MySQL); err != nil {
			*conn = nil
			return err
		}
	}
	return (*conn).Exec(ctx, s.cfg.Heartbeats.Query)
}
