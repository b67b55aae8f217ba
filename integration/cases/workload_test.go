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
// was done to them and whoever was killed meanwhile. So do the tables of an
// applier that comes late and reads all topics from their beginning.
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
		k := &killer{fixture: f, dice: rand.New(rand.NewPCG(s, 2))}
		const quietPoints = 3
		for range quietPoints {
			end := time.Now().Add(*duration / quietPoints)
			for k.plan(); time.Now().Before(end) || k.rest > 0; k.act() {
				f.must(w.Step(t.Context()))
			}
			f.equal(w.Tables()...)
		}
		t.Logf("done: %v; killed: %v", w.Counts(), k.counts)
		if never := w.Never(); len(never) > 0 {
			t.Errorf("never done: %s", strings.Join(never, ", "))
		}
		f.replay()
		f.equal(w.Tables()...)
	})
}

// killer kills the reader, the applier, and both in turn, each at a random moment.
type killer struct {
	*fixture
	dice   *rand.Rand
	next   time.Time
	rest   int // before the next quiet point
	turn   int
	counts [3]int // of the reader, the applier, both
}

// plan makes ready for the time up to a quiet point.
func (k *killer) plan() {
	k.rest = 2
	k.again()
}

func (k *killer) again() {
	k.next = time.Now().Add(time.Duration(k.dice.IntN(3000)) * time.Millisecond)
}

// act kills, if it is time, and starts again what it has killed.
func (k *killer) act() {
	if k.rest == 0 || time.Now().Before(k.next) {
		return
	}
	who := k.turn % len(k.counts)
	if who != 1 {
		k.must(k.Reader.Kill())
	}
	if who != 0 {
		k.killApplier()
	}
	if who != 1 {
		k.must(k.StartReader(k.t.Context()))
	}
	if who != 0 {
		k.must(k.StartApplier(k.t.Context()))
	}
	k.counts[who]++
	k.turn++
	k.rest--
	k.again()
}

// replay puts an applier of another group in the place of the one that runs,
// with an empty warehouse before it.
func (f *fixture) replay() {
	f.t.Helper()
	f.must(f.Applier.Stop())
	f.Dir = f.t.TempDir()
	f.ApplierFlags = append(f.ApplierFlags, "--group-id="+f.Prefix+"-late")
	f.must(shared.prepare(f.t.Context(), f.Pipeline))
	f.must(f.StartApplier(f.t.Context()))
}

// equal waits until the Iceberg tables equal the source's of the same names.
func (f *fixture) equal(tables ...string) {
	f.t.Helper()
	for _, table := range tables {
		f.same(table, table)
	}
}

// same waits until an Iceberg table equals one of the source's, row by row.
func (f *fixture) same(source, table string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	var differences []string
	var last error
	err := pipeline.Wait(ctx, 500*time.Millisecond, func() (bool, error) {
		if err := f.alive(); err != nil {
			return false, err
		}
		found, _, err := validate.Differences(ctx, f.db, source, shared.lake, f.Table(table))
		if ctx.Err() != nil { // what was found before says more
			return false, nil
		}
		differences, last = found, err
		return last == nil && len(differences) == 0, nil
	})
	if err != nil {
		f.t.Fatalf("%s differs: %v (%v)\n%s", source, err, last, strings.Join(differences, "\n"))
	}
}
