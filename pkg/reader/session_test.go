package reader

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/binlog"
)

// A server that passes over transactions for us says where it is, from time to
// time. That must not forget how much of the next one was delivered.
func TestSession_AHeartbeatKeepsThePlaceInsideATransaction(t *testing.T) {
	r := newRig(t, 1)
	r.s.progress.Within(rigServer+":1", 7, 1000, 0, 0)
	if err := r.s.handle(&binlog.Heartbeat{Position: r.position(0)}); err != nil {
		t.Fatal(err)
	}
	if p := r.s.progress; p.GTID != rigServer+":1" || p.Event != 7 || p.Ordinal != 1000 {
		t.Errorf("place is %s, event %d, row %d", p.GTID, p.Event, p.Ordinal)
	}
	if err := r.commit(1); err != nil {
		t.Fatal(err)
	}
	if err := r.s.handle(&binlog.Heartbeat{Position: r.position(3)}); err != nil {
		t.Fatal(err)
	}
	if p := r.s.progress; p.Event != 0 || p.Ordinal != 0 || !p.Position.GTIDs.Equal(r.position(3).GTIDs) {
		t.Errorf("between transactions the place is %+v", p)
	}
}
