package cases

import (
	"context"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/validate"
	"github.com/firn-cdc/firn/integration/workload"
)

var (
	seed     = flag.Uint64("seed", 0, "seed of the random workload; 0: a new one")
	duration = flag.Duration("duration", 20*time.Second, "how long the random workload goes on")
)

// At quiet points the Iceberg tables equal MySQL's, value by value, whatever
// was done to them and whoever was killed meanwhile.
func TestWorkload(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		s := *seed
		if s == 0 {
			s = rand.Uint64()
		}
		t.Logf("seed %d", s)
		database := "w_" + string(f.kind)
		w, err := workload.New(t.Context(), f.db, database, s, f.kind != server.MariaDB)
		f.must(err)
		defer w.Close()
		f.Tables = database + `\..*`
		f.start()
		const quietPoints = 3
		for i := range quietPoints {
			end := time.Now().Add(*duration / quietPoints)
			for time.Now().Before(end) {
				f.must(w.Step(t.Context()))
			}
			if i > 0 { // a crash of each between quiet points
				f.must(f.Reader.Kill())
				f.must(f.Applier.Kill())
				f.must(w.Step(t.Context()))
				f.start()
			}
			f.equal(w.Tables()...)
		}
		t.Logf("done: %v", w.Counts())
		if never := w.Never(); len(never) > 0 {
			t.Errorf("never done: %s", strings.Join(never, ", "))
		}
	})
}

// equal waits until the Iceberg tables equal the source's.
func (f *fixture) equal(tables ...string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	for _, table := range tables {
		var differences []string
		var last error
		err := pipeline.Wait(ctx, 500*time.Millisecond, func() (bool, error) {
			if err := f.alive(); err != nil {
				return false, err
			}
			differences, _, last = validate.Differences(ctx, f.db, table, shared.lake, f.Table(table))
			return last == nil && len(differences) == 0, nil
		})
		if err != nil {
			f.t.Fatalf("%s differs: %v (%v)\n%s", table, err, last, strings.Join(differences, "\n"))
		}
	}
}
