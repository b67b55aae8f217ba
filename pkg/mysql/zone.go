package mysql

import (
	"context"
	"fmt"
	"time"
)

// ZoneOffset returns how far east of UTC a time zone is at a moment, as the
// server knows it: SYSTEM and the names in its tables are its own.
func (c *Conn) ZoneOffset(ctx context.Context, at time.Time, zone string) (time.Duration, error) {
	const seconds = "2006-01-02 15:04:05"
	utc := at.UTC().Truncate(time.Second)
	rows, err := c.Strings(ctx, "SELECT CAST(CONVERT_TZ(?, '+00:00', ?) AS CHAR)", utc.Format(seconds), zone)
	if err != nil {
		return 0, fmt.Errorf("read time in zone %s: %w", zone, err)
	}
	local, err := time.Parse(seconds, rows[0][0])
	if err != nil { // NULL
		return 0, fmt.Errorf("read time in zone %s: the server does not know it; load its time zone tables (mysql_tzinfo_to_sql)", zone)
	}
	return local.Sub(utc), nil
}
