package reader

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// A table that was made or got its name while nobody read is in the stream
// whole: once it is there, there is nothing left to wait for.
func TestPassOver_TheLastUnknownTableMakesTheReaderReady(t *testing.T) {
	known, missed := debezium.TableID{Database: rigDatabase, Table: "known"}, debezium.TableID{Database: rigDatabase, Table: "missed"}
	for name, touched := range map[string]schemahistory.Touched{
		"created": {Kind: schemahistory.Created, Table: missed},
		"renamed": {Kind: schemahistory.Renamed, Table: missed, From: known},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			r.s.progress.Snapshotting = false
			r.s.unknown[missed] = r.position(5)
			r.s.settled()
			if r.s.cfg.Status.Page().Ready {
				t.Fatal("ready while a table is not known")
			}
			r.s.passOver(&schemahistory.Effect{Touched: []schemahistory.Touched{touched}})
			if err := r.s.openSpan(); err != nil {
				t.Fatal(err)
			}
			if err := r.s.endSpan(t.Context()); err != nil {
				t.Fatal(err)
			}
			if page := r.s.cfg.Status.Page(); !page.Ready {
				t.Errorf("not ready: %s", page.Reason)
			}
		})
	}
}
