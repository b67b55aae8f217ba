package reader

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/snapshot"
)

// A stream that goes by files comes to a place that has GTIDs, too: gtid_mode may be
// turned on while it runs. Without a file only a set tells.
func TestWindow_Passed(t *testing.T) {
	r := newRig(t, 1)
	file := func(tx int) debezium.Position {
		p := r.position(tx)
		p.GTIDs = debezium.GTIDSet{}
		return p
	}
	set := func(tx int) debezium.Position { return debezium.Position{GTIDs: r.position(tx).GTIDs} }
	for name, tt := range map[string]struct {
		high, at debezium.Position
		want     bool
	}{
		"by sets":                               {set(2), r.position(2), true},
		"by sets, before":                       {set(2), r.position(1), false},
		"by files":                              {file(2), file(2), true},
		"by files, before":                      {file(2), file(1), false},
		"a stream by files":                     {r.position(2), file(2), true},
		"a stream by files, before":             {r.position(2), file(1), false},
		"a server that had executed nothing":    {set(2), r.position(0), false},
		"of a server that has executed nothing": {set(0), r.position(0), true},
	} {
		t.Run(name, func(t *testing.T) {
			w := &window{chunk: &snapshot.Chunk{High: tt.high}}
			if got := w.passed(tt.at); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
