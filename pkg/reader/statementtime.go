package reader

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// statementTime returns the header that tells when a statement began which has
// put CURRENT_TIMESTAMP into old rows, nil if it has not. Debezium tells only
// when it was committed.
func (s *session) statementTime(ctx context.Context, q *binlog.Query, effect *schemahistory.Effect) ([]kafka.Header, error) {
	if s.cfg.Convert.DebeziumExact || !slices.ContainsFunc(effect.Touched, givesEventTime) {
		return nil, nil
	}
	began := time.UnixMicro(q.Began).UTC()
	if q.TimeZone != "" {
		local, err := s.localTime(ctx, began, q.TimeZone)
		if err != nil {
			return nil, err
		}
		began = local
	}
	return []kafka.Header{{Key: debezium.HeaderStatementTime, Value: []byte(began.Format(time.RFC3339Nano))}}, nil
}

func givesEventTime(t schemahistory.Touched) bool {
	return slices.ContainsFunc(t.Added, func(a schemahistory.Added) bool { return a.Text == debezium.EventTime })
}

// localTime asks the server for the time in a zone that only it may know.
func (s *session) localTime(ctx context.Context, at time.Time, zone string) (local time.Time, err error) {
	conn, err := mysql.Connect(ctx, s.cfg.MySQL)
	if err != nil {
		return time.Time{}, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	offset, err := conn.ZoneOffset(ctx, at, zone)
	if err != nil {
		return time.Time{}, err
	}
	return at.In(time.FixedZone(zone, int(offset/time.Second))), nil
}
