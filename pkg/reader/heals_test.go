package reader

import (
	"fmt"
	"testing"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/status"
)

func TestReader_Heals(t *testing.T) {
	r := &Reader{cfg: Config{Status: status.NewBoard("test")}}
	for _, test := range []struct {
		err  error
		want bool
	}{
		{binlog.ErrDisconnected, true},
		{binlog.ErrPurged, false},
		{mysql.ErrUnreachable, true},
		{mysql.ErrAccessDenied, false},
		{&mysql.ServerError{Code: mysql.CodeLockWaitTimeout}, true}, // a long transaction, before a chunk's lock
		{&mysql.ServerError{Code: mysql.CodeTableAccessDenied}, false},
	} {
		if got := r.heals(fmt.Errorf("read: %w", test.err)); got != test.want {
			t.Errorf("%v: got %t", test.err, got)
		}
	}
}
